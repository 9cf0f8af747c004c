//! What the program does with these settings.

use url::Url;

use super::{Sentence, providers};
use crate::{
    backup,
    config::{Config, StatelessApi, Switch},
};
use store::sqlite_path;

/// Which data is collected, and why.
pub(super) fn collected(config: &Config) -> Vec<Sentence> {
    let mut found = vec![
        Sentence::new("collected_nothing_else"),
        Sentence::new("collected_conversations"),
        Sentence::new("collected_cookie"),
        Sentence::new("collected_usage"),
    ];
    if config.limits.rate_limit == Switch::On {
        found.push(Sentence::new("collected_address"));
    }
    if !config.trusted_proxies.is_empty() {
        found.push(Sentence::new("collected_proxy"));
    }
    found
}

/// Where it goes.
pub(super) fn sent(config: &Config) -> Vec<Sentence> {
    let mut found = vec![stored(config)];
    match config.model.server() {
        None => found.push(Sentence::new("sent_no_model")),
        Some(server) => {
            found.push(model_server(config, server));
            found.push(Sentence::new("sent_what").with("tokens", config.model.history_max_tokens));
            if let Some(provider) = host(server).and_then(|host| providers::of_host(&host)) {
                found.push(Sentence::new(provider.country.key()).with("name", provider.name));
            } else if !config.model.is_server_nearby() {
                found.push(Sentence::new("country_unknown"));
            }
        }
    }
    if let Some(redis) = config.redis().and_then(host) {
        found.push(Sentence::new("sent_redis").with("place", redis));
    }
    if let Ok(Some(dsn)) = config.telemetry.dsn() {
        found.push(Sentence::new("sent_errors").with("place", dsn.host()));
    }
    if let Some(traces) = config.telemetry.traces_url().ok().flatten().as_deref().and_then(host) {
        found.push(Sentence::new("sent_traces").with("place", traces));
    }
    found.push(Sentence::new("sent_backups").with("place", backup::without_keys(&config.backup.backup_url)));
    found.push(Sentence::new("sent_pages"));
    found
}

fn stored(config: &Config) -> Sentence {
    match sqlite_path(config.database.url()) {
        Some(file) => Sentence::new("stored_file").with("place", file.display()),
        // Without the password.
        None => Sentence::new("stored_server").with("place", host(config.database.url()).unwrap_or_default()),
    }
}

fn model_server(config: &Config, server: &str) -> Sentence {
    let key = if config.model.is_server_nearby() { "sent_model_nearby" } else { "sent_model" };
    let models: Vec<&str> = config.model.models().map(String::as_str).collect();
    Sentence::new(key).with("place", host(server).unwrap_or_default()).with("models", models.join(", "))
}

/// The host of an address, with its port if that is unusual.
fn host(url: &str) -> Option<String> {
    let url = Url::parse(url).ok()?;
    let host = url.host_str()?;
    Some(url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")))
}

/// Who can read it.
pub(super) fn readers(config: &Config) -> Vec<Sentence> {
    let mut found = vec![Sentence::new("readers_students"), Sentence::new("readers_operator")];
    found.push(Sentence::new(match config.telemetry.log_student_text {
        Switch::Off => "readers_no_log",
        Switch::On => "readers_log",
    }));
    let is_encrypted = config.backup.backup_public_key.as_deref().is_some_and(|key| !key.trim().is_empty());
    found.push(Sentence::new(if is_encrypted { "readers_backup_encrypted" } else { "readers_backup" }));
    if config.model.server().is_some() && !config.model.is_server_nearby() {
        found.push(Sentence::new("readers_provider"));
    }
    found
}

/// How long it is kept, and how it is deleted.
pub(super) fn kept(config: &Config) -> Vec<Sentence> {
    vec![
        match config.retention_days() {
            Some(days) => Sentence::new("kept_days").with("days", days),
            None => Sentence::new("kept_always"),
        },
        Sentence::new("kept_unused"),
        Sentence::new("kept_usage"),
        Sentence::new(match sqlite_path(config.database.url()) {
            Some(_) => "kept_overwritten",
            None => "kept_vacuum",
        }),
        Sentence::new("kept_backups").with("count", config.backup.backup_keep),
    ]
}

/// How a student reads, corrects and deletes their data, and stops its use.
pub(super) fn rights(config: &Config) -> Vec<Sentence> {
    let mut found = vec![Sentence::new("rights_read"), Sentence::new("rights_correct"), Sentence::new("rights_delete")];
    if config.model.server().is_some() {
        found.push(Sentence::new("rights_stop"));
    }
    found
}

/// What protects it.
pub(super) fn measures(config: &Config) -> Vec<Sentence> {
    let mut found = Vec::new();
    if config.is_https() {
        found.push(Sentence::new("measures_https"));
    }
    found.push(Sentence::new("measures_covered"));
    found.push(Sentence::new("measures_hash"));
    found.push(Sentence::new("measures_model_text"));
    let limits = &config.limits;
    if limits.rate_limit == Switch::On {
        found.push(Sentence::new("measures_rate").with("count", limits.rate_limit_learner_per_minute));
    }
    let budgets = config.budget_limits();
    if budgets.students > 0 {
        found.push(Sentence::new("measures_budget").with("tokens", budgets.students));
    }
    match config.stateless_api() {
        StatelessApi::On => {}
        StatelessApi::Token => found.push(Sentence::new("measures_token")),
        StatelessApi::Off => found.push(Sentence::new("measures_stateless_off")),
    }
    if budgets.stateless > 0 && config.stateless_api() != StatelessApi::Off {
        found.push(Sentence::new("measures_stateless_budget").with("tokens", budgets.stateless));
    }
    found
}

/// What concerns children below 14.
pub(super) fn children(config: &Config) -> Vec<Sentence> {
    let mut found = vec![Sentence::new("children_no_account"), Sentence::new("children_consent")];
    if let Some((provider, age)) = config.model.provider_with_minimum_age() {
        found.push(Sentence::new("children_provider").with("provider", provider).with("age", age));
    }
    found
}

/// What the school adds by hand.
pub(super) fn responsible(config: &Config) -> Vec<Sentence> {
    let mut found = vec![Sentence::new("responsible_officer")];
    if config.model.server().is_some() && !config.model.is_server_nearby() {
        found.push(Sentence::new("responsible_contract"));
    }
    found
}
