//! Reports the progress of a request: written to its connection, and accepted by the server.

use futures_util::stream;
use reqwest::RequestBuilder;
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE};
use std::convert::Infallible;
use std::future::Future;
use tokio_util::sync::CancellationToken;

/// The progress of the requests of one call.
#[derive(Debug, Clone, Default)]
pub struct RequestProgress {
    /// Cancelled when the first request is handed to its connection.
    pub written: CancellationToken,
    /// Cancelled when the server begins to answer.
    pub accepted: CancellationToken,
}

tokio::task_local! {
    /// The progress of the calls in this scope.
    static PROGRESS: RequestProgress;
}

/// Runs `call`, whose requests report to `progress`.
pub(super) async fn scope<T>(progress: RequestProgress, call: impl Future<Output = T>) -> T {
    PROGRESS.scope(progress, call).await
}

/// Marks that the server accepted the request.
pub(super) fn mark_accepted() {
    let _ = PROGRESS.try_with(|progress| progress.accepted.cancel());
}

/// Adds a JSON body that marks when it is written.
pub(super) fn with_body(request: RequestBuilder, body: &serde_json::Value) -> RequestBuilder {
    let bytes = body.to_string().into_bytes();
    let request = request.header(CONTENT_TYPE, "application/json");
    let Ok(written) = PROGRESS.try_with(|progress| progress.written.clone()) else { return request.body(bytes) };
    let length = bytes.len();
    // The connection polls the body when it writes the request's head.
    let body = stream::once(async move {
        written.cancel();
        Ok::<_, Infallible>(bytes)
    });
    request.header(CONTENT_LENGTH, length).body(reqwest::Body::wrap_stream(body))
}
