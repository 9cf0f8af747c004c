//! Converts the messages of a request to the roles and the order that a model accepts.

use super::{Message, Role};
use serde::Serialize;
use std::borrow::Cow;

/// The role of the message that carries the program's instructions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum InstructionRole {
    /// A message with the role `system`.
    System,
    /// A message with the role `developer`.
    Developer,
    /// The beginning of the first message with the role `user`, for a model that only accepts `user` and `assistant`. The
    /// two roles then alternate, beginning with `user`, because the chat templates of such models require it.
    FirstUser,
}

/// One message as it is sent.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct SentMessage<'a> {
    role: &'static str,
    content: Cow<'a, str>,
}

/// Separates two texts that are joined in one message.
const SEPARATOR: &str = "\n\n";

/// The messages as they are sent.
pub(super) fn messages(messages: &[Message], instructions: InstructionRole) -> Vec<SentMessage<'_>> {
    if instructions == InstructionRole::FirstUser {
        return alternating(messages);
    }
    let system = if instructions == InstructionRole::Developer { "developer" } else { "system" };
    let role = |role| match role {
        Role::System => system,
        Role::User => "user",
        Role::Assistant => "assistant",
    };
    messages
        .iter()
        .map(|message| SentMessage { role: role(message.role), content: (&*message.content).into() })
        .collect()
}

fn alternating(messages: &[Message]) -> Vec<SentMessage<'_>> {
    let mut sent: Vec<SentMessage<'_>> = Vec::new();
    for Message { role, content } in messages.iter().filter(|message| !message.content.is_empty()) {
        let role = if *role == Role::Assistant { "assistant" } else { "user" };
        match sent.last_mut() {
            Some(last) if last.role == role => {
                let joined = last.content.to_mut();
                joined.push_str(SEPARATOR);
                joined.push_str(content);
            }
            // An answer without a question before it cannot be the first message.
            None if role == "assistant" => {}
            _ => sent.push(SentMessage { role, content: (&**content).into() }),
        }
    }
    sent
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(messages_in: &[(Role, &str)], instructions: InstructionRole) -> Vec<(&'static str, String)> {
        let converted: Vec<_> =
            messages_in.iter().map(|(role, text)| Message { role: *role, content: (*text).into() }).collect();
        messages(&converted, instructions)
            .into_iter()
            .map(|message| (message.role, message.content.into_owned()))
            .collect()
    }

    fn owned<const N: usize>(messages: [(&'static str, &str); N]) -> Vec<(&'static str, String)> {
        messages.map(|(role, text)| (role, text.to_owned())).to_vec()
    }

    use Role::{Assistant, System, User};

    #[test]
    fn instructions_stand_in_a_message_of_their_own_where_the_model_takes_one() {
        let said = [(System, "규칙"), (User, "질문")];
        assert_eq!(sent(&said, InstructionRole::System), owned([("system", "규칙"), ("user", "질문")]));
        assert_eq!(sent(&said, InstructionRole::Developer), owned([("developer", "규칙"), ("user", "질문")]));
    }

    #[test]
    fn instructions_fold_into_the_first_question_and_the_roles_alternate() {
        for (said, folded) in [
            (vec![(System, "규칙"), (User, "질문")], owned([("user", "규칙\n\n질문")])),
            (
                vec![(System, "규칙"), (User, "하나"), (Assistant, "답"), (User, "둘")],
                owned([("user", "규칙\n\n하나"), ("assistant", "답"), ("user", "둘")]),
            ),
            // An answer that failed leaves two questions side by side.
            (
                vec![
                    (System, "규칙"),
                    (User, "하나"),
                    (User, "둘"),
                    (Assistant, "답"),
                    (Assistant, "더"),
                    (User, "셋"),
                ],
                owned([("user", "규칙\n\n하나\n\n둘"), ("assistant", "답\n\n더"), ("user", "셋")]),
            ),
            (
                vec![(System, "규칙"), (Assistant, "답"), (User, "둘")],
                owned([("user", "규칙"), ("assistant", "답"), ("user", "둘")]),
            ),
            (vec![(Assistant, "답"), (User, "둘")], owned([("user", "둘")])),
            (vec![(User, "하나"), (System, "규칙"), (User, "둘")], owned([("user", "하나\n\n규칙\n\n둘")])),
            (vec![(User, "하나"), (Assistant, ""), (User, "둘")], owned([("user", "하나\n\n둘")])),
        ] {
            assert_eq!(sent(&said, InstructionRole::FirstUser), folded);
        }
    }
}
