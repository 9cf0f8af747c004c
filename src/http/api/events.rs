//! A turn as it happens: server-sent events, first a snapshot, then what changes.

use crate::http::locale::{RequestLocale, reason_text};
use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    extract::State,
    http::{HeaderName, header::CACHE_CONTROL},
    response::{
        IntoResponse, Response,
        sse::{self, KeepAlive, Sse},
    },
};
use futures_util::{Stream, StreamExt, stream};
use serde_json::json;

use super::{PathId, event_schema::TurnEvent, turns::note};
use crate::{
    engine::turn::{AskError, engine::Following},
    http::{AppState, error::ApiError, learner::Learner, metrics::InFlight, problem::Problem},
    live::{Event, Follower, Status},
};
use domain::{
    Locale, TurnId,
    turn::{Reason, Turn},
};

/// Proxies close a connection on which nothing is said for a minute.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// What a stream needs so that no proxy holds its pieces back.
pub(super) const STREAM_HEADERS: [(HeaderName, &str); 2] =
    [(CACHE_CONTROL, "no-cache, no-transform"), (HeaderName::from_static("x-accel-buffering"), "no")];

/// Follows a turn
///
/// Server-sent events: `snapshot {state, reason, reason_text, answered, thinking, blocks, feedback}` first; then
/// `block {index, html}` (replaces that block; an empty one is gone), `delta {text}`, `thinking {thinking}` (the model
/// thinks before it writes), `feedback {…}`, `state {state, reason, reason_text, answered}`; `end {}` last. `answered`
/// says of a turn with the state `answering` that its answer is whole and only the feedback is missing: the next
/// question may be asked. A failure is told as soon as the answer failed, also before the feedback: the next question or
/// a retry may follow at once. Another `snapshot` replaces all that came before it: text was withdrawn. Reconnecting is the
/// same call.
#[utoipa::path(get, path = "/api/v1/turns/{id}/events", tag = "turns", params(("id" = Uuid, Path)),
    responses((status = 200, content_type = "text/event-stream", body = TurnEvent), (status = 429, response = Problem)))]
pub async fn follow(
    State(state): State<AppState>,
    Learner(learner): Learner,
    RequestLocale(locale): RequestLocale,
    PathId(id): PathId<TurnId>,
) -> Result<Response, ApiError> {
    note(id);
    let turn = state.engine.find_turn(learner, id).await.map_err(AskError::from)?.ok_or(ApiError::NotFound)?;
    // Before anything is set up for a stream that may be refused.
    let open = state.followers.open(learner, id)?;
    let following = state.engine.follow(turn).await?;
    let in_flight = InFlight::begin();
    let events = match following {
        Following::Live(follower) => live(follower).left_stream(),
        Following::Stored(turn) => {
            let _share = state.rendered.share_of(learner).await;
            let blocks = state.rendered.blocks(&turn).await.map_err(|error| ApiError::internal(&error))?;
            stream::iter(stored(*turn, blocks.to_vec())).right_stream()
        }
    };
    let numbered = events.enumerate().map(move |(number, event)| {
        let _open = &open;
        Ok::<_, Infallible>(written(number, &event, locale))
    });
    let stream = Sse::new(in_flight.hold(numbered)).keep_alive(KeepAlive::new().interval(KEEP_ALIVE));
    Ok((STREAM_HEADERS, stream).into_response())
}

/// The bus is asked only when the connection can take more, so a slow reader holds nothing back and nothing in memory.
fn live(follower: Follower) -> impl Stream<Item = Event> + Send {
    stream::unfold(follower, async |mut follower| follower.next().await.map(|events| (stream::iter(events), follower)))
        .flatten()
}

/// A turn that doesn't run here is told in two events.
fn stored(turn: Turn, blocks: Vec<Arc<str>>) -> [Event; 2] {
    let feedback = turn.feedback.and_then(|feedback| serde_json::to_string(&feedback).ok()).map(Arc::from);
    let status = Status::new(turn.state.as_str(), turn.reason.map(Reason::as_str));
    [Event::Snapshot { status, blocks, feedback, thinking: false }, Event::End]
}

fn written(number: usize, event: &Event, locale: Locale) -> sse::Event {
    let said = |status: &Status| {
        let text = status.reason.as_deref().map(|reason| reason_text(reason, locale));
        (status.state.clone(), status.reason.clone(), text)
    };
    let (name, data) = match event {
        Event::Snapshot { status, blocks, feedback, thinking } => {
            let (state, reason, reason_text) = said(status);
            // The feedback is JSON already.
            let feedback = feedback.as_deref().unwrap_or("null");
            let head = json!({ "state": state, "reason": reason, "reason_text": reason_text,
                "answered": status.is_answered, "thinking": thinking, "blocks": blocks });
            let head = head.to_string();
            ("snapshot", format!("{},\"feedback\":{feedback}}}", &head[..head.len() - 1]))
        }
        Event::Block { index, html } => ("block", json!({ "index": index, "html": html }).to_string()),
        Event::Delta { text } => ("delta", json!({ "text": text }).to_string()),
        Event::Thinking { thinking } => ("thinking", json!({ "thinking": thinking }).to_string()),
        Event::Feedback { json } => ("feedback", json.to_string()),
        Event::State { status } => {
            let (state, reason, reason_text) = said(status);
            let answered = status.is_answered;
            let data = json!({ "state": state, "reason": reason, "reason_text": reason_text, "answered": answered });
            ("state", data.to_string())
        }
        Event::End => ("end", "{}".to_owned()),
    };
    sse::Event::default().id(number.to_string()).event(name).data(data)
}
