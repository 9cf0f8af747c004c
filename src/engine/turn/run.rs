//! One run of one turn: chat and tutor at the same moment, one commit at the end.

use std::{
    ops::Range,
    panic::AssertUnwindSafe,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use backon::{ExponentialBuilder, Retryable};
use futures_util::FutureExt;
use tokio::time::Instant;
use tracing::{Instrument as _, Span, field::Empty};

use super::{
    answer::Answer,
    engine::Slot,
    parts::Parts,
    running::{CancelSignals, Running},
    turn_metrics,
};
use crate::{
    engine::assistant::{self, FeedbackResult, HistorySource, PromptInput},
    live::{Publisher, Status},
};
use domain::turn::{Outcome, Purpose, Reason, Turn, TurnState, Usage};
use domain::{Feedback, Locale, Topic, TurnId};
use logging::{RepeatedLine, STUDENT_TEXT};
use store::FencingToken;
use store::{Store, StoreError, now};

/// How many earlier turns are read for the model at least; more would hardly fit its budget.
const HISTORY_TURNS: u32 = 40;
/// The first turn that is read moves by so many at a time: where the history is cut depends on where it begins.
const HISTORY_STEP: u32 = 20;

/// What a run answers.
pub(super) struct Question {
    pub(super) turn: Turn,
    pub(super) topic: Topic,
    pub(super) locale: Locale,
    /// When it came, before it was stored.
    pub(super) asked: Instant,
}

/// What a run's lines are found by. It lies within the request that started the turn, which ends long before.
pub(super) fn span(turn: &Turn) -> Span {
    tracing::info_span!(
        "turn",
        otel.status_code = Empty,
        turn.id = %turn.id,
        turn.attempt = i64::from(turn.attempt),
        conversation.id = %turn.conversation,
        turn.state = Empty,
        turn.reason = Empty,
    )
}

/// Runs a turn to its end, stores the outcome, and only then gives the slot back and publishes the end. Never panics, and
/// never leaves the turn running.
pub(super) async fn run(
    parts: &Parts,
    running: &Running,
    fencing_token: FencingToken,
    question: Question,
    publisher: Publisher,
    orders: CancelSignals,
    slot: Slot,
) {
    let asked = question.asked;
    let (outcome, model_time) = AssertUnwindSafe(perform(parts, fencing_token, &question, &publisher, &orders))
        .catch_unwind()
        .await
        .unwrap_or_else(|_| {
            tracing::error!("a turn's run panicked");
            (Outcome::failed(Reason::Broken), None)
        });
    for usage in &outcome.usage {
        parts.budget.count(now(), usage);
    }
    let stored = commit(parts, fencing_token, &outcome)
        .instrument(tracing::info_span!("commit", otel.status_code = Empty))
        .await;
    turn_metrics::ended(&outcome, asked.elapsed(), model_time);
    tell(&outcome, asked);
    let status = match outcome.state {
        // What isn't stored can't be found again, so it isn't called done. A deleted turn was stopped before.
        state if !stored && state != TurnState::Cancelled => Status::new(TurnState::Interrupted.as_str(), None),
        state => Status::new(state.as_str(), outcome.reason.map(Reason::as_str)),
    };
    // A follower that receives the end may ask at once.
    running.release_slot(fencing_token, slot);
    publisher.status(status);
}

/// How the call that answers ended.
struct ChatEnd {
    state: TurnState,
    reason: Option<Reason>,
    usage: Vec<Usage>,
}

/// Says how a turn ended, on its span and in the one line each turn has.
fn tell(outcome: &Outcome, asked: Instant) {
    let (state, reason) = (outcome.state.as_str(), outcome.reason.map(Reason::as_str));
    let tokens = |count: fn(&Usage) -> u32| outcome.usage.iter().map(|usage| u64::from(count(usage))).sum::<u64>();
    tracing::info!(
        turn.state = state,
        turn.reason = reason,
        turn.millis = u64::try_from(asked.elapsed().as_millis()).unwrap_or(u64::MAX),
        turn.model =
            outcome.usage.iter().find(|usage| usage.purpose == Purpose::Chat).map(|usage| usage.model.as_str()),
        turn.prompt_tokens = tokens(|usage| usage.prompt_tokens),
        turn.completion_tokens = tokens(|usage| usage.completion_tokens),
        "a turn ended"
    );
    tracing::info!(target: STUDENT_TEXT, { turn.answer = outcome.answer }, "what the model answered");
    let span = Span::current();
    span.record("turn.state", state);
    span.record("turn.reason", reason);
    if outcome.state == TurnState::Failed {
        span.record("otel.status_code", "ERROR");
    }
}

/// What became of the question and, if no call was stopped, how long the slower of the two took.
async fn perform(
    parts: &Parts,
    fencing_token: FencingToken,
    question: &Question,
    publisher: &Publisher,
    orders: &CancelSignals,
) -> (Outcome, Option<Duration>) {
    let Question { turn, topic, locale, asked } = question;
    let history = match parts.store.exchanges(turn.conversation, history_places(turn.seq)).await {
        Ok(history) => history,
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "the earlier turns can't be read");
            return (Outcome { state: TurnState::Interrupted, ..Outcome::failed(Reason::Broken) }, None);
        }
    };
    tracing::info!(target: STUDENT_TEXT, { topic = topic.as_str(), turn.message = turn.message }, "what the student wrote");
    let asking = PromptInput {
        topic: topic.clone(),
        history,
        history_source: HistorySource::Stored,
        message: turn.message.clone(),
        locale: *locale,
        model: None,
    };

    let mut answer = Answer::new(*asked);
    let mut chat_end: Option<ChatEnd> = None;
    let mut noted: Option<FeedbackResult> = None;
    // A turn that is tried again keeps the notes a model wrote: its message is the same.
    let kept = turn.feedback.as_ref();
    if let Some(feedback) = kept {
        publish(publisher, feedback);
    }
    let began = Instant::now();
    let (mut chat_time, mut tutor_time) = (Duration::ZERO, Duration::ZERO);
    let is_tutor_running = AtomicBool::new(kept.is_none());
    let (chat_gate, tutor_gate) = assistant::call_order();
    let (chat_progress, tutor_progress) = (chat_gate.watch(), llm::RequestProgress::default());
    let work = async {
        let chat = async {
            let begin = parts.assistant.answer_first(&asking, assistant::PRACTICE_PACE, chat_gate);
            let end = answer.stream(begin, publisher).await;
            chat_time = began.elapsed();
            // The whole answer is shown now, also while the tutor still writes.
            answer.finish(publisher);
            let (state, reason) = verdict(&end, !answer.text().is_empty());
            let usage = match &end {
                Ok(end) => vec![assistant::used(Purpose::Chat, end)],
                // A call that failed cost something if something came.
                Err(_) if !answer.text().is_empty() => {
                    parts.assistant.estimate(Purpose::Chat, &asking, answer.text()).into_iter().collect()
                }
                Err(_) => Vec::new(),
            };
            if reason == Some(Reason::ContentFilter) {
                answer.withdraw(publisher);
            }
            if is_tutor_running.load(Ordering::Relaxed) {
                publisher.status(match state {
                    TurnState::Failed => Status::new(state.as_str(), reason.map(Reason::as_str)),
                    _ => Status::answered(TurnState::Answering.as_str()),
                });
            }
            chat_end = Some(ChatEnd { state, reason, usage });
        };
        let tutor = async {
            if kept.is_none() {
                let notes = parts.assistant.feedback_after(&asking, tutor_gate, &tutor_progress).await;
                tutor_time = began.elapsed();
                is_tutor_running.store(false, Ordering::Relaxed);
                publish(publisher, &notes.feedback);
                noted = Some(notes);
            }
        };
        let begin = async {
            // Only a label: should it fail, the turn is found as accepted after a crash, which is handled alike.
            if let Err(error) = parts.store.begin_turn(fencing_token).await {
                tracing::warn!(error = &error as &dyn std::error::Error, "a turn's begin was not stored");
            }
        };
        publisher.status(Status::new(TurnState::Answering.as_str(), None));
        tokio::join!(chat, tutor, begin);
    };
    let stopped = tokio::select! {
        () = work => None,
        () = orders.stop.cancelled() => Some(TurnState::Cancelled),
        () = orders.lost.cancelled() => Some(TurnState::Interrupted),
        () = parts.stop.cancelled() => Some(TurnState::Interrupted),
    };
    answer.finish(publisher);

    // An answer that was whole, or had failed, before the stop stays so.
    let is_over = chat_end.is_some();
    let ChatEnd { state, reason, mut usage } = chat_end.unwrap_or_else(|| {
        // A request that was never sent cost nothing.
        let is_sent = chat_progress.written.is_cancelled();
        let usage = is_sent.then(|| parts.assistant.estimate(Purpose::Chat, &asking, answer.text())).flatten();
        ChatEnd { state: stopped.unwrap_or(TurnState::Interrupted), reason: None, usage: usage.into_iter().collect() }
    });
    if noted.is_none() && tutor_progress.written.is_cancelled() {
        usage.extend(parts.assistant.estimate(Purpose::Tutor, &asking, ""));
    }
    let mut feedback = noted.map(|notes| {
        usage.extend(notes.usage);
        notes.feedback
    });
    if feedback.is_none() && kept.is_none() && is_over {
        // Stopped after the answer ended and while the tutor still wrote: the turn gets its notes all the same.
        let notes = parts.assistant.coach(&asking);
        publish(publisher, &notes);
        feedback = Some(notes);
    }
    let model_time = stopped.is_none().then_some(chat_time.max(tutor_time));
    (Outcome { state, reason, answer: answer.text().to_owned(), feedback, usage }, model_time)
}

/// The places in the conversation of the turns that are read for the turn in this place.
fn history_places(seq: u32) -> Range<u32> {
    seq.saturating_sub(HISTORY_TURNS) / HISTORY_STEP * HISTORY_STEP..seq
}

fn publish(publisher: &Publisher, feedback: &Feedback) {
    if let Ok(json) = serde_json::to_string(feedback) {
        publisher.feedback(Arc::from(json));
    }
}

fn verdict(ended: &Result<llm::End, llm::Error>, began: bool) -> (TurnState, Option<Reason>) {
    match ended {
        Ok(end) => match end.finish {
            llm::Finish::Length => (TurnState::Done, Some(Reason::Length)),
            llm::Finish::ContentFilter => (TurnState::Failed, Some(Reason::ContentFilter)),
            llm::Finish::Stop | llm::Finish::Refusal | llm::Finish::Other => (TurnState::Done, None),
        },
        Err(error) => {
            tracing::warn!(llm.error = %error, "an answer failed");
            (TurnState::Failed, Some(failure_reason(error, began)))
        }
    }
}

/// Stores the outcome, trying until it is stored or the program has to end: a finished answer is never thrown away
/// because the database was away for a moment. Whether it is stored.
async fn commit(parts: &Parts, fencing_token: FencingToken, outcome: &Outcome) -> bool {
    let backoff = ExponentialBuilder::default()
        .with_jitter()
        .with_min_delay(Duration::from_millis(50))
        .with_max_delay(Duration::from_secs(5))
        .without_max_times();
    let store = || async {
        match parts.store.finish_turn(fencing_token, outcome, now()).await? {
            true => Ok(true),
            false => was_stored(&parts.store, fencing_token, outcome).await,
        }
    };
    let stored = store
        .retry(backoff)
        .when(|_| !parts.stop.is_cancelled())
        .notify(|error, _| {
            static LINE: RepeatedLine = RepeatedLine::new();
            if let Some(left_out) = LINE.due() {
                let error = error as &dyn std::error::Error;
                tracing::error!(error, left_out, "an outcome could not be stored; trying again");
            }
        })
        .await;
    match stored {
        Ok(true) => {
            // Also when it took several tries, which are noted on the span.
            Span::current().record("otel.status_code", "OK");
            parts.instance_lease.record_answer();
            true
        }
        Ok(false) => {
            tracing::info!("a turn was deleted or taken over while it ran");
            book(parts, fencing_token.turn, &outcome.usage).await;
            false
        }
        Err(error) => {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "an outcome was lost: the program ended while the store was away"
            );
            false
        }
    }
}

/// Whether the outcome is there although it was not taken: an earlier try stored it, and only the answer to that was lost
/// with the connection. Nobody else ends a turn in any other way than by interrupting it.
async fn was_stored(store: &Store, fencing_token: FencingToken, outcome: &Outcome) -> Result<bool, StoreError> {
    let turn_statuses = store.turn_statuses(&[fencing_token.turn]).await?;
    Ok(outcome.state != TurnState::Interrupted
        && turn_statuses.iter().any(|status| (status.attempt, status.state) == (fencing_token.attempt, outcome.state)))
}

/// What a turn cost is booked, also when nothing else is left of it.
async fn book(parts: &Parts, turn: TurnId, usage: &[Usage]) {
    for usage in usage {
        if let Err(error) = parts.store.add_usage(Some(turn), usage, now()).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "what a turn cost was not stored");
        }
    }
}

/// Why an answer failed. Only of one that `began` a student can be told that it broke off.
#[must_use]
pub fn failure_reason(error: &llm::Error, began: bool) -> Reason {
    match error {
        // Busy, not gone: the server took a request and did not come to answer it.
        llm::Error::RateLimited { .. } | llm::Error::BreakerOpen { cause: llm::OpenCause::Busy, .. } => {
            Reason::RateLimited
        }
        llm::Error::Connect | llm::Error::BreakerOpen { .. } => Reason::Unreachable,
        llm::Error::Timeout(_) => Reason::Timeout,
        llm::Error::Quota => Reason::Quota,
        llm::Error::Unauthorized
        | llm::Error::ModelMissing
        | llm::Error::PathMissing
        | llm::Error::BadRequest { .. } => Reason::Misconfigured,
        llm::Error::ContentFilter => Reason::ContentFilter,
        llm::Error::NoAnswer => Reason::NoAnswer,
        llm::Error::ContextFull { .. } => Reason::TooLong,
        llm::Error::Server { .. } | llm::Error::Broken if began => Reason::Broken,
        llm::Error::Server { .. } | llm::Error::Broken => Reason::Unavailable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_open_breaker_after_time_outs_says_busy_and_not_unreachable() {
        let reason = |cause| failure_reason(&llm::Error::BreakerOpen { retry_in: Duration::ZERO, cause }, false);
        assert_eq!(reason(llm::OpenCause::Busy), Reason::RateLimited);
        assert_eq!(reason(llm::OpenCause::Failing), Reason::Unreachable);
        assert_eq!(reason(llm::OpenCause::Unreachable), Reason::Unreachable);
    }
}
