//! Parameters that a server or a model refuses, learnt from its complaints.

use super::refusal::{self, Subject};
use super::wire::Complaint;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// How a JSON answer is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// By schema.
    Schema,
    /// As any JSON object; the prompt says the shape.
    JsonObject,
    /// By the prompt alone.
    Prompt,
}

/// Where a model takes its instructions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Instructions {
    /// In messages with the role `system`.
    System,
    /// In messages with the role `developer`.
    Developer,
    /// At the beginning of the first message of the user.
    FirstUser,
}

/// What one model takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Quirks {
    /// It wants `max_completion_tokens` in place of `max_tokens`.
    pub(super) completion_limit: bool,
    pub(super) temperature: bool,
    pub(super) stream_options: bool,
    /// It may send its answer piece by piece.
    pub(super) stream: bool,
    pub(super) instructions: Instructions,
    pub(super) format: Format,
}

impl Default for Quirks {
    fn default() -> Self {
        Self {
            completion_limit: false,
            temperature: true,
            stream_options: true,
            stream: true,
            instructions: Instructions::System,
            format: Format::Schema,
        }
    }
}

impl Quirks {
    /// The field that carries the answer's limit.
    pub(super) fn limit_field(self) -> &'static str {
        if self.completion_limit { "max_completion_tokens" } else { "max_tokens" }
    }

    /// What to try next after a refusal that another form of the request may avoid.
    ///
    /// Each step gives one thing up for good, so a server that refuses everything is asked eight times more at most.
    pub(super) fn after(self, status: u16, complaint: &Complaint, with_schema: bool) -> Option<Self> {
        if refusal::final_subject(status, complaint).is_some() {
            return None;
        }
        let subjects = refusal::subjects(status, complaint);
        let step = subjects.iter().find_map(|subject| self.without(*subject, complaint, with_schema));
        // A refusal in unknown words is most likely about what servers know least: the schema.
        let is_unknown = subjects.is_empty() && !complaint.message.is_empty() && !names_a_field(complaint);
        let format = if with_schema { self.plainer_format() } else { None };
        step.or_else(|| format.filter(|_| is_unknown && matches!(status, 400 | 404 | 422 | 501)))
    }

    /// The same without what is refused; `None` if it isn't sent anyway.
    fn without(self, subject: Subject, complaint: &Complaint, with_schema: bool) -> Option<Self> {
        match subject {
            Subject::Format | Subject::InvalidReply if with_schema => self.plainer_format(),
            Subject::StreamOptions if self.stream_options => Some(Self { stream_options: false, ..self }),
            Subject::Stream if self.stream => Some(Self { stream: false, ..self }),
            Subject::SystemRole => {
                let text = complaint.message.to_lowercase();
                let wants_developer = text.contains("developer") && !text.contains("developer instruction");
                let instructions = match self.instructions {
                    Instructions::System if wants_developer => Instructions::Developer,
                    Instructions::System | Instructions::Developer => Instructions::FirstUser,
                    Instructions::FirstUser => return None,
                };
                Some(Self { instructions, ..self })
            }
            Subject::LimitField if !self.completion_limit => Some(Self { completion_limit: true, ..self }),
            Subject::Temperature if self.temperature => Some(Self { temperature: false, ..self }),
            _ => None,
        }
    }

    fn plainer_format(self) -> Option<Self> {
        let format = match self.format {
            Format::Schema => Format::JsonObject,
            Format::JsonObject => Format::Prompt,
            Format::Prompt => return None,
        };
        Some(Self { format, ..self })
    }
}

/// Whether a refusal names another field than the format.
fn names_a_field(complaint: &Complaint) -> bool {
    let text = complaint.message.to_lowercase();
    !complaint.param.is_empty()
        || ["max_tokens", "max_completion_tokens", "temperature"].iter().any(|f| text.contains(f))
}

/// What is known of each model, for the life of the client.
#[derive(Debug, Default)]
pub(super) struct Known(Mutex<HashMap<String, Quirks>>);

impl Known {
    pub(super) fn of(&self, model: &str) -> Quirks {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(model).copied().unwrap_or_default()
    }

    /// Remembers what worked. Models come from the settings or an allow-list, so the map stays small.
    pub(super) fn learn(&self, model: &str, quirks: Quirks) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(model.to_owned(), quirks);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(quirks: Quirks, message: &str) -> Option<Quirks> {
        quirks.after(400, &Complaint { message: message.into(), ..Complaint::default() }, true)
    }

    #[test]
    fn complaints_about_the_format_step_down_twice() {
        let object = after(Quirks::default(), "'response_format' of type 'json_schema' is not supported").unwrap();
        assert_eq!(object, Quirks { format: Format::JsonObject, ..Quirks::default() });
        let prompt = after(object, "Unrecognized request argument supplied: response_format").unwrap();
        assert_eq!(prompt, Quirks { format: Format::Prompt, ..Quirks::default() });
        assert_eq!(after(prompt, "response_format"), None);
        let complaint = Complaint { param: "response_format.json_schema".into(), ..Complaint::default() };
        assert_eq!(Quirks::default().after(400, &complaint, true), Some(object));
        assert_eq!(Quirks::default().after(400, &complaint, false), None, "none was asked for");
    }

    #[test]
    fn other_parameters_are_switched_or_dropped() {
        let plain = Quirks::default();
        let openai = "Unsupported parameter: 'max_tokens' is not supported with this model. Use \
                      'max_completion_tokens' instead.";
        assert_eq!(after(plain, openai), Some(Quirks { completion_limit: true, ..plain }));
        let openai = "Unsupported value: 'temperature' does not support 0.7 with this model.";
        assert_eq!(after(plain, openai), Some(Quirks { temperature: false, ..plain }));
        let strict = "Extra inputs are not permitted: stream_options";
        assert_eq!(after(plain, strict), Some(Quirks { stream_options: false, ..plain }));
    }

    #[test]
    fn other_complaints_change_nothing() {
        for message in ["", "max_tokens is too large: 5000", "this model's maximum context length is 4096 tokens"] {
            assert_eq!(after(Quirks::default(), message), None, "{message}");
        }
    }

    #[test]
    fn a_schema_refused_in_unknown_words_is_given_up_and_nothing_else() {
        let refused = |status, message: &str, with_schema| {
            let complaint = Complaint { message: message.into(), ..Complaint::default() };
            Quirks::default().after(status, &complaint, with_schema).map(|quirks| quirks.format)
        };
        for status in [400, 404, 422, 501] {
            assert_eq!(refused(status, "we do not do that here", true), Some(Format::JsonObject), "{status}");
            assert_eq!(refused(status, "we do not do that here", false), None, "{status}");
        }
        for (status, message) in [
            (400, "API key not valid"),
            (400, "unknown model x"),
            (429, "the schema"),
            (500, "internal server error"),
            (400, "This model's maximum context length is 4096 tokens"),
        ] {
            assert_eq!(refused(status, message, true), None, "{message}");
        }
    }

    #[test]
    fn instructions_move_from_role_to_role() {
        let plain = Quirks::default();
        let moved = |quirks, message| after(quirks, message).map(|quirks| quirks.instructions);
        assert_eq!(moved(plain, "System role not supported"), Some(Instructions::FirstUser));
        let developer = "'system' is not supported with this model, use 'developer' instead";
        assert_eq!(moved(plain, developer), Some(Instructions::Developer));
        let quirks = Quirks { instructions: Instructions::Developer, ..plain };
        assert_eq!(moved(quirks, "Unknown role 'developer'"), Some(Instructions::FirstUser));
        assert_eq!(moved(plain, "Developer instruction is not enabled"), Some(Instructions::FirstUser));
    }

    #[test]
    fn a_server_that_refuses_everything_is_asked_a_bounded_number_of_times() {
        let everything = "unknown: response_format, stream_options, max_tokens, temperature";
        let steps = std::iter::successors(Some(Quirks::default()), |quirks| after(*quirks, everything)).count();
        assert_eq!(steps, 6);
    }
}
