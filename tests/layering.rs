//! Each part of the program knows only what it may know: `http → domain → store | llm | bus | render`, never back.
//!
//! The sources are read as text, so a forbidden import fails even where it would compile.

#![allow(clippy::unwrap_used, reason = "a test says what it expects by what it unwraps")]

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Only these places under `src/` may use these crates.
const OUTSIDE: [(&str, &[&str], &[&str]); 9] = [
    ("SQL", &["sea_orm", "sea_orm_migration", "sea_query", "sqlx"], &["store/"]),
    (
        "the web",
        &["axum", "axum_extra", "tower", "tower_http", "askama", "memory_serve", "utoipa_swagger_ui"],
        &["http/", "serve/"],
    ),
    ("the listener", &["axum_server", "http_body", "hyper_util", "listenfd", "sd_notify"], &["serve/"]),
    ("calls to other servers", &["reqwest"], &["llm/", "observe/", "doctor/"]),
    ("answers of model servers", &["eventsource_stream"], &["llm/"]),
    (
        "watching",
        &["tracing_subscriber", "tracing_opentelemetry", "opentelemetry", "opentelemetry_otlp", "opentelemetry_sdk"],
        &["observe/"],
    ),
    ("rendering", &["comrak", "ammonia", "syntect", "pulldown_latex"], &["render/"]),
    ("rate limits", &["governor"], &["http/"]),
    ("Redis", &["redis"], &["shared/"]),
];

/// What the parts of the program may not know of each other: modules of the crate.
const INSIDE: [(&str, &[&str]); 9] = [
    ("domain/", &["http", "app", "config"]),
    ("store/", &["http", "app", "config", "llm", "bus", "render", "shared"]),
    ("llm/", &["http", "app", "config", "domain", "store", "bus", "render", "shared"]),
    ("bus/", &["http", "app", "config", "domain", "store", "llm", "render"]),
    ("render/", &["http", "app", "config", "domain", "store", "llm", "bus", "shared"]),
    ("shared/", &["http", "app", "config", "domain", "store", "llm", "bus", "render"]),
    ("serve/", &["http", "app", "domain", "store", "llm", "bus", "render", "shared"]),
    ("observe/", &["http", "app", "domain", "store", "llm", "bus", "render", "shared"]),
    ("config/", &["http", "app", "domain", "store", "llm", "bus", "render"]),
];

/// What is wrong in a file, as `path:line: what`. `path` is relative to `src/`.
fn violations(path: &str, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let code = code(text);
    for (line, named) in named(&code) {
        let named = absolute(path, named);
        for (what, crates, homes) in OUTSIDE {
            if crates.contains(&named[0].as_str()) && !homes.iter().any(|home| path.starts_with(home)) {
                found.push(format!("{path}:{line}: {} ({what}) belongs in {}", named[0], homes.join(" or ")));
            }
        }
        let part = named.get(1).filter(|_| named[0] == "crate");
        for (home, strangers) in INSIDE.iter().filter(|(home, _)| path.starts_with(home)) {
            if let Some(part) = part.filter(|part| strangers.contains(&part.as_str())) {
                found.push(format!("{path}:{line}: {home} must not know crate::{part}"));
            }
        }
    }
    if !is_test(path) {
        for (line, text) in before_tests(&code).lines().enumerate() {
            if text.contains(".unwrap()") {
                found.push(format!("{path}:{}: .unwrap() outside tests", line + 1));
            }
        }
    }
    found
}

/// The text without comments and without what stands in quotes, its lines kept.
fn code(text: &str) -> String {
    let mut code = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let skipped = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if c == '"' {
            let end = quoted(&rest[1..]);
            code.push_str("\"\"");
            1 + end
        } else if let Some(hashes) = raw_string(rest) {
            let close = format!("\"{}", "#".repeat(hashes));
            let begin = 2 + hashes;
            rest[begin..].find(&close).map_or(rest.len(), |end| begin + end + close.len())
        } else if rest.starts_with("'\"'") || rest.starts_with("'\\\"'") {
            if rest.starts_with("'\"'") { 3 } else { 4 }
        } else {
            code.push(c);
            rest = &rest[c.len_utf8()..];
            continue;
        };
        code.extend(rest[..skipped].chars().filter(|&c| c == '\n'));
        rest = &rest[skipped..];
    }
    code
}

/// Where the string that has begun ends, its closing quote included.
fn quoted(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            '"' if !escaped => return at + 1,
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    text.len()
}

/// The number of `#` of a raw string that begins here.
fn raw_string(text: &str) -> Option<usize> {
    let rest = text.strip_prefix('r')?;
    let hashes = rest.len() - rest.trim_start_matches('#').len();
    rest[hashes..].starts_with('"').then_some(hashes)
}

/// Every path that code names, in `use` or written out, with its line.
fn named(code: &str) -> Vec<(usize, Vec<String>)> {
    let tokens = tokens(code);
    let mut found = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        if tokens[at].1 == "use" {
            at = use_tree(&tokens, at + 1, Vec::new(), &mut found);
        } else if is_word(&tokens[at].1) && tokens.get(at + 1).is_some_and(|token| token.1 == "::") {
            let line = tokens[at].0;
            let mut path = Vec::new();
            while at < tokens.len() && (is_word(&tokens[at].1) || tokens[at].1 == "::") {
                path.extend(Some(tokens[at].1.clone()).filter(|token| token != "::"));
                at += 1;
            }
            found.push((line, path));
        } else {
            at += 1;
        }
    }
    found
}

/// Reads one branch of a `use`, which begins at a token; gives the token after it.
fn use_tree(
    tokens: &[(usize, String)],
    mut at: usize,
    mut path: Vec<String>,
    found: &mut Vec<(usize, Vec<String>)>,
) -> usize {
    let line = tokens.get(at).map_or(0, |token| token.0);
    while let Some((_, token)) = tokens.get(at) {
        match token.as_str() {
            "::" => at += 1,
            "{" => {
                at += 1;
                while tokens.get(at).is_some_and(|token| token.1 != "}") {
                    let next = use_tree(tokens, at, path.clone(), found);
                    // Past the comma, or past whatever can't be read.
                    at = next + usize::from(next == at || tokens.get(next).is_some_and(|token| token.1 == ","));
                }
                return at + 1;
            }
            "as" => {
                at += 2;
                break;
            }
            word if is_word(word) => {
                path.push(word.to_owned());
                at += 1;
            }
            _ => break,
        }
    }
    if !path.is_empty() {
        found.push((line, path));
    }
    at
}

/// Words, `::` and single other characters, with their lines.
fn tokens(code: &str) -> Vec<(usize, String)> {
    let mut tokens = Vec::new();
    for (line, text) in code.lines().enumerate() {
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            let word = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            let length = if word > 0 {
                word
            } else if rest.starts_with("::") {
                2
            } else {
                c.len_utf8()
            };
            if !c.is_whitespace() {
                tokens.push((line + 1, rest[..length].to_owned()));
            }
            rest = &rest[length..];
        }
    }
    tokens
}

fn is_word(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphanumeric() || c == '_')
}

/// A path with its leading `self` and `super` resolved, as seen from a file.
fn absolute(file: &str, path: Vec<String>) -> Vec<String> {
    let mut here: Vec<&str> = file.trim_end_matches(".rs").split('/').collect();
    if here.last().is_some_and(|last| ["mod", "lib", "main"].contains(last)) {
        here.pop();
    }
    let ups = path.iter().take_while(|word| *word == "super").count();
    let relative = ups + path.iter().skip(ups).take_while(|word| *word == "self").count();
    if relative == 0 {
        return path;
    }
    here.truncate(here.len().saturating_sub(ups));
    let home = here.into_iter().map(str::to_owned);
    std::iter::once("crate".to_owned()).chain(home).chain(path.into_iter().skip(relative)).collect()
}

fn is_test(path: &str) -> bool {
    path.ends_with("/tests.rs") || path.contains("/tests/")
}

/// The code before its tests, which stand at the end.
fn before_tests(code: &str) -> &str {
    code.find("#[cfg(test)]\nmod ").map_or(code, |at| {
        let rest = &code[at..];
        // `mod tests;` is a file of its own, and code may follow it.
        if rest.lines().nth(1).is_some_and(|line| line.ends_with(';')) { code } else { &code[..at] }
    })
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

#[test]
fn every_part_knows_only_what_it_may() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let files = sources(&root);
    assert!(files.len() > 50, "the sources were not found");
    let found: Vec<String> = files
        .iter()
        .flat_map(|file| {
            let path = file.strip_prefix(&root).unwrap().to_string_lossy().replace('\\', "/");
            violations(&path, &fs::read_to_string(file).unwrap())
        })
        .collect();
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn a_planted_violation_is_found() {
    for (path, text, named) in [
        ("http/api/turns.rs", "use sea_orm::EntityTrait;", "sea_orm"),
        ("http/api/turns.rs", "fn f() {\n    sqlx::query(x);\n}", "sqlx"),
        ("domain/topic.rs", "use {\n    axum::Json,\n};", "axum"),
        ("domain/topic.rs", "use crate::{\n    bus::Bus,\n    http::AppState,\n};", "crate::http"),
        ("domain/turn/run.rs", "use crate::{bus::{self, Bus}, domain::Topic, app};", "crate::app"),
        ("domain/turn/run.rs", "pub(crate) use crate::app as program;", "crate::app"),
        ("store/turns.rs", "let x = crate::llm::Client::new();", "crate::llm"),
        ("llm/client.rs", "use crate::domain::Topic;", "crate::domain"),
        ("bus/mod.rs", "use crate::{render::{blocks}};", "crate::render"),
        ("bus/mod.rs", "use super::render;", "crate::render"),
        ("domain/turn/run.rs", "use super::super::super::http::AppState;", "crate::http"),
        ("render/mod.rs", "use crate::store::Store;", "crate::store"),
        ("app.rs", "use reqwest::Client;", "reqwest"),
        ("store/mod.rs", "use comrak as markdown;", "comrak"),
        ("main.rs", "let x = y.unwrap();", "unwrap"),
        ("main.rs", "// ok.unwrap()\nlet x = \"y.unwrap()\";\nlet z = y\n    .unwrap();", "main.rs:4"),
        ("main.rs", "#[cfg(test)]\nmod tests;\nfn f() { g().unwrap(); }", "unwrap"),
    ] {
        let found = violations(path, text);
        assert!(found.len() == 1 && found[0].contains(named), "{path} {text:?}: {found:?}");
    }
}

#[test]
fn what_is_allowed_is_not_found() {
    for (path, text) in [
        ("store/mod.rs", "use sea_orm::EntityTrait;\nuse crate::domain::{Topic, turn::Turn};"),
        ("http/mod.rs", "use axum::{Json, Router};\nuse crate::{app, domain::Topic, store::Store};"),
        ("serve/server.rs", "use axum_server::Handle;\nuse crate::config;"),
        ("domain/turn/run.rs", "use crate::{bus::Bus, llm, render, store::Store};"),
        (
            "domain/topic.rs",
            "// use axum::Json;\n/// [`crate::http`]\nlet x = \"sqlx::query\";\nlet y = r#\"crate::http::x\"#;",
        ),
        ("domain/topic.rs", "use self::http::x;\nlet tower = 1;\nmod app;\nlet http = crate::domain::http::x;"),
        (
            "llm/mod.rs",
            "use super::domain_like;\nfn f() { 'a'; '\"'; x.unwrap_or(1); }\n#[cfg(test)]\nmod tests {\n    fn f() { g().unwrap(); }\n}",
        ),
        ("domain/prompt/tests.rs", "fn f() { g().unwrap(); }"),
    ] {
        assert_eq!(violations(path, text), Vec::<String>::new(), "{path} {text:?}");
    }
}
