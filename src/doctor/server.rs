//! Whether the program serves on this machine, and is the one that stands on the disk.

use std::net::IpAddr;

use super::{
    finding::{Finding, State, Subject},
    web::{self, Trouble},
};
use crate::config::Config;

pub(super) async fn check(config: &Config) -> Finding {
    let at = local(config);
    let finding = |state, code| Finding::new(Subject::Server, state, code).with("at", &at);
    let health = match web::get_here(&format!("{at}/health")).await {
        Ok(health) => health,
        Err(Trouble::Other(error)) => return finding(State::Failed, "server-silent").with("error", error),
        Err(Trouble::Tls(error)) => return finding(State::Failed, "server-tls").with("error", error),
        Err(trouble) => return finding(State::Failed, "server-down").with("error", trouble.words()),
    };
    let Some(version) = health.version() else { return finding(State::Failed, "server-stranger") };
    if version != env!("CARGO_PKG_VERSION") {
        let finding = finding(State::Warning, "server-older").with("running", version);
        return finding.with("installed", env!("CARGO_PKG_VERSION"));
    }
    match web::get_here(&format!("{at}/ready")).await {
        Ok(ready) if ready.status == 200 => finding(State::Ok, "server-ok").with("version", version),
        Ok(ready) => finding(State::Failed, "server-unready").with("parts", ready.text.replace('"', "")),
        Err(trouble) => finding(State::Failed, "server-silent").with("error", trouble.words()),
    }
}

/// Whether the server on this machine answers `/health`: all that a container's health check wants to know.
pub async fn is_healthy(config: &Config) -> bool {
    let health = web::get_here(&format!("{}/health", local(config))).await;
    health.is_ok_and(|health| health.status == 200 && health.version().is_some())
}

/// Where the program serves, seen from this machine.
fn local(config: &Config) -> String {
    let host = match config.app_host {
        IpAddr::V4(host) if host.is_unspecified() => "127.0.0.1".to_owned(),
        IpAddr::V6(host) if host.is_unspecified() => "[::1]".to_owned(),
        IpAddr::V4(host) => host.to_string(),
        IpAddr::V6(host) => format!("[{host}]"),
    };
    let scheme = if config.tls.is_on() { "https" } else { "http" };
    format!("{scheme}://{host}:{}", config.app_port)
}
