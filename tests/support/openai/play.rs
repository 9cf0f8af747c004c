//! Plays one behaviour on one call.

use super::rule::Rule;
use super::{Behaviour, Purpose, Shared, canned};
use axum::body::{Body, Bytes};
use axum::http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use axum::http::{Response as Reply, StatusCode};
use axum::response::Response;
use futures_util::{Stream, stream};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;

/// A call that is running. Dropped before its end, the client has hung up.
struct Running {
    shared: Arc<Shared>,
    purpose: Purpose,
    ended: bool,
    /// Given back with the end of the reply.
    _slot: Option<OwnedSemaphorePermit>,
}

impl Running {
    fn begin(shared: Arc<Shared>, purpose: Purpose, slot: Option<OwnedSemaphorePermit>) -> Self {
        shared.count(|stats| {
            stats.calls += 1;
            *stats.by_purpose.entry(purpose).or_default() += 1;
            stats.active += 1;
            stats.max_active = stats.max_active.max(stats.active);
        });
        Self { shared, purpose, ended: false, _slot: slot }
    }

    fn finish(&mut self) {
        self.ended = true;
        self.shared.count(|stats| stats.finished += 1);
    }

    async fn gate(&self) {
        let gate = self.shared.gate(self.purpose);
        let _waiting = Waiting::begin(&self.shared);
        // A closed gate is one that stays open for good.
        if let Ok(permit) = gate.acquire().await {
            permit.forget();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let hung_up = usize::from(!self.ended);
        self.shared.count(|stats| {
            stats.active = stats.active.saturating_sub(1);
            stats.disconnects += hung_up;
        });
    }
}

struct Waiting<'a>(&'a Shared);

impl<'a> Waiting<'a> {
    fn begin(shared: &'a Shared) -> Self {
        shared.count(|stats| stats.waiting += 1);
        Self(shared)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.count(|stats| stats.waiting = stats.waiting.saturating_sub(1));
    }
}

/// One step of a reply's body.
enum Step {
    Write(Vec<u8>, bool),
    Gate,
    Pause(u64),
    Cut,
}

/// Answers a call.
pub(super) async fn reply(
    shared: Arc<Shared>,
    purpose: Purpose,
    behaviour: Behaviour,
    request: Value,
    slot: Option<OwnedSemaphorePermit>,
) -> Response {
    let mut running = Running::begin(shared, purpose, slot);
    pause(behaviour.first_ms).await;
    if behaviour.gate.stands_at(0) {
        running.gate().await;
    }
    let mut reply = Reply::builder().status(behaviour.status);
    for (name, value) in &behaviour.headers {
        let name = HeaderName::try_from(name).expect("a header name");
        reply = reply.header(name, HeaderValue::try_from(value).expect("a header value"));
    }
    if let Some(refused) = refused(&behaviour.reject, &request) {
        running.finish();
        let error = json!({ "error": { "type": "invalid_request_error", "param": refused, "code": "unsupported_parameter",
            "message": format!("Unsupported parameter: '{refused}'") } });
        let reply = reply.status(StatusCode::BAD_REQUEST).header(CONTENT_TYPE, "application/json");
        return reply.body(error.to_string().into()).expect("a valid reply");
    }
    if let Some(rule) = Rule::broken(&behaviour.rules, &request) {
        running.finish();
        return reply.status(rule.status).body(rule.body.clone().into()).expect("a valid reply");
    }
    if behaviour.body.is_some() || behaviour.status != 200 {
        running.finish();
        return reply.body(behaviour.body.unwrap_or_default().into()).expect("a valid reply");
    }
    let is_whole = request["stream"] != true && behaviour.raw.is_none();
    if behaviour.plain || is_whole {
        if is_whole && let Err(()) = wait_for_events(&running, events(&behaviour, purpose, &request)).await {
            let steps = VecDeque::from([Step::Write(b"{".to_vec(), false), Step::Cut]);
            return reply.body(Body::from_stream(play(running, steps))).expect("a valid reply");
        }
        running.finish();
        let reply = reply.header(CONTENT_TYPE, "application/json");
        let body = match &behaviour.error_after {
            Some(error) if is_whole => error.event.clone(),
            _ => plain(&behaviour, purpose, &request),
        };
        return reply.body(body.to_string().into()).expect("a valid reply");
    }
    if !behaviour.headers.contains_key(CONTENT_TYPE.as_str()) {
        reply = reply.header(CONTENT_TYPE, "text/event-stream; charset=utf-8");
    }
    let steps = if behaviour.raw.is_some() { raw(behaviour) } else { events(&behaviour, purpose, &request) };
    reply.body(Body::from_stream(play(running, steps))).expect("a valid reply")
}

/// Takes as long for a whole reply as for a streamed one. An error means that the reply is cut.
async fn wait_for_events(running: &Running, steps: VecDeque<Step>) -> Result<(), ()> {
    for step in steps {
        match step {
            Step::Write(..) => {}
            Step::Gate => running.gate().await,
            Step::Pause(ms) => pause(ms).await,
            Step::Cut => return Err(()),
        }
    }
    Ok(())
}

fn play(running: Running, steps: VecDeque<Step>) -> impl Stream<Item = io::Result<Bytes>> {
    stream::unfold((running, steps), |(mut running, mut steps)| async move {
        loop {
            match steps.pop_front() {
                Some(Step::Write(bytes, is_chunk)) => {
                    running.shared.count(|stats| stats.chunks += usize::from(is_chunk));
                    // Lets the server write what it has, so that each write goes out by itself.
                    tokio::task::yield_now().await;
                    return Some((Ok(bytes.into()), (running, steps)));
                }
                Some(Step::Gate) => running.gate().await,
                Some(Step::Pause(ms)) => pause(ms).await,
                Some(Step::Cut) => {
                    // What was written before goes out first.
                    tokio::task::yield_now().await;
                    running.finish();
                    steps.clear();
                    return Some((Err(io::ErrorKind::ConnectionAborted.into()), (running, steps)));
                }
                None => {
                    if !running.ended {
                        running.finish();
                    }
                    return None;
                }
            }
        }
    })
}

async fn pause(ms: u64) {
    if ms > 0 {
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }
}

fn raw(behaviour: Behaviour) -> VecDeque<Step> {
    let mut steps = VecDeque::new();
    let writes = behaviour.raw.unwrap_or_default();
    let count = writes.len();
    for (at, write) in writes.into_iter().enumerate() {
        if at > 0 && behaviour.gate.stands_at(at) {
            steps.push_back(Step::Gate);
        }
        steps.push_back(Step::Pause(if at > 0 { behaviour.gap_ms } else { 0 }));
        steps.push_back(Step::Write(write.into_bytes(), true));
    }
    if behaviour.gate.stands_at(count) {
        steps.push_back(Step::Gate);
    }
    steps
}

fn events(behaviour: &Behaviour, purpose: Purpose, request: &Value) -> VecDeque<Step> {
    let mut steps = VecDeque::new();
    let event = |data: &Value| encode(behaviour, &data.to_string());
    let key = if behaviour.refusal { "refusal" } else { "content" };
    steps.push_back(Step::Write(
        event(&chunk(behaviour, request, json!({ "role": "assistant", "content": null }))),
        false,
    ));
    if let Some(think) = &behaviour.think {
        let text = format!("<think>{think}</think>\n\n");
        steps.push_back(Step::Write(event(&chunk(behaviour, request, json!({ "content": text }))), false));
    }
    let chunks = behaviour.chunks.clone().unwrap_or_else(|| canned::chunks(purpose, request));
    for at in 0..=chunks.len() {
        if at > 0 && behaviour.gate.stands_at(at) {
            steps.push_back(Step::Gate);
        }
        if behaviour.cut_after == Some(at) {
            steps.push_back(Step::Cut);
            return steps;
        }
        if let Some(error) = behaviour.error_after.as_ref().filter(|error| error.after == at) {
            steps.push_back(Step::Write(event(&error.event), false));
            return steps;
        }
        if let Some(text) = chunks.get(at) {
            steps.push_back(Step::Pause(if at > 0 { behaviour.gap_ms } else { 0 }));
            steps.push_back(Step::Write(event(&chunk(behaviour, request, json!({ key: text }))), true));
        }
    }
    if let Some(finish) = &behaviour.finish {
        let mut last = chunk(behaviour, request, json!({}));
        last["choices"][0]["finish_reason"] = json!(finish);
        steps.push_back(Step::Write(event(&last), false));
    }
    if behaviour.usage {
        let mut usage = chunk(behaviour, request, json!({}));
        usage["choices"] = json!([]);
        usage["usage"] = tokens(behaviour, &chunks);
        steps.push_back(Step::Write(event(&usage), false));
    }
    if behaviour.done {
        steps.push_back(Step::Write(encode(behaviour, "[DONE]"), false));
    }
    steps
}

fn encode(behaviour: &Behaviour, data: &str) -> Vec<u8> {
    let end = behaviour.newline.as_str();
    let comment = if behaviour.comments { format!(": keep-alive{end}{end}") } else { String::new() };
    format!("{comment}data: {data}{end}{end}").into_bytes()
}

fn chunk(behaviour: &Behaviour, request: &Value, delta: Value) -> Value {
    json!({
        "id": "chatcmpl-fake", "object": "chat.completion.chunk", "created": 0, "model": model(behaviour, request),
        "choices": [{ "index": 0, "delta": delta, "logprobs": null, "finish_reason": null }],
    })
}

fn plain(behaviour: &Behaviour, purpose: Purpose, request: &Value) -> Value {
    let chunks = behaviour.chunks.clone().unwrap_or_else(|| canned::chunks(purpose, request));
    json!({
        "id": "chatcmpl-fake", "object": "chat.completion", "created": 0, "model": model(behaviour, request),
        "choices": [{ "index": 0, "message": { "role": "assistant", "content": chunks.concat() },
            "finish_reason": behaviour.finish }],
        "usage": tokens(behaviour, &chunks),
    })
}

fn model(behaviour: &Behaviour, request: &Value) -> Value {
    behaviour.model.as_ref().map_or_else(|| request["model"].clone(), |model| json!(model))
}

/// A hundred for the request unless there is a window, one for each chunk.
fn tokens(behaviour: &Behaviour, chunks: &[String]) -> Value {
    let prompt = behaviour.prompt_tokens.unwrap_or(100);
    json!({ "prompt_tokens": prompt, "completion_tokens": chunks.len(), "total_tokens": prompt + chunks.len() })
}

/// The first refused parameter that a request carries.
fn refused<'a>(reject: &'a [String], request: &Value) -> Option<&'a str> {
    reject.iter().map(String::as_str).find(|name| match *name {
        "json_schema" => request["response_format"]["type"] == "json_schema",
        name => request.get(name).is_some(),
    })
}
