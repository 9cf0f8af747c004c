//! The form in which a request goes out, and the next one to try after a refusal.

use super::Request;
use super::fault::Fault;
use super::quirks::{JsonMode, Quirks};
use super::refusal::Subject;

/// The parameters and the endpoint of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RequestForm {
    pub(super) quirks: Quirks,
    /// Which of the possible endpoints is asked.
    pub(super) endpoint: usize,
    /// Whether the form was learned from earlier calls, and not yet changed.
    is_learned: bool,
    /// Whether a response format was given up because of a refusal that does not name it.
    gives_up_unnamed_format: bool,
    /// How often the model failed to write JSON.
    json_failures: u8,
}

impl RequestForm {
    /// The learned form, or the form that most servers accept.
    pub(super) fn new(quirks: Quirks, endpoint: usize) -> Self {
        let is_learned = quirks != Quirks::default() || endpoint != 0;
        Self { quirks, endpoint, is_learned, gives_up_unnamed_format: false, json_failures: 0 }
    }

    /// The same form, but for a reply in one piece.
    pub(super) fn without_stream(self) -> Self {
        Self { quirks: Quirks { stream: false, ..self.quirks }, ..self }
    }

    /// Whether to learn this form if the server accepts it. Not if it only avoids that the model writes invalid JSON.
    pub(super) fn is_learnable(self) -> bool {
        self.json_failures < 2
    }

    /// Whether this form does without a response format because of a refusal that does not name it.
    pub(super) fn gives_up_unnamed_format(self) -> bool {
        self.gives_up_unnamed_format
    }

    /// The form to try after this one failed with `fault`; `None` if the refusal is not about the form.
    ///
    /// `may_be_too_large` says that the model has accepted this form of a smaller request. A refusal that names no cause is
    /// then not blamed on the response format: a shorter request is tried first, by the caller.
    pub(super) fn after(
        self,
        fault: &Fault,
        request: &Request,
        endpoints: usize,
        may_be_too_large: bool,
    ) -> Option<Self> {
        let refusal = fault.refusal.as_deref()?;
        let subject = refusal.subject();
        if subject == Subject::JsonReply {
            // Retries once unchanged, then without a response format.
            let json_failures = self.json_failures + 1;
            return match json_failures {
                1 => Some(Self { json_failures, ..self }),
                2 => Some(Self { json_failures, quirks: Quirks { format: JsonMode::Prompt, ..self.quirks }, ..self }),
                _ => None,
            };
        }
        if let Some(quirks) = self.quirks.after(refusal, request) {
            let is_unnamed = self.quirks.gives_up_unnamed_format(quirks, refusal);
            if may_be_too_large && is_unnamed {
                return None;
            }
            let gives_up_unnamed_format = self.gives_up_unnamed_format || is_unnamed;
            return Some(Self { quirks, is_learned: false, gives_up_unnamed_format, ..self });
        }
        if self.is_learned && matches!(subject, Subject::Path | Subject::Request | Subject::SomeParameter) {
            // What was learned is outdated.
            return Some(Self::new(Quirks::default(), 0));
        }
        let next = self.endpoint + 1;
        (subject == Subject::Path && next < endpoints).then_some(Self { endpoint: next, ..self })
    }
}
