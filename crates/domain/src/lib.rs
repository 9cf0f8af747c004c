//! What the program is about: topics, conversations, turns, guides and the tutor's notes.
//!
//! Plain types and their rules. Nothing here does input or output, reads a clock or starts a task.
//!
//! ```
//! use domain::{StudentMessage, Topic};
//!
//! let topic = Topic::parse("  광합성 ")?;
//! assert_eq!(topic.as_str(), "광합성");
//! assert!(StudentMessage::parse("\u{2800}").is_err(), "a message of blanks alone is empty");
//! # Ok::<(), domain::topic::TopicError>(())
//! ```

pub mod conversation;
mod escape;
pub mod feedback;
pub mod guide;
pub mod ids;
pub mod locale;
pub mod message;
mod tokens;
pub mod topic;
pub mod turn;
pub mod visible;

pub use conversation::Conversation;
pub use escape::escape_markdown;
pub use feedback::Feedback;
pub use guide::{Guide, GuideSource};
pub use ids::{ConversationId, LearnerId, TurnId};
pub use locale::Locale;
pub use message::StudentMessage;
pub use tokens::{TokenEstimate, estimate_tokens};
pub use topic::{Preset, Topic};
