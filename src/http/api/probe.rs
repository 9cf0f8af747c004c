//! A test stream of known speed, with which `doctor` detects proxies that buffer streams.

use std::{convert::Infallible, time::Duration};

use axum::response::{
    IntoResponse,
    sse::{Event, Sse},
};
use futures_util::{StreamExt as _, stream};

use super::{event_schema::ProbeEvent, events::STREAM_HEADERS};

/// The path, beside the events of turns, so that proxies treat it in the same way.
pub const PATH: &str = "/api/v1/turns/probe/events";
/// The number of events.
const EVENTS: u32 = 5;
/// The pause between two events.
const PAUSE: Duration = Duration::from_millis(200);
/// The time from the first event to the last.
pub const DURATION: Duration = PAUSE.saturating_mul(EVENTS - 1);

/// Sends a test stream
///
/// Five server-sent events, 200 milliseconds apart. If they arrive together, a proxy buffers streams.
#[utoipa::path(get, path = PATH, operation_id = "probe", tag = "status",
    responses((status = 200, content_type = "text/event-stream", body = ProbeEvent)))]
pub async fn stream() -> impl IntoResponse {
    let events = stream::iter(0..EVENTS).then(async |number| {
        if number > 0 {
            tokio::time::sleep(PAUSE).await;
        }
        Ok::<_, Infallible>(Event::default().event("piece").data(number.to_string()))
    });
    (STREAM_HEADERS, Sse::new(events))
}
