//! Korean and English as languages: letters, words, particles and phrases. This crate knows nothing of the classroom.
//!
//! [`Text`] prepares a text for matching and [`Phrases`] finds many phrases in it. [`words`] splits words from their
//! particles, [`numbers`] recognises numbers, and [`particles`] chooses the particle that fits a noun.
//!
//! ```
//! assert_eq!(korean::particles::fill("{it}을(를) 봐요.", &[("it", "하늘")]), "하늘을 봐요.");
//! assert!(korean::Phrases::new("왜|어떻게").is_in(&korean::Text::new("하늘은 왜 파래요?")));
//! ```

pub mod fold;
pub mod numbers;
pub mod particles;
pub mod phrases;
pub mod text;
pub mod words;

pub use fold::Folded;
pub use phrases::{Found, Phrases};
pub use text::Text;
