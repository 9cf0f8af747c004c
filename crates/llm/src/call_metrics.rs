//! Metrics and the tracing span of each call, and the log line of each failed call.

use super::request_progress::RequestProgress;
use super::spending::Spending;
use super::{End, Error, Request, TimeoutPhase, Usage};
use logging::STUDENT_TEXT;
use metrics::{Unit, counter, histogram};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tracing::{Span, field::Empty};

/// Name and meaning of the counter of [`Client::spending`](super::Client::spending).
pub const COST: (&str, &str) = (
    "llm_cost_usd_total",
    "What model calls cost in US dollars, by the prices in MODEL_PRICES; models without a price are left out",
);

/// Describes this module's metrics; call once, when the recorder is installed.
pub fn describe_metrics() {
    use metrics::{describe_counter, describe_gauge, describe_histogram};
    describe_counter!("llm_calls_total", "Model calls by purpose, model and outcome");
    describe_histogram!(
        "llm_call_seconds",
        Unit::Seconds,
        "From a model call to the end of its answer, retries included, by outcome: ok, failed or cancelled"
    );
    describe_counter!("llm_retries_total", "Attempts after the first, with the same model, by what the last one met");
    describe_counter!("llm_fallbacks_total", "Changes to a fallback model, by that model");
    describe_counter!(
        "llm_tokens_total",
        "Tokens by kind: prompt, cached (of the prompt, but the server still had them) or completion; estimates where \
         a server is silent or an answer was broken off"
    );
    describe_histogram!("llm_first_token_seconds", Unit::Seconds, "From the call to the first text of its answer");
    describe_gauge!("llm_breaker_open", "1 while the circuit breaker keeps calls from the model server");
}

/// The metrics and the span of one call. If it is dropped before the end, the call counts as cancelled.
#[derive(Debug)]
pub(super) struct CallMetrics {
    purpose: &'static str,
    /// The configured or requested name, not the server's: a label needs few values.
    model: String,
    started: Instant,
    /// The estimated tokens of the request.
    prompt_tokens: u32,
    spending: Arc<Spending>,
    progress: RequestProgress,
    settled: bool,
    /// The span of the call, with OpenTelemetry's fields for generative AI.
    span: Span,
}

impl CallMetrics {
    pub(super) fn new(
        request: &Request,
        model: &str,
        server: &reqwest::Url,
        spending: Arc<Spending>,
        progress: RequestProgress,
    ) -> Self {
        let purpose = request.purpose;
        let span = tracing::info_span!(
            "model call",
            otel.name = format_args!("{purpose} {model}"),
            otel.kind = "client",
            otel.status_code = Empty,
            llm.purpose = purpose,
            gen_ai.operation.name = "chat",
            gen_ai.provider.name = "openai",
            gen_ai.request.model = model,
            gen_ai.request.max_tokens = i64::from(request.max_tokens),
            gen_ai.response.model = Empty,
            gen_ai.usage.input_tokens = Empty,
            gen_ai.usage.output_tokens = Empty,
            llm.first_token_seconds = Empty,
            server.address = server.host_str(),
            server.port = server.port_or_known_default().map(i64::from),
            error.r#type = Empty,
        );
        let prompt_tokens = request.estimate_tokens();
        let (model, started) = (model.to_owned(), Instant::now());
        Self { purpose, model, started, prompt_tokens, spending, progress, settled: false, span }
    }

    /// The estimated tokens of the request.
    pub(super) fn prompt_tokens(&self) -> u32 {
        self.prompt_tokens
    }

    /// The time since the call began.
    pub(super) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// The span of the whole call.
    pub(super) fn span(&self) -> &Span {
        &self.span
    }

    pub(super) fn record_retry(&self, error: &Error, detail: &str, pause: Duration) {
        log_server_words(error, detail);
        let (purpose, model, error) = (self.purpose, &self.model, error.label());
        counter!("llm_retries_total", "purpose" => purpose, "model" => model.clone(), "reason" => error).increment(1);
        tracing::warn!(purpose, %model, error, ?pause, "model call failed, trying again");
    }

    pub(super) fn record_fallback(&mut self, error: &Error, detail: &str, to: &str) {
        counter!("llm_fallbacks_total", "purpose" => self.purpose, "model" => to.to_owned()).increment(1);
        log_server_words(error, detail);
        let (purpose, model, error) = (self.purpose, &self.model, error.label());
        tracing::warn!(purpose, %model, error, to, "model call failed, falling back");
        to.clone_into(&mut self.model);
    }

    pub(super) fn record_first_token(&self) {
        let took = self.started.elapsed();
        self.span.record("llm.first_token_seconds", took.as_secs_f64());
        histogram!("llm_first_token_seconds", "purpose" => self.purpose, "model" => self.model.clone()).record(took);
    }

    pub(super) fn record_end(mut self, end: &End) {
        self.progress.finish();
        self.settle("ok");
        self.span.record("gen_ai.response.model", &end.model);
        self.span.record("gen_ai.usage.input_tokens", i64::from(end.usage.prompt_tokens));
        self.span.record("gen_ai.usage.output_tokens", i64::from(end.usage.completion_tokens));
        self.count(end.usage);
    }

    /// Records that the caller cancelled during an answer. The tokens that were read so far count.
    pub(super) fn record_cancel(mut self, usage: Usage) {
        self.span.record("error.type", "cancelled");
        self.settle("cancelled");
        self.count(usage);
    }

    /// Counts the tokens and the cost of the call.
    pub(super) fn count(&self, usage: Usage) {
        let read = usage.prompt_tokens - usage.cached_tokens.min(usage.prompt_tokens);
        for (kind, tokens) in
            [("prompt", read), ("cached", usage.cached_tokens), ("completion", usage.completion_tokens)]
        {
            counter!("llm_tokens_total", "purpose" => self.purpose, "model" => self.model.clone(), "kind" => kind)
                .increment(tokens.into());
        }
        self.spending.count(&self.model, usage);
    }

    pub(super) fn record_failure(mut self, error: &Error, detail: &str) {
        self.settle(error.label());
        log_server_words(error, detail);
        let (purpose, model, error) = (self.purpose, &self.model, error.label());
        self.span.record("otel.status_code", "ERROR");
        self.span.record("error.type", error);
        let _within = self.span.enter();
        tracing::warn!(purpose, %model, error, "model call failed");
    }

    fn settle(&mut self, outcome: &'static str) {
        self.settled = true;
        // Entering and leaving the span sets its end.
        self.span.in_scope(|| ());
        let (purpose, model) = (self.purpose, self.model.clone());
        counter!("llm_calls_total", "purpose" => purpose, "model" => model.clone(), "outcome" => outcome).increment(1);
        // One value for all errors: a label with each error would make some two hundred series per model.
        let outcome = if matches!(outcome, "ok" | "cancelled") { outcome } else { "failed" };
        histogram!("llm_call_seconds", "purpose" => purpose, "model" => model, "outcome" => outcome)
            .record(self.started.elapsed());
    }
}

impl Drop for CallMetrics {
    fn drop(&mut self) {
        if !self.settled {
            self.span.record("error.type", "cancelled");
            self.settle("cancelled");
            if self.progress.is_outstanding() {
                // The server has probably read the request.
                self.count(Usage { prompt_tokens: self.prompt_tokens, estimated: true, ..Usage::default() });
            }
        }
    }
}

/// Logs the server's error text with the target for student text, because it may repeat what a student wrote.
fn log_server_words(error: &Error, detail: &str) {
    if matches!(error, Error::Connect | Error::Timeout(TimeoutPhase::Connect)) {
        // The text comes from the system or from TLS, and no request was sent yet.
        tracing::debug!(detail, "the model server can't be reached");
        return;
    }
    if !detail.is_empty() {
        tracing::debug!(target: STUDENT_TEXT, detail, "error text of the model server");
    }
}
