//! The replies, rendered once in OpenAI's wire format.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    Pace,
    call::{Call, Purpose},
};
use crate::texts;

/// Parts of a streamed reply, each with the frame of a chunk of HTTP/1.1 around it.
#[derive(Debug, Clone)]
pub struct Stream {
    /// The response's head.
    pub head: &'static [u8],
    /// The pieces that are sent at the pace. The first begins with the piece that names the role.
    pub pieces: Vec<Vec<u8>>,
    /// What follows the last piece at once: why the model stopped, the usage if it was asked for, the end.
    pub end: Vec<u8>,
}

/// The replies to one kind of call for one model.
#[derive(Debug)]
pub struct Replies {
    /// Without usage, and with it.
    streams: [Arc<Stream>; 2],
    whole: Arc<Vec<u8>>,
}

impl Replies {
    /// Renders the replies.
    pub fn new(purpose: Purpose, pace: Pace, model: &str) -> Self {
        let text = match purpose {
            Purpose::Chat => texts::ANSWER.to_owned(),
            Purpose::Tutor => texts::feedback(),
        };
        let pieces = texts::split(&text, pace.pieces(purpose));
        Self {
            streams: [false, true].map(|has_usage| Arc::new(stream(&pieces, model, has_usage))),
            whole: Arc::new(whole(&text, pieces.len(), model)),
        }
    }

    /// The reply to a call for a stream.
    pub fn stream(&self, call: &Call) -> Arc<Stream> {
        self.streams[usize::from(call.include_usage)].clone()
    }

    /// The reply to a call for the whole text, with its head.
    pub fn whole(&self) -> Arc<Vec<u8>> {
        self.whole.clone()
    }
}

fn usage(tokens: usize) -> Value {
    json!({ "prompt_tokens": 900, "completion_tokens": tokens, "total_tokens": 900 + tokens,
        "prompt_tokens_details": { "cached_tokens": 0, "audio_tokens": 0 },
        "completion_tokens_details": { "reasoning_tokens": 0, "audio_tokens": 0,
            "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0 } })
}

fn stream(pieces: &[String], model: &str, has_usage: bool) -> Stream {
    let event = |choices: Value, usage: Value| {
        let mut piece = json!({ "id": "chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT", "object": "chat.completion.chunk",
            "created": 1_741_569_952, "model": model, "service_tier": "default",
            "system_fingerprint": "fp_44added55e", "choices": choices });
        if has_usage {
            piece["usage"] = usage;
        }
        format!("data: {piece}\n\n")
    };
    let choice = |delta: Value, finish: Value| json!([{ "index": 0, "delta": delta, "logprobs": null, "finish_reason": finish }]);
    let role = event(choice(json!({ "role": "assistant", "content": "", "refusal": null }), Value::Null), Value::Null);
    let mut framed: Vec<Vec<u8>> =
        pieces.iter().map(|text| chunk(&event(choice(json!({ "content": text }), Value::Null), Value::Null))).collect();
    framed[0] = [chunk(&role).as_slice(), &framed[0]].concat();
    let head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nCache-Control: no-cache\r\n\
        Transfer-Encoding: chunked\r\nopenai-version: 2020-10-01\r\nx-request-id: req_bench\r\n\r\n";
    let mut end = chunk(&event(choice(json!({}), json!("stop")), Value::Null));
    if has_usage {
        end.extend(chunk(&event(json!([]), usage(pieces.len()))));
    }
    end.extend(chunk("data: [DONE]\n\n"));
    end.extend(b"0\r\n\r\n");
    Stream { head, pieces: framed, end }
}

fn chunk(text: &str) -> Vec<u8> {
    format!("{:x}\r\n{text}\r\n", text.len()).into_bytes()
}

fn whole(text: &str, tokens: usize, model: &str) -> Vec<u8> {
    let body = json!({ "id": "chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT", "object": "chat.completion",
        "created": 1_741_569_952, "model": model,
        "choices": [{ "index": 0, "message": { "role": "assistant", "content": text, "refusal": null, "annotations": [] },
            "logprobs": null, "finish_reason": "stop" }],
        "usage": usage(tokens), "service_tier": "default", "system_fingerprint": "fp_44added55e" })
    .to_string();
    let length = body.len();
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nopenai-version: 2020-10-01\r\n\
         x-request-id: req_bench\r\n\r\n{body}"
    )
    .into_bytes()
}
