//! The tutor: what a model is asked for notes, answers and guides, and reading what it writes.
//!
//! [`prompt`] assembles the messages of a call, [`read_feedback`] and [`read_guide`] read the replies. No model is called
//! here.
//!
//! ```
//! let reply = r#"{"strengths": "숫자를 넣었어요.", "improvements": "까닭을 더해요.", "next_steps": "하나만 골라요."}"#;
//! let questions = || ["왜요?", "어떻게요?", "언제요?"].map(str::to_owned);
//! let notes = tutor::read_feedback(reply, "하늘은 왜 파래요?", true, questions).expect("all three parts are there");
//! assert_eq!(notes.strengths, "숫자를 넣었어요.");
//! ```

mod feedback;
mod guide;
pub mod prompt;
mod reply;

pub use feedback::{is_json, read_feedback};
pub use guide::read_guide;
