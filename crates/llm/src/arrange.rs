//! Puts a request's messages into the order and the roles that a model takes.

use super::{Message, Role};
use serde::Serialize;
use std::borrow::Cow;

/// Where the program's instructions go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Instructions {
    /// Into a message of the role `system`.
    System,
    /// Into one of the role `developer`.
    Developer,
    /// In front of the first message of the role `user`, for a model that knows `user` and `assistant` alone. Then these
    /// two alternate, beginning with `user`, as the templates of such models insist.
    FirstUser,
}

/// One message as it is sent.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct SentMessage<'a> {
    role: &'static str,
    content: Cow<'a, str>,
}

/// Between two texts that come to stand in one message.
const BETWEEN: &str = "\n\n";

/// The messages as they are sent.
pub(super) fn messages(messages: &[Message], instructions: Instructions) -> Vec<SentMessage<'_>> {
    if instructions == Instructions::FirstUser {
        return alternating(messages);
    }
    let system = if instructions == Instructions::Developer { "developer" } else { "system" };
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
                joined.push_str(BETWEEN);
                joined.push_str(content);
            }
            // What the model answered to nothing can't stand at the beginning.
            None if role == "assistant" => {}
            _ => sent.push(SentMessage { role, content: (&**content).into() }),
        }
    }
    sent
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(said: &[(Role, &str)], instructions: Instructions) -> Vec<(&'static str, String)> {
        let said: Vec<_> = said.iter().map(|(role, text)| Message { role: *role, content: (*text).into() }).collect();
        messages(&said, instructions).into_iter().map(|message| (message.role, message.content.into_owned())).collect()
    }

    fn owned<const N: usize>(messages: [(&'static str, &str); N]) -> Vec<(&'static str, String)> {
        messages.map(|(role, text)| (role, text.to_owned())).to_vec()
    }

    use Role::{Assistant, System, User};

    #[test]
    fn instructions_stand_in_a_message_of_their_own_where_the_model_takes_one() {
        let said = [(System, "규칙"), (User, "질문")];
        assert_eq!(sent(&said, Instructions::System), owned([("system", "규칙"), ("user", "질문")]));
        assert_eq!(sent(&said, Instructions::Developer), owned([("developer", "규칙"), ("user", "질문")]));
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
            assert_eq!(sent(&said, Instructions::FirstUser), folded);
        }
    }
}
