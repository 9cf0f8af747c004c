//! Students and their turns.

use serde_json::{Value, json};

use crate::{
    follower::Seen,
    support::{
        openai::{Behaviour, FakeOpenAi, Purpose, canned},
        student::Student,
    },
};

/// A turn that a student asked, and the answer that the provider gives to it.
pub struct Asked {
    pub student: Student,
    pub conversation: String,
    pub turn: String,
    pub essay: String,
}

/// A message that the provider answers with the essay of this number, which has at most five digits: the program covers
/// longer ones where they may be somebody's.
pub fn question(number: u64) -> String {
    format!("식물은 왜 햇빛이 있어야 자라나요? {}{number}", canned::ESSAY)
}

/// Begins a conversation and asks for the essay of this number.
pub async fn ask(student: Student, number: u64) -> Asked {
    let conversation = student.begin("과학 탐구").await;
    let turn = student.ask(&conversation, &question(number)).await;
    Asked { student, conversation, turn, essay: canned::essay(number).concat() }
}

impl Asked {
    /// The turn as it's stored, which is the conversation's only one.
    pub async fn stored(&self) -> Value {
        let turns = self.student.conversation(&self.conversation).await["turns"].take();
        assert_eq!(turns.as_array().unwrap().len(), 1, "{turns}");
        assert_eq!((&turns[0]["id"], &turns[0]["seq"]), (&json!(self.turn), &json!(1)));
        turns[0].clone()
    }

    /// Compares what was seen and what is stored with the provider's answer.
    pub async fn check(&self, seen: &Seen) {
        assert_eq!(seen.state, "done", "{seen:?}");
        let stored = self.stored().await;
        assert_eq!(stored["state"], "done");
        assert_eq!(stored["answer"]["text"], self.essay.as_str(), "the stored answer is the provider's, byte for byte");
        assert_eq!(seen.html(), markdown::render(&self.essay).concat(), "the page shows the provider's answer");
        assert_eq!(stored["answer"]["html"], seen.html());
        assert!(stored["feedback"].is_object(), "{stored}");
    }
}

/// Answers with a pause between the pieces, so that there is time for something to happen.
pub fn paced(openai: &FakeOpenAi, gap_ms: u64) {
    openai.set(Purpose::Chat, Behaviour { gap_ms, ..Behaviour::default() });
}

/// Every answer stops at its first piece until it is let go on.
pub fn gated(openai: &FakeOpenAi) {
    openai.set(Purpose::Chat, Behaviour::default().gate_at(2));
}

/// How many model calls of this kind there were.
pub fn calls(openai: &FakeOpenAi, purpose: Purpose) -> usize {
    openai.stats().by_purpose.get(&purpose).copied().unwrap_or_default()
}
