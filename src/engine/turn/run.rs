//! Runs a turn: the chat call and the tutor call side by side, then one commit.

use std::{
    ops::Range,
    panic::AssertUnwindSafe,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_util::FutureExt;
use tokio::time::Instant;
use tracing::{Instrument as _, Span, field::Empty};

use super::{
    admission::Slot,
    answer::Answer,
    commit::OutcomeWriter,
    failure::failure_reason,
    running::{CancelSignals, RunningTurns},
    turn_metrics,
};
use crate::{
    engine::{
        assistant::{self, Assistant, HistorySource, PromptInput, UsageLog},
        budget::Budget,
    },
    lifecycle::{Lifecycle, Phase},
    live::{LiveEvents, Publisher, Status},
};
use domain::turn::{Outcome, Purpose, Reason, Turn, TurnState, Usage};
use domain::{Conversation, Feedback, Locale, Topic};
use logging::STUDENT_TEXT;
use store::{FencingToken, Lease, Store, StoreError, now};

/// How many earlier turns are read for the model at least; more would hardly fit its budget.
const HISTORY_TURNS: u32 = 40;
/// The first turn that is read moves by this many at a time: where the history is cut depends on where it begins.
const HISTORY_STEP: u32 = 20;

/// Runs turns.
#[derive(Clone)]
pub(super) struct Runner {
    pub(super) store: Store,
    pub(super) live_events: LiveEvents,
    pub(super) assistant: Assistant,
    pub(super) budget: Arc<Budget>,
    pub(super) running: Arc<RunningTurns>,
    pub(super) lifecycle: Lifecycle,
    pub(super) outcomes: OutcomeWriter,
}

/// The question that a run answers.
struct Question {
    turn: Turn,
    topic: Topic,
    locale: Locale,
    /// When it arrived, before it was stored.
    asked: Instant,
}

/// The span of a run. Its parent is the request that started the turn, which ends long before.
fn span(turn: &Turn) -> Span {
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

impl Runner {
    /// Starts the run of a stored turn in a task of its own.
    pub(super) fn start(&self, turn: Turn, lease: Lease, conversation: Conversation, locale: Locale, slot: Slot) {
        let fencing_token = FencingToken { turn: turn.id, attempt: turn.attempt, lease };
        let accepted = Status::new(TurnState::Accepted.as_str(), None);
        let publisher = self.live_events.publish((turn.id.0, turn.attempt), accepted);
        let signals = self.running.add(fencing_token, &conversation);
        let this = self.clone();
        let span = span(&turn);
        let run = async move {
            let question = Question { turn, topic: conversation.topic, locale, asked: slot.since };
            this.run(fencing_token, question, publisher, signals, slot).await;
            this.running.remove(fencing_token);
        };
        self.lifecycle.spawn_turn(run.instrument(span));
    }

    /// Runs a turn to its end, stores the outcome, and only then frees the slot and publishes the end. Never panics, and
    /// never leaves the turn running.
    async fn run(
        &self,
        fencing_token: FencingToken,
        question: Question,
        publisher: Publisher,
        signals: CancelSignals,
        slot: Slot,
    ) {
        let asked = question.asked;
        let (outcome, model_time) =
            AssertUnwindSafe(self.perform(&question, &publisher, &signals)).catch_unwind().await.unwrap_or_else(|_| {
                tracing::error!("a turn's run panicked");
                (Outcome::failed(Reason::Broken), None)
            });
        for usage in &outcome.usage {
            self.budget.count(now(), usage);
        }
        let stored = self
            .outcomes
            .write(fencing_token, &outcome)
            .instrument(tracing::info_span!("commit", otel.status_code = Empty))
            .await;
        turn_metrics::ended(&outcome, asked.elapsed(), model_time);
        log_outcome(&outcome, asked);
        let status = match outcome.state {
            // An outcome that isn't stored can't be read again, so the turn isn't announced as done. A deleted turn was
            // cancelled before.
            state if !stored && state != TurnState::Cancelled => Status::new(TurnState::Interrupted.as_str(), None),
            state => Status::new(state.as_str(), outcome.reason.map(Reason::as_str)),
        };
        // A follower that receives the end may ask at once.
        self.running.release_slot(fencing_token, slot);
        publisher.status(status);
    }

    /// Question and answer of the earlier turns.
    async fn history(&self, turn: &Turn) -> Result<Vec<(String, String)>, StoreError> {
        match turn.seq {
            0 | 1 => Ok(Vec::new()),
            seq => self.store.exchanges(turn.conversation, history_range(seq)).await,
        }
    }

    /// Makes both calls. Returns the outcome and, if no call was interrupted, how long the slower one took.
    async fn perform(
        &self,
        question: &Question,
        publisher: &Publisher,
        signals: &CancelSignals,
    ) -> (Outcome, Option<Duration>) {
        let Question { turn, topic, locale, asked } = question;
        let history = match self.history(turn).await {
            Ok(history) => history,
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "the earlier turns can't be read");
                return (Outcome { state: TurnState::Interrupted, ..Outcome::failed(Reason::Broken) }, None);
            }
        };
        tracing::info!(target: STUDENT_TEXT, { topic = topic.as_str(), turn.message = turn.message }, "what the student wrote");
        let input = PromptInput {
            topic: topic.clone(),
            history,
            history_source: HistorySource::Stored(turn.conversation),
            message: turn.message.clone(),
            locale: *locale,
            model: None,
            is_followed: true,
        };

        let mut answer = Answer::new(*asked);
        let mut chat_end: Option<ChatEnd> = None;
        let mut tutor_feedback: Option<Feedback> = None;
        // A retry reuses feedback that a model wrote, because the message is the same.
        let earlier_feedback = turn.feedback.as_ref();
        if let Some(feedback) = earlier_feedback {
            publish(publisher, feedback);
        }
        let began = Instant::now();
        let (mut chat_time, mut tutor_time) = (Duration::ZERO, Duration::ZERO);
        let is_tutor_running = AtomicBool::new(earlier_feedback.is_none());
        let (chat_gate, tutor_gate) = assistant::call_order();
        let (mut chat_log, mut tutor_log) = (UsageLog::new(chat_gate.watch()), UsageLog::default());
        let work = async {
            let chat = async {
                let begin = self.assistant.answer_first(&input, assistant::PRACTICE_PACE, chat_gate);
                let end = answer.stream(begin, publisher).await;
                chat_time = began.elapsed();
                // Shows the whole answer although the tutor's call may still run.
                answer.finish(publisher);
                let (state, reason) = final_state(&end, !answer.text().is_empty());
                if let Ok(end) = &end {
                    chat_log.add(assistant::used(Purpose::Chat, end));
                }
                let usage = chat_log.take(|| self.assistant.estimate(Purpose::Chat, &input, answer.text()));
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
                if earlier_feedback.is_none() {
                    let feedback = self.assistant.feedback_after(&input, tutor_gate, &mut tutor_log).await;
                    tutor_time = began.elapsed();
                    is_tutor_running.store(false, Ordering::Relaxed);
                    publish(publisher, &feedback);
                    tutor_feedback = Some(feedback);
                }
            };
            publisher.status(Status::new(TurnState::Answering.as_str(), None));
            tokio::join!(chat, tutor);
        };
        let stopped = tokio::select! {
            () = work => None,
            () = signals.cancelled.cancelled() => Some(TurnState::Cancelled),
            () = signals.lost.cancelled() => Some(TurnState::Interrupted),
            () = self.lifecycle.reached(Phase::Stopping) => Some(TurnState::Interrupted),
        };
        answer.finish(publisher);

        // If the chat call ended before the stop, its result stands.
        let is_over = chat_end.is_some();
        let ChatEnd { state, reason, mut usage } = chat_end.unwrap_or_else(|| ChatEnd {
            state: stopped.unwrap_or(TurnState::Interrupted),
            reason: None,
            usage: chat_log.take(|| self.assistant.estimate(Purpose::Chat, &input, answer.text())),
        });
        usage.extend(tutor_log.take(|| self.assistant.estimate(Purpose::Tutor, &input, "")));
        let mut feedback = tutor_feedback;
        if feedback.is_none() && earlier_feedback.is_none() && is_over {
            // Stopped after the answer ended and while the tutor still wrote: the turn gets its notes all the same.
            let coached = self.assistant.coach(&input);
            publish(publisher, &coached);
            feedback = Some(coached);
        }
        let model_time = stopped.is_none().then_some(chat_time.max(tutor_time));
        (Outcome { state, reason, answer: answer.text().to_owned(), feedback, usage }, model_time)
    }
}

/// How the chat call ended.
struct ChatEnd {
    state: TurnState,
    reason: Option<Reason>,
    usage: Vec<Usage>,
}

/// Records how a turn ended on its span and in one log line.
fn log_outcome(outcome: &Outcome, asked: Instant) {
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

/// The sequence numbers of the turns that are read as history of turn `seq`.
fn history_range(seq: u32) -> Range<u32> {
    seq.saturating_sub(HISTORY_TURNS) / HISTORY_STEP * HISTORY_STEP..seq
}

fn publish(publisher: &Publisher, feedback: &Feedback) {
    if let Ok(json) = serde_json::to_string(feedback) {
        publisher.feedback(Arc::from(json));
    }
}

fn final_state(ended: &Result<llm::End, llm::Error>, began: bool) -> (TurnState, Option<Reason>) {
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
