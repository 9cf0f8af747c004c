//! A fresh database for each test, and what the tests put into it.

use domain::{
    Conversation, ConversationId, Feedback, LearnerId, StudentMessage, Topic, TurnId,
    conversation::Millis,
    feedback::{Dim, DimId, Source, TopicFit},
    turn::{Outcome, Purpose, Turn, TurnState, Usage},
};
use store::{Acceptance, FencingToken, Lease, Options, Retry, Store};
use tempfile::TempDir;
use uuid::Uuid;

use crate::postgres;

/// Makes of each function two tests, one an engine: `sqlite::name` and `postgres::name`.
macro_rules! on_both_engines {
    ($($test:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $test() {
                super::$test(crate::database::Database::sqlite()).await;
            })*
        }

        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $test() {
                super::$test(crate::database::Database::postgres()).await;
            })*
        }
    };
}
pub(crate) use on_both_engines;

/// Where nothing is stored yet.
pub struct Database {
    pub url: String,
    _folder: Option<TempDir>,
}

impl Database {
    pub fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { url: format!("sqlite://{}/새 폴더/교실.db", folder.path().display()), _folder: Some(folder) }
    }

    pub fn postgres() -> Self {
        Self { url: postgres::fresh_database(), _folder: None }
    }

    pub async fn open(&self) -> Store {
        let options = Options { postgres_connections: 8, ..Options::default() };
        Store::open_with(&self.url, options).await.unwrap()
    }

    /// The database without the store around it, to break its rules.
    pub async fn raw(&self) -> sea_orm::DatabaseConnection {
        sea_orm::Database::connect(&self.url).await.unwrap()
    }
}

/// 2026-03-02, the first day of a Korean school year.
pub const NOW: Millis = 1_772_409_600_000;

/// The lease under which the tests' turns run.
pub const LEASE: Lease = Lease(7);

/// What a run of that turn shows.
pub fn fencing_token(turn: TurnId, attempt: u32) -> FencingToken {
    FencingToken { turn, attempt, lease: LEASE }
}

/// A learner with a token of their own.
pub async fn learner(store: &Store) -> LearnerId {
    store.add_learner(&token(), NOW).await.unwrap()
}

pub fn token() -> [u8; 32] {
    let mut token = [0; 32];
    token[..16].copy_from_slice(Uuid::new_v4().as_bytes());
    token[16..].copy_from_slice(Uuid::new_v4().as_bytes());
    token
}

pub async fn conversation(store: &Store, learner: LearnerId) -> Conversation {
    conversation_at(store, learner, NOW).await
}

pub async fn conversation_at(store: &Store, learner: LearnerId, at: Millis) -> Conversation {
    let topic = Topic::parse("과학 탐구 🔬").unwrap();
    let conversation = Conversation { id: ConversationId::new(), learner, topic, created_at: at };
    store.add_conversation(&conversation).await.unwrap();
    conversation
}

/// A learner with one conversation.
pub async fn one_conversation(store: &Store) -> (LearnerId, ConversationId) {
    let learner = learner(store).await;
    (learner, conversation(store, learner).await.id)
}

pub fn message(text: &str) -> StudentMessage {
    StudentMessage::parse(text).unwrap()
}

/// Asks what has to be a new turn.
pub async fn ask(store: &Store, learner: LearnerId, conversation: ConversationId, text: &str) -> Turn {
    ask_under(store, learner, conversation, text, LEASE).await
}

/// Asks an instance with this lease.
pub async fn ask_under(
    store: &Store,
    learner: LearnerId,
    conversation: ConversationId,
    text: &str,
    lease: Lease,
) -> Turn {
    match store.accept_turn(learner, conversation, &message(text), None, lease, NOW).await.unwrap() {
        Acceptance::New(turn, _) => turn,
        other => panic!("not a new turn: {other:?}"),
    }
}

/// Asks and has it answered.
pub async fn ask_and_end(
    store: &Store,
    learner: LearnerId,
    conversation: ConversationId,
    text: &str,
    outcome: &Outcome,
) -> Turn {
    let turn = ask(store, learner, conversation, text).await;
    assert!(store.finish_turn(fencing_token(turn.id, 1), outcome, NOW).await.unwrap());
    read(store, learner, turn.id).await
}

/// A turn that has to be there.
pub async fn read(store: &Store, learner: LearnerId, turn: TurnId) -> Turn {
    store.turn(learner, turn).await.unwrap().unwrap()
}

pub async fn retry(store: &Store, learner: LearnerId, turn: TurnId) -> Turn {
    match store.retry_turn(learner, turn, LEASE, NOW).await.unwrap() {
        Retry::Started(turn) => turn,
        other => panic!("not started: {other:?}"),
    }
}

/// An outcome with everything in it.
pub fn done(answer: &str) -> Outcome {
    Outcome {
        state: TurnState::Done,
        reason: None,
        answer: answer.to_owned(),
        feedback: Some(feedback()),
        usage: vec![usage(Purpose::Chat, 100, 50), usage(Purpose::Tutor, 20, 5)],
    }
}

/// An outcome without an answer.
pub fn ended(state: TurnState) -> Outcome {
    Outcome { state, reason: None, answer: String::new(), feedback: None, usage: Vec::new() }
}

pub fn usage(purpose: Purpose, prompt_tokens: u32, completion_tokens: u32) -> Usage {
    Usage { purpose, model: "gpt-4o-mini".to_owned(), prompt_tokens, completion_tokens, estimated: false }
}

pub fn feedback() -> Feedback {
    Feedback {
        strengths: "무엇이 궁금한지 또렷해요 👏".to_owned(),
        improvements: "어디까지 아는지도 적어 봐요.".to_owned(),
        next_steps: "저녁 하늘과 비교해 봐요.".to_owned(),
        suggested_questions: ["저녁에는 왜 빨개요?", "우주에서는 무슨 색이에요?", "파란빛만 흩어지는 까닭은 ___예요?"]
            .map(ToOwned::to_owned)
            .to_vec(),
        raw_feedback: "**잘한 점** …\u{0}".to_owned(),
        source: Source::Coach,
        topic: TopicFit::On,
        dims: vec![
            Dim {
                id: DimId::Relevance, level: Some(2), quote: "하늘".to_owned(), why: "주제에 맞아요.".to_owned()
            },
            Dim { id: DimId::Followup, level: None, quote: String::new(), why: String::new() },
        ],
    }
}
