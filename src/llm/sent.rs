//! Tells when a request has been handed to its connection.

use futures_util::stream;
use reqwest::RequestBuilder;
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE};
use std::convert::Infallible;
use std::future::Future;
use tokio_util::sync::CancellationToken;

tokio::task_local! {
    /// Where the calls within tell it.
    static SENT: CancellationToken;
}

/// Runs `call`, and cancels `sent` when the first request it makes is written.
pub(super) async fn telling<T>(sent: CancellationToken, call: impl Future<Output = T>) -> T {
    SENT.scope(sent, call).await
}

/// The request with a JSON body that tells when it is written.
pub(super) fn with_body(request: RequestBuilder, body: &serde_json::Value) -> RequestBuilder {
    let bytes = body.to_string().into_bytes();
    let request = request.header(CONTENT_TYPE, "application/json");
    let Ok(sent) = SENT.try_with(Clone::clone) else { return request.body(bytes) };
    let length = bytes.len();
    // The connection takes the body when it writes the request's head, and writes both.
    let body = stream::once(async move {
        sent.cancel();
        Ok::<_, Infallible>(bytes)
    });
    request.header(CONTENT_LENGTH, length).body(reqwest::Body::wrap_stream(body))
}
