//! What is known about each model's context window (its size, and how the server counts tokens), and how many requests the
//! server processes at a time. The sources are settings, the server's pages, refusals and reported usage.

use super::learned::LIFETIME;
use super::token_scale::{RecentCounts, scaled, step_above, step_at_least};
use domain::ConversationId;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use tokio::time::Instant;

/// The limits of a request to one model.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ModelLimits {
    /// The most tokens of prompt and answer together; `None` if unknown.
    pub window: Option<u32>,
    /// Tokens that the server counts for one token of the caller's estimate; at least 1. It rises in steps and falls only
    /// after several lower counts, so that instances agree after a few calls.
    pub token_scale: f32,
    /// Whether the model writes thoughts before its answers, which use up tokens.
    pub thinks: bool,
}

impl Default for ModelLimits {
    fn default() -> Self {
        Self { window: None, token_scale: 1.0, thinks: false }
    }
}

/// The estimated size of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestSize {
    /// Estimated tokens of the prompt.
    pub prompt_estimate: u32,
    /// Most tokens of the answer.
    pub max_tokens: u32,
}

/// With at most this many slots, an early call of the tutor would delay an answer.
const FEW_SLOTS: u32 = 4;
/// The smallest window that is guessed. A window that a server states may be smaller.
const MIN_GUESSED_WINDOW: u32 = 1024;
/// Estimates below this say little about how a server counts.
const MIN_MEANINGFUL_ESTIMATE: u32 = 200;
/// A smaller count of a prompt does not mean that the prompt was cut off: some servers do not count cached tokens.
const MIN_CUT_COUNT: u32 = 1000;

/// What is known about all models. Models come from the settings or an allow-list, so the map stays small.
#[derive(Debug)]
pub(super) struct Windows {
    configured: Option<u32>,
    /// Requests that the server processes at a time; 0 if unknown.
    slots: AtomicU32,
    are_slots_configured: bool,
    /// The number of answers that have begun.
    begun: AtomicU64,
    works_in_parallel: AtomicBool,
    models: Mutex<HashMap<String, ModelFacts>>,
}

/// Counts the pieces of an answer that arrive after a later answer began. Only a server that works on both at the same time
/// sends them.
#[derive(Debug)]
pub(super) struct AnswerOverlap {
    number: u64,
    later_pieces: u8,
}

impl AnswerOverlap {
    /// Fewer pieces may have been waiting in this process.
    const ENOUGH: u8 = 3;

    /// Notes that a piece of this answer arrived.
    pub(super) fn record_piece(&mut self, windows: &Windows) {
        if self.later_pieces == Self::ENOUGH || windows.begun.load(Ordering::Relaxed) == self.number {
            return;
        }
        self.later_pieces += 1;
        if self.later_pieces == Self::ENOUGH {
            windows.works_in_parallel.store(true, Ordering::Relaxed);
        }
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct ModelFacts {
    limits: ModelLimits,
    /// The most tokens that a call used. The window is at least this large.
    largest_use: u32,
    /// The largest request with a response format that was accepted, in estimated tokens of prompt and answer; 0 for none.
    largest_structured: u32,
    /// Refusals in a row, since the usual response format was accepted, that may have been about the format.
    format_refusals: u32,
    /// Whether the window is a guess. A larger use corrects it.
    is_guess: bool,
    /// The largest request that was accepted of late, in the server's tokens of prompt and answer by the estimate.
    largest_accepted: Option<(u32, Instant)>,
    /// The last refusal that may have been about the size.
    suspicion: Option<Suspicion>,
    /// The smallest meaningful request so far, with the tokens the server counted for it.
    smallest: Option<(u32, u32)>,
    /// The last counts.
    recent: RecentCounts,
    /// The least scale that follows from a refusal of a request that should have fitted.
    refused_scale: f32,
    has_warned: bool,
    /// When the window was last stated or found.
    window_at: Option<Instant>,
    /// When the model was last seen to think.
    thought_at: Option<Instant>,
}

/// A refusal without a known cause, after which a shorter request was accepted.
#[derive(Debug, Clone, Copy)]
struct Suspicion {
    conversation: ConversationId,
    /// The size of the refused request.
    size: RequestSize,
    /// The window that is assumed in this conversation.
    window: u32,
    at: Instant,
}

impl Windows {
    pub(super) fn new(configured: Option<u32>, slots: Option<u32>) -> Self {
        Self {
            configured,
            slots: slots.unwrap_or_default().into(),
            are_slots_configured: slots.is_some(),
            begun: AtomicU64::default(),
            works_in_parallel: AtomicBool::default(),
            models: Mutex::default(),
        }
    }

    /// Forgets everything that is not configured, because another server may have taken the place of this one.
    pub(super) fn forget(&self) {
        self.models.lock().unwrap_or_else(PoisonError::into_inner).clear();
        if !self.are_slots_configured {
            self.slots.store(0, Ordering::Relaxed);
        }
        self.works_in_parallel.store(false, Ordering::Relaxed);
    }

    /// Stores how many requests the server processes at a time, unless the number is configured.
    pub(super) fn set_slots(&self, slots: u32) {
        if !self.are_slots_configured && self.slots.swap(slots, Ordering::Relaxed) != slots {
            tracing::info!(slots, "the number of requests that the model server works on at a time is known");
        }
    }

    pub(super) fn slots(&self) -> Option<u32> {
        Some(self.slots.load(Ordering::Relaxed)).filter(|slots| *slots > 0)
    }

    pub(super) fn has_few_slots(&self) -> bool {
        self.slots().is_some_and(|slots| slots <= FEW_SLOTS)
    }

    /// Whether the server was seen to write two answers at the same time.
    pub(super) fn works_in_parallel(&self) -> bool {
        self.works_in_parallel.load(Ordering::Relaxed)
    }

    /// Notes that an answer begins.
    pub(super) fn begin_answer(&self) -> AnswerOverlap {
        AnswerOverlap { number: self.begun.fetch_add(1, Ordering::Relaxed) + 1, later_pieces: 0 }
    }

    pub(super) fn of(&self, model: &str) -> ModelLimits {
        self.change(model, |known| known.limits)
    }

    /// The limits of a request that continues this conversation.
    pub(super) fn in_conversation(&self, model: &str, conversation: ConversationId) -> ModelLimits {
        self.change(model, |known| {
            let suspicion = known.suspicion.filter(|suspicion| suspicion.conversation == conversation);
            let assumed = suspicion.map(|suspicion| suspicion.window.max(known.largest_use));
            let window = known.limits.window.into_iter().chain(assumed).min();
            ModelLimits { window, ..known.limits }
        })
    }

    /// Stores a size that the server states. A smaller configured size is kept.
    pub(super) fn set(&self, model: &str, window: u32) {
        self.change(model, |known| {
            let window = self.configured.map_or(window, |configured| configured.min(window));
            known.is_guess = false;
            known.window_at = Some(Instant::now());
            if known.limits.window != Some(window) {
                tracing::info!(model, window, "the model's context window is known");
                known.limits.window = Some(window);
            }
        });
    }

    /// Records that the model wrote thoughts.
    pub(super) fn record_thinking(&self, model: &str) {
        self.change(model, |known| {
            known.thought_at = Some(Instant::now());
            if !std::mem::replace(&mut known.limits.thinks, true) {
                tracing::info!(model, "the model thinks before it answers; its answers get more tokens");
            }
        });
    }

    /// Records an answer without thoughts. Some models write thoughts only now and then, so this has an effect only if the
    /// model has not written any for long.
    pub(super) fn record_plain_answer(&self, model: &str) {
        self.change(model, |known| {
            if known.thought_at.is_some_and(|at| at.elapsed() >= LIFETIME) {
                known.thought_at = None;
                known.limits.thinks = false;
                tracing::info!(model, "the model thinks no longer before it answers");
            }
        });
    }

    /// Records that a request of this size was refused as too large. The server may have stated its window.
    pub(super) fn learn_overflow(&self, model: &str, size: RequestSize, stated: Option<u32>) {
        self.change(model, |known| {
            let RequestSize { prompt_estimate, max_tokens } = size;
            let used = known.used(size);
            known.window_at = Some(Instant::now());
            // A guess does not replace a configured window. Then the estimate of the request was too low.
            if let Some(window) = stated.or(self.configured.and(known.limits.window)) {
                known.limits.window = Some(self.configured.map_or(window, |configured| configured.min(window)));
                known.is_guess = false;
                if used <= window && prompt_estimate > 0 {
                    // The server counts more tokens than the estimate.
                    let least = window.saturating_sub(max_tokens) as f32 / prompt_estimate as f32;
                    known.limits.token_scale = step_above(least.max(known.limits.token_scale));
                    known.refused_scale = known.limits.token_scale;
                }
            } else {
                let guess = known.guess(used);
                known.is_guess |= known.limits.window.is_none_or(|window| guess < window);
                known.limits.window = Some(known.limits.window.map_or(guess, |window| window.min(guess)));
            }
            tracing::info!(
                model,
                window = known.limits.window,
                is_stated = stated.is_some(),
                token_scale = known.limits.token_scale,
                "a request did not fit the model's context window; less of the conversation is sent from now on"
            );
        });
    }

    /// Records that a request of this size was refused without a known cause, and that its newest message alone was
    /// accepted. It may have been too large, or the server may have refused something else in its history.
    ///
    /// So less is sent in this conversation only. When the same happens in a second conversation, the window is guessed as
    /// after a refusal as too large. A window that is configured or stated, and requests that were accepted although they
    /// were larger, refute the suspicion.
    pub(super) fn suspect_overflow(&self, model: &str, conversation: ConversationId, size: RequestSize) {
        let confirmed = self.change(model, |known| {
            let used = known.used(size);
            let is_known = known.limits.window.is_some() && !known.is_guess;
            let was_accepted = known.largest_accepted.is_some_and(|(accepted, at)| {
                accepted >= used && at.elapsed() < LIFETIME
            });
            if is_known || was_accepted {
                return None;
            }
            let mut window = known.guess(used);
            if let Some(earlier) = known.suspicion.take() {
                if earlier.conversation != conversation {
                    return Some(if known.used(earlier.size) < used { earlier.size } else { size });
                }
                window = window.min(earlier.window);
            }
            known.suspicion = Some(Suspicion { conversation, size, window, at: Instant::now() });
            tracing::info!(
                model,
                window,
                "a request was refused without a cause, and a shorter one was accepted; less of this conversation is sent \
                 from now on"
            );
            None
        });
        if let Some(size) = confirmed {
            self.learn_overflow(model, size, None);
        }
    }

    /// Records that a request of this size was accepted.
    pub(super) fn record_accepted(&self, model: &str, size: RequestSize) {
        self.change(model, |known| {
            let used = known.used(size);
            let now = Instant::now();
            if known.largest_accepted.is_none_or(|(accepted, at)| used >= accepted || now - at >= LIFETIME) {
                known.largest_accepted = Some((used, now));
            }
            known.suspicion = known.suspicion.filter(|suspicion| known.used(suspicion.size) > used);
        });
    }

    /// Records how many tokens the server counted for a request of this size, and for its answer.
    pub(super) fn learn_use(&self, model: &str, size: RequestSize, prompt_tokens: u32, completion_tokens: u32) {
        let estimate = size.prompt_estimate;
        if prompt_tokens == 0 || estimate < MIN_MEANINGFUL_ESTIMATE {
            return;
        }
        self.change(model, |known| {
            known.largest_use = known.largest_use.max(prompt_tokens.saturating_add(completion_tokens));
            if known.is_cut(estimate, prompt_tokens) {
                let window = prompt_tokens.saturating_add(size.max_tokens / 4).div_ceil(1024).saturating_mul(1024);
                known.limits.window = Some(known.limits.window.map_or(window, |known| known.min(window)));
                known.window_at.get_or_insert_with(Instant::now);
                if !std::mem::replace(&mut known.has_warned, true) {
                    tracing::warn!(
                        model,
                        estimate,
                        prompt_tokens,
                        window,
                        "the model server seems to cut off the beginning of conversations; less is sent from now on. \
                         Give the model a larger context (Ollama: OLLAMA_CONTEXT_LENGTH), or set MODEL_CONTEXT_TOKENS"
                    );
                }
                return;
            }
            if known.is_guess {
                known.limits.window = known.limits.window.map(|window| window.max(known.largest_use));
            }
            if known.smallest.is_none_or(|(smallest, _)| estimate < smallest) {
                known.smallest = Some((estimate, prompt_tokens));
            }
            known.recent.push(estimate, prompt_tokens);
            known.limits.token_scale = step_at_least(known.recent.ratio()).max(known.refused_scale);
        });
    }

    /// Records that a request of this size with a response format was accepted. `is_usual` says that it is the format that
    /// the model is asked for at first.
    pub(super) fn record_structured(&self, model: &str, size: u32, is_usual: bool) {
        self.change(model, |known| {
            known.largest_structured = known.largest_structured.max(size);
            if is_usual {
                known.format_refusals = 0;
            }
        });
    }

    /// Records a refusal that does not name the response format, after which a request in another format was accepted.
    /// Returns whether the format was the cause: not at once if the model has accepted one before.
    pub(super) fn confirm_format_refusal(&self, model: &str) -> bool {
        self.change(model, |known| {
            known.format_refusals = known.format_refusals.saturating_add(1);
            known.largest_structured == 0 || known.format_refusals > 1
        })
    }

    /// Whether a request of this size is larger than any with a response format that was accepted, if there was one.
    pub(super) fn exceeds_structured(&self, model: &str, size: u32) -> bool {
        self.change(model, |known| (1..size).contains(&known.largest_structured))
    }

    fn change<T>(&self, model: &str, change: impl FnOnce(&mut ModelFacts) -> T) -> T {
        let mut models = self.models.lock().unwrap_or_else(PoisonError::into_inner);
        let known = models.entry(model.to_owned()).or_insert_with(|| ModelFacts {
            limits: ModelLimits { window: self.configured, ..ModelLimits::default() },
            ..ModelFacts::default()
        });
        if known.window_at.is_some_and(|at| at.elapsed() >= LIFETIME) {
            tracing::debug!(
                model,
                window = known.limits.window,
                "what was learned of the window is old; forgetting it"
            );
            known.window_at = None;
            known.limits.window = self.configured;
            known.is_guess = false;
            known.largest_use = 0;
            known.refused_scale = 0.0;
        }
        known.suspicion = known.suspicion.filter(|suspicion| suspicion.at.elapsed() < LIFETIME);
        change(known)
    }
}

impl ModelFacts {
    /// The tokens that the server reserves for a request, by the estimate.
    fn used(&self, size: RequestSize) -> u32 {
        scaled(size.prompt_estimate, self.limits.token_scale).saturating_add(size.max_tokens)
    }

    /// A window that is smaller than a refused request with this many tokens.
    fn guess(&self, used: u32) -> u32 {
        (used / 2).max(self.largest_use).max(MIN_GUESSED_WINDOW)
    }

    /// Whether a server that counted this few tokens cannot have read the whole prompt: far fewer than it counts for
    /// smaller prompts, or than any tokenizer needs.
    fn is_cut(&self, estimate: u32, prompt_tokens: u32) -> bool {
        let expected = match self.smallest {
            Some((smallest, counted)) if u64::from(estimate) * 3 >= u64::from(smallest) * 4 => {
                // A server may count a constant number of tokens more for every request.
                let with_constant = counted as f32 + 0.8 * (estimate - smallest) as f32;
                (0.6 * estimate as f32 * counted as f32 / smallest as f32).min(with_constant)
            }
            _ => 0.4 * estimate as f32,
        };
        prompt_tokens >= MIN_CUT_COUNT && (prompt_tokens as f32) < expected
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token_scale::RECENT_COUNTS;

    fn size(prompt_estimate: u32, max_tokens: u32) -> RequestSize {
        RequestSize { prompt_estimate, max_tokens }
    }

    #[test]
    fn a_stated_window_is_taken_and_the_smaller_of_it_and_the_setting_counts() {
        let windows = Windows::new(None, None);
        windows.learn_overflow("m", size(5000, 1000), Some(4096));
        assert_eq!(windows.of("m"), ModelLimits { window: Some(4096), ..ModelLimits::default() });
        assert_eq!(windows.of("other").window, None);
        let windows = Windows::new(Some(8000), None);
        assert_eq!(windows.of("m").window, Some(8000));
        windows.learn_overflow("m", size(9000, 1000), Some(16_000));
        assert_eq!(windows.of("m").window, Some(8000));
        windows.set("m", 4096);
        assert_eq!(windows.of("m").window, Some(4096));
    }

    #[test]
    fn what_is_configured_outlives_the_server() {
        let windows = Windows::new(Some(8000), None);
        windows.set("m", 4096);
        windows.set_slots(2);
        windows.forget();
        assert_eq!((windows.of("m").window, windows.slots()), (Some(8000), None));
        let windows = Windows::new(None, Some(1));
        windows.record_thinking("m");
        windows.forget();
        assert_eq!((windows.of("m"), windows.slots()), (ModelLimits::default(), Some(1)));
    }

    #[test]
    fn a_server_works_in_parallel_if_an_answer_goes_on_after_a_later_one_began() {
        let windows = Windows::new(None, None);
        let mut first = windows.begin_answer();
        (0..9).for_each(|_| first.record_piece(&windows));
        let mut second = windows.begin_answer();
        (0..9).for_each(|_| second.record_piece(&windows));
        (1..AnswerOverlap::ENOUGH).for_each(|_| first.record_piece(&windows));
        assert!(!windows.works_in_parallel());
        first.record_piece(&windows);
        assert!(windows.works_in_parallel());
        windows.forget();
        assert!(!windows.works_in_parallel());
    }

    #[tokio::test(start_paused = true)]
    async fn a_window_is_remembered_for_an_hour_after_it_was_last_stated() {
        let windows = Windows::new(None, None);
        windows.learn_overflow("m", size(5000, 1000), None);
        windows.set("stated", 4096);
        tokio::time::advance(LIFETIME / 2).await;
        windows.set("stated", 4096);
        assert_eq!(windows.of("m").window, Some(3000));
        tokio::time::advance(LIFETIME / 2).await;
        assert_eq!((windows.of("m").window, windows.of("stated").window), (None, Some(4096)));
        let windows = Windows::new(Some(8000), None);
        windows.set("m", 4096);
        tokio::time::advance(LIFETIME).await;
        assert_eq!(windows.of("m").window, Some(8000));
    }

    #[tokio::test(start_paused = true)]
    async fn a_model_thinks_until_it_has_not_done_so_for_an_hour() {
        let windows = Windows::new(None, None);
        windows.record_thinking("m");
        windows.record_plain_answer("m");
        tokio::time::advance(LIFETIME - std::time::Duration::from_secs(1)).await;
        windows.record_plain_answer("m");
        assert!(windows.of("m").thinks, "it thinks now and then");
        windows.record_thinking("m");
        tokio::time::advance(LIFETIME).await;
        assert!(windows.of("m").thinks, "nobody asked in the meantime");
        windows.record_plain_answer("m");
        assert!(!windows.of("m").thinks);
    }

    #[test]
    fn a_window_that_is_not_stated_is_found_by_halving_and_never_below_what_was_used() {
        let windows = Windows::new(None, None);
        windows.learn_use("m", size(3000, 1000), 3000, 600);
        windows.learn_overflow("m", size(9000, 1000), None);
        assert_eq!(windows.of("m").window, Some(5000));
        windows.learn_overflow("m", size(4000, 1000), None);
        assert_eq!(windows.of("m").window, Some(3600), "a call used that much");
        let windows = Windows::new(None, None);
        windows.learn_overflow("m", size(100, 100), None);
        assert_eq!(windows.of("m").window, Some(MIN_GUESSED_WINDOW));
    }

    #[test]
    fn a_refusal_without_a_cause_changes_only_its_conversation() {
        let (one, other) = (ConversationId::new(), ConversationId::new());
        let windows = Windows::new(None, None);
        windows.suspect_overflow("m", one, size(5000, 1000));
        windows.suspect_overflow("m", one, size(4000, 1000));
        assert_eq!(windows.in_conversation("m", one).window, Some(2500));
        assert_eq!((windows.in_conversation("m", other).window, windows.of("m").window), (None, None));
        // A second conversation confirms it.
        windows.suspect_overflow("m", other, size(7000, 1000));
        assert_eq!(windows.of("m").window, Some(2500), "half of the smaller request");
    }

    #[tokio::test(start_paused = true)]
    async fn a_larger_request_that_is_accepted_refutes_a_suspicion() {
        let (one, other) = (ConversationId::new(), ConversationId::new());
        let windows = Windows::new(None, None);
        windows.suspect_overflow("m", one, size(5000, 1000));
        windows.record_accepted("m", size(4999, 1000));
        assert_eq!(windows.in_conversation("m", one).window, Some(3000));
        windows.record_accepted("m", size(5000, 1000));
        assert_eq!(windows.in_conversation("m", one).window, None);
        // What was accepted lately is not too large.
        windows.suspect_overflow("m", one, size(4000, 1000));
        windows.suspect_overflow("m", other, size(4000, 1000));
        assert_eq!(windows.of("m").window, None);
        tokio::time::advance(LIFETIME).await;
        windows.suspect_overflow("m", one, size(4000, 1000));
        assert_eq!(windows.in_conversation("m", one).window, Some(2500));
        tokio::time::advance(LIFETIME).await;
        assert_eq!(windows.in_conversation("m", one).window, None);
    }

    #[test]
    fn a_window_that_is_configured_or_stated_wins_over_a_guess() {
        let (one, other) = (ConversationId::new(), ConversationId::new());
        for windows in [Windows::new(Some(8000), None), Windows::new(None, None)] {
            windows.set("m", 8000);
            windows.suspect_overflow("m", one, size(5000, 1000));
            windows.suspect_overflow("m", other, size(5000, 1000));
            assert_eq!(windows.in_conversation("m", one), ModelLimits { window: Some(8000), ..ModelLimits::default() });
        }
        let windows = Windows::new(Some(8000), None);
        windows.learn_overflow("m", size(5000, 1000), None);
        assert_eq!(windows.of("m"), ModelLimits { window: Some(8000), token_scale: 1.5, thinks: false });
        windows.set("m", 4096);
        windows.learn_overflow("m", size(3000, 1000), None);
        assert_eq!(windows.of("m").window, Some(4096), "the server's own size is smaller");
    }

    #[test]
    fn a_refusal_of_what_should_fit_corrects_the_estimate() {
        let windows = Windows::new(None, None);
        windows.learn_overflow("m", size(2000, 1000), Some(4096));
        assert_eq!(windows.of("m").token_scale, 1.75);
        windows.learn_overflow("m", size(1000, 1000), Some(4096));
        assert_eq!(windows.of("m").token_scale, 3.5);
    }

    #[test]
    fn one_odd_count_and_a_constant_number_of_added_tokens_do_not_raise_the_scale_for_good() {
        let windows = Windows::new(None, None);
        windows.learn_use("m", size(1000, 1000), 90_000, 10);
        for _ in 0..RECENT_COUNTS {
            assert_eq!(windows.of("m").token_scale, 4.0);
            windows.learn_use("m", size(1000, 1000), 900, 10);
        }
        assert_eq!(windows.of("m").token_scale, 1.0);
        // A gateway puts 1500 tokens in front of every request.
        windows.learn_use("gateway", size(300, 1000), 1800, 10);
        windows.learn_use("gateway", size(6000, 1000), 7500, 10);
        assert_eq!(windows.of("gateway").token_scale, 1.25);
    }

    #[test]
    fn a_scale_that_a_refusal_showed_stays() {
        let windows = Windows::new(None, None);
        windows.learn_overflow("m", size(2000, 1000), Some(4096));
        windows.learn_use("m", size(1000, 1000), 900, 10);
        assert_eq!(windows.of("m").token_scale, 1.75);
    }

    #[test]
    fn the_scale_follows_the_usage_that_is_reported() {
        let windows = Windows::new(None, None);
        for (tokens, scale) in [(800, 1.0), (2600, 2.75), (900, 2.75), (90_000, 4.0)] {
            windows.learn_use("m", size(1000, 1000), tokens, 10);
            assert_eq!(windows.of("m").token_scale, scale);
        }
        windows.learn_use("n", size(50, 1000), 500, 10);
        assert_eq!(windows.of("n").token_scale, 1.0, "a tiny request says little");
    }

    #[test]
    fn a_prompt_that_counts_far_less_than_it_should_was_cut_off() {
        let windows = Windows::new(None, None);
        windows.learn_use("m", size(1000, 1000), 800, 300);
        windows.learn_use("m", size(4000, 1000), 2900, 300);
        assert_eq!(windows.of("m").window, None);
        windows.learn_use("m", size(6000, 1000), 1900, 300);
        assert_eq!(windows.of("m").window, Some(3072));
        // SmolLM counts 2.6 tokens where others count one: cut off, the count is still above the estimate.
        windows.learn_use("smol", size(1000, 1000), 2600, 300);
        windows.learn_use("smol", size(3000, 1000), 3800, 100);
        assert_eq!(windows.of("smol").window, Some(4096));
    }

    #[test]
    fn a_count_that_leaves_out_what_was_cached_is_no_cut() {
        let windows = Windows::new(None, None);
        windows.learn_use("m", size(1000, 1000), 800, 300);
        windows.learn_use("m", size(6000, 1000), 120, 300);
        assert_eq!(windows.of("m").window, None);
    }
}
