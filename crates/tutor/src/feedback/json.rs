//! Notes written as JSON, with keys, types and nesting as they come.

use serde_json::{Map, Value};

use super::{
    Draft, DraftDim,
    labels::{self, Part},
};
use crate::reply::{json::objects, label, questions::split_questions};
use domain::feedback::{DimId, TopicFit};

/// How deep in other objects a note may stand.
const MAX_WRAPS: usize = 3;

/// A draft for each object in the text that might be a note.
pub(super) fn drafts(text: &str) -> impl Iterator<Item = Draft> {
    objects(text).into_iter().flat_map(|map| {
        let mut drafts = Vec::new();
        collect(&map, MAX_WRAPS, &mut drafts);
        drafts
    })
}

/// Some models wrap the note once more: `{"feedback": {…}}`, `{"result": [{…}]}`, `{"function": {"arguments": {…}}}`.
fn collect(map: &Map<String, Value>, wraps: usize, drafts: &mut Vec<Draft>) {
    drafts.push(draft(map));
    if wraps > 0 {
        map.values().filter_map(object_in).for_each(|inner| collect(inner, wraps - 1, drafts));
    }
}

fn object_in(value: &Value) -> Option<&Map<String, Value>> {
    match value {
        Value::Object(map) => Some(map),
        Value::Array(items) => items.first()?.as_object(),
        _ => None,
    }
}

fn draft(map: &Map<String, Value>) -> Draft {
    let mut draft = Draft::default();
    for (key, value) in map {
        match labels::part(key) {
            Some(Part::Strengths) => draft.strengths = text(value),
            Some(Part::Improvements) => draft.improvements = text(value),
            Some(Part::NextSteps) => draft.next_steps = text(value),
            Some(Part::Questions) => draft.questions.extend(questions(value)),
            None => {
                if matches!(
                    label(key).as_str(),
                    "dims" | "dimensions" | "dimension" | "분석" | "평가" | "차원" | "rubric"
                ) {
                    draft.dims.extend(dims(value));
                } else if matches!(label(key).as_str(), "topic" | "topicfit" | "주제") && value.is_string() {
                    draft.topic = fit(&text(value));
                } else if let (Some(id), true) = (labels::dim(key), value.is_object()) {
                    draft.dims.extend(dim(id, value));
                }
            }
        }
    }
    draft
}

fn fit(word: &str) -> Option<TopicFit> {
    match label(word).as_str() {
        "on" | "ontopic" => Some(TopicFit::On),
        "bridge" => Some(TopicFit::Bridge),
        "off" | "offtopic" => Some(TopicFit::Off),
        _ => None,
    }
}

/// A text out of anything: lists and objects give the texts in them.
fn text(value: &Value) -> String {
    texts(value).join(" ")
}

/// Questions, also when they come as one text.
fn questions(value: &Value) -> Vec<String> {
    let mut questions = texts(value);
    match (questions.pop(), questions.is_empty()) {
        (Some(only), true) => split_questions(&only),
        (last, _) => questions.into_iter().chain(last).collect(),
    }
}

/// Whether an object is a schema's description of a value in place of the value.
fn is_schema(map: &Map<String, Value>) -> bool {
    let kinds = ["string", "array", "object", "integer", "number", "boolean"];
    map.get("type").and_then(Value::as_str).is_some_and(|kind| kinds.contains(&kind))
}

fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Object(map) if is_schema(map) => Vec::new(),
        // A list that a model wrote as one string.
        Value::String(text) => text.split('\n').map(str::trim).filter(|s| !s.is_empty()).map(str::to_owned).collect(),
        Value::Array(items) => items.iter().map(text_of_item).filter(|text| !text.is_empty()).collect(),
        Value::Object(map) => map.values().map(text_of_item).filter(|text| !text.is_empty()).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => Vec::new(),
    }
}

/// An item of a list: a text, or an object around one, such as `{"question": "…"}`.
fn text_of_item(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Object(map) => map.values().find_map(Value::as_str).unwrap_or_default().to_owned(),
        _ => String::new(),
    }
}

fn dims(value: &Value) -> Vec<DraftDim> {
    match value {
        Value::Object(map) => map.iter().filter_map(|(key, value)| dim(labels::dim(key)?, value)).collect(),
        Value::Array(items) => items.iter().filter_map(listed_dim).collect(),
        _ => Vec::new(),
    }
}

/// An entry of a list: it names its dimension itself.
fn listed_dim(value: &Value) -> Option<DraftDim> {
    let map = value.as_object()?;
    let name = field(map, &["id", "name", "dim", "dimension", "차원", "항목", "이름"])?.as_str()?;
    dim(labels::dim(name)?, value)
}

/// `None` if the level is missing or no level: then nobody knows what was meant.
fn dim(id: DimId, value: &Value) -> Option<DraftDim> {
    let map = value.as_object()?;
    let words = |names: &[&str]| field(map, names).map(text).unwrap_or_default();
    Some(DraftDim {
        id,
        level: level(field(map, &["level", "score", "수준", "단계", "점수", "레벨"])?)?,
        evidence: words(&["evidence", "quote", "근거", "인용", "증거", "인용문"]),
        why: words(&["why", "reason", "explanation", "이유", "까닭", "설명"]),
    })
}

fn field<'a>(map: &'a Map<String, Value>, names: &[&str]) -> Option<&'a Value> {
    map.iter().find(|(key, _)| names.contains(&label(key).as_str())).map(|(_, value)| value)
}

/// `2`, `2.0`, `"2"`, `"2/3"`, `"수준 2"`, `null`, `"null"`. Anything beyond 0 to 3 is another scale and no level.
fn level(value: &Value) -> Option<Option<u8>> {
    match value {
        Value::Null => Some(None),
        Value::Number(number) => {
            let number = number.as_f64()?;
            (0_u8..=3).find(|&level| f64::from(level) == number).map(Some)
        }
        Value::String(text) => {
            let word = label(text);
            if matches!(word.as_str(), "" | "null" | "none" | "na" | "없음" | "해당없음") {
                return Some(None);
            }
            let text = text.trim();
            let text = text.strip_suffix("/3").or_else(|| text.strip_suffix("/ 3")).unwrap_or(text);
            let mut digits = text.chars().filter(char::is_ascii_digit);
            match (digits.next()?.to_digit(10), digits.next()) {
                (Some(level @ 0..=3), None) if !text.contains(['-', '/']) => u8::try_from(level).ok().map(Some),
                _ => None,
            }
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_level_is_read_only_from_its_own_scale() {
        for (value, read) in [
            (json!(2), Some(Some(2))),
            (json!(3.0), Some(Some(3))),
            (json!("1"), Some(Some(1))),
            (json!("2/3"), Some(Some(2))),
            (json!("수준 0"), Some(Some(0))),
            (json!(null), Some(None)),
            (json!("null"), Some(None)),
            (json!(4), None),
            (json!(-1), None),
            (json!("-1"), None),
            (json!("4/5"), None),
            (json!("12"), None),
            (json!("high"), None),
            (json!(2.5), None),
            (json!(true), None),
        ] {
            assert_eq!(level(&value), read, "{value}");
        }
    }
}
