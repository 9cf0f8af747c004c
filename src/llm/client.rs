//! Calls a model server: attempts, retries, fallback models.

use super::answer::{Answer, Call};
use super::breaker::{Breaker, BreakerNews, BreakerState};
use super::connection;
use super::decoder::Decoder;
use super::endpoint::Endpoint;
use super::error::{Error, SetupError, TimeoutPhase};
use super::fault::{Fault, Scrub};
use super::meter::Tally;
use super::quirks::Known;
use super::reading::Reading;
use super::refusal::{self, Subject};
use super::reply_form::{ReplyForm, ReplyForms};
use super::sent::{self, RequestProgress};
use super::spending::Spending;
use super::stream::AnswerStream;
use super::window::{ModelLimits, RequestSize, Windows};
use super::wire::{self, Complaint};
use super::{Completion, Piece, Request, Settings, Usage, retry, transport};
use reqwest::header::ACCEPT;
use reqwest::{Response, Url};
use serde_json::Value;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::sync::watch;
use tokio::time::{Instant, timeout, timeout_at};
use tracing::{Instrument as _, Span, field::Empty};

/// How much of a refusal is read, and for how long.
const MAX_REFUSAL_BYTES: usize = 16 * 1024;
const REFUSAL_TIMEOUT: Duration = Duration::from_secs(2);
/// More than a pool ever holds for one server in a school.
const MAX_DEAD_CONNECTIONS: usize = 256;

/// A model server's client. Clones share connections, breaker, and what was learnt of the server.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    settings: Settings,
    http: reqwest::Client,
    endpoint: Endpoint,
    breaker: Arc<Breaker>,
    known: Known,
    windows: Windows,
    reply_forms: ReplyForms,
    scrub: Scrub,
    spending: Arc<Spending>,
}

impl Client {
    /// Makes a client; connects to nothing yet.
    ///
    /// # Errors
    /// Settings that can't work, or no root certificates for an `https` address.
    pub fn new(settings: Settings) -> Result<Self, SetupError> {
        let base = Url::parse(settings.base_url.trim()).map_err(|_| SetupError::BaseUrl)?;
        let endpoint = Endpoint::new(&base).ok_or(SetupError::BaseUrl)?;
        Ok(Self(Arc::new(Inner {
            http: transport::http(&base, &settings)?,
            endpoint,
            breaker: Breaker::new(settings.breaker_failures, settings.breaker_cooldown),
            known: Known::default(),
            windows: Windows::new(settings.window, settings.slots),
            reply_forms: ReplyForms::default(),
            scrub: Scrub::new(settings.key.as_ref()),
            spending: Arc::new(Spending::new(
                &settings.prices,
                [&settings.model].into_iter().chain(&settings.fallbacks),
            )),
            settings,
        })))
    }

    /// Asks a model. Comes back when the first text (or an end without any) has arrived, with all retries and
    /// fallbacks behind it. Dropping the future or the stream hangs up.
    ///
    /// # Errors
    /// What the first model failed with, if none of its fallbacks answered either.
    pub async fn stream(&self, request: Request) -> Result<AnswerStream, Error> {
        let inner = &*self.0;
        let model = request.model.as_deref().unwrap_or(&inner.settings.model);
        let mut tally = Tally::new(&request, model, inner.endpoint.url(), inner.spending.clone());
        let span = tally.span().clone();
        let permit = match inner.breaker.enter() {
            Ok(permit) => permit,
            Err((retry_in, cause)) => {
                let error = Error::BreakerOpen { retry_in, cause };
                tally.failed(&error, "");
                return Err(error);
            }
        };
        let total_at = Instant::now() + inner.settings.total_timeout;
        let outcome = inner.ask_all(&request, model, &mut tally, total_at).instrument(span).await;
        let mut call = Call { permit, tally, scrub: inner.scrub.clone() };
        match outcome {
            Ok((first, reading)) => {
                call.permit.alive();
                call.tally.first_token();
                Ok(AnswerStream::new(Answer::new(first, reading, inner.settings.idle_timeout, total_at, call)))
            }
            Err(fault) => Err(call.fail(fault)),
        }
    }

    /// As [`Client::stream`]; notes how far the request has come.
    ///
    /// # Errors
    /// As [`Client::stream`].
    pub async fn stream_noting(&self, request: Request, progress: RequestProgress) -> Result<AnswerStream, Error> {
        sent::noting(progress, self.stream(request)).await
    }

    /// Asks a model and waits for the whole answer.
    ///
    /// # Errors
    /// As [`Client::stream`], and whatever breaks the answer off.
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

    /// The model that is asked when a request names none.
    #[must_use]
    pub fn model(&self) -> &str {
        &self.0.settings.model
    }

    /// What is known of the context window of a model (the configured one if `None`).
    #[must_use]
    pub fn limits(&self, model: Option<&str>) -> ModelLimits {
        self.0.windows.of(model.unwrap_or(self.model()))
    }

    /// Remembers that a request of this size failed with [`Error::ContextFull`].
    pub fn learn_overflow(&self, model: Option<&str>, size: RequestSize, stated: Option<u32>) {
        self.0.windows.learn_overflow(model.unwrap_or(self.model()), size, stated);
    }

    /// Remembers how the server counts the tokens of a request of this size.
    pub fn learn_use(&self, model: Option<&str>, size: RequestSize, usage: Usage) {
        if !usage.estimated {
            let model = model.unwrap_or(self.model());
            self.0.windows.learn_use(model, size, usage.prompt_tokens, usage.completion_tokens);
        }
    }

    /// How to ask a model for a structured reply this time.
    #[must_use]
    pub fn reply_form(&self, model: Option<&str>) -> ReplyForm {
        self.0.reply_forms.next(model.unwrap_or(self.model()))
    }

    /// Remembers whether a reply that was asked for as JSON came as JSON.
    pub fn note_reply(&self, model: Option<&str>, is_json: bool) {
        self.0.reply_forms.note(model.unwrap_or(self.model()), is_json);
    }

    /// Whether the server works on so few requests at a time that one more would keep an answer waiting.
    #[must_use]
    pub fn has_few_slots(&self) -> bool {
        self.0.windows.has_few_slots()
    }

    /// Remembers that a model thinks before it answers.
    pub fn note_thinking(&self, model: Option<&str>) {
        self.0.windows.note_thinking(model.unwrap_or(self.model()));
    }

    /// What the circuit breaker finds out from now on, for other instances.
    #[must_use]
    pub fn breaker_news(&self) -> watch::Receiver<Option<BreakerNews>> {
        self.0.breaker.news()
    }

    /// Takes over what another instance's breaker found out.
    pub fn hear(&self, news: BreakerNews) {
        self.0.breaker.hear(news);
    }

    /// What calls cost since the start in US dollars, by model, of the models that have a price. Estimates where a server
    /// doesn't count tokens or an answer was broken off.
    #[must_use]
    pub fn spending(&self) -> Vec<(String, f64)> {
        self.0.spending.so_far()
    }

    /// How the circuit breaker stands.
    #[must_use]
    pub fn breaker_state(&self) -> BreakerState {
        self.0.breaker.state()
    }
}

type Opened = (Piece, Reading);

impl Inner {
    /// Asks the model with retries, then each fallback once.
    ///
    /// A server that can't be reached or keeps silent would do so for any model, so then there is no falling back.
    async fn ask_all(
        &self,
        request: &Request,
        model: &str,
        tally: &mut Tally,
        total_at: Instant,
    ) -> Result<Opened, Fault> {
        let first = match self.ask(request, model, tally, total_at).await {
            Err(fault) if fault.error.is_of_the_model() => fault,
            outcome => return outcome,
        };
        let mut latest = None;
        for next in self.settings.fallbacks.iter().filter(|next| *next != model) {
            if matches!(self.breaker.state(), BreakerState::Open { .. }) {
                break;
            }
            let Fault { error, detail, .. } = latest.as_ref().unwrap_or(&first);
            tally.falling_back(error, &self.scrub.clean(detail), next);
            match self.attempt(request, next, tally.prompt_tokens(), total_at).await {
                Err(fault) => latest = Some(fault),
                opened => return opened,
            }
        }
        Err(first)
    }

    /// Asks one model until it answers or there is no sense in asking again.
    async fn ask(&self, request: &Request, model: &str, tally: &Tally, total_at: Instant) -> Result<Opened, Fault> {
        let mut pauses = retry::pauses(self.settings.retries, self.settings.retry_delay);
        loop {
            let fault = match self.attempt(request, model, tally.prompt_tokens(), total_at).await {
                Err(fault) if fault.error.is_retryable() => fault,
                outcome => return outcome,
            };
            let wanted = fault.retry_after.unwrap_or_default();
            let Some(pause) = pauses.next().map(|pause| pause.max(wanted)) else { return Err(fault) };
            let too_late = wanted > self.settings.retry_after_limit || Instant::now() + pause >= total_at;
            if too_late || matches!(self.breaker.state(), BreakerState::Open { .. }) {
                return Err(fault);
            }
            tally.retrying(&fault.error, &self.scrub.clean(&fault.detail), pause);
            tokio::time::sleep(pause).await;
        }
    }

    /// One attempt, up to the first piece.
    async fn attempt(
        &self,
        request: &Request,
        model: &str,
        prompt_tokens: u32,
        total_at: Instant,
    ) -> Result<Opened, Fault> {
        let first_at = Instant::now() + self.settings.first_token_timeout;
        let open = async {
            let (response, streams) = self.send(request, model, first_at, total_at).await?;
            // An answer in one piece has its first word when it is whole.
            let first_at = if streams { first_at } else { total_at };
            let decoder = Decoder::new(model, prompt_tokens);
            let mut reading = Reading::new(response.bytes_stream(), decoder);
            let first = reading.first(first_at, self.settings.first_token_timeout, total_at).await?;
            Ok((first, reading))
        };
        let span = tracing::info_span!(
            "attempt",
            otel.status_code = Empty,
            gen_ai.request.model = model,
            http.response.status_code = Empty,
            error.r#type = Empty,
        );
        let attempt = async {
            let opened: Result<Opened, Fault> = open.await;
            if let Err(fault) = &opened {
                let span = Span::current();
                span.record("otel.status_code", "ERROR");
                span.record("error.type", fault.error.label());
            }
            opened
        };
        attempt.instrument(span).await
    }

    /// Sends the request, again without a parameter whenever the server refuses it for that, until it agrees.
    /// The second value says whether the answer comes as a stream.
    async fn send(
        &self,
        request: &Request,
        model: &str,
        first_at: Instant,
        total_at: Instant,
    ) -> Result<(Response, bool), Fault> {
        let known = self.known.of(model);
        let mut quirks = known;
        let mut url = self.endpoint.url();
        let mut has_repeated = false;
        loop {
            let at = if quirks.stream { first_at.min(total_at) } else { total_at };
            let phase = if total_at <= at { TimeoutPhase::Total } else { TimeoutPhase::FirstToken };
            let body = wire::body(request, model, quirks);
            let post = self.post(url, &body, quirks.stream);
            let response = timeout_at(at, post).await.unwrap_or_else(|_| Err(Fault::late(phase)))?;
            let status = response.status();
            Span::current().record("http.response.status_code", i64::from(status.as_u16()));
            if status.is_success() {
                sent::note_taken();
                if quirks != known {
                    tracing::info!(model, ?quirks, "model refuses some parameters, remembering which");
                    self.known.learn(model, quirks);
                }
                if url != self.endpoint.url() {
                    self.endpoint.use_other();
                }
                return Ok((response, quirks.stream));
            }
            let retry_after = retry::retry_after(response.headers(), SystemTime::now());
            let complaint = Complaint::of_body(&read_refusal(response).await);
            let status = status.as_u16();
            // The next reply may match the schema.
            let is_invalid = refusal::subjects(status, &complaint).first() == Some(&Subject::InvalidReply);
            if is_invalid && !std::mem::replace(&mut has_repeated, true) {
                continue;
            }
            if let Some(fewer) = quirks.after(status, &complaint, request.schema.is_some()) {
                tracing::debug!(model, status, ?fewer, "the model server refuses the request; asking in another form");
                quirks = fewer;
                continue;
            }
            let fault = Fault::of_status(status, complaint, retry_after);
            match self.endpoint.other() {
                Some(other) if fault.error == Error::PathMissing && url != other => url = other,
                _ => {
                    // A server that declines in another way there has the page.
                    if url != self.endpoint.url() && !matches!(fault.error, Error::PathMissing | Error::Server { .. }) {
                        self.endpoint.use_other();
                    }
                    return Err(fault);
                }
            }
        }
    }

    /// Posts a body; at once again if a kept connection turns out to be closed.
    async fn post(&self, url: &Url, body: &Value, streams: bool) -> Result<Response, Fault> {
        // Each failure takes one dead connection out of the pool.
        for _ in 0..MAX_DEAD_CONNECTIONS {
            let mut post = sent::with_body(self.http.post(url.clone()), body);
            if !streams {
                post = post.header(ACCEPT, "application/json");
            }
            match connection::with_reuse(post.send()).await {
                (Err(error), true) if !error.is_timeout() => {
                    tracing::debug!("a kept connection to the model server was closed; sending the request again");
                }
                (outcome, _) => return outcome.map_err(Fault::of_transport),
            }
        }
        Err(Fault::broken("every kept connection was closed"))
    }
}

/// The body of a refusal, as much as comes soon.
async fn read_refusal(mut response: Response) -> String {
    let mut body = Vec::new();
    let read = async {
        while let (true, Ok(Some(chunk))) = (body.len() < MAX_REFUSAL_BYTES, response.chunk().await) {
            body.extend_from_slice(&chunk);
        }
    };
    // The status says enough if the body doesn't come.
    let _ = timeout(REFUSAL_TIMEOUT, read).await;
    body.truncate(MAX_REFUSAL_BYTES);
    String::from_utf8_lossy(&body).into_owned()
}
