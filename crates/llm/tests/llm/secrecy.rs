//! The key stays between us and the server it is for.

use super::*;
use openai::Behaviour;
use std::io::Write;
use std::sync::{Arc, Mutex};
use tracing_subscriber::fmt::MakeWriter;

const KEY: &str = "sk-test-0123456789-geheim";

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

fn keyed(server: &FakeOpenAi) -> Settings {
    Settings { key: Some(KEY.into()), ..settings(server) }
}

#[tokio::test]
async fn no_failure_puts_the_key_into_a_log_or_an_error() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(log.clone()).finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let server = FakeOpenAi::start().await;
    let settings = Settings { fallbacks: vec!["second".into()], breaker_failures: 99, ..keyed(&server) };
    tracing::info!(?settings, "settings");
    let client = client(settings);
    let echo = format!("Incorrect API key provided: {KEY}. {KEY}");
    let stream = json!({ "error": { "message": echo, "code": 500 } });
    let failures = [
        Behaviour::error(401, "invalid_api_key", &echo),
        Behaviour::error(400, "", &echo),
        Behaviour::error(429, "", &echo),
        Behaviour::error(404, "", &echo),
        Behaviour::status(500, echo.clone()),
        Behaviour::status(400, format!("{}{KEY}", "x".repeat(290))),
        Behaviour::status(307, echo.clone()).header("location", &format!("/v1/{KEY}")),
        Behaviour::status(200, format!("<p>{echo}")),
        Behaviour::raw([format!("data: {echo}\n\n")]),
        Behaviour { error_after: Some(openai::Error { after: 0, event: stream.clone() }), ..Behaviour::default() },
        Behaviour { error_after: Some(openai::Error { after: 1, event: stream }), ..Behaviour::default() },
    ];
    for failure in failures {
        server.set(CHAT, failure);
        let error = client.complete(chat()).await.unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("sk-test"), "{shown}");
    }
    drop(server);
    client.complete(chat()).await.unwrap_err();

    let text = log.text();
    assert_eq!(text.lines().find(|line| line.contains("sk-test")), None, "the key is in the log");
    assert!(text.contains("provided: [key]"), "what servers said is in the log");
    assert!(text.contains("falling back") && text.contains("trying again") && text.contains("REDACTED"));
}

#[tokio::test]
async fn the_key_goes_to_the_server_as_a_bearer_token() {
    let server = FakeOpenAi::start().await;
    client(keyed(&server)).complete(chat()).await.unwrap();
    assert_eq!(server.requests()[0].headers["authorization"], format!("Bearer {KEY}"));
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let (server, elsewhere) = (FakeOpenAi::start().await, FakeOpenAi::start().await);
    let client = client(keyed(&server));
    for status in [301, 302, 303, 307, 308] {
        let location = format!("{}/chat/completions", elsewhere.base_url());
        server.set(CHAT, Behaviour::status(status, "").header("location", &location));
        assert!(matches!(client.complete(chat()).await, Err(Error::BadRequest { status: told, .. }) if told == status));
    }
    assert_eq!((calls(&server), calls(&elsewhere)), (5, 0));
}

#[test]
fn bad_settings_are_refused_in_words_that_hide_the_key() {
    for (base_url, key) in [("api.openai.com", "k"), ("ftp://x/v1", "k"), ("http://x/v1", "sk-test\n1")] {
        let refusal = Client::new(Settings { key: Some(key.into()), ..Settings::new(base_url, "m") }).err().unwrap();
        assert!(!format!("{refusal} {refusal:?}").contains("sk-test"));
    }
}
