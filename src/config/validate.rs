//! Checks of settings that depend on each other or on a range.

use secrecy::ExposeSecret as _;
use store::DatabaseEngine;

use super::{
    AppEnv, Config,
    urls::{check_url, is_this_machine, normalize_host},
};
use crate::redis;

/// More turns than any machine runs, and far fewer than the semaphore for them can count.
const MOST_TURNS: usize = 1_000_000;

/// The most files that Linux lets a process open.
const MOST_CONNECTIONS: usize = 1_048_576;

/// Tokens of the smallest context window in which the shortest prompts leave room for a question and its answer.
const SMALLEST_CONTEXT: u32 = 2_048;

/// An invalid setting, or settings that don't work together. The text says which and how to fix it.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(pub(super) String);

impl ConfigError {
    pub(super) fn new(sentence: &str) -> Self {
        Self(sentence.to_owned())
    }
}

impl Config {
    /// Checks all settings, alone and together.
    ///
    /// # Errors
    /// [`ConfigError`] for the first that is wrong.
    pub fn validate(&self) -> Result<(), ConfigError> {
        self.check_addresses()?;
        self.check_model()?;
        self.check_limits()?;
        self.telemetry.dsn()?;
        self.telemetry.traces_url().map(drop)
    }

    fn check_addresses(&self) -> Result<(), ConfigError> {
        let engine = self.database.validate()?;
        if let Some(redis) = self.redis() {
            if let Err(error) = redis::check_url(redis) {
                return refuse(&format!("REDIS_URL can't be used: {error}"));
            }
            if engine == DatabaseEngine::Sqlite {
                return refuse(
                    "REDIS_URL is for several instances, which need PostgreSQL: set DATABASE_URL=postgres://…, or leave REDIS_URL out",
                );
            }
        }
        if let Some(url) = &self.app_base_url {
            check_url("APP_BASE_URL", url)?;
        }
        for origin in &self.cors_allow_origins {
            if origin != "*" {
                check_url("CORS_ALLOW_ORIGINS", origin)?;
            }
        }
        for name in self.allowed_hosts.iter().map(|name| name.trim()) {
            let is_name = normalize_host(name).is_some_and(|name| !name.contains('*'));
            if !name.is_empty() && name != "*" && !is_name {
                return refuse(
                    "ALLOWED_HOSTS must hold host names alone, without http:// and port, such as class.example.kr; or *",
                );
            }
        }
        if self.cors_allow_origins.len() > 1 && self.cors_allow_origins.iter().any(|origin| origin == "*") {
            return refuse("CORS_ALLOW_ORIGINS is either * or a list of origins, not both");
        }
        if self.telemetry.app_env == AppEnv::Production && self.public_url().is_none() {
            return refuse("APP_ENV=production needs APP_BASE_URL, such as https://class.example.kr");
        }
        if self.tls.http_redirect_addr.is_some() && !self.is_https() {
            return refuse(
                "HTTP_REDIRECT_ADDR sends to https://, so it needs TLS_DOMAIN, or APP_BASE_URL with https://",
            );
        }
        check_url("ACME_DIRECTORY_URL", &self.tls.acme_directory_url)?;
        if self.tls.is_on() && !self.is_https() {
            return refuse(
                "APP_BASE_URL begins with http://, but TLS_DOMAIN makes the program speak TLS; write https://, or leave it out",
            );
        }
        Ok(())
    }

    fn check_model(&self) -> Result<(), ConfigError> {
        let model = &self.model;
        // The key itself stays out of the message.
        if model.key().is_some_and(|key| !key.expose_secret().trim().bytes().all(|byte| matches!(byte, b' '..=b'~'))) {
            return refuse(
                "OPENAI_API_KEY holds a character that can't be sent, such as Hangul or a line break; copy the key from your provider",
            );
        }
        if let Some(url) = &model.openai_base_url {
            let url = check_url("OPENAI_BASE_URL", url)?;
            let is_plain = url.scheme() == "http" && !is_this_machine(&url);
            if self.telemetry.app_env == AppEnv::Production && model.key().is_some() && is_plain {
                return refuse(
                    "OPENAI_BASE_URL would send the key unencrypted; use https://, or leave OPENAI_API_KEY out",
                );
            }
        }
        if model.openai_model.trim().is_empty() {
            return refuse("OPENAI_MODEL is empty; name a model such as gpt-4o-mini");
        }
        if !(0.0..=2.0).contains(&model.temperature) {
            return refuse("TEMPERATURE must lie between 0 and 2");
        }
        if model.answer_max_tokens == 0 || model.feedback_max_tokens == 0 {
            return refuse("ANSWER_MAX_TOKENS and FEEDBACK_MAX_TOKENS must be at least 1");
        }
        if (1..SMALLEST_CONTEXT).contains(&model.model_context_tokens) {
            return refuse(&format!(
                "MODEL_CONTEXT_TOKENS must be at least {SMALLEST_CONTEXT}, or 0 to find out from the server"
            ));
        }
        for (name, seconds) in [
            ("CONNECT_TIMEOUT_SECONDS", model.connect_timeout_seconds),
            ("FIRST_TOKEN_TIMEOUT_SECONDS", model.first_token_seconds()),
            ("IDLE_TIMEOUT_SECONDS", model.idle_timeout_seconds),
            ("ANSWER_TIMEOUT_SECONDS", model.answer_seconds()),
            ("BREAKER_COOLDOWN_SECONDS", model.breaker_cooldown_seconds),
        ] {
            // Also refuses NaN, which is in no range.
            if !(0.001..=86_400.0).contains(&seconds) {
                return refuse(&format!("{name} must lie between 0.001 and 86400"));
            }
        }
        if model.first_token_seconds() > model.answer_seconds() {
            return refuse("FIRST_TOKEN_TIMEOUT_SECONDS must not be longer than ANSWER_TIMEOUT_SECONDS");
        }
        if model.breaker_failures == 0 {
            return refuse("BREAKER_FAILURES must be at least 1");
        }
        Ok(())
    }

    fn check_limits(&self) -> Result<(), ConfigError> {
        let limits = &self.limits;
        let rates = [
            limits.rate_limit_learner_per_minute,
            limits.rate_limit_address_per_minute,
            limits.rate_limit_anonymous_per_minute,
            limits.rate_limit_new_learners_per_minute,
        ];
        if rates.contains(&0) {
            return refuse("a rate limit of 0 would let nobody ask; set RATE_LIMIT=off to have none");
        }
        if limits.rate_limit_address_per_minute < limits.rate_limit_learner_per_minute {
            return refuse(
                "RATE_LIMIT_ADDRESS_PER_MINUTE must be at least RATE_LIMIT_LEARNER_PER_MINUTE: a class shares one address",
            );
        }
        if !(1..=MOST_TURNS).contains(&limits.max_turns) {
            return refuse(&format!("MAX_TURNS must lie between 1 and {MOST_TURNS}"));
        }
        if !(1..=MOST_CONNECTIONS).contains(&self.max_connections) {
            return refuse(&format!("MAX_CONNECTIONS must lie between 1 and {MOST_CONNECTIONS}"));
        }
        if [limits.max_followers, limits.max_followers_per_learner, limits.max_followers_per_turn].contains(&0) {
            return refuse(
                "MAX_FOLLOWERS, MAX_FOLLOWERS_PER_LEARNER and MAX_FOLLOWERS_PER_TURN must be at least 1, or nobody sees an answer",
            );
        }
        if self.request_timeout_seconds == Some(0) {
            return refuse("REQUEST_TIMEOUT_SECONDS must be at least 1");
        }
        Ok(())
    }
}

fn refuse(sentence: &str) -> Result<(), ConfigError> {
    Err(ConfigError::new(sentence))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::super::{BudgetLimits, Cli, Config, StatelessApi};

    fn config(flags: &[&str]) -> Config {
        Cli::try_parse_from(std::iter::once("llm-classroom").chain(flags.iter().copied())).unwrap().config
    }

    #[test]
    fn the_defaults_are_valid_and_serve_the_practice_partner() {
        let config = config(&[]);
        assert_eq!(config.validate(), Ok(()));
        assert_eq!(config.model.server(), None);
    }

    #[test]
    fn every_bad_combination_is_refused_with_its_name() {
        let bad: [(&[&str], &str); 27] = [
            (&["--database-url", "mysql://x"], "DATABASE_URL"),
            (&["--app-base-url", "class.example.kr"], "APP_BASE_URL"),
            (&["--cors-allow-origins", "*,https://a.kr"], "CORS_ALLOW_ORIGINS"),
            (&["--cors-allow-origins", "a.kr"], "CORS_ALLOW_ORIGINS"),
            (&["--allowed-hosts", "http://a.kr"], "ALLOWED_HOSTS"),
            (&["--allowed-hosts", "a.kr,b.kr:80"], "ALLOWED_HOSTS"),
            (&["--allowed-hosts", "a.kr/x"], "ALLOWED_HOSTS"),
            (&["--allowed-hosts", "u@a.kr"], "ALLOWED_HOSTS"),
            (&["--allowed-hosts", "*.a.kr"], "ALLOWED_HOSTS"),
            (&["--openai-api-key", "한글"], "OPENAI_API_KEY"),
            (&["--openai-api-key", "sk-a\nb"], "OPENAI_API_KEY"),
            (&["--app-env", "production"], "APP_BASE_URL"),
            (&["--openai-base-url", "localhost:11434"], "OPENAI_BASE_URL"),
            (&["--openai-model", " "], "OPENAI_MODEL"),
            (&["--temperature", "2.5"], "TEMPERATURE"),
            (&["--idle-timeout-seconds", "NaN"], "IDLE_TIMEOUT_SECONDS"),
            (
                &["--first-token-timeout-seconds", "500", "--answer-timeout-seconds", "120"],
                "FIRST_TOKEN_TIMEOUT_SECONDS",
            ),
            (&["--breaker-failures", "0"], "BREAKER_FAILURES"),
            (&["--rate-limit-learner-per-minute", "0"], "RATE_LIMIT"),
            (&["--rate-limit-address-per-minute", "5"], "RATE_LIMIT_ADDRESS_PER_MINUTE"),
            (&["--answer-max-tokens", "0"], "ANSWER_MAX_TOKENS"),
            (&["--redis-url", "redis://127.0.0.1"], "DATABASE_URL"),
            (&["--redis-url", "http://127.0.0.1", "--database-url", "postgres://h/d"], "REDIS_URL"),
            (&["--redis-url", "redis://:pw@host:port", "--database-url", "postgres://h/d"], "REDIS_URL"),
            (&["--max-turns", "0"], "MAX_TURNS"),
            (&["--sentry-dsn", "https://sentry.io/1"], "SENTRY_DSN"),
            (&["--otel-exporter-otlp-endpoint", "localhost:4318"], "OTEL_EXPORTER_OTLP_ENDPOINT"),
        ];
        for (flags, name) in bad {
            let error = config(flags).validate().unwrap_err().to_string();
            assert!(error.contains(name), "{flags:?}: {error}");
        }
    }

    #[test]
    fn host_names_and_keys_of_every_usual_form_are_accepted() {
        for hosts in ["*", "", "a.kr, class-1.local ", "10.0.0.7,[fd00::7]", "_dev.a.kr", "a.kr.", "교실.kr"] {
            assert_eq!(config(&["--allowed-hosts", hosts]).validate(), Ok(()), "{hosts}");
        }
        for key in [" sk-proj-1_A.b/c+d=\n", "none", ""] {
            assert_eq!(config(&["--openai-api-key", key]).validate(), Ok(()), "{key:?}");
        }
    }

    #[test]
    fn the_public_address_has_the_form_that_browsers_send() {
        for (flags, url) in [
            (["--app-base-url", "https://교실.kr/"], "https://xn--9d0b622b.kr"),
            (["--app-base-url", "https://Class.Example.KR:443"], "https://class.example.kr"),
            (["--app-base-url", "http://[::1]:8000"], "http://[::1]:8000"),
            (["--tls-domain", "class.example.kr"], "https://class.example.kr"),
        ] {
            assert_eq!(config(&flags).public_url().as_deref(), Some(url));
        }
    }

    #[test]
    fn a_key_is_not_sent_unencrypted_in_production() {
        let flags = ["--app-env", "production", "--app-base-url", "https://a.kr", "--openai-api-key", "k"];
        let with = |url| config(&[&flags[..], &["--openai-base-url", url]].concat()).validate();
        assert!(with("http://llm.example.kr/v1").is_err());
        assert_eq!(with("https://llm.example.kr/v1"), Ok(()));
        assert_eq!(with("http://127.0.0.1:11434/v1"), Ok(()));
        assert!(with("http://localhost.example.kr/v1").is_err());
    }

    #[test]
    fn an_empty_key_is_no_key_and_a_base_url_needs_none() {
        assert_eq!(config(&["--openai-api-key", " "]).model.server(), None);
        assert_eq!(config(&["--openai-api-key", "k"]).model.server(), Some(super::super::OPENAI_BASE_URL));
        let ollama = config(&["--openai-base-url", "http://127.0.0.1:11434/v1/"]);
        assert_eq!(ollama.model.server(), Some("http://127.0.0.1:11434/v1"));
    }

    #[test]
    fn secrets_do_not_show_in_debug_output() {
        let flags = ["--openai-api-key", "sk-secret", "--database-url", "postgres://u:pw-secret@h/d"];
        let config = config(&[&flags[..], &["--sentry-dsn", "https://dsn-secret@h/1"]].concat());
        let redis = config_with_redis("redis://:pw-secret@h");
        assert!(!format!("{redis:?}").contains("pw-secret"));
        let shown = format!("{config:?}");
        assert!(!shown.contains("-secret"), "{shown}");
    }

    fn config_with_redis(url: &str) -> Config {
        config(&["--database-url", "postgres://h/d", "--redis-url", url])
    }

    #[test]
    fn an_empty_redis_url_is_none() {
        assert_eq!(config_with_redis(" ").redis(), None);
        assert_eq!(config_with_redis("rediss://:pw@h:6380/1").validate(), Ok(()));
    }

    #[test]
    fn errors_and_traces_are_sent_only_to_an_address_that_is_set_and_not_empty() {
        for empty in ["", " "] {
            let telemetry = config(&["--sentry-dsn", empty, "--otel-exporter-otlp-endpoint", empty]).telemetry;
            assert!(telemetry.dsn().unwrap().is_none());
            assert_eq!(telemetry.traces_url(), Ok(None));
        }
        let telemetry = config(&["--otel-exporter-otlp-endpoint", "http://127.0.0.1:4318/"]).telemetry;
        assert_eq!(telemetry.traces_url(), Ok(Some("http://127.0.0.1:4318/v1/traces".to_owned())));
    }

    #[test]
    fn only_named_models_are_allowed() {
        let model = config(&["--openai-fallback-models", "b", "--model-allowlist", "c,d"]).model;
        for (name, allowed) in [("gpt-4o-mini", true), ("b", true), ("d", true), ("e", false), ("", false)] {
            assert_eq!(model.allows(name), allowed, "{name}");
        }
    }

    #[test]
    fn the_providers_whose_terms_name_an_age_are_known() {
        let age = |flags: &[&str]| config(flags).model.provider_with_minimum_age().map(|(_, age)| age);
        assert_eq!(age(&[]), None);
        assert_eq!(age(&["--openai-api-key", "k"]), Some(13));
        for (url, expected) in [
            ("https://generativelanguage.googleapis.com/v1beta/openai", Some(18)),
            ("https://eu.api.openai.com/v1", Some(13)),
            ("https://notopenai.com/v1", None),
            ("http://127.0.0.1:11434/v1", None),
        ] {
            assert_eq!(age(&["--openai-base-url", url]), expected, "{url}");
        }
    }

    #[test]
    fn a_public_server_asks_for_tokens_and_limits_what_they_use() {
        let public = ["--app-env", "production", "--app-base-url", "https://a.kr"];
        let with = |flags: &[&str]| config(&[&public, flags].concat());
        assert_eq!(config(&[]).stateless_api(), StatelessApi::On);
        assert_eq!(with(&[]).stateless_api(), StatelessApi::Token);
        assert_eq!(with(&["--stateless-api", "on"]).stateless_api(), StatelessApi::On);
        let limits = |config: Config| {
            let BudgetLimits { students, stateless, address } = config.budget_limits();
            (students, stateless, address)
        };
        assert_eq!(limits(config(&[])), (0, 0, 0));
        assert_eq!(limits(with(&[])), (0, 500_000, 125_000));
        assert_eq!(limits(config(&["--daily-token-budget", "1005"])), (1005, 101, 26));
        assert_eq!(limits(with(&["--stateless-daily-token-budget", "0"])), (0, 0, 0));
        assert_eq!(limits(with(&["--stateless-address-daily-tokens", "7"])), (0, 500_000, 7));
    }

    #[test]
    fn conversations_are_kept_for_a_year_unless_the_setting_says_otherwise() {
        assert_eq!(config(&[]).retention_days(), Some(365));
        for (text, days) in [("30", Some(30)), ("0", None), ("off", None), (" 7 ", Some(7))] {
            assert_eq!(config(&["--retention-days", text]).retention_days(), days, "{text}");
        }
        for wrong in ["-1", "1.5", "36501", "never", ""] {
            assert!(Cli::try_parse_from(["llm-classroom", &format!("--retention-days={wrong}")]).is_err(), "{wrong}");
        }
    }
}
