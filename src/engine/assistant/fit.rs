//! Makes requests that fit a model's context window.

use domain::ConversationId;
use llm::{AnswerStream, Client, Deviation, Error, ModelLimits, Request, RequestProgress, RequestSize};
use tutor::prompt::{HistoryRoom, Prompt, PromptLength};

/// Tokens that a thinking model may use for thoughts beside its answer.
const THOUGHT_TOKENS: u32 = 2_048;
/// Tokens left free, because every server adds a few of its own.
const MARGIN_TOKENS: u32 = 64;
/// Tokens of a schema where servers count it: 464 were measured.
const SCHEMA_TOKENS: u32 = 500;
/// The fewest tokens that a long question leaves for the answer.
const SHORTEST_ANSWER: u32 = 256;

/// The tokens that a call asks for; estimated, except those of the answer.
#[derive(Debug, Clone, Copy)]
pub(super) struct TokenDemand {
    /// Most tokens of the answer, as the server counts them.
    pub(super) answer: u32,
    /// Most tokens of earlier turns.
    pub(super) history: usize,
    /// What the newest message costs.
    pub(super) message: usize,
    /// Whether a schema goes with it.
    pub(super) has_schema: bool,
}

/// The tokens that a call may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TokenAllowance {
    pub(super) form: PromptLength,
    pub(super) answer: u32,
    pub(super) history: HistoryRoom,
}

/// How much is left out because a request was refused as too large.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Shortening {
    /// What the window is known to take.
    None,
    /// Half of the history.
    HalfHistory,
    /// The newest message alone, with the short rules.
    NewestAlone,
    /// The same, with a quarter of the answer.
    ShortAnswer,
}

impl Shortening {
    const ALL: [Self; 4] = [Self::None, Self::HalfHistory, Self::NewestAlone, Self::ShortAnswer];
}

/// Computes how much of its demand a call may use. `rules` gives the estimated tokens of the rules with everything but
/// history and message.
pub(super) fn allow(
    limits: ModelLimits,
    demand: TokenDemand,
    rules: impl Fn(PromptLength) -> usize,
    shortening: Shortening,
) -> TokenAllowance {
    let thoughts = if limits.thinks { THOUGHT_TOKENS } else { 0 };
    let mut allowed = match limits.window {
        None => TokenAllowance {
            form: PromptLength::Full,
            answer: demand.answer.saturating_add(thoughts),
            history: HistoryRoom::new(demand.history),
        },
        Some(window) => {
            let form = PromptLength::for_window(window);
            let most = if limits.thinks { window / 2 } else { window / 4 };
            let answer = demand.answer.saturating_add(thoughts).min(most).max(1);
            let estimated = |tokens: u32| (tokens as f32 / limits.token_scale) as usize;
            let schema = if demand.has_schema { SCHEMA_TOKENS } else { 0 };
            let free = estimated(window.saturating_sub(MARGIN_TOKENS + schema)).saturating_sub(rules(form));
            let beside_message = free.saturating_sub(demand.message);
            // A long question leaves the answer less.
            let left = (beside_message as f32 * limits.token_scale) as u32;
            let answer = answer.min(left.max(SHORTEST_ANSWER));
            let usual_message = estimated(window / 16);
            let least_answer = (answer / 2).max(SHORTEST_ANSWER.min(answer));
            TokenAllowance {
                form,
                answer,
                history: HistoryRoom {
                    budget: free.saturating_sub(estimated(most.min(demand.answer)) + usual_message).min(demand.history),
                    most: beside_message.saturating_sub(estimated(answer)),
                    last: beside_message.saturating_sub(estimated(least_answer)),
                },
            }
        }
    };
    if shortening >= Shortening::HalfHistory {
        allowed.history.budget /= 2;
        allowed.history.most = allowed.history.most.min(allowed.history.budget);
    }
    if shortening >= Shortening::NewestAlone {
        allowed.form = PromptLength::Short;
        allowed.history = HistoryRoom::new(0);
    }
    if shortening == Shortening::ShortAnswer {
        allowed.answer = (allowed.answer / 4).max(1);
    }
    allowed
}

/// The answer's tokens that fit beside this prompt.
pub(super) fn answer_beside(limits: ModelLimits, prompt: &Prompt, answer: u32) -> u32 {
    let Some(window) = limits.window else { return answer };
    let prompt = (size(prompt, 0).prompt_estimate as f32 * limits.token_scale).ceil() as u32;
    answer.min(window.saturating_sub(MARGIN_TOKENS.saturating_add(prompt)).max(SHORTEST_ANSWER))
}

/// A request's size in the estimate's tokens.
pub(super) fn size(prompt: &Prompt, max_tokens: u32) -> RequestSize {
    let schema = if prompt.schema.is_some() { SCHEMA_TOKENS } else { 0 };
    let tokens = u32::try_from(prompt.tokens()).unwrap_or(u32::MAX);
    RequestSize { prompt_estimate: tokens.saturating_add(schema), max_tokens }
}

/// The earlier turns that a request can be sent without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EarlierTurns {
    /// None.
    None,
    /// Those that a client sent. They may be made up, so a refusal of them teaches nothing about the model.
    OfClient,
    /// Those of a stored conversation.
    Stored(ConversationId),
}

/// A refusal without a known cause.
struct Unexplained {
    error: Error,
    /// The size of the refused request.
    size: RequestSize,
    /// How the model deviated then.
    deviations: Vec<Deviation>,
}

/// Sends the request of `build`, shorter each time the server refuses it as too large. The window that a refusal
/// reveals is remembered, so that later requests fit at once. A refusal that states no size counts only once a shorter
/// request has passed: otherwise it was hardly about the size. A refusal without a known cause may be one in unknown
/// words, so if there are earlier turns, the newest message is tried alone, once. If it passes, the client takes the
/// refusal as a hint (see [`Client::suspect_overflow`]). After a fallback model's refusal the shorter requests go to that
/// model, since the others have failed. `progress` tells how far they come.
pub(super) async fn send(
    client: &Client,
    model: Option<&str>,
    earlier: EarlierTurns,
    build: impl Fn(Shortening) -> (Request, RequestSize),
    progress: &RequestProgress,
) -> Result<(AnswerStream, RequestSize), Error> {
    let requested = model.unwrap_or(client.model());
    let mut fallback = None;
    let mut refused: Option<(RequestSize, Error)> = None;
    let mut unstated = Vec::new();
    let mut unexplained: Option<Unexplained> = None;
    for shortening in Shortening::ALL {
        let (mut request, size) = build(shortening);
        if unexplained.is_some() && shortening < Shortening::NewestAlone {
            continue;
        }
        if refused.as_ref().is_some_and(|(last, _)| *last == size) {
            // The shortened request would be the same.
            continue;
        }
        if unexplained.as_ref().is_some_and(|unexplained| unexplained.size == size) {
            break;
        }
        if fallback.is_some() {
            request.model.clone_from(&fallback);
        }
        match client.stream_with_progress(request, progress.clone()).await {
            Err(Error::ContextFull { window, model }) => {
                match window {
                    Some(_) => client.learn_overflow(Some(&model), size, window),
                    None => unstated.push((model.clone(), size)),
                }
                fallback = Some(model.clone()).filter(|model| model != requested);
                refused = Some((size, Error::ContextFull { window, model }));
            }
            Ok(answer) => {
                // If the model accepts another form of requests now, that was the cause.
                if let Some(Unexplained { size, deviations, .. }) = unexplained
                    && let EarlierTurns::Stored(conversation) = earlier
                    && deviations == client.deviations(model)
                {
                    client.suspect_overflow(model, conversation, size);
                }
                for (model, size) in unstated {
                    client.learn_overflow(Some(&model), size, None);
                }
                return Ok((answer, size));
            }
            Err(error @ Error::BadRequest { status: 400 | 413 | 422, .. })
                if earlier != EarlierTurns::None && refused.is_none() && shortening == Shortening::None =>
            {
                unexplained = Some(Unexplained { error, size, deviations: client.deviations(model) });
            }
            Err(Error::BadRequest { .. }) if unexplained.is_some() => break,
            Err(error) => return Err(error),
        }
    }
    let refusal = refused.map(|(_, error)| error).or(unexplained.map(|unexplained| unexplained.error));
    Err(refusal.unwrap_or(Error::Broken))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEMAND: TokenDemand = TokenDemand { answer: 1000, history: 6000, message: 100, has_schema: false };

    fn rules(form: PromptLength) -> usize {
        if form == PromptLength::Full { 1000 } else { 400 }
    }

    fn limits(window: u32, token_scale: f32) -> ModelLimits {
        ModelLimits { window: Some(window), token_scale, thinks: false }
    }

    #[test]
    fn without_a_known_window_everything_is_sent() {
        let all = TokenAllowance { form: PromptLength::Full, answer: 1000, history: HistoryRoom::new(6000) };
        assert_eq!(allow(ModelLimits::default(), DEMAND, rules, Shortening::None), all);
        let large = allow(limits(128_000, 1.5), DEMAND, rules, Shortening::None);
        assert_eq!((large.form, large.answer, large.history.budget), (PromptLength::Full, 1000, 6000));
    }

    #[test]
    fn rules_message_history_and_answer_fit_every_window_together() {
        for window in [2048, 4096, 6000, 8191, 8192, 16_384] {
            for scale in [1.0, 1.5, 2.5, 3.0] {
                for message in [10, 100, 400] {
                    let demand = TokenDemand { message, ..DEMAND };
                    let got = allow(limits(window, scale), demand, rules, Shortening::None);
                    let kept = got.history.budget.min(got.history.most);
                    let prompt = (rules(got.form) + message + kept) as f32 * scale;
                    // At the smallest windows the rules alone may leave less than the shortest answer.
                    if (rules(got.form) + message) as f32 * scale < (window - SHORTEST_ANSWER - MARGIN_TOKENS) as f32 {
                        assert!(prompt as u32 + got.answer <= window, "{window} {scale} {message}: {prompt} {got:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn the_cut_of_the_history_does_not_depend_on_the_message() {
        let budget = |message| {
            allow(limits(4096, 1.0), TokenDemand { message, ..DEMAND }, rules, Shortening::None).history.budget
        };
        assert_eq!(budget(10), budget(1500));
        assert!(budget(10) > 1500);
    }

    #[test]
    fn a_thinking_model_gets_more_tokens_as_far_as_its_window_allows() {
        let thinking = ModelLimits { thinks: true, ..ModelLimits::default() };
        assert_eq!(allow(thinking, DEMAND, rules, Shortening::None).answer, 3048);
        let small = ModelLimits { window: Some(4096), ..thinking };
        assert_eq!(allow(small, DEMAND, rules, Shortening::None).answer, 2048);
    }

    #[test]
    fn each_shortening_asks_for_less() {
        let sizes = Shortening::ALL.map(|shortening| {
            let got = allow(limits(8192, 1.0), DEMAND, rules, shortening);
            (rules(got.form), got.history.budget, got.answer)
        });
        assert_eq!(sizes[2..], [(400, 0, 1000), (400, 0, 250)]);
        assert!(sizes[0].1 == 2 * sizes[1].1);
    }
}
