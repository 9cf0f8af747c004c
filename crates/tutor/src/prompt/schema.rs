//! The JSON schemas that replies must follow, within what OpenAI's strict mode allows: every object closed, every
//! property required, no lengths.
//!
//! Models write properties in the order of the schema, so order is meaning here: evidence, then why, then level; and
//! the reading before the prose that rests on it.

use serde_json::{Map, Value, json};

use domain::feedback::DimId;

fn object(properties: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    let properties: Map<String, Value> = properties.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let required: Vec<&String> = properties.keys().collect();
    json!({"type": "object", "required": required, "additionalProperties": false, "properties": properties})
}

fn text() -> Value {
    json!({"type": "string"})
}

fn texts() -> Value {
    json!({"type": "array", "items": {"type": "string"}})
}

/// Name and schema of the tutor's reply. The dimensions are properties, not a list: each comes once, in rubric order.
pub(super) fn feedback() -> (&'static str, Value) {
    let dim = || {
        let level = json!({"type": ["integer", "null"], "enum": [0, 1, 2, 3, null]});
        object([("evidence", text()), ("why", text()), ("level", level)])
    };
    let dims = object(DimId::ALL.map(|id| (id.as_str(), dim())));
    let schema = object([
        ("dims", dims),
        ("strengths", text()),
        ("improvements", text()),
        ("next_steps", text()),
        ("suggested_questions", texts()),
    ]);
    ("tutor_feedback", schema)
}

/// Name and schema of a guide.
pub(super) fn guide() -> (&'static str, Value) {
    ("topic_guide", object([("guide_title", text()), ("guide_content", text()), ("starter_questions", texts())]))
}
