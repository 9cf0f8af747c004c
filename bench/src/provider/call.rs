//! What a request asks for.

use std::borrow::Cow;

use serde::{Deserialize, de::IgnoredAny};

use crate::texts::SILENT_QUESTION;

/// Which of the program's calls a request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// The answer to the student.
    Chat,
    /// The notes on how the student asked, which come with a schema.
    Tutor,
}

/// The parts of a request that decide about the reply.
#[derive(Debug, PartialEq, Eq)]
pub struct Call {
    /// Which call it is.
    pub purpose: Purpose,
    /// Whether the reply is streamed.
    pub stream: bool,
    /// Whether nothing is written.
    pub is_silent: bool,
    /// Whether a stream ends with a piece about the tokens.
    pub include_usage: bool,
    /// The model, which the reply names.
    pub model: String,
}

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    model: Cow<'a, str>,
    #[serde(default)]
    stream: bool,
    stream_options: Option<StreamOptions>,
    response_format: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct StreamOptions {
    #[serde(default)]
    include_usage: bool,
}

impl Call {
    /// Reads a request's body.
    pub fn read(body: &[u8]) -> serde_json::Result<Self> {
        let is_silent = str::from_utf8(body).is_ok_and(|text| text.contains(SILENT_QUESTION));
        let body: Body = serde_json::from_slice(body)?;
        Ok(Self {
            is_silent,
            purpose: if body.response_format.is_some() { Purpose::Tutor } else { Purpose::Chat },
            stream: body.stream,
            include_usage: body.stream_options.is_some_and(|options| options.include_usage),
            model: body.model.into_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_with_a_schema_is_the_tutors() {
        let chat = br#"{"model":"m","messages":[{"role":"user","content":"\"response_format\""}],"stream":true,
            "stream_options":{"include_usage":true}}"#;
        let expected =
            Call { purpose: Purpose::Chat, stream: true, include_usage: true, is_silent: false, model: "m".to_owned() };
        assert_eq!(Call::read(chat).unwrap(), expected);
        let tutor = br#"{"model":"m","messages":[],"response_format":{"type":"json_schema"}}"#;
        let expected = Call {
            purpose: Purpose::Tutor,
            stream: false,
            include_usage: false,
            is_silent: false,
            model: "m".to_owned(),
        };
        assert_eq!(Call::read(tutor).unwrap(), expected);
    }
}
