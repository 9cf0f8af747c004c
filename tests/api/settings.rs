//! The documents that list the settings are written from their declarations in `src/config`.
//!
//! After a change there, `UPDATE_SETTINGS=1 cargo test --test api settings` writes them anew. Only the descriptions in
//! Korean are written by hand, in README.ko.md.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    path::PathBuf,
};

use clap::CommandFactory;
use llm_classroom::config::Cli;

/// What a declaration says about a setting.
struct Setting {
    name: String,
    default: String,
    description: String,
}

/// The settings under their headings, in the order of `--help`.
fn groups() -> Vec<(String, Vec<Setting>)> {
    let mut groups: Vec<(String, Vec<Setting>)> = Vec::new();
    for argument in Cli::command().get_arguments() {
        let Some(name) = argument.get_env() else { continue };
        let heading = argument.get_help_heading().expect("each setting has a heading").to_owned();
        let defaults: Vec<_> = argument.get_default_values().iter().filter_map(|value| value.to_str()).collect();
        let setting = Setting {
            name: name.to_str().unwrap().to_owned(),
            default: defaults.join(","),
            description: argument.get_help().expect("each setting has a description").to_string(),
        };
        match groups.iter_mut().find(|(known, _)| *known == heading) {
            Some((_, settings)) => settings.push(setting),
            None => groups.push((heading, vec![setting])),
        }
    }
    groups
}

fn settings() -> impl Iterator<Item = Setting> {
    groups().into_iter().flat_map(|(_, settings)| settings)
}

/// The tables of a README, with these words for the columns, for a heading and for a setting.
fn tables(columns: &str, heading: impl Fn(&str) -> String, describe: impl Fn(&Setting) -> String) -> String {
    let mut text = String::new();
    for (name, settings) in groups() {
        _ = writeln!(text, "\n### {}\n\n{columns}\n| --- | --- | --- |", heading(&name));
        for setting in settings {
            let default = if setting.default.is_empty() { String::new() } else { format!("`{}` ", setting.default) };
            _ = writeln!(text, "| `{}` | {default}| {} |", setting.name, describe(&setting));
        }
    }
    text + "\n"
}

/// The example of a settings file: each setting as a comment, with its default.
fn example() -> String {
    let mut text =
        "# Copy to .env, and remove the # of each setting that gets another value. Without this file the program runs \
                    too:\n# with SQLite in data/, and with the practice partner instead of a model.\n"
            .to_owned();
    for (heading, settings) in groups() {
        _ = writeln!(text, "\n## {heading}");
        for Setting { name, default, description } in settings {
            _ = writeln!(text, "\n# {description}\n#{name}={default}");
        }
    }
    text
}

const BEGIN: &str = "<!-- settings: written by tests/api/settings.rs -->\n";
const END: &str = "<!-- end of settings -->";

/// A text as what is before the tables of settings, the tables, and what is after them.
fn parts(text: &str) -> (&str, &str, &str) {
    let (before, rest) = text.split_once(BEGIN).expect("the line before the tables");
    let (tables, after) = rest.split_once(END).expect("the line after the tables");
    (before, tables, after)
}

fn path(file: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(file)
}

fn read(file: &str) -> String {
    fs::read_to_string(path(file)).unwrap()
}

/// Compares a file with what it should be, and names the lines that differ; with `UPDATE_SETTINGS`, writes it.
fn compare(file: &str, expected: &str) {
    let found = read(file);
    if found == expected {
        return;
    }
    if std::env::var_os("UPDATE_SETTINGS").is_some() {
        fs::write(path(file), expected).unwrap();
        return;
    }
    let missing = |from: &str, other: &str| {
        let lines = from.lines().filter(|line| !other.lines().any(|known| known == *line));
        lines.map(|line| format!("  {line}\n")).collect::<String>()
    };
    panic!(
        "{file} differs from the declarations in src/config.\nMissing lines:\n{}Surplus lines:\n{}\
         To renew it: UPDATE_SETTINGS=1 cargo test --test api settings",
        missing(expected, &found),
        missing(&found, expected)
    );
}

#[test]
fn every_setting_stands_in_the_tables_with_its_default() {
    let text = read("README.md");
    let (before, _, after) = parts(&text);
    let expected = tables("| Variable | Default | |", str::to_owned, |setting| setting.description.clone());
    compare("README.md", &format!("{before}{BEGIN}{expected}{END}{after}"));
}

#[test]
fn every_setting_stands_in_the_korean_tables_with_its_default_and_a_description() {
    let text = read("README.ko.md");
    let (before, found, after) = parts(&text);
    // The descriptions that are there; the rest of a row comes from the declaration.
    let rows = found.lines().filter_map(|line| {
        let (name, rest) = line.strip_prefix("| `")?.split_once('`')?;
        Some((name, rest.splitn(3, '|').nth(2)?.trim().trim_end_matches('|').trim()))
    });
    let descriptions: BTreeMap<&str, &str> = rows.collect();
    let heading = |name: &str| match name {
        "Model" => "모델".to_owned(),
        "Server" => "서버".to_owned(),
        "TLS without a proxy" => "프록시 없이 TLS 쓰기".to_owned(),
        "Database" => "데이터베이스".to_owned(),
        "Backups" => "백업".to_owned(),
        "Limits" => "제한".to_owned(),
        "Logs, errors and traces" => "로그, 오류, 추적".to_owned(),
        other => panic!("no Korean heading for {other}"),
    };
    let describe = |setting: &Setting| descriptions.get(&*setting.name).copied().unwrap_or_default().to_owned();
    let expected = tables("| 변수 | 기본값 | |", heading, describe);
    compare("README.ko.md", &format!("{before}{BEGIN}{expected}{END}{after}"));
    for Setting { name, description, .. } in settings() {
        let korean = descriptions.get(&*name).is_some_and(|text| !text.is_empty());
        assert!(korean, "README.ko.md has no description of {name} in Korean: {description}");
    }
}

#[test]
fn every_setting_stands_in_the_example_of_a_settings_file_once() {
    compare(".env.example", &example());
}

#[test]
fn the_files_of_settings_name_no_setting_that_is_not_there() {
    // What other programs read from them: the cloud's SDK and the update script.
    let foreign = ["AWS_REGION", "AWS_ENDPOINT_URL", "RELEASES_URL"];
    let settings: Vec<_> = settings().map(|setting| setting.name).collect();
    for file in [".env.example", "deploy/etc/llm-classroom.env"] {
        for line in read(file).lines() {
            let Some((name, _)) = line.strip_prefix('#').unwrap_or(line).split_once('=') else { continue };
            if name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_') && !foreign.contains(&name) {
                assert!(
                    [name, name.trim_end_matches("_FILE")]
                        .iter()
                        .any(|name| settings.iter().any(|known| known == name)),
                    "{file}: {name}"
                );
            }
        }
    }
}

#[test]
fn settings_stand_under_the_heading_of_their_subject() {
    for (heading, name) in [
        ("Server", "APP_HOST"),
        ("Server", "METRICS_ADDR"),
        ("Server", "STATELESS_API"),
        ("Model", "OPENAI_API_KEY"),
        ("TLS without a proxy", "TLS_DOMAIN"),
        ("Database", "DATABASE_URL"),
        ("Database", "REDIS_URL"),
        ("Backups", "BACKUP_URL"),
        ("Limits", "RATE_LIMIT"),
        ("Logs, errors and traces", "APP_ENV"),
    ] {
        let groups = groups();
        let (_, settings) = groups.iter().find(|(known, _)| known == heading).expect(heading);
        assert!(settings.iter().any(|setting| setting.name == name), "{name} isn't under {heading}");
    }
}

#[test]
fn each_command_takes_only_the_settings_that_it_uses() {
    let program = Cli::command();
    let headings = |command: &str| {
        let arguments = program.find_subcommand(command).unwrap().get_arguments();
        let settings = arguments.filter(|argument| argument.get_env().is_some());
        settings.map(|setting| setting.get_help_heading().unwrap().to_owned()).collect::<BTreeSet<_>>()
    };
    let all: BTreeSet<_> = groups().into_iter().map(|(heading, _)| heading).collect();
    let (database, backups, logs) = ("Database", "Backups", "Logs, errors and traces");
    for (command, expected) in [
        ("openapi", vec![]),
        ("migrate", vec![database, logs]),
        ("backup", vec![database, backups, logs]),
        ("restore", vec![database, backups, logs]),
        ("token", vec![database, logs]),
    ] {
        assert_eq!(headings(command), expected.into_iter().map(str::to_owned).collect(), "{command}");
    }
    for command in ["serve", "doctor", "safety-report"] {
        assert_eq!(headings(command), all, "{command}");
    }
}
