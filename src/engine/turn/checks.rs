//! What is taken from other instances over Redis, where others may write, too.

use crate::live::{PayloadChecks, Status};
use domain::Feedback;
use domain::turn::{Reason, TurnState};

/// How it is checked: HTML is sanitised again, feedback has to be feedback, and a status one that a turn can have.
pub const REDIS_CHECKS: PayloadChecks = PayloadChecks { html: markdown::sanitise, feedback, status: is_status };

fn feedback(json: &str) -> Option<String> {
    let feedback: Feedback = serde_json::from_str(json).ok()?;
    serde_json::to_string(&feedback).ok()
}

fn is_status(status: &Status) -> bool {
    TurnState::from_word(&status.state).is_some_and(|state| !status.is_answered || state == TurnState::Answering)
        && status.reason.as_deref().is_none_or(|reason| Reason::from_word(reason).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_or_feedback_that_no_instance_writes_is_not_taken() {
        assert!(is_status(&Status::new("done", None)) && is_status(&Status::new("failed", Some("timeout"))));
        assert!(!is_status(&Status::new("<b>done</b>", None)) && !is_status(&Status::new("failed", Some("../x"))));
        assert!(is_status(&Status::answered("answering")) && !is_status(&Status::answered("failed")));
        for json in ["", "null", "{}", "{\"strengths\": \"x\"}", "1}, \"state\": \"done\""] {
            assert_eq!(feedback(json), None, "{json}");
        }
    }
}
