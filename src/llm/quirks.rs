//! Parameters that a server or a model refuses, learnt from its complaints.

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

/// What one model takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Quirks {
    /// It wants `max_completion_tokens` in place of `max_tokens`.
    pub(super) completion_limit: bool,
    pub(super) temperature: bool,
    pub(super) stream_options: bool,
    pub(super) format: Format,
}

impl Default for Quirks {
    fn default() -> Self {
        Self { completion_limit: false, temperature: true, stream_options: true, format: Format::Schema }
    }
}

impl Quirks {
    /// The field that carries the answer's limit.
    pub(super) fn limit_field(self) -> &'static str {
        if self.completion_limit { "max_completion_tokens" } else { "max_tokens" }
    }

    /// What to try next after a 400, where the complaint is about a parameter that can be left out.
    ///
    /// Each step gives one thing up for good, so a server that refuses everything is asked five times more at most.
    pub(super) fn after(self, complaint: &Complaint, with_schema: bool) -> Option<Self> {
        let text = complaint.message.to_lowercase();
        let about = |name: &str| complaint.param.split(['.', '[']).next() == Some(name) || text.contains(name);
        if with_schema && self.format != Format::Prompt && FORMAT_WORDS.iter().any(|word| about(word)) {
            let format = if self.format == Format::Schema { Format::JsonObject } else { Format::Prompt };
            return Some(Self { format, ..self });
        }
        if self.stream_options && (about("stream_options") || text.contains("include_usage")) {
            return Some(Self { stream_options: false, ..self });
        }
        // A limit that is merely too high names the same field and must not look like an unknown one.
        let unknown = complaint.code == "unsupported_parameter" || REFUSALS.iter().any(|word| text.contains(word));
        if !self.completion_limit && about("max_tokens") && (unknown || text.contains("max_completion_tokens")) {
            return Some(Self { completion_limit: true, ..self });
        }
        if self.temperature && about("temperature") {
            return Some(Self { temperature: false, ..self });
        }
        None
    }
}

/// How servers name the answer's format when they don't know or can't compile it.
const FORMAT_WORDS: [&str; 5] = ["response_format", "json_schema", "json schema", "json_object", "grammar"];

/// How servers say that they don't know a parameter.
const REFUSALS: [&str; 7] =
    ["unsupported", "not supported", "unrecognized", "unknown", "unexpected", "extra inputs", "not permitted"];

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
        quirks.after(&Complaint { message: message.into(), ..Complaint::default() }, true)
    }

    #[test]
    fn complaints_about_the_format_step_down_twice() {
        let object = after(Quirks::default(), "'response_format' of type 'json_schema' is not supported").unwrap();
        assert_eq!(object, Quirks { format: Format::JsonObject, ..Quirks::default() });
        let prompt = after(object, "Unrecognized request argument supplied: response_format").unwrap();
        assert_eq!(prompt, Quirks { format: Format::Prompt, ..Quirks::default() });
        assert_eq!(after(prompt, "response_format"), None);
        let complaint = Complaint { param: "response_format.json_schema".into(), ..Complaint::default() };
        assert_eq!(Quirks::default().after(&complaint, true), Some(object));
        assert_eq!(Quirks::default().after(&complaint, false), None, "none was asked for");
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
    fn a_server_that_refuses_everything_is_asked_a_bounded_number_of_times() {
        let everything = "unknown: response_format, stream_options, max_tokens, temperature";
        let steps = std::iter::successors(Some(Quirks::default()), |quirks| after(*quirks, everything)).count();
        assert_eq!(steps, 6);
    }
}
