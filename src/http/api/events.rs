//! The events of a turn: a snapshot, then every change.

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

use super::{PathId, event_schema::TurnEvent, turns::record_turn};
use crate::{
    engine::turn::{AskError, Following},
    http::{
        AppState,
        error::ApiError,
        learner::Learner,
        locale::{RequestLocale, reason_text},
        metrics::InFlight,
        problem::Problem,
    },
    live::{Event, Follower, Status},
};
use domain::{
    Locale, TurnId,
    turn::{Reason, Turn},
};

/// The interval of keep-alive comments. Proxies close a connection without data after a minute.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Headers that keep proxies from buffering a stream.
pub(super) const STREAM_HEADERS: [(HeaderName, &str); 2] =
    [(CACHE_CONTROL, "no-cache, no-transform"), (HeaderName::from_static("x-accel-buffering"), "no")];

/// Follows a turn
///
/// Server-sent events. The first is `snapshot {state, reason, reason_text, answered, thinking, blocks, feedback}`. Then
/// come, in any order, `block {index, html}` (replaces this block; an empty one is removed), `delta {text}`,
/// `thinking {thinking}` (the model thinks before it writes), `feedback {…}` and
/// `state {state, reason, reason_text, answered}`. The last is `end {}`. In the state `answering`, `answered` means that the
/// answer is complete and only the feedback is missing; the next question may be asked. The state `failed` may come before
/// the feedback; the next question or a retry may follow at once. Another `snapshot` replaces everything before it, because
/// the model withdrew text. To reconnect, repeat the request.
#[utoipa::path(get, path = "/api/v1/turns/{id}/events", tag = "turns", params(("id" = Uuid, Path)),
    responses((status = 200, content_type = "text/event-stream", body = TurnEvent), (status = 429, response = Problem)))]
pub async fn follow(
    State(state): State<AppState>,
    Learner(learner): Learner,
    RequestLocale(locale): RequestLocale,
    PathId(id): PathId<TurnId>,
) -> Result<Response, ApiError> {
    record_turn(id);
    let turn = state.turns.find_to_follow(learner, id).await.map_err(AskError::from)?.ok_or(ApiError::NotFound)?;
    // Checked before the stream is set up.
    let open_stream = state.followers.try_open(learner, id)?;
    let following = state.turns.follow(turn).await?;
    let in_flight = InFlight::start();
    let events = match following {
        Following::Live(follower) => live_events(follower).left_stream(),
        Following::Stored(turn) => {
            let _guard = state.rendered.lock_reader(learner).await;
            let blocks = state.rendered.blocks(&turn).await.map_err(|error| ApiError::internal(&error))?;
            stream::iter(stored_events(*turn, blocks.to_vec())).right_stream()
        }
    };
    let numbered = events.enumerate().map(move |(number, event)| {
        let _counted = &open_stream;
        Ok::<_, Infallible>(sse_event(number, &event, locale))
    });
    let stream = Sse::new(in_flight.count(numbered)).keep_alive(KeepAlive::new().interval(KEEP_ALIVE));
    Ok((STREAM_HEADERS, stream).into_response())
}

/// The events of a running turn. The follower is read only when the connection can take more, so that a slow client needs no
/// memory.
fn live_events(follower: Follower) -> impl Stream<Item = Event> + Send {
    stream::unfold(follower, async |mut follower| follower.next().await.map(|events| (stream::iter(events), follower)))
        .flatten()
}

/// The events of a turn that has ended.
fn stored_events(turn: Turn, blocks: Vec<Arc<str>>) -> [Event; 2] {
    let feedback = turn.feedback.and_then(|feedback| serde_json::to_string(&feedback).ok()).map(Arc::from);
    let status = Status::new(turn.state.as_str(), turn.reason.map(Reason::as_str));
    [Event::Snapshot { status, blocks, feedback, thinking: false }, Event::End]
}

fn sse_event(number: usize, event: &Event, locale: Locale) -> sse::Event {
    let describe = |status: &Status| {
        let text = status.reason.as_deref().map(|reason| reason_text(reason, locale));
        (status.state.clone(), status.reason.clone(), text)
    };
    let (name, data) = match event {
        Event::Snapshot { status, blocks, feedback, thinking } => {
            let (state, reason, reason_text) = describe(status);
            // The feedback is JSON text already.
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
            let (state, reason, reason_text) = describe(status);
            let answered = status.is_answered;
            let data = json!({ "state": state, "reason": reason, "reason_text": reason_text, "answered": answered });
            ("state", data.to_string())
        }
        Event::End => ("end", "{}".to_owned()),
    };
    sse::Event::default().id(number.to_string()).event(name).data(data)
}
