//! The form in which a request goes out, and the next one to try after a refusal.

use super::Request;
use super::fault::Fault;
use super::quirks::{JsonMode, Quirks};
use super::refusal::Subject;

/// How a request goes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RequestForm {
    pub(super) quirks: Quirks,
    /// Which of the possible endpoints is asked.
    pub(super) endpoint: usize,
    /// Whether the form was learnt from earlier calls, and not yet changed.
    is_learnt: bool,
    /// How often the model failed to write JSON.
    json_failures: u8,
}

impl RequestForm {
    /// What was learnt, or the form that most servers take.
    pub(super) fn new(quirks: Quirks, endpoint: usize) -> Self {
        let is_learnt = quirks != Quirks::default() || endpoint != 0;
        Self { quirks, endpoint, is_learnt, json_failures: 0 }
    }

    /// Whether the server's taking this form says something of the server. That a model fails to write JSON is its lapse.
    pub(super) fn is_lesson(self) -> bool {
        self.json_failures < 2
    }

    /// The form to try after this one failed with `fault`; `None` if the refusal is not about the form.
    pub(super) fn after(self, fault: &Fault, request: &Request, endpoints: usize) -> Option<Self> {
        let refusal = fault.refusal.as_deref()?;
        let subject = refusal.subject();
        if subject == Subject::JsonReply {
            // Once more as it is. Then without a format, which the model can't fail.
            let json_failures = self.json_failures + 1;
            return match json_failures {
                1 => Some(Self { json_failures, ..self }),
                2 => Some(Self { json_failures, quirks: Quirks { format: JsonMode::Prompt, ..self.quirks }, ..self }),
                _ => None,
            };
        }
        if let Some(quirks) = self.quirks.after(refusal, request) {
            return Some(Self { quirks, is_learnt: false, ..self });
        }
        if self.is_learnt && matches!(subject, Subject::Path | Subject::Request | Subject::SomeParameter) {
            // What was learnt is true no longer.
            return Some(Self::new(Quirks::default(), 0));
        }
        let next = self.endpoint + 1;
        (subject == Subject::Path && next < endpoints).then_some(Self { endpoint: next, ..self })
    }
}
