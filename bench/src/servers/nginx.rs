//! nginx with one static page.

use std::{fs, path::PathBuf};

use std::process::Command;

use super::Server;
use crate::net::free_port;

/// Where Debian's package installs it.
const BINARY: &str = "/usr/sbin/nginx";

/// The path of the page.
pub const PAGE: &str = "/page.html";

/// Starts nginx with two workers and these bytes as its page, sent as they are. `None` if it isn't installed.
pub async fn start(page: &[u8], encoding: Option<&str>) -> anyhow::Result<Option<Server>> {
    if !PathBuf::from(BINARY).exists() {
        return Ok(None);
    }
    let folder = tempfile::Builder::new().prefix("bench-").tempdir()?;
    let port = free_port()?;
    let root = folder.path().display().to_string();
    fs::write(folder.path().join("page.html"), page)?;
    let user = if rustix::process::geteuid().is_root() { "user root;" } else { "" };
    let header = encoding.map(|encoding| format!("add_header Content-Encoding {encoding};")).unwrap_or_default();
    let config = format!(
        "daemon off; {user} worker_processes 2; pid {root}/pid; error_log stderr warn;
         events {{ worker_connections 4096; }}
         http {{
             access_log off; default_type text/html; charset utf-8; sendfile on; tcp_nopush on; open_file_cache max=10;
             keepalive_requests 100000000; client_body_temp_path {root}/body; proxy_temp_path {root}/proxy;
             fastcgi_temp_path {root}/fastcgi; uwsgi_temp_path {root}/uwsgi; scgi_temp_path {root}/scgi;
             server {{ listen 127.0.0.1:{port}; root {root}; {header} }}
         }}"
    );
    fs::write(folder.path().join("nginx.conf"), config)?;
    let mut command = Command::new(BINARY);
    command.arg("-e").arg("stderr").arg("-p").arg(&root).arg("-c").arg(folder.path().join("nginx.conf"));
    Server::start(&mut command, port, PAGE, folder).await.map(Some)
}
