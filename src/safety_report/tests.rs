use std::{collections::BTreeSet, fs, path::Path};

use clap::Parser as _;
use time::macros::datetime;

use super::*;
use crate::config::Cli;

fn report(flags: &[&str], locale: Locale) -> String {
    let config = Cli::try_parse_from([&["llm-classroom"], flags].concat()).unwrap().config;
    assert_eq!(config.validate(), Ok(()));
    write(&config, locale, datetime!(2026-03-02 15:30 UTC))
}

fn korean(flags: &[&str]) -> String {
    report(flags, Locale::Ko)
}

const PUBLIC: [&str; 4] = ["--app-env", "production", "--app-base-url", "https://class.example.kr"];

#[test]
fn the_document_is_dated_and_has_all_sections_in_both_languages() {
    for (locale, first) in [(Locale::Ko, "# 학생 데이터 보호 문서"), (Locale::En, "# Protection of students’ data")]
    {
        let text = report(&[], locale);
        assert!(text.starts_with(first), "{text}");
        // Half past midnight of the next day in Korea.
        assert!(text.contains("2026-03-03") && text.contains(env!("CARGO_PKG_VERSION")), "{text}");
        for number in 1..=9 {
            assert!(text.contains(&format!("\n## {number}. ")), "{text}");
        }
        assert!(!text.contains("safety_report.") && !text.contains("%{"), "{text}");
    }
}

#[test]
fn a_sentence_stands_only_where_the_settings_support_it() {
    let remote = ["--openai-api-key", "sk-secret"];
    let nearby = ["--openai-base-url", "http://10.0.0.7:11434/v1", "--openai-model", "gemma3"];
    let redis = ["--database-url", "postgres://u:pw-secret@db.example.kr/d", "--redis-url", "redis://:pw-secret@r:1"];
    for (flags, there, absent) in [
        (&[][..], "AI 서버로 보내지 않아요", "AI 모델: "),
        (&remote, "인터넷에 있는 api.openai.com", "사설망"),
        (&remote, "OpenAI (미국)", "프로그램은 알지 못해요"),
        (&remote, "만 13세 미만", "AI 서버로 보내지 않아요"),
        (&nearby, "사설망 안에 있는 10.0.0.7:11434로 보내요. (모델: gemma3)", "회사"),
        (&["--openai-base-url", "https://llm.example.kr/v1"], "프로그램은 알지 못해요", "(미국)"),
        (&[], "365일이 지나면", "저절로 지우지 않아요"),
        (&["--retention-days", "off"], "RETENTION_DAYS=0", "일이 지나면"),
        (&[], "1분에 질문 20개", "RATE_LIMIT=off"),
        (&["--rate-limit", "off"], "RATE_LIMIT=off", "1분에 질문"),
        (&["--log-student-text", "on"], "로그를 보는 사람은", "로그에는 학생의 글이 남지 않아요"),
        (&["--backup-public-key", "age1xyz"], "비밀 키를 가진 사람만", "암호화되어 있지 않아서"),
        (&[], "SQLite 파일", "Redis("),
        (&redis, "PostgreSQL 서버 db.example.kr", "SQLite 파일"),
        (&redis, "Redis(r:1)", "0으로 덮어쓰고"),
        (&["--sentry-dsn", "https://dsn-secret@sentry.example.kr/1"], "오류 알림(sentry.example.kr)", "추적("),
        (&PUBLIC, "HTTPS", "기본값보다 느슨해요"),
        (&PUBLIC, "관리하는 사람이 준 토큰", "STATELESS_API=on"),
        (&[&PUBLIC[..], &["--stateless-api", "on"]].concat(), "STATELESS_API=on", "관리하는 사람이 준 토큰"),
        (&["--app-base-url", "http://class.example.kr"], "공개 주소가 https가 아니에요", "HTTPS"),
        (&PUBLIC, "기본값보다 약한 설정이 없어요", "APP_ENV가 production이 아니에요"),
    ] {
        let text = korean(flags);
        assert!(text.contains(there), "{flags:?}: {there} isn't in {text}");
        assert!(!text.contains(absent), "{flags:?}: {absent} is in {text}");
        assert!(!text.contains("secret"), "{text}");
    }
}

#[test]
fn every_sentence_has_words_in_both_languages_and_is_used() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let code: String = fs::read_dir(root.join("src/safety_report"))
        .unwrap()
        .map(|file| fs::read_to_string(file.unwrap().path()).unwrap())
        .collect();
    let messages = |locale: Locale| -> BTreeSet<String> {
        let messages = crate::_rust_i18n_backend().messages_for_locale(locale.tag()).unwrap_or_default();
        messages.into_iter().filter_map(|(key, _)| Some(key.strip_prefix("safety_report.")?.to_owned())).collect()
    };
    assert_eq!(messages(Locale::Ko), messages(Locale::En));
    assert!(messages(Locale::Ko).len() > 60);
    for key in messages(Locale::Ko) {
        let name = key.strip_prefix("title.").unwrap_or(&key);
        assert!(code.contains(&format!("\"{name}\"")), "{key} is not used");
    }
}
