//! A certificate authority for one test: Debian's pebble, which speaks ACME as Let's Encrypt does, and finds every name
//! at 127.0.0.1.

#![allow(dead_code, reason = "each test binary uses another part")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use reqwest::Certificate;
use serde_json::json;
use tempfile::TempDir;

use super::{
    eventually,
    redis::{certificates, lasting_port},
};

/// A running authority. Dropping it ends it.
pub struct Pebble {
    folder: TempDir,
    names: Option<Child>,
    server: Option<Child>,
    port: u16,
    management: u16,
    dns: u16,
}

impl Pebble {
    /// Prepares an authority that validates names at `tls_port` and issues certificates with a validity of `seconds`.
    /// It is not started yet.
    pub fn prepare(tls_port: u16, seconds: u32) -> Self {
        let folder = tempfile::Builder::new().prefix("pebble-").tempdir().unwrap();
        let (port, management) = (lasting_port(), lasting_port());
        certificates::make(folder.path());
        let settings = json!({
            "listenAddress": format!("127.0.0.1:{port}"),
            "managementListenAddress": format!("127.0.0.1:{management}"),
            "certificate": folder.path().join("server.pem"),
            "privateKey": folder.path().join("server.key"),
            "httpPort": 1,
            "tlsPort": tls_port,
            "certificateValidityPeriod": seconds,
        });
        fs::write(folder.path().join("pebble.json"), json!({ "pebble": settings }).to_string()).unwrap();
        Self { folder, names: None, server: None, port, management, dns: lasting_port() }
    }

    /// Starts it and waits until it answers.
    pub async fn start(&mut self) {
        let folder = self.folder.path();
        let dns = format!("127.0.0.1:{}", self.dns);
        self.names = Some(run(
            Command::new("pebble-challtestsrv")
                .args([
                    "-defaultIPv4",
                    "127.0.0.1",
                    "-defaultIPv6",
                    "",
                    "-http01",
                    "",
                    "-https01",
                    "",
                    "-tlsalpn01",
                    "",
                ])
                .args(["-dns01", &dns, "-management", &format!("127.0.0.1:{}", lasting_port())]),
            folder,
        ));
        self.server = Some(run(
            Command::new("pebble")
                .args(["-config", "pebble.json", "-dnsserver", &dns])
                // Without its random delays and refusals.
                .envs([("PEBBLE_VA_NOSLEEP", "1"), ("PEBBLE_WFE_NONCEREJECT", "0")]),
            folder,
        ));
        eventually("pebble", async || self.client().get(self.directory()).send().await.ok()).await;
    }

    /// Ends it.
    pub fn stop(&mut self) {
        for mut child in [self.names.take(), self.server.take()].into_iter().flatten() {
            _ = child.kill();
            _ = child.wait();
        }
    }

    /// The value for `ACME_DIRECTORY_URL`.
    pub fn directory(&self) -> String {
        format!("https://127.0.0.1:{}/dir", self.port)
    }

    /// The value for `ACME_CA_FILE`.
    pub fn ca_file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// The root of what it certifies.
    pub async fn root(&self) -> Certificate {
        let url = format!("https://127.0.0.1:{}/roots/0", self.management);
        let pem = self.client().get(url).send().await.unwrap().bytes().await.unwrap();
        Certificate::from_pem(&pem).unwrap()
    }

    /// The number of issued certificates.
    pub fn issued(&self) -> usize {
        let log = fs::read_to_string(self.folder.path().join("log")).unwrap();
        log.lines().filter(|line| line.contains("Issued certificate serial")).count()
    }

    fn client(&self) -> reqwest::Client {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let pem = fs::read(self.ca_file()).unwrap();
        let roots = [Certificate::from_pem(&pem).unwrap()];
        reqwest::Client::builder().no_proxy().tls_certs_only(roots).build().unwrap()
    }
}

impl Drop for Pebble {
    fn drop(&mut self) {
        self.stop();
    }
}

fn run(command: &mut Command, folder: &Path) -> Child {
    let log = || fs::File::options().create(true).append(true).open(folder.join("log")).unwrap();
    command
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(log())
        .stderr(log())
        .spawn()
        .expect("These tests need the Debian package `pebble`.")
}
