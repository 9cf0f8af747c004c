//! TLS without a proxy: certificates come from a real ACME server, which validates names at the program's port.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Command, Stdio},
};

use reqwest::{Client, redirect::Policy, tls::TlsInfo};
use x509_parser::parse_x509_certificate;

use crate::support::{
    eventually,
    openai::{Behaviour, FakeOpenAi, Purpose},
    pebble::Pebble,
    process::Process,
    redis::lasting_port,
    student::Student,
};

const NAME: &str = "class.example.test";
const LONG: u32 = 90 * 24 * 60 * 60;

/// The program at `port` with certificates from `authority`.
fn start(folder: &Path, authority: &Pebble, port: u16, more: &[(&str, &str)]) -> Process {
    let (port, directory) = (port.to_string(), authority.directory());
    let (ca, root) = (authority.ca_file(), folder.join("data"));
    assert!(!root.exists() || root.is_dir());
    let settings = [
        ("APP_PORT", port.as_str()),
        ("TLS_DOMAIN", NAME),
        ("TLS_EMAIL", "admin@example.test"),
        ("ACME_DIRECTORY_URL", &directory),
        ("ACME_CA_FILE", ca.to_str().unwrap()),
    ];
    Process::start(folder, &[&settings, more].concat())
}

/// A browser that trusts the authority and finds the name at this machine.
async fn browser(authority: &Pebble, port: u16) -> Client {
    Client::builder()
        .no_proxy()
        .redirect(Policy::none())
        .tls_certs_only([authority.root().await])
        .tls_info(true)
        .resolve(NAME, ([127, 0, 0, 1], port).into())
        .build()
        .unwrap()
}

/// The serial number of the certificate that a new connection is shown; `None` while there is none that can be trusted.
async fn serial(authority: &Pebble, port: u16) -> Option<String> {
    let response = browser(authority, port).await.get(format!("https://{NAME}:{port}/health")).send().await.ok()?;
    let info = response.extensions().get::<TlsInfo>()?;
    let (_, certificate) = parse_x509_certificate(info.peer_certificate()?).ok()?;
    Some(certificate.raw_serial_as_string())
}

fn log(folder: &Path) -> String {
    fs::read_to_string(folder.join("log")).unwrap()
}

#[tokio::test]
async fn a_certificate_is_ordered_and_a_student_asks_over_tls() {
    let (openai, folder, port) = (FakeOpenAi::start().await, tempfile::tempdir().unwrap(), lasting_port());
    let mut authority = Pebble::prepare(port, LONG);
    authority.start().await;
    let (plain, base_url) = (lasting_port(), openai.base_url());
    let redirect = format!("127.0.0.1:{plain}");
    let settings = [("OPENAI_BASE_URL", base_url.as_str()), ("HTTP_REDIRECT_ADDR", &redirect), ("LOG_FORMAT", "json")];
    let program = start(folder.path(), &authority, port, &settings);
    assert_eq!(program.url, format!("https://{NAME}"));
    eventually("a certificate", async || serial(&authority, port).await).await;

    let http = browser(&authority, port).await;
    let student = Student::new(http.clone(), format!("https://{NAME}:{port}"));
    let page = student.get("/topic-selection.html").await.expect(200);
    assert!(page.header("strict-transport-security").contains("max-age="), "{:?}", page.headers);
    openai.queue(Purpose::Chat, Behaviour::text(["암호로 ", "잘 왔어요."]).gate_at(1));
    let conversation = student.begin("과학 탐구").await;
    let turn = student.ask(&conversation, "하늘은 왜 파래요?").await;
    let mut events = student.follow(&turn).await;
    // It streams: the beginning is there while the rest is held back.
    events.until_shown("암호로").await;
    openai.release_all(Purpose::Chat);
    assert_eq!(events.into_story().await.html(), "<p>암호로 잘 왔어요.</p>");
    let asked = http.get(format!("https://{NAME}:{port}/chat.html?topic=a")).send().await.unwrap();
    let cookie = asked.headers().get("set-cookie").map(|cookie| cookie.to_str().unwrap().to_owned());
    assert!(cookie.is_none_or(|cookie| cookie.contains("Secure")));

    // Plain HTTP leads to the name that is certified, whatever the request calls us.
    let asked = http.get(format!("http://127.0.0.1:{plain}/chat.html?topic=a%20b")).header("host", "evil.example");
    let redirected = asked.send().await.unwrap();
    assert_eq!(redirected.status(), 308);
    assert_eq!(redirected.headers()["location"], format!("https://{NAME}/chat.html?topic=a%20b").as_str());

    // Keys are the program's alone, and the operator sees when the certificate runs out.
    for file in fs::read_dir(folder.path().join("data/tls")).unwrap() {
        let file = file.unwrap();
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{file:?}");
    }
    assert_eq!(fs::metadata(folder.path().join("data/tls")).unwrap().permissions().mode() & 0o777, 0o700);
    let metrics = student.get("/metrics").await.expect(200).text();
    assert!(metrics.contains("tls_certificate_expires_timestamp_seconds 1"), "{metrics}");

    // The next start takes the certificate from the disk.
    let first = serial(&authority, port).await;
    program.terminate();
    assert!(program.ended().await.success());
    let again = start(folder.path(), &authority, port, &settings);
    let second = eventually("the certificate from the disk", async || serial(&authority, port).await).await;
    assert_eq!(Some(second), first);
    assert_eq!(authority.issued(), 1);
    again.terminate();
    assert!(again.ended().await.success());
}

#[tokio::test]
async fn a_certificate_is_renewed_while_a_stream_goes_on() {
    let (openai, folder, port) = (FakeOpenAi::start().await, tempfile::tempdir().unwrap(), lasting_port());
    let mut authority = Pebble::prepare(port, 12);
    authority.start().await;
    let base_url = openai.base_url();
    let patient =
        [("OPENAI_BASE_URL", base_url.as_str()), ("FIRST_TOKEN_TIMEOUT_SECONDS", "60"), ("IDLE_TIMEOUT_SECONDS", "60")];
    let _program = start(folder.path(), &authority, port, &patient);
    let first = eventually("a certificate", async || serial(&authority, port).await).await;

    let student = Student::new(browser(&authority, port).await, format!("https://{NAME}:{port}"));
    openai.queue(Purpose::Chat, Behaviour::text(["vorher ", "nachher"]).gate_at(1));
    let conversation = student.begin("과학 탐구").await;
    let turn = student.ask(&conversation, "하늘은 왜 파래요?").await;
    let mut events = student.follow(&turn).await;
    events.until_shown("vorher").await;
    eventually("another certificate", async || serial(&authority, port).await.filter(|serial| *serial != first)).await;
    openai.release_all(Purpose::Chat);
    assert_eq!(events.into_story().await.html(), "<p>vorher nachher</p>");
    assert!(authority.issued() >= 2);
}

#[tokio::test]
async fn an_authority_that_is_away_is_named_and_the_program_lives() {
    let (folder, port) = (tempfile::tempdir().unwrap(), lasting_port());
    let authority = Pebble::prepare(port, LONG);
    let program = start(folder.path(), &authority, port, &[]);
    eventually("the reason", async || log(folder.path()).contains("no certificate was issued").then_some(())).await;
    assert!(log(folder.path()).contains("pause_seconds=10"), "{}", log(folder.path()));
    // No certificate, no page; and no crash.
    let mut plain = TcpStream::connect(("127.0.0.1", port)).unwrap();
    plain.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let mut output = Vec::new();
    _ = plain.read_to_end(&mut output);
    assert!(!output.starts_with(b"HTTP"), "{output:?}");
    let mut doctor = tokio::process::Command::new(env!("CARGO_BIN_EXE_llm-classroom"));
    doctor.args(["doctor", "--json"]).current_dir(&folder).env_clear();
    doctor.envs([("APP_PORT", port.to_string().as_str()), ("TLS_DOMAIN", NAME)]);
    let output = String::from_utf8(doctor.output().await.unwrap().stdout).unwrap();
    assert!(output.contains("\"server-tls\"") && !output.contains("server-down"), "{output}");
    program.terminate();
    assert!(program.ended().await.success());
}

#[tokio::test]
async fn old_tls_is_refused_and_silent_connections_harm_nobody() {
    let (folder, port) = (tempfile::tempdir().unwrap(), lasting_port());
    let mut authority = Pebble::prepare(port, LONG);
    authority.start().await;
    let _program = start(folder.path(), &authority, port, &[]);
    eventually("a certificate", async || serial(&authority, port).await).await;
    let silent: Vec<_> = (0..50).map(|_| TcpStream::connect(("127.0.0.1", port)).unwrap()).collect();
    for (version, works) in [("-tls1_1", false), ("-tls1_2", true), ("-tls1_3", true)] {
        let mut openssl = Command::new("openssl");
        openssl.args(["s_client", "-connect", &format!("127.0.0.1:{port}"), "-servername", NAME, version]);
        // Else openssl itself wouldn't offer the old ones.
        openssl.args(["-cipher", "DEFAULT@SECLEVEL=0"]).stdin(Stdio::null());
        let output = openssl.output().unwrap();
        let agreed = String::from_utf8_lossy(&output.stdout).contains("Verification");
        assert_eq!(output.status.success() && agreed, works, "{version}: {output:?}");
    }
    drop(silent);
}

#[test]
fn settings_of_tls_that_cannot_work_are_refused_with_the_mend() {
    let folder = tempfile::tempdir().unwrap();
    for (settings, fix) in [
        (&[("TLS_DOMAIN", "10.0.0.1")][..], "point a domain at this address"),
        (&[("TLS_DOMAIN", "*.example.test")], "name each host"),
        (&[("TLS_DOMAIN", "https://a.test")], "a name alone"),
        (&[("TLS_DOMAIN", NAME), ("APP_BASE_URL", "http://a.test")], "write https://"),
        (&[("TLS_DOMAIN", NAME), ("ACME_DIRECTORY_URL", "nonsense")], "ACME_DIRECTORY_URL"),
        (&[("HTTP_REDIRECT_ADDR", "127.0.0.1:0")], "needs TLS_DOMAIN"),
        (&[("TLS_DOMAIN", NAME), ("ACME_CA_FILE", "/nowhere.pem"), ("APP_PORT", "0")], "ACME_CA_FILE, /nowhere.pem"),
        (&[("TLS_DOMAIN", NAME), ("TLS_CACHE", "/proc/tls"), ("APP_PORT", "0")], "TLS_CACHE, /proc/tls"),
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_llm-classroom"));
        let output = command.current_dir(&folder).env_clear().envs(settings.iter().copied()).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && stderr.contains(fix), "{settings:?}: {stderr}");
    }
}
