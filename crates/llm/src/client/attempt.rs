//! One attempt: sends the request, in other forms if the server refuses its form.

use super::{Inner, Opened};
use crate::decoder::Decoder;
use crate::error::{Error, TimeoutPhase};
use crate::error_body::ErrorBody;
use crate::fault::Fault;
use crate::quirks::JsonMode;
use crate::refusal::Refusal;
use crate::reply_reader::ReplyReader;
use crate::request_form::RequestForm;
use crate::wire;
use crate::{Request, connection, request_progress, retry};
use reqwest::Response;
use reqwest::header::{ACCEPT, SERVER};
use std::time::{Duration, SystemTime};
use tokio::time::{Instant, timeout, timeout_at};
use tracing::{Instrument as _, Span, field::Empty};

/// Limits for reading the body of a refusal.
const MAX_REFUSAL_BYTES: usize = 16 * 1024;
const REFUSAL_TIMEOUT: Duration = Duration::from_secs(2);

impl Inner {
    /// One attempt, up to the first piece.
    pub(super) async fn attempt(
        &self,
        request: &Request,
        model: &str,
        prompt_tokens: u32,
        total_at: Instant,
    ) -> Result<Opened, Fault> {
        let span = tracing::info_span!(
            "attempt",
            otel.status_code = Empty,
            gen_ai.request.model = model,
            http.response.status_code = Empty,
            error.r#type = Empty,
        );
        let attempt = async {
            let opened = self.negotiate(request, model, prompt_tokens, total_at).await;
            if let Err(fault) = &opened {
                request_progress::mark_failed();
                let span = Span::current();
                span.record("otel.status_code", "ERROR");
                span.record("error.type", fault.error.label());
            }
            opened
        };
        attempt.instrument(span).await
    }

    /// Sends the request in another form whenever the server refuses it for its form.
    async fn negotiate(
        &self,
        request: &Request,
        model: &str,
        prompt_tokens: u32,
        total_at: Instant,
    ) -> Result<Opened, Fault> {
        let learned = RequestForm::new(self.learned.quirks(model), self.endpoint.index());
        let mut form = learned;
        let size = prompt_tokens.saturating_add(request.max_tokens);
        let is_structured = |form: RequestForm| request.schema.is_some() && form.quirks.format != JsonMode::Prompt;
        let is_quick = request.is_whole && self.speeds.is_quick(model);
        let mut is_whole_refused = false;
        loop {
            // Without a stream, nothing arrives before the whole answer. A quick model has as long for it as for a first token.
            let limit = match form.quirks.stream || is_quick {
                true => self.settings.first_token_timeout,
                false => total_at.saturating_duration_since(Instant::now()),
            };
            let is_whole = form.quirks.stream && is_quick && !is_whole_refused;
            let sent = if is_whole { form.without_stream() } else { form };
            let fault = match self.exchange(request, model, sent, limit, prompt_tokens, total_at).await {
                Ok(opened) => {
                    let is_doubtful = || form.gives_up_unnamed_format() && !self.windows.confirm_format_refusal(model);
                    if form != learned && form.is_learnable() && !is_doubtful() {
                        self.learned.learn_quirks(model, learned.quirks, form.quirks);
                    }
                    if is_whole_refused {
                        self.speeds.record_refusal(model);
                    }
                    self.endpoint.use_at(form.endpoint);
                    if is_structured(form) {
                        self.windows.record_structured(model, size, form == learned);
                    }
                    return Ok(opened);
                }
                Err(fault) => fault,
            };
            self.refusals.record(&fault, &self.redactor);
            if fault.error == Error::Connect {
                self.forget();
            }
            if request.is_whole && matches!(fault.error, Error::Timeout(_)) {
                self.speeds.record_timeout(model);
            }
            if is_whole && fault.refusal.as_deref().is_some_and(Refusal::mentions_streams) {
                // A few servers answer with streams only.
                is_whole_refused = true;
                continue;
            }
            let may_be_too_large =
                form == learned && is_structured(form) && self.windows.exceeds_structured(model, size);
            match form.after(&fault, request, self.endpoint.count(), may_be_too_large) {
                Some(next) => {
                    tracing::debug!(
                        model,
                        error = fault.error.label(),
                        ?next,
                        "refused; sending the request in another form"
                    );
                    form = next;
                }
                None => return Err(fault.with_model(model)),
            }
        }
    }

    /// Sends the request in this form and waits for the first piece, at most for `limit`.
    async fn exchange(
        &self,
        request: &Request,
        model: &str,
        form: RequestForm,
        limit: Duration,
        prompt_tokens: u32,
        total_at: Instant,
    ) -> Result<Opened, Fault> {
        let first_at = Instant::now() + limit;
        let phase = if total_at <= first_at { TimeoutPhase::Total } else { TimeoutPhase::FirstToken };
        let timed_out = |_| Err(Fault::timed_out(phase));
        let sent = timeout_at(first_at.min(total_at), self.send(request, model, form));
        let response = sent.await.unwrap_or_else(timed_out)?;
        let mut reader = ReplyReader::new(response.bytes_stream(), Decoder::new(model, prompt_tokens));
        let first = reader.first(first_at, limit, total_at).await;
        if first.is_err() {
            reader.learn_thinking(&self.windows);
        }
        Ok((first?, reader))
    }

    /// Forgets what was learned about the server, because another one may have taken its place.
    fn forget(&self) {
        self.learned.forget();
        self.endpoint.forget();
        self.windows.forget();
        self.reply_formats.forget();
        self.speeds.forget();
        self.changed.notify_one();
    }

    /// Sends the request in this form.
    async fn send(&self, request: &Request, model: &str, form: RequestForm) -> Result<Response, Fault> {
        let url = self.endpoint.at(form.endpoint);
        let body = wire::body(request, model, form.quirks);
        let post = || {
            let mut post = self.http.post(url.clone());
            if !form.quirks.stream {
                post = post.header(ACCEPT, "application/json");
            }
            request_progress::with_body(post, &body)
        };
        let response = connection::send(post).await.map_err(Fault::of_transport)?;
        let status = response.status();
        Span::current().record("http.response.status_code", i64::from(status.as_u16()));
        if let Some(server) = response.headers().get(SERVER)
            && self.learned.record_server(server.as_bytes())
        {
            self.forget();
        }
        if status.is_success() {
            request_progress::mark_accepted();
            return Ok(response);
        }
        let retry_after = retry::retry_after(response.headers(), SystemTime::now());
        let error_body = ErrorBody::of_body(&refusal(response).await);
        Err(Fault::of_status(status.as_u16(), error_body, retry_after))
    }
}

/// The body of a refusal, up to the limits of size and time.
async fn refusal(mut response: Response) -> String {
    let mut body = Vec::new();
    let read = async {
        while let (true, Ok(Some(chunk))) = (body.len() < MAX_REFUSAL_BYTES, response.chunk().await) {
            body.extend_from_slice(&chunk);
        }
    };
    // The status is enough if the body does not arrive.
    let _ = timeout(REFUSAL_TIMEOUT, read).await;
    body.truncate(MAX_REFUSAL_BYTES);
    String::from_utf8_lossy(&body).into_owned()
}
