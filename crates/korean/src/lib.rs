//! The little that the coach and the practice partner know of Korean and English as languages: letters, words,
//! particles and phrases. Knows nothing of the classroom.

pub mod numbers;
pub mod particles;
pub mod phrases;
pub mod text;
pub mod words;

pub use phrases::{Found, Phrases};
pub use text::Text;
