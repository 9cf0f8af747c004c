//! Tells how far a request has come: whether it is written to its connection, and whether the server has taken it.

use futures_util::stream;
use reqwest::RequestBuilder;
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE};
use std::convert::Infallible;
use std::future::Future;
use tokio_util::sync::CancellationToken;

/// How far the requests of one call have come.
#[derive(Debug, Clone, Default)]
pub struct RequestProgress {
    /// Cancelled when the first request is handed to its connection.
    pub written: CancellationToken,
    /// Cancelled when the server begins to answer: it has the request.
    pub taken: CancellationToken,
}

impl RequestProgress {
    /// Says of a call that is over, however it ended, that nobody needs to wait for it.
    pub fn skip(&self) {
        self.written.cancel();
        self.taken.cancel();
    }
}

tokio::task_local! {
    /// Where the calls within tell it.
    static PROGRESS: RequestProgress;
}

/// Runs `call`, and notes how far its requests come.
pub(super) async fn noting<T>(progress: RequestProgress, call: impl Future<Output = T>) -> T {
    PROGRESS.scope(progress, call).await
}

/// Notes that the server accepted the request.
pub(super) fn note_taken() {
    let _ = PROGRESS.try_with(|progress| progress.taken.cancel());
}

/// The request with a JSON body that tells when it is written.
pub(super) fn with_body(request: RequestBuilder, body: &serde_json::Value) -> RequestBuilder {
    let bytes = body.to_string().into_bytes();
    let request = request.header(CONTENT_TYPE, "application/json");
    let Ok(written) = PROGRESS.try_with(|progress| progress.written.clone()) else { return request.body(bytes) };
    let length = bytes.len();
    // The connection takes the body when it writes the request's head, and writes both.
    let body = stream::once(async move {
        written.cancel();
        Ok::<_, Infallible>(bytes)
    });
    request.header(CONTENT_LENGTH, length).body(reqwest::Body::wrap_stream(body))
}
