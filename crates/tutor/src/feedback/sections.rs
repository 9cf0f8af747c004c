//! Notes written as four sections of Markdown, with headings as they come.

use super::{
    Draft,
    labels::{Part, part_prefix},
};
use crate::reply::questions::{is_enclosed_number, split_questions, without_number, without_quotes};

/// The draft in a text of sections; its parts are empty where a section is missing.
pub(super) fn draft(text: &str) -> Option<Draft> {
    let mut draft = Draft::default();
    let mut listed = Vec::new();
    let mut part = None;
    for line in text.lines() {
        let line = match heading(line) {
            Some((found, rest)) => {
                part = Some(found);
                rest
            }
            // A heading of something else ends the part, and so does a rule.
            None if line.trim_start().starts_with('#') || line.trim().starts_with("---") => {
                part = None;
                continue;
            }
            None => line,
        };
        let line = line.trim();
        // YAML begins a text of several lines with one of these.
        let is_yaml_mark = matches!(line, "|" | ">" | "|-" | ">-");
        let Some(part) = part.filter(|_| !line.is_empty() && !is_yaml_mark) else { continue };
        match part {
            Part::Strengths => append(&mut draft.strengths, line),
            Part::Improvements => append(&mut draft.improvements, line),
            Part::NextSteps => append(&mut draft.next_steps, line),
            Part::Questions if is_item(line) => listed.extend(split_questions(line)),
            Part::Questions => draft.questions.extend(split_questions(line)),
        }
    }
    // Beside a list, other lines are talk about it.
    if !listed.is_empty() {
        draft.questions = listed;
    }
    Some(draft)
}

fn append(part: &mut String, line: &str) {
    if !part.is_empty() {
        part.push(' ');
    }
    let line = line.strip_prefix("- ").or_else(|| line.strip_prefix("* ")).unwrap_or(line);
    part.push_str(without_quotes(line).unwrap_or(line));
}

fn is_item(line: &str) -> bool {
    line.starts_with(['-', '*', '•', '·', '"', '“']) || without_number(line).is_some()
}

/// The part a line opens, and what the line says after the heading.
///
/// `### 잘한 점`, `**개선할 점**: …`, `1. 다음 단계 - …`, `✅ 잘한 점(Strengths)`, `[추천 질문]`. Prose that begins with
/// the words, `다음 단계로 …`, is none: a heading ends its line or is followed by a mark.
fn heading(line: &str) -> Option<(Part, &str)> {
    let bare = line.trim_start_matches(opening);
    // `<parameter=strengths>`, as Qwen writes calls
    let bare = bare.strip_prefix("parameter=").unwrap_or(bare);
    let numbered = || without_number(bare).map(|rest| rest.trim_start_matches(opening));
    let (part, rest) = part_prefix(bare).or_else(|| part_prefix(numbered()?))?;
    // A translation in brackets belongs to the heading.
    let after = rest.trim_start();
    let after = after.strip_prefix('(').and_then(|inner| inner.split_once(')')).map_or(after, |(_, after)| after);
    let said = after.trim_start_matches(closing);
    let numbered = without_number(said).is_some();
    if said.is_empty() || said.len() < after.len() || numbered { Some((part, said)) } else { None }
}

/// Marks, bullets and emoji before a heading.
fn opening(c: char) -> bool {
    !c.is_alphanumeric() || is_enclosed_number(c)
}

fn closing(c: char) -> bool {
    c.is_whitespace()
        || matches!(c, ':' | '：' | '-' | '–' | '—' | '*' | '_' | ']' | '】' | '」' | '>' | '#' | '\u{fe0f}')
        || is_symbol(c)
}

/// An arrow, an emoji and the like; a number in a circle belongs to what follows.
fn is_symbol(c: char) -> bool {
    !is_enclosed_number(c) && (('\u{2190}'..='\u{2bff}').contains(&c) || ('\u{1f000}'..='\u{1faff}').contains(&c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_are_told_from_prose() {
        for (line, found) in [
            ("### 잘한 점", Some((Part::Strengths, ""))),
            ("**개선할 점**: 숫자를 더해요.", Some((Part::Improvements, "숫자를 더해요."))),
            ("**💡 다음 단계:** 하나만 골라요.", Some((Part::NextSteps, "하나만 골라요."))),
            ("1. 잘한 점 - 좋아요", Some((Part::Strengths, "좋아요"))),
            ("### 1. ✅ 잘한 점 (Strengths)", Some((Part::Strengths, ""))),
            ("## Next Steps", Some((Part::NextSteps, ""))),
            ("[추천 질문]", Some((Part::Questions, ""))),
            ("④ 추천 질문", Some((Part::Questions, ""))),
            ("### 추천 질문 ① 가요?", Some((Part::Questions, "① 가요?"))),
            ("추천 질문: ① 가요?", Some((Part::Questions, "① 가요?"))),
            ("추천 질문 1. 가요?", Some((Part::Questions, "1. 가요?"))),
            ("**Areas for Improvement:** Say why.", Some((Part::Improvements, "Say why."))),
            ("다음 단계로 넘어가요.", None),
            ("잘한 점은 숫자예요.", None),
            ("next steps are easy", None),
            ("", None),
        ] {
            assert_eq!(heading(line), found, "{line}");
        }
    }
}
