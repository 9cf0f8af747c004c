//! Guides as models really write them.

use serde_json::Value;

#[cfg(test)]
mod tests;

use crate::reply::{
    json::objects,
    label,
    questions::{split_questions, three_questions},
    text::{markdown, plain_text},
    without_thoughts,
};
use domain::{Guide, GuideSource};

/// Most bytes of a reply that are read.
const REPLY_MAX_BYTES: usize = 64 * 1024;
const TITLE_MAX_CHARS: usize = 60;
const CONTENT_MAX_CHARS: usize = 2_000;
/// Fewer characters are no guide but an excuse or a beginning.
const CONTENT_MIN_CHARS: usize = 40;

/// Reads a model's guide: JSON in all its half-broken forms. A missing title and missing questions are those of
/// `preset`; without an introduction there is no guide.
#[must_use]
pub fn read_guide(text: &str, preset: &Guide) -> Option<Guide> {
    let text = &without_thoughts(text);
    let text = &text[..text.floor_char_boundary(REPLY_MAX_BYTES)];
    // The last one counts: models draft, then write.
    objects(text).into_iter().rev().find_map(|map| {
        let field = |names: &[&str]| map.iter().find(|(key, _)| names.contains(&label(key).as_str())).map(|(_, v)| v);
        let content = field(&["guidecontent", "content", "introduction", "guide", "내용", "안내", "소개"])?;
        let content = markdown(&line_breaks(content.as_str()?), CONTENT_MAX_CHARS);
        if content.chars().count() < CONTENT_MIN_CHARS {
            return None;
        }
        let title = field(&["guidetitle", "title", "제목"]).and_then(Value::as_str).unwrap_or_default();
        let title = Some(plain_text(title, TITLE_MAX_CHARS)).filter(|title| !title.is_empty());
        let questions =
            match field(&["starterquestions", "questions", "startquestions", "시작질문", "질문", "추천질문"])
            {
                Some(Value::Array(items)) => match items.as_slice() {
                    [only] => question(only).map(|only| split_questions(&only)).unwrap_or_default(),
                    items => items.iter().filter_map(question).collect(),
                },
                Some(Value::String(lines)) => split_questions(lines),
                _ => Vec::new(),
            };
        let fill = || std::array::from_fn(|i| preset.starter_questions.get(i).cloned().unwrap_or_default());
        Some(Guide {
            guide_title: title.unwrap_or_else(|| preset.guide_title.clone()),
            guide_content: content,
            starter_questions: three_questions(&questions, None, fill)?.into(),
            source: GuideSource::Model,
        })
    })
}

fn question(item: &Value) -> Option<String> {
    match item {
        Value::String(text) => Some(text.clone()),
        Value::Object(map) => map.values().find_map(Value::as_str).map(str::to_owned),
        _ => None,
    }
}

/// Some models escape line breaks twice. `\n` before a small letter stays: it may be `\nu`, `\neq`.
fn line_breaks(text: &str) -> String {
    if text.contains('\n') {
        return text.to_owned();
    }
    let mut pieces = text.split("\\n");
    let mut read = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        read.push_str(if piece.starts_with(|c: char| c.is_ascii_lowercase()) { "\\n" } else { "\n" });
        read.push_str(piece);
    }
    read
}
