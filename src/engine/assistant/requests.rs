//! The requests that a model is sent, made to fit its context window.

use super::{
    GenerationParams, HistorySource, PromptInput,
    fit::{self, EarlierTurns, Shortening, TokenAllowance, TokenDemand},
};
use domain::{
    Locale, Topic,
    turn::{Purpose, Usage},
};
use llm::{Client, ModelLimits, RequestSize};
use tutor::prompt::{self, FeedbackFormat, HistoryRoom, Prompt, PromptLength, Speaker};

/// A request with its estimated size.
pub(super) type SizedRequest = (llm::Request, RequestSize);

/// Makes the requests of one question.
pub(super) struct Requests<'a> {
    pub(super) client: &'a Client,
    pub(super) params: &'a GenerationParams,
    pub(super) input: &'a PromptInput,
}

impl Requests<'_> {
    /// The call that answers the question.
    pub(super) fn chat(&self, shortening: Shortening) -> SizedRequest {
        let (prompt, answer) = self.chat_prompt(shortening);
        // Where slots are few, the tutor's call begins with the first words of the answer.
        let is_whole = !self.input.is_followed && !self.client.has_few_slots();
        self.request(prompt, Purpose::Chat, answer, is_whole)
    }

    /// The call that writes feedback on how the question was asked.
    pub(super) fn tutor(&self, as_prose: bool, shortening: Shortening) -> SizedRequest {
        let (prompt, answer) = self.tutor_prompt(as_prose, shortening);
        self.request(prompt, Purpose::Tutor, answer, true)
    }

    /// The earlier turns that can be left out.
    pub(super) fn earlier_turns(&self) -> EarlierTurns {
        match self.input.history_source {
            _ if self.input.history.is_empty() => EarlierTurns::None,
            HistorySource::Stored(conversation) => EarlierTurns::Stored(conversation),
            HistorySource::Client => EarlierTurns::OfClient,
        }
    }

    /// The estimated usage of a call that broke off after `text`.
    pub(super) fn estimate(&self, purpose: Purpose, text: &str) -> Usage {
        let (prompt, _) = match purpose {
            Purpose::Tutor => self.tutor_prompt(false, Shortening::None),
            Purpose::Chat | Purpose::Guide => self.chat_prompt(Shortening::None),
        };
        let tokens = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        Usage {
            purpose,
            model: self.input.model.as_deref().unwrap_or(self.client.model()).to_owned(),
            prompt_tokens: tokens(prompt.tokens()),
            completion_tokens: tokens(domain::estimate_tokens(text)),
            estimated: true,
        }
    }

    fn chat_prompt(&self, shortening: Shortening) -> (Prompt, u32) {
        let PromptInput { topic, history, message, .. } = self.input;
        let none: [(&str, &str); 0] = [];
        let rules = |form| prompt::chat(form, topic, &none, "", HistoryRoom::new(0)).tokens();
        let allowed = self.allow(self.params.answer_tokens, false, rules, shortening);
        let TokenAllowance { form, answer, history: room } = allowed;
        let prompt = match self.input.history_source {
            HistorySource::Stored(_) => prompt::chat(form, topic, history, message, room),
            HistorySource::Client => prompt::chat_after_quoted_history(form, topic, history, message, room),
        };
        let answer = fit::answer_beside(self.limits(), &prompt, answer);
        (prompt, answer)
    }

    fn tutor_prompt(&self, as_prose: bool, shortening: Shortening) -> (Prompt, u32) {
        let PromptInput { topic, history, message, .. } = self.input;
        let messages: Vec<(Speaker, &str)> = history
            .iter()
            .flat_map(|(question, answer)| {
                [(Speaker::Student, question.as_str()), (Speaker::Assistant, answer.as_str())]
            })
            .collect();
        let note_form = |form| if as_prose { FeedbackFormat::Prose } else { FeedbackFormat::Json(form) };
        let none: [(Speaker, &str); 0] = [];
        let rules = |form| prompt::tutor(note_form(form), topic, &none, "", false, 0).tokens();
        let allowed = self.allow(self.params.feedback_tokens, !as_prose, rules, shortening);
        let form = note_form(allowed.form);
        (prompt::tutor(form, topic, &messages, message, history.is_empty(), allowed.history.most), allowed.answer)
    }

    fn allow(
        &self,
        answer: u32,
        has_schema: bool,
        rules: impl Fn(PromptLength) -> usize,
        shortening: Shortening,
    ) -> TokenAllowance {
        let demand = TokenDemand {
            answer,
            history: self.params.history_tokens as usize,
            message: domain::estimate_tokens(&self.input.message),
            has_schema,
        };
        fit::allow(self.limits(), demand, rules, shortening)
    }

    fn limits(&self) -> ModelLimits {
        let model = self.input.model.as_deref();
        match self.input.history_source {
            HistorySource::Stored(conversation) => self.client.limits_in_conversation(model, conversation),
            HistorySource::Client => self.client.limits(model),
        }
    }

    fn request(&self, prompt: Prompt, purpose: Purpose, max_tokens: u32, is_whole: bool) -> SizedRequest {
        let size = fit::size(&prompt, max_tokens);
        let request = to_request(prompt, purpose, max_tokens, self.params.temperature);
        (llm::Request { model: self.input.model.clone(), is_whole, ..request }, size)
    }
}

/// The call that writes a guide.
pub(super) fn guide(
    client: &Client,
    params: &GenerationParams,
    topic: &Topic,
    locale: Locale,
    shortening: Shortening,
) -> SizedRequest {
    let rules = |form| prompt::guide(form, topic, locale).tokens();
    let demand = TokenDemand { answer: params.feedback_tokens, history: 0, message: 0, has_schema: true };
    let allowed = fit::allow(client.limits(None), demand, rules, shortening);
    let prompt = prompt::guide(allowed.form, topic, locale);
    let size = fit::size(&prompt, allowed.answer);
    let request = to_request(prompt, Purpose::Guide, allowed.answer, params.temperature);
    (llm::Request { is_whole: true, ..request }, size)
}

fn to_request(prompt: Prompt, purpose: Purpose, max_tokens: u32, temperature: f32) -> llm::Request {
    let system = llm::Message { role: llm::Role::System, content: prompt.system.to_owned() };
    let messages = prompt.turns.into_iter().map(|(speaker, content)| llm::Message {
        role: match speaker {
            Speaker::Student => llm::Role::User,
            Speaker::Assistant => llm::Role::Assistant,
        },
        content,
    });
    llm::Request {
        messages: std::iter::once(system).chain(messages).collect(),
        max_tokens,
        temperature,
        schema: prompt.schema.map(|(name, schema)| llm::Schema { name, schema }),
        model: None,
        is_whole: false,
        purpose: purpose.as_str(),
    }
}
