//! Stateless calls: the request carries the whole conversation, as the API of the first version does.

use super::{
    assistant::{HistorySource, PromptInput},
    covering::{cover_generated, cover_message},
};
use domain::{
    Locale, Topic,
    message::{MessageError, StudentMessage},
};
use safety::personal::{self, PersonalKind};

/// Most messages a call may carry.
pub const MESSAGES_MAX: usize = 100;

/// One message of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientMessage {
    /// The student's.
    User(String),
    /// The model's.
    Assistant(String),
}

/// Why a sequence of messages has no question to answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SequenceError {
    /// No messages at all, or the last one isn't the student's.
    #[error("the last message must be the student's")]
    NoQuestion,
    /// More than [`MESSAGES_MAX`].
    #[error("more than {MESSAGES_MAX} messages")]
    TooMany,
    /// The newest message is empty or too long.
    #[error(transparent)]
    Message(#[from] MessageError),
}

/// Parses a sequence of messages as a question with its history, and covers personal data in all of it. Also returns the
/// kinds that were covered in the question.
///
/// Consecutive messages of one role are joined. A message of the assistant before the first question is a greeting and is
/// left out.
///
/// # Errors
/// [`SequenceError`] when the sequence is too long or doesn't end in a valid question.
pub fn parse_messages(
    topic: Topic,
    messages: Vec<ClientMessage>,
    model: Option<String>,
    locale: Locale,
) -> Result<(PromptInput, Vec<PersonalKind>), SequenceError> {
    if messages.len() > MESSAGES_MAX {
        return Err(SequenceError::TooMany);
    }
    let mut history: Vec<(String, String)> = Vec::new();
    let mut question = String::new();
    let mut answer = String::new();
    for message in messages {
        match message {
            ClientMessage::User(text) => {
                if !answer.is_empty() {
                    let asked = personal::cover(&std::mem::take(&mut question)).text;
                    history.push((asked, cover_generated(&std::mem::take(&mut answer))));
                }
                join(&mut question, &text);
            }
            ClientMessage::Assistant(text) => {
                if !question.is_empty() {
                    join(&mut answer, &text);
                }
            }
        }
    }
    if question.is_empty() || !answer.is_empty() {
        return Err(SequenceError::NoQuestion);
    }
    let (message, covered) = cover_message(StudentMessage::parse(&question)?);
    let message = message.into_string();
    let history_source = HistorySource::Client;
    Ok((PromptInput { topic, history, history_source, message, locale, model, is_followed: true }, covered))
}

fn join(whole: &mut String, part: &str) {
    if !whole.is_empty() && !part.is_empty() {
        whole.push_str("\n\n");
    }
    whole.push_str(part);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(messages: &[ClientMessage]) -> Result<PromptInput, SequenceError> {
        parse_messages(Topic::default(), messages.to_vec(), None, Locale::Ko).map(|(input, _)| input)
    }

    fn user(text: &str) -> ClientMessage {
        ClientMessage::User(text.into())
    }

    fn assistant(text: &str) -> ClientMessage {
        ClientMessage::Assistant(text.into())
    }

    #[test]
    fn a_greeting_is_left_out_and_turns_are_paired() {
        let messages =
            [assistant("안녕하세요!"), user("하나"), user("둘"), assistant("답"), assistant("또 답"), user("셋")];
        let input = read(&messages).unwrap();
        assert_eq!(input.history, [("하나\n\n둘".to_owned(), "답\n\n또 답".to_owned())]);
        assert_eq!(input.message, "셋");
    }

    #[test]
    fn without_a_question_there_is_nothing_to_answer() {
        for messages in [&[][..], &[assistant("a")], &[user("q"), assistant("a")]] {
            assert_eq!(read(messages).unwrap_err(), SequenceError::NoQuestion);
        }
        assert_eq!(read(&[user(" ")]).unwrap_err(), SequenceError::Message(MessageError::Empty));
        assert_eq!(read(&vec![user("q"); MESSAGES_MAX + 1]).unwrap_err(), SequenceError::TooMany);
    }
}
