//! A stream of known pace, by which `doctor` sees from outside whether a proxy holds pieces back.

use std::{convert::Infallible, time::Duration};

use axum::response::{
    IntoResponse,
    sse::{Event, Sse},
};
use futures_util::{StreamExt as _, stream};

use super::{event_schema::ProbeEvent, events::STREAM_HEADERS};

/// Where it is: among the streams of turns, so that proxies treat it as one.
pub const PATH: &str = "/api/v1/turns/probe/events";
/// How many pieces it has, and the pause between two.
const PIECES: u32 = 5;
const PAUSE: Duration = Duration::from_millis(200);
/// How long it takes from the first piece to the last.
pub const LASTS: Duration = PAUSE.saturating_mul(PIECES - 1);

/// A stream to try the way with
///
/// Five server-sent events, 200 milliseconds apart. If they arrive all at once, something on the way holds streams back.
#[utoipa::path(get, path = PATH, operation_id = "probe", tag = "status",
    responses((status = 200, content_type = "text/event-stream", body = ProbeEvent)))]
pub async fn stream() -> impl IntoResponse {
    let pieces = stream::iter(0..PIECES).then(async |number| {
        if number > 0 {
            tokio::time::sleep(PAUSE).await;
        }
        Ok::<_, Infallible>(Event::default().event("piece").data(number.to_string()))
    });
    (STREAM_HEADERS, Sse::new(pieces))
}
