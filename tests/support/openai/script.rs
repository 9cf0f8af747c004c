//! What a test may ask the server to do, in Rust or as JSON.

use super::rule::Rule;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};

/// What a call is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Purpose {
    Chat,
    Tutor,
    Guide,
}

impl Purpose {
    pub const ALL: [Self; 3] = [Self::Chat, Self::Tutor, Self::Guide];

    /// Reads it from a request: by the schema's name, else by the data in the last message.
    pub fn of(body: &Value) -> Self {
        match body["response_format"]["json_schema"]["name"].as_str() {
            Some("tutor_feedback") => return Self::Tutor,
            Some("topic_guide") => return Self::Guide,
            _ => {}
        }
        match super::canned::data(body) {
            Some(data) if data.contains_key("newest_message") => Self::Tutor,
            Some(_) => Self::Guide,
            None => Self::Chat,
        }
    }
}

/// `POST /control`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Script {
    /// Forget everything first.
    pub reset: bool,
    /// New defaults.
    pub default: HashMap<Purpose, Behaviour>,
    /// For the next calls.
    pub queue: HashMap<Purpose, Vec<Behaviour>>,
}

/// `POST /control/release`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Release {
    /// Every purpose, if none.
    pub purpose: Option<Purpose>,
    /// For good, if none.
    pub count: Option<usize>,
}

/// What happens to one call. The default is a good answer, slightly paced.
///
/// In the order of a call: first delay, refusal (`reject`, `status`), raw bytes, plain JSON, or a stream with gates,
/// an error, or a cut at a chunk.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Behaviour {
    /// Before anything is sent, in milliseconds.
    pub first_ms: u64,
    /// Between chunks, in milliseconds.
    pub gap_ms: u64,
    /// With any other than 200, `body` is the reply.
    pub status: u16,
    pub headers: BTreeMap<String, String>,
    /// Replaces the reply's body.
    pub body: Option<String>,
    /// Parameters to refuse with a 400 when a request carries one: its name, or `json_schema` for that format alone.
    pub reject: Vec<String>,
    /// What to refuse, in the words of real servers.
    pub rules: Vec<Rule>,
    /// Bytes to write as they are, one write each.
    pub raw: Option<Vec<Raw>>,
    /// The text, piece by piece; the canned answer if none.
    pub chunks: Option<Vec<String>>,
    /// Goes before the text, as a model without a reasoning parser does.
    pub think: Option<String>,
    /// Where to wait for a release.
    pub gate: Gate,
    /// Break the connection after this many chunks.
    pub cut_after: Option<usize>,
    /// Put an error into the stream after this many chunks.
    pub error_after: Option<Error>,
    /// Answer in one JSON document, as a server that doesn't know `stream`. Otherwise as the request asks.
    pub plain: bool,
    pub newline: Newline,
    /// A keep-alive comment before each event.
    pub comments: bool,
    /// Count tokens at the end.
    pub usage: bool,
    /// Say `[DONE]`.
    pub done: bool,
    pub finish: Option<String>,
    /// Send the text as a refusal.
    pub refusal: bool,
    /// What the request is counted as; 100 if none.
    pub prompt_tokens: Option<usize>,
    /// The model to claim to be; the one asked for if none.
    pub model: Option<String>,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            first_ms: 0,
            gap_ms: 2,
            status: 200,
            headers: BTreeMap::new(),
            body: None,
            reject: Vec::new(),
            rules: Vec::new(),
            raw: None,
            chunks: None,
            think: None,
            gate: Gate::None,
            cut_after: None,
            error_after: None,
            plain: false,
            newline: Newline::Lf,
            comments: false,
            usage: true,
            done: true,
            finish: Some("stop".to_owned()),
            refusal: false,
            prompt_tokens: None,
            model: None,
        }
    }
}

impl Behaviour {
    /// A good answer of these chunks, unpaced.
    pub fn text<const N: usize>(chunks: [&str; N]) -> Self {
        Self { chunks: Some(chunks.map(str::to_owned).to_vec()), gap_ms: 0, ..Self::default() }
    }

    /// A status with a body.
    pub fn status(status: u16, body: impl Into<String>) -> Self {
        Self { status, body: Some(body.into()), ..Self::default() }
    }

    /// An OpenAI-like error: `{"error":{"code":…,"message":…}}`.
    pub fn error(status: u16, code: &str, message: &str) -> Self {
        let error = serde_json::json!({ "error": { "message": message, "type": null, "param": null, "code": code } });
        Self::status(status, error.to_string()).header("content-type", "application/json")
    }

    /// A good answer for requests that break none of these rules.
    pub fn refusing<const N: usize>(rules: [Rule; N]) -> Self {
        Self { rules: rules.into(), ..Self::default() }
    }

    /// Bytes as they are, each in a write of its own.
    pub fn raw<B: AsRef<[u8]>>(writes: impl IntoIterator<Item = B>) -> Self {
        let writes = writes.into_iter().map(|write| Raw::Bytes(write.as_ref().to_vec())).collect();
        Self { raw: Some(writes), ..Self::default() }
    }

    /// The same with another header.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.insert(name.to_owned(), value.to_owned());
        self
    }

    /// The same, waiting before chunk `at` (0 is before the status line). With raw bytes a chunk is a write.
    pub fn gate_at(self, at: usize) -> Self {
        Self { gate: Gate::At(vec![at]), ..self }
    }
}

/// Bytes of one write.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum Raw {
    Text(String),
    Bytes(Vec<u8>),
}

impl Raw {
    pub fn into_bytes(self) -> Vec<u8> {
        match self {
            Self::Text(text) => text.into_bytes(),
            Self::Bytes(bytes) => bytes,
        }
    }
}

/// Where a call waits to be released. Chunk 0 stands for the reply's head: nothing at all is sent before.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Gate {
    #[default]
    None,
    /// Before every chunk, and before the end.
    Every,
    /// Before these chunks; the number of chunks stands for the end.
    At(Vec<usize>),
}

impl Gate {
    pub fn stands_at(&self, chunk: usize) -> bool {
        match self {
            Self::None => false,
            Self::Every => true,
            Self::At(chunks) => chunks.contains(&chunk),
        }
    }
}

/// An error inside a stream that began well.
#[derive(Debug, Clone, Deserialize)]
pub struct Error {
    /// After this many chunks.
    pub after: usize,
    /// What stands in place of a chunk.
    pub event: Value,
}

/// How lines end.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Newline {
    #[default]
    Lf,
    Crlf,
    Cr,
}

impl Newline {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Lf => "\n",
            Self::Crlf => "\r\n",
            Self::Cr => "\r",
        }
    }
}
