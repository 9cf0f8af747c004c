//! Every setting stands where operators look for it, with its default.

use std::{collections::BTreeMap, fs, path::Path};

use clap::CommandFactory;
use llm_classroom::config::Cli;

/// The settings' names in the environment, with their defaults.
fn settings() -> BTreeMap<String, String> {
    let command = Cli::command();
    let settings = command.get_arguments().filter_map(|argument| {
        let name = argument.get_env()?.to_str()?.to_owned();
        let defaults: Vec<_> = argument.get_default_values().iter().filter_map(|value| value.to_str()).collect();
        Some((name, defaults.join(",")))
    });
    settings.collect()
}

fn read(file: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap()
}

#[test]
fn every_setting_stands_in_the_tables_with_its_default() {
    for file in ["README.md", "README.ko.md"] {
        let text = read(file);
        let rows: Vec<&str> = text.lines().filter(|line| line.starts_with("| `")).collect();
        for (name, default) in settings() {
            let row =
                rows.iter().find(|row| row.split('|').nth(1).is_some_and(|cell| cell.contains(&format!("`{name}`"))));
            let row = row.unwrap_or_else(|| panic!("{name} is missing in {file}"));
            let told = row.split('|').nth(2).unwrap();
            // The table says what this one means.
            if !default.is_empty() && name != "RUST_LOG" {
                assert!(
                    told.contains(&format!("`{default}`")) || told.contains("Let’s") || told.contains("Let's"),
                    "{file}: the default of {name} is {default}: {row}"
                );
            }
        }
    }
}

#[test]
fn every_setting_stands_in_the_example_of_a_settings_file_once() {
    let text = read(".env.example");
    for name in settings().keys() {
        let lines = text.lines().filter(|line| line.strip_prefix('#').unwrap_or(line).starts_with(&format!("{name}=")));
        // A model is named for OpenAI and for a server of one's own.
        let expected = if name == "OPENAI_MODEL" { 2 } else { 1 };
        assert_eq!(lines.count(), expected, "{name}");
    }
}

#[test]
fn the_files_of_settings_name_no_setting_that_is_not_there() {
    // What other programs read from them: the cloud's SDK and the update script.
    let foreign = ["AWS_REGION", "AWS_ENDPOINT_URL", "RELEASES_URL"];
    let settings = settings();
    for file in [".env.example", "deploy/etc/llm-classroom.env"] {
        for line in read(file).lines() {
            let Some((name, _)) = line.strip_prefix('#').unwrap_or(line).split_once('=') else { continue };
            if name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_') && !foreign.contains(&name) {
                assert!(
                    settings.contains_key(name.trim_end_matches("_FILE")) || settings.contains_key(name),
                    "{file}: {name}"
                );
            }
        }
    }
}
