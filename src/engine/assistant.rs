//! The assistant: a model server, or the practice partner and the coach when none is connected.

mod call_order;
mod connect;
mod fit;
mod pacing;
mod requests;
mod usage_log;

use std::time::Duration;

use futures_util::{
    StreamExt,
    stream::{self, BoxStream},
};

use super::covering;
use coach::guide;
use coach::practice;
use domain::{
    ConversationId, Feedback, Guide, Locale, Topic,
    turn::{Purpose, Usage},
};
use fit::{EarlierTurns, Shortening};
use llm::ReplyFormat;
use requests::{Requests, SizedRequest};

pub use call_order::{ChatGate, TutorGate, call_order};
pub use connect::rediscover;
pub use usage_log::UsageLog;

/// Pieces of an answer as they come; the last one is [`llm::Piece::End`].
pub type AnswerStream = BoxStream<'static, Result<llm::Piece, llm::Error>>;

/// How long the practice partner takes for a word: about as fast as a child reads along.
pub const PRACTICE_PACE: Duration = Duration::from_millis(25);

/// The name under which the practice partner appears where a model is named.
pub const PRACTICE_MODEL: &str = "practice";

/// Where the earlier turns of a conversation come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HistorySource {
    /// Stored here as this conversation: the answers are the model's own words.
    Stored(ConversationId),
    /// Sent along by the client, which may have made the answers up.
    Client,
}

/// A student's question with its context.
#[derive(Debug, Clone)]
pub struct PromptInput {
    /// The topic.
    pub topic: Topic,
    /// Earlier questions with their answers, oldest first.
    pub history: Vec<(String, String)>,
    /// Where they come from.
    pub history_source: HistorySource,
    /// The newest message.
    pub message: String,
    /// The language of built-in texts.
    pub locale: Locale,
    /// The model to ask, when the client chose one of those allowed.
    pub model: Option<String>,
    /// Whether the answer is shown while the model writes it.
    pub is_followed: bool,
}

/// The parameters of requests to the model.
#[derive(Debug, Clone, Copy)]
pub struct GenerationParams {
    /// Most tokens of an answer.
    pub answer_tokens: u32,
    /// Most tokens of feedback and of a guide.
    pub feedback_tokens: u32,
    /// Most tokens of earlier turns sent along.
    pub history_tokens: u32,
    /// How varied answers are, 0 to 2.
    pub temperature: f32,
}

/// Answers questions, writes feedback and guides.
#[derive(Clone)]
pub enum Assistant {
    /// A model server.
    Model(llm::Client, GenerationParams),
    /// The practice partner, with the coach as tutor. No model is connected.
    Practice,
}

impl Assistant {
    /// Whether no model is connected.
    #[must_use]
    pub fn is_practice(&self) -> bool {
        matches!(self, Self::Practice)
    }

    /// Begins an answer. Resolves with the first words. The practice partner pauses for `pace` between two words; a model
    /// sends them as they come.
    ///
    /// # Errors
    /// [`llm::Error`] when no model gave a first word.
    pub async fn answer(&self, input: &PromptInput, pace: Duration) -> Result<AnswerStream, llm::Error> {
        self.answer_first(input, pace, call_order().0).await
    }

    /// As [`Assistant::answer`], ahead of the notes that wait for the other side of `chat_gate`.
    ///
    /// # Errors
    /// As [`Assistant::answer`].
    pub async fn answer_first(
        &self,
        input: &PromptInput,
        pace: Duration,
        chat_gate: ChatGate,
    ) -> Result<AnswerStream, llm::Error> {
        let Self::Model(client, params) = self else { return Ok(practice_answer(input, pace)) };
        let requests = Requests { client, params, input };
        let model = input.model.as_deref();
        let (pieces, size) = {
            let build = |shortening| requests.chat(shortening);
            fit::send(client, model, requests.earlier_turns(), build, chat_gate.progress()).await?
        };
        let client = client.clone();
        let learn = move |piece: &Result<llm::Piece, llm::Error>| {
            if let Ok(llm::Piece::End(end)) = piece {
                client.record_accepted(Some(&end.asked_model), size);
                client.learn_use(Some(&end.asked_model), size, end.usage);
            }
        };
        Ok(covering::cover_answer(pieces.inspect(learn).boxed()))
    }

    /// Feedback on how the student asked. Never fails: the coach's rules write it where the model can't. `usage` receives
    /// the usage of the calls, also if the future is dropped.
    async fn feedback(&self, input: &PromptInput, usage: &mut UsageLog) -> Feedback {
        if let Self::Model(client, params) = self {
            match model_feedback(&Requests { client, params, input }, usage).await {
                Ok(Some(feedback)) => return feedback,
                Ok(None) => {}
                Err(error) => {
                    tracing::warn!(llm.error = %error, "the tutor could not be asked; the coach writes the notes");
                }
            }
            metrics::counter!("coach_fallbacks_total").increment(1);
        }
        self.coach(input)
    }

    /// The model's feedback; none if there is no model or its text can't be parsed.
    ///
    /// # Errors
    /// [`llm::Error`] when the model could not be asked.
    pub async fn model_feedback(&self, input: &PromptInput) -> Result<Option<Feedback>, llm::Error> {
        let Self::Model(client, params) = self else { return Ok(None) };
        model_feedback(&Requests { client, params, input }, &mut UsageLog::default()).await
    }

    /// As [`Assistant::feedback`], after the request for the answer went out; where the server has few slots, after the
    /// answer began. The two calls still run at the same time, but the answer never waits for the notes.
    ///
    /// `usage` receives the usage of the calls, also if the future is dropped.
    pub async fn feedback_after(&self, input: &PromptInput, tutor_gate: TutorGate, usage: &mut UsageLog) -> Feedback {
        if let Self::Model(client, _) = self {
            tutor_gate.wait(client.has_few_slots(), client.works_in_parallel()).await;
        }
        self.feedback(input, usage).await
    }

    /// The feedback of the built-in rules, without a call.
    #[must_use]
    pub fn coach(&self, input: &PromptInput) -> Feedback {
        coach::feedback(&coach_input(input))
    }

    /// The estimated usage of a call that broke off after `text`; `None` without a model.
    #[must_use]
    pub fn estimate(&self, purpose: Purpose, input: &PromptInput, text: &str) -> Option<Usage> {
        let Self::Model(client, params) = self else { return None };
        Some(Requests { client, params, input }.estimate(purpose, text))
    }

    /// A guide to a topic with the name of the model that made it. No guide when there is no model, when it failed, or when
    /// what it wrote can't be read. `usage` receives the usage of the call, also if the future is dropped.
    pub async fn guide(&self, topic: &Topic, locale: Locale, usage: &mut UsageLog) -> Option<(Guide, String)> {
        let Self::Model(client, params) = self else { return None };
        let build = |shortening| requests::guide(client, params, topic, locale, shortening);
        match complete(client, None, EarlierTurns::None, build, usage.progress()).await {
            Ok(completion) => {
                usage.add(used(Purpose::Guide, &completion.end));
                let mut guide = tutor::read_guide(&completion.text, &guide::preset(topic, locale))?;
                covering::cover_guide(&mut guide);
                Some((guide, completion.end.model))
            }
            Err(error) => {
                tracing::warn!(llm.error = %error, "no guide could be made; the preset stays");
                None
            }
        }
    }

    /// The estimated usage of a call for a guide that broke off; `None` without a model.
    #[must_use]
    pub fn estimate_guide(&self, topic: &Topic, locale: Locale) -> Option<Usage> {
        let Self::Model(client, params) = self else { return None };
        let (_, size) = requests::guide(client, params, topic, locale, Shortening::None);
        Some(Usage {
            purpose: Purpose::Guide,
            model: client.model().to_owned(),
            prompt_tokens: size.prompt_estimate,
            completion_tokens: 0,
            estimated: true,
        })
    }
}

/// Converts the usage of a finished call to the domain's type.
#[must_use]
pub fn used(purpose: Purpose, end: &llm::End) -> Usage {
    Usage {
        purpose,
        model: end.model.clone(),
        prompt_tokens: end.usage.prompt_tokens,
        completion_tokens: end.usage.completion_tokens,
        estimated: end.usage.estimated,
    }
}

fn practice_answer(input: &PromptInput, pace: Duration) -> AnswerStream {
    let reply = practice::reply(&practice::PracticeInput {
        topic: input.topic.as_str(),
        history: &input.history,
        message: &input.message,
        english: input.locale == Locale::En,
    });
    let end = llm::End {
        finish: llm::Finish::Stop,
        model: PRACTICE_MODEL.to_owned(),
        asked_model: PRACTICE_MODEL.to_owned(),
        usage: llm::Usage::default(),
    };
    pacing::stream(reply, pace)
        .map(|piece| Ok(llm::Piece::Text(piece)))
        .chain(stream::iter([Ok(llm::Piece::End(end))]))
        .boxed()
}

fn coach_input(input: &PromptInput) -> coach::CoachInput<'_> {
    coach::CoachInput {
        topic: &input.topic,
        message: &input.message,
        previous: input.history.last().map(|(question, answer)| coach::PreviousExchange { question, answer }),
        locale: input.locale,
    }
}

/// Sends the request of `build` and returns the whole reply.
async fn complete(
    client: &llm::Client,
    model: Option<&str>,
    earlier: EarlierTurns,
    build: impl Fn(Shortening) -> SizedRequest,
    progress: &llm::RequestProgress,
) -> Result<llm::Completion, llm::Error> {
    let (answer, size) = fit::send(client, model, earlier, build, progress).await?;
    let completion = answer.collect().await?;
    client.record_accepted(Some(&completion.end.asked_model), size);
    Ok(completion)
}

/// The model's feedback, if its text can be parsed.
async fn model_feedback(requests: &Requests<'_>, usage: &mut UsageLog) -> Result<Option<Feedback>, llm::Error> {
    let Requests { client, input, .. } = *requests;
    let model = input.model.as_deref();
    // A second try for a reply that can't be read; a call that failed was retried by the client already.
    for _ in 0..2 {
        let as_prose = client.reply_format(model) == ReplyFormat::Prose;
        let build = |shortening| requests.tutor(as_prose, shortening);
        let knew_thinking = client.limits(model).thinks;
        let completion = match complete(client, model, requests.earlier_turns(), build, usage.progress()).await {
            // Thoughts took up all the tokens. Now that they are known the next request has more.
            Err(llm::Error::NoAnswer) if !knew_thinking && client.limits(model).thinks => {
                usage.close(|| Some(requests.estimate(Purpose::Tutor, "")));
                continue;
            }
            outcome => outcome?,
        };
        usage.add(used(Purpose::Tutor, &completion.end));
        if !as_prose {
            client.record_reply(Some(&completion.end.asked_model), tutor::is_json(&completion.text));
        }
        if let Some(feedback) = read_feedback(input, &completion.text) {
            return Ok(Some(feedback));
        }
        tracing::warn!(llm.model = completion.end.model, "the tutor's reply could not be read");
        if as_prose {
            return Ok(None);
        }
    }
    Ok(None)
}

fn read_feedback(input: &PromptInput, reply: &str) -> Option<Feedback> {
    let mut feedback = tutor::read_feedback(reply, &input.message, input.history.is_empty(), || {
        coach::suggestions(&input.topic, input.locale, &input.message)
    })?;
    covering::cover_feedback(&mut feedback);
    Some(feedback)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn practice_answer_takes(pace: Duration) -> Duration {
        let input = PromptInput {
            topic: Topic::default(),
            history: Vec::new(),
            history_source: HistorySource::Stored(ConversationId::new()),
            message: "하늘은 왜 파래요?".to_owned(),
            locale: Locale::Ko,
            model: None,
            is_followed: true,
        };
        let began = tokio::time::Instant::now();
        let answer = Assistant::Practice.answer(&input, pace).await.unwrap();
        assert!(answer.count().await > 2);
        began.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn a_practice_answer_that_is_sent_whole_has_no_pauses_between_words() {
        assert_eq!(practice_answer_takes(Duration::ZERO).await, Duration::ZERO);
        assert!(practice_answer_takes(PRACTICE_PACE).await > PRACTICE_PACE);
    }
}
