//! What every crate that writes log lines shares: the target of lines with student text, and lines that repeat.
//!
//! ```
//! static LINE: logging::RepeatedLine = logging::RepeatedLine::new();
//! assert_eq!(LINE.due(), Some(0), "the first line is written");
//! assert_eq!(LINE.due(), None, "the next one within a minute is counted, not written");
//! ```

mod repeated;

pub use repeated::RepeatedLine;

/// The target of lines that carry what students write and models answer. They go to the log alone, and only when
/// `LOG_STUDENT_TEXT` is on, whatever `RUST_LOG` says.
pub const STUDENT_TEXT: &str = "llm_classroom::student_text";
