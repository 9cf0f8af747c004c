//! Calls that carry their own conversation, to a server and to the model server itself.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde::Deserialize;
use serde_json::json;

use crate::{
    http::Connection,
    sse::Events,
    texts::{ANSWER, TOPIC, question},
};

/// When the first text was there, and when all.
#[derive(Debug, Clone, Copy)]
pub struct CallTimes {
    /// From sending the request until the first text.
    pub first_text: Duration,
    /// From sending the request until the end.
    pub whole: Duration,
}

/// A call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// `chat/chat`: answer and notes as a whole.
    Chat,
    /// `chat/chat/stream`: the answer as a stream.
    ChatStream,
    /// A stream of the model server, without any server between.
    Direct,
    /// A stream of the model server that brings the tutor's reply.
    DirectTutor,
}

#[derive(Deserialize)]
struct ChatResponse {
    response: String,
    tutor_feedback: Notes,
}

#[derive(Deserialize)]
struct Notes {
    source: String,
}

#[derive(Deserialize)]
struct Piece {
    content: String,
}

#[derive(Deserialize)]
struct Chunk {
    choices: Vec<Choice>,
}

#[derive(Deserialize)]
struct Choice {
    delta: Delta,
}

#[derive(Deserialize)]
struct Delta {
    content: Option<String>,
}

impl Call {
    /// Its path.
    pub fn path(self) -> &'static str {
        match self {
            Self::Chat => "/api/v1/chat/chat",
            Self::ChatStream => "/api/v1/chat/chat/stream",
            Self::Direct | Self::DirectTutor => "/v1/chat/completions",
        }
    }

    fn body(self) -> String {
        match self {
            Self::Chat | Self::ChatStream => json!({ "message": question(0), "topic": TOPIC }),
            Self::Direct | Self::DirectTutor => {
                let mut body = json!({ "model": "gpt-4o-mini", "stream": true,
                    "stream_options": { "include_usage": true },
                    "messages": [{ "role": "user", "content": question(0) }] });
                if self == Self::DirectTutor {
                    body["response_format"] = json!({ "type": "json_schema" });
                }
                body
            }
        }
        .to_string()
    }

    /// Makes the call and checks that the reply is whole.
    pub async fn make(self, connection: &mut Connection) -> anyhow::Result<CallTimes> {
        let sent = Instant::now();
        let body = self.body();
        if self == Self::Chat {
            let reply = connection.call("POST", self.path(), Some(&body), 200).await?;
            let whole = sent.elapsed();
            let reply: ChatResponse = serde_json::from_slice(&reply)?;
            ensure!(reply.response == ANSWER && reply.tutor_feedback.source == "model", "a reply isn't whole");
            return Ok(CallTimes { first_text: whole, whole });
        }
        let status = connection.send("POST", self.path(), Some(&body)).await?;
        ensure!(status == 200, "{}: {status}", self.path());
        let (mut first_text, mut text, mut ended) = (None, String::new(), false);
        let mut events = Events::default();
        while let Some(event) = events.next(connection).await? {
            match self.text(event.data)? {
                None => ended = true,
                Some(piece) if !piece.is_empty() => {
                    first_text.get_or_insert_with(|| sent.elapsed());
                    text.push_str(&piece);
                }
                Some(_) => {}
            }
        }
        let whole = sent.elapsed();
        ensure!(ended && (self == Self::DirectTutor || text == ANSWER), "a stream isn't whole: {text}");
        Ok(CallTimes { first_text: first_text.context("a stream has text")?, whole })
    }

    /// The text of an event; `None` at the end.
    fn text(self, data: &str) -> serde_json::Result<Option<String>> {
        Ok(match self {
            Self::Direct | Self::DirectTutor if data == "[DONE]" => None,
            Self::Direct | Self::DirectTutor => {
                let chunk: Chunk = serde_json::from_str(data)?;
                Some(chunk.choices.into_iter().next().and_then(|choice| choice.delta.content).unwrap_or_default())
            }
            Self::Chat | Self::ChatStream => {
                let piece: Piece = serde_json::from_str(data)?;
                (piece.content != "[DONE]").then_some(piece.content)
            }
        })
    }
}
