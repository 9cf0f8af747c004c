//! The client: attempts, retries and fallback models.

mod attempt;

use super::answer::{Answer, Call};
use super::breaker::{Breaker, BreakerChange, BreakerState};
use super::call_metrics::CallMetrics;
use super::deviation::Deviation;
use super::endpoint::Endpoint;
use super::error::{Error, SetupError};
use super::fault::{Fault, KeyRedactor};
use super::last_refusal::LastRefusal;
use super::learned::LearnedQuirks;
use super::reply_format::{ReplyFormat, ReplyFormats};
use super::reply_reader::ReplyReader;
use super::reply_speed::ReplySpeeds;
use super::request_progress::{self, RequestProgress};
use super::spending::Spending;
use super::stream::AnswerStream;
use super::window::{ModelLimits, RequestSize, Windows};
use super::{Completion, Piece, Request, Settings, Usage, retry, transport};
use domain::ConversationId;
use reqwest::Url;
use std::sync::Arc;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;
use tracing::Instrument as _;

/// A client of a model server. Clones share connections, breaker, and what was learned about the server.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    settings: Settings,
    http: reqwest::Client,
    breaker: Arc<Breaker>,
    endpoint: Endpoint,
    learned: LearnedQuirks,
    refusals: LastRefusal,
    /// Notified when another server may have taken the place of this one.
    changed: Notify,
    windows: Arc<Windows>,
    reply_formats: ReplyFormats,
    speeds: Arc<ReplySpeeds>,
    redactor: KeyRedactor,
    spending: Arc<Spending>,
}

impl Client {
    /// Creates a client. It connects with the first request.
    pub fn new(settings: Settings) -> Result<Self, SetupError> {
        let base = Url::parse(settings.base_url.trim()).map_err(|_| SetupError::BaseUrl)?;
        let endpoint = Endpoint::new(&base).ok_or(SetupError::BaseUrl)?;
        Ok(Self(Arc::new(Inner {
            http: transport::http(&base, &settings)?,
            breaker: Breaker::new(settings.breaker_failures, settings.breaker_cooldown),
            endpoint,
            learned: LearnedQuirks::default(),
            refusals: LastRefusal::default(),
            changed: Notify::new(),
            windows: Arc::new(Windows::new(settings.window, settings.slots)),
            reply_formats: ReplyFormats::default(),
            speeds: Arc::default(),
            redactor: KeyRedactor::new(settings.key.as_ref()),
            spending: Arc::new(Spending::new(
                &settings.prices,
                [&settings.model].into_iter().chain(&settings.fallbacks),
            )),
            settings,
        })))
    }

    /// Sends a request. Resolves when the first text (or an end without any) has arrived, after all retries and fallbacks.
    /// Dropping the future or the stream cancels the request.
    ///
    /// If no fallback model answers either, the error is that of the first model; or [`Error::ContextFull`] if a fallback
    /// may answer a shorter request.
    pub async fn stream(&self, request: Request) -> Result<AnswerStream, Error> {
        self.stream_with_progress(request, RequestProgress::default()).await
    }

    /// Does the same as [`Client::stream`] and reports in `progress` how far the request has come.
    pub async fn stream_with_progress(
        &self,
        request: Request,
        progress: RequestProgress,
    ) -> Result<AnswerStream, Error> {
        request_progress::scope(progress.clone(), self.open(request, progress)).await
    }

    async fn open(&self, request: Request, progress: RequestProgress) -> Result<AnswerStream, Error> {
        let inner = &*self.0;
        let model = request.model.as_deref().unwrap_or(&inner.settings.model);
        let mut call_metrics =
            CallMetrics::new(&request, model, inner.endpoint.url(), inner.spending.clone(), progress);
        let span = call_metrics.span().clone();
        let permit = match inner.breaker.enter() {
            Ok(permit) => permit,
            Err((retry_in, cause)) => {
                let error = Error::BreakerOpen { retry_in, cause };
                call_metrics.record_failure(&error, "");
                return Err(error);
            }
        };
        let total_at = Instant::now() + inner.settings.total_timeout;
        let outcome = inner.call_with_fallbacks(&request, model, &mut call_metrics, total_at).instrument(span).await;
        let mut call = Call {
            permit,
            call_metrics,
            redactor: inner.redactor.clone(),
            windows: inner.windows.clone(),
            speeds: request.is_whole.then(|| inner.speeds.clone()),
        };
        match outcome {
            Ok((first, reader)) => {
                call.permit.mark_alive();
                call.call_metrics.record_first_token();
                Ok(AnswerStream::new(Answer::new(first, reader, inner.settings.idle_timeout, total_at, call)))
            }
            Err(fault) => Err(call.fail(fault)),
        }
    }

    /// Sends a request and waits for the whole answer.
    pub async fn complete(&self, request: Request) -> Result<Completion, Error> {
        self.stream(request).await?.collect().await
    }

    pub(super) fn endpoint(&self) -> &Endpoint {
        &self.0.endpoint
    }

    pub(super) fn http(&self) -> &reqwest::Client {
        &self.0.http
    }

    pub(super) fn windows(&self) -> &Windows {
        &self.0.windows
    }

    /// The model for requests that name none.
    #[must_use]
    pub fn model(&self) -> &str {
        &self.0.settings.model
    }

    /// What is known about the context window of a model (the configured one if `None`).
    #[must_use]
    pub fn limits(&self, model: Option<&str>) -> ModelLimits {
        self.0.windows.of(model.unwrap_or(self.model()))
    }

    /// The same for a request that continues this conversation.
    #[must_use]
    pub fn limits_in_conversation(&self, model: Option<&str>, conversation: ConversationId) -> ModelLimits {
        self.0.windows.in_conversation(model.unwrap_or(self.model()), conversation)
    }

    /// Records that a request of this size failed with [`Error::ContextFull`].
    pub fn learn_overflow(&self, model: Option<&str>, size: RequestSize, stated: Option<u32>) {
        self.0.windows.learn_overflow(model.unwrap_or(self.model()), size, stated);
    }

    /// Records that a request of this size failed with [`Error::BadRequest`], and that its newest message alone was accepted.
    pub fn suspect_overflow(&self, model: Option<&str>, conversation: ConversationId, size: RequestSize) {
        self.0.windows.suspect_overflow(model.unwrap_or(self.model()), conversation, size);
    }

    /// Records that a request of this size was answered.
    pub fn record_accepted(&self, model: Option<&str>, size: RequestSize) {
        self.0.windows.record_accepted(model.unwrap_or(self.model()), size);
    }

    /// Records how many tokens the server counted for a request of this size.
    pub fn learn_use(&self, model: Option<&str>, size: RequestSize, usage: Usage) {
        if !usage.estimated {
            let model = model.unwrap_or(self.model());
            self.0.windows.learn_use(model, size, usage.prompt_tokens, usage.completion_tokens);
        }
    }

    /// The format to ask a model for in the next structured reply.
    #[must_use]
    pub fn reply_format(&self, model: Option<&str>) -> ReplyFormat {
        self.0.reply_formats.next_format(model.unwrap_or(self.model()))
    }

    /// Records whether a reply that was requested as JSON is JSON.
    pub fn record_reply(&self, model: Option<&str>, is_json: bool) {
        self.0.reply_formats.record_reply(model.unwrap_or(self.model()), is_json);
    }

    /// How many requests the server processes at a time, if it is known.
    #[must_use]
    pub fn slots(&self) -> Option<u32> {
        self.0.windows.slots()
    }

    /// Whether the server processes so few requests at a time that another one would delay an answer.
    #[must_use]
    pub fn has_few_slots(&self) -> bool {
        self.0.windows.has_few_slots()
    }

    /// Whether the server was seen to process several requests at a time.
    #[must_use]
    pub fn works_in_parallel(&self) -> bool {
        self.0.windows.works_in_parallel()
    }

    /// How a model (the configured one if `None`) deviates from OpenAI's API, as far as it is known.
    #[must_use]
    pub fn deviations(&self, model: Option<&str>) -> Vec<Deviation> {
        let quirks = self.0.learned.quirks(model.unwrap_or(self.model()));
        let endpoint = &self.0.endpoint;
        Deviation::all(quirks, Some(endpoint.url()).filter(|_| endpoint.index() > 0))
    }

    /// Waits until another server may have taken the place of this one, and what was learned is forgotten. Supports one
    /// waiter.
    pub async fn server_changed(&self) {
        self.0.changed.notified().await;
    }

    /// Enables [`Client::last_refusal`]. A refusal may repeat the request, so this is for requests without student text.
    pub fn record_refusals(&self) {
        self.0.refusals.enable();
    }

    /// The server's text in its last refusal since [`Client::record_refusals`], without the key. Each is returned once.
    #[must_use]
    pub fn last_refusal(&self) -> Option<String> {
        self.0.refusals.take()
    }

    /// Changes of the circuit breaker from now on, for other instances.
    #[must_use]
    pub fn breaker_changes(&self) -> watch::Receiver<Option<BreakerChange>> {
        self.0.breaker.changes()
    }

    /// Applies a change of another instance's circuit breaker.
    pub fn apply_breaker_change(&self, change: BreakerChange) {
        self.0.breaker.apply_change(change);
    }

    /// The cost of calls since the start in US dollars, for each model with a price. An estimate where a server does not
    /// count tokens or an answer was aborted.
    #[must_use]
    pub fn spending(&self) -> Vec<(String, f64)> {
        self.0.spending.so_far()
    }

    /// The state of the circuit breaker.
    #[must_use]
    pub fn breaker_state(&self) -> BreakerState {
        self.0.breaker.state()
    }
}

type Opened = (Piece, ReplyReader);

impl Inner {
    /// Calls the model with retries, then each fallback once. If a fallback refuses the request as too large, and no other
    /// one answers, its error is returned.
    ///
    /// There is no fallback when the server is unreachable or times out, because that does not depend on the model.
    async fn call_with_fallbacks(
        &self,
        request: &Request,
        model: &str,
        call_metrics: &mut CallMetrics,
        total_at: Instant,
    ) -> Result<Opened, Fault> {
        let first = match self.call_with_retries(request, model, call_metrics, total_at).await {
            Err(fault) if fault.error.may_depend_on_model() => fault,
            outcome => return outcome,
        };
        let (mut latest, mut too_large) = (None, None);
        for next in self.settings.fallbacks.iter().filter(|next| *next != model) {
            if matches!(self.breaker.state(), BreakerState::Open { .. }) {
                break;
            }
            let Fault { error, detail, .. } = latest.as_ref().unwrap_or(&first);
            call_metrics.record_fallback(error, &self.redactor.clean(detail), next);
            match self.attempt(request, next, call_metrics.prompt_tokens(), total_at).await {
                Err(fault) => {
                    if matches!(fault.error, Error::ContextFull { .. }) {
                        too_large.get_or_insert(fault.error.clone());
                    }
                    latest = Some(fault);
                }
                opened => return opened,
            }
        }
        // A shorter request to that model may be answered.
        Err(too_large.map_or(first, |error| Fault::new(error, "a fallback model's window is too small")))
    }

    /// Calls one model until it answers or the error is not retryable.
    async fn call_with_retries(
        &self,
        request: &Request,
        model: &str,
        call_metrics: &CallMetrics,
        total_at: Instant,
    ) -> Result<Opened, Fault> {
        let mut pauses = retry::pauses(self.settings.retries, self.settings.retry_delay);
        loop {
            let fault = match self.attempt(request, model, call_metrics.prompt_tokens(), total_at).await {
                Err(fault) if fault.error.is_retryable() => fault,
                outcome => return outcome,
            };
            let wanted = fault.retry_after.unwrap_or_default();
            let Some(pause) = pauses.next().map(|pause| pause.max(wanted)) else { return Err(fault) };
            let too_late = wanted > self.settings.retry_after_limit || Instant::now() + pause >= total_at;
            if too_late || matches!(self.breaker.state(), BreakerState::Open { .. }) {
                return Err(fault);
            }
            call_metrics.record_retry(&fault.error, &self.redactor.clean(&fault.detail), pause);
            tokio::time::sleep(pause).await;
        }
    }
}
