//! What the program is about: topics, conversations, turns, and how a question is read.
//!
//! Nothing here knows HTTP, SQL or the wire format of a model server.

pub mod bill;
pub mod breaker;
pub mod budget;
pub mod coach;
pub mod conversation;
pub mod guide;
pub mod guides;
pub mod ids;
pub mod keyed_locks;
pub mod locale;
pub mod message;
pub mod partner;
pub mod prompt;
pub mod rendered;
mod reply;
pub mod request_key;
pub mod stateless;
pub mod topic;
pub mod turn;
pub mod tutor;

pub use conversation::Conversation;
pub use ids::{ConversationId, LearnerId, TurnId};
pub use locale::Locale;
pub use message::StudentMessage;
pub use topic::{Preset, Topic};
pub use tutor::feedback::Feedback;
