//! Check of the server on this machine: that it answers, and that it runs the installed version.

use std::net::IpAddr;

use super::{
    finding::{Finding, State, Subject},
    web::{self, RequestError},
};
use crate::config::Config;

pub(super) async fn check(config: &Config) -> Finding {
    let at = local(config);
    let finding = |state, code| Finding::new(Subject::Server, state, code).with("at", &at);
    let health = match web::get_here(&format!("{at}/health")).await {
        Ok(health) => health,
        Err(RequestError::Other(error)) => return finding(State::Failed, "server-silent").with("error", error),
        Err(RequestError::Tls(error)) => return finding(State::Failed, "server-tls").with("error", error),
        Err(error) => return finding(State::Failed, "server-down").with("error", error.message()),
    };
    let Some(version) = health.version() else { return finding(State::Failed, "server-stranger") };
    if version != env!("CARGO_PKG_VERSION") {
        let finding = finding(State::Warning, "server-older").with("running", version);
        return finding.with("installed", env!("CARGO_PKG_VERSION"));
    }
    match web::get_here(&format!("{at}/ready")).await {
        Ok(ready) if ready.status == 200 => finding(State::Ok, "server-ok").with("version", version),
        Ok(ready) => finding(State::Failed, "server-unready").with("parts", ready.text.replace('"', "")),
        Err(error) => finding(State::Failed, "server-silent").with("error", error.message()),
    }
}

/// Whether the server on this machine answers `/health`; a container's health check asks no more.
pub async fn is_healthy(config: &Config) -> bool {
    let health = web::get_here(&format!("{}/health", local(config))).await;
    health.is_ok_and(|health| health.status == 200 && health.version().is_some())
}

/// The address of the server as seen from this machine.
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
