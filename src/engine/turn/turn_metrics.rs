//! The metrics of turns.

use std::time::Duration;

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};

use super::{refusal::AskError, retention};
use domain::turn::{Outcome, Reason, TurnState};

/// Describes the metrics of turns, and registers every series with a known set of labels at 0: Prometheus can't see the
/// increase of a series that begins with 1. Called once, when the recorder is installed.
pub fn describe() {
    describe_counter!("turns_total", "Turns that ended here, by outcome: done, failed, cancelled or interrupted");
    describe_counter!("turn_failures_total", "Turns that failed here, by reason");
    describe_counter!(
        "turns_refused_total",
        "Questions and stateless calls that were not accepted, by reason: full (MAX_TURNS), budget (DAILY_TOKEN_BUDGET), \
         stateless_budget (STATELESS_DAILY_TOKEN_BUDGET or STATELESS_ADDRESS_DAILY_TOKENS), no_lease (the database is unavailable or was taken over) or draining (this instance shuts down)"
    );
    describe_histogram!("turn_seconds", Unit::Seconds, "From the arrival of a question until its answer is stored");
    describe_histogram!(
        "turn_overhead_seconds",
        Unit::Seconds,
        "turn_seconds without the time of the slower of the two model calls; only turns that were not stopped"
    );
    describe_histogram!(
        "first_piece_seconds",
        Unit::Seconds,
        "From the arrival of a question until the first text is sent to its followers"
    );
    describe_histogram!(
        "first_piece_overhead_seconds",
        Unit::Seconds,
        "first_piece_seconds without the time until the model's first text"
    );
    describe_counter!("coach_fallbacks_total", "Notes that the coach wrote because the tutor's model could not");
    describe_gauge!("turns_running", "Turns that run on this instance");
    describe_gauge!("turn_slots_in_use", "Turns and stateless calls that run on this instance");
    describe_gauge!("turns_limit", "How many of these may run at a time (MAX_TURNS)");
    describe_gauge!("database_up", "1 while the database answers, 0 when it failed at the last renewal of the lease");
    describe_gauge!("daily_tokens_used", "Tokens used since midnight in Korea, as far as this instance knows");
    describe_gauge!("daily_tokens_limit", "Tokens that may be used a day (DAILY_TOKEN_BUDGET); 0 for no limit");
    describe_gauge!(
        "stateless_tokens_used",
        "Tokens that stateless calls used since midnight in Korea, which daily_tokens_used doesn't contain"
    );
    describe_gauge!(
        "stateless_tokens_limit",
        "Tokens that stateless calls may use a day (STATELESS_DAILY_TOKEN_BUDGET); 0 for no limit"
    );
    describe_gauge!("lease_held", "1 while this instance is sure that it may run turns");
    describe_counter!("turns_taken_over_total", "Turns of instances with an expired lease that this one interrupted");

    retention::describe();
    for state in TurnState::ALL.into_iter().filter(|state| !state.is_running()) {
        counter!("turns_total", "outcome" => state.as_str()).increment(0);
    }
    // A turn that reached its length limit is done.
    for reason in Reason::ALL.into_iter().filter(|reason| *reason != Reason::Length) {
        counter!("turn_failures_total", "reason" => reason.as_str()).increment(0);
    }
    for reason in ["full", "budget", "stateless_budget", "no_lease", "draining"] {
        counter!("turns_refused_total", "reason" => reason).increment(0);
    }
    counter!("coach_fallbacks_total").increment(0);
    counter!("turns_taken_over_total").increment(0);
}

/// The current values of gauges.
pub(super) struct Gauges {
    /// Turns that run here.
    pub(super) running: usize,
    /// Slots in use, and how many there are.
    pub(super) slots: (usize, usize),
    pub(super) is_database_up: bool,
    /// Tokens used today, and how many may be.
    pub(super) daily_tokens: (u64, u64),
    /// The same of stateless calls.
    pub(super) stateless_tokens: (u64, u64),
}

/// Sets the gauges.
#[expect(clippy::cast_precision_loss, reason = "no value here comes near 2^53")]
pub(super) fn set_gauges(gauges: &Gauges) {
    gauge!("turns_running").set(gauges.running as f64);
    gauge!("turn_slots_in_use").set(gauges.slots.0 as f64);
    gauge!("turns_limit").set(gauges.slots.1 as f64);
    gauge!("database_up").set(if gauges.is_database_up { 1.0 } else { 0.0 });
    gauge!("daily_tokens_used").set(gauges.daily_tokens.0 as f64);
    gauge!("daily_tokens_limit").set(gauges.daily_tokens.1 as f64);
    gauge!("stateless_tokens_used").set(gauges.stateless_tokens.0 as f64);
    gauge!("stateless_tokens_limit").set(gauges.stateless_tokens.1 as f64);
}

/// Counts a turn that ended after `took`, of which the slower model call took `model_time`.
pub(super) fn ended(outcome: &Outcome, took: Duration, model_time: Option<Duration>) {
    counter!("turns_total", "outcome" => outcome.state.as_str()).increment(1);
    if let (TurnState::Failed, Some(reason)) = (outcome.state, outcome.reason) {
        counter!("turn_failures_total", "reason" => reason.as_str()).increment(1);
    }
    histogram!("turn_seconds").record(took);
    if let Some(model_time) = model_time {
        histogram!("turn_overhead_seconds").record(took.saturating_sub(model_time));
    }
}

/// Counts a refusal for a reason of the server's; refusals for a reason of the request are not counted.
pub(super) fn refused(error: AskError) -> AskError {
    let reason = match error {
        AskError::Full => "full",
        AskError::BudgetSpent { .. } => "budget",
        AskError::NoLease => "no_lease",
        AskError::Draining => "draining",
        _ => return error,
    };
    counter!("turns_refused_total", "reason" => reason).increment(1);
    error
}

/// As [`refused`], for a stateless call, which has a budget of its own.
pub(super) fn refused_stateless(error: AskError) -> AskError {
    if let AskError::BudgetSpent { .. } = error {
        counter!("turns_refused_total", "reason" => "stateless_budget").increment(1);
        return error;
    }
    refused(error)
}
