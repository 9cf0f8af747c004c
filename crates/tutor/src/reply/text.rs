//! Model text made harmless for places that show it as plain text or join it into Markdown.

use super::decode_entities;
use domain::message::clean;

/// One line of plain text of at most `max` characters: NFC, no control or direction characters, no tags, no Markdown
/// decoration around the whole. Cut at the end of a sentence where one is near. Empty when nothing readable is left.
pub(crate) fn plain_text(text: &str, max: usize) -> String {
    let text = thoughts::without_thoughts(&with_line_breaks(&decode_entities(text)));
    let line = without_tags(&unescape(&one_line(&text))).replace("**", "").replace('`', "").replace("](", "] (");
    // Once more: what fell off may have stood inside a tag.
    let line = without_tags(&line);
    let line = line.trim_start_matches(|c: char| matches!(c, '#' | '>' | '*' | '•' | ':') || c.is_whitespace());
    // A dash with a space is a bullet, one without may be a minus.
    let line = line.trim_start_matches("- ").trim();
    if line.chars().any(char::is_alphanumeric) && !is_placeholder(line) { cut(line, max) } else { String::new() }
}

/// Markdown with line breaks kept, but no control characters and no tags; cut between paragraphs at `max` characters.
pub(crate) fn markdown(text: &str, max: usize) -> String {
    let text = thoughts::without_thoughts(&with_line_breaks(text));
    let text = without_tags(&visible(&clean(&text, |c| c == '\n' || c == '\t'))).trim().to_owned();
    if text.chars().count() <= max {
        return text;
    }
    let end = text.char_indices().nth(max).map_or(text.len(), |(at, _)| at);
    match text[..end].rfind("\n\n") {
        Some(at) => text[..at].trim_end().to_owned(),
        None => cut(&text, max),
    }
}

/// Line breaks that were escaped twice, `\\n` in JSON. A letter behind makes it a command of a formula: `\nu`.
fn with_line_breaks(text: &str) -> String {
    let mut parts = text.split("\\n");
    let mut broken = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        broken.push_str(if part.starts_with(|c: char| c.is_ascii_alphabetic()) { "\\n" } else { "\n" });
        broken.push_str(part);
    }
    broken
}

fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c == '\\' && chars.peek().is_some_and(char::is_ascii_punctuation) {
            plain.extend(chars.next());
        } else {
            plain.push(c);
        }
    }
    plain
}

fn one_line(text: &str) -> String {
    visible(&clean(text, char::is_whitespace)).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Without the characters that turn the direction of writing, which can make a text read as another.
fn visible(text: &str) -> String {
    text.chars()
        .filter(|c| !matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'))
        .collect()
}

/// Drops what looks like a tag, then widens every `<` that could still begin one, also one that the dropping made.
fn without_tags(text: &str) -> String {
    let opens = |rest: &str| rest.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '!' | '?'));
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        let (before, tag) = rest.split_at(at);
        kept.push_str(before);
        let end = tag[1..].find(['<', '>']).map(|end| end + 1).filter(|&end| tag[end..].starts_with('>'));
        rest = match end {
            Some(end) if opens(&tag[1..]) => &tag[end + 1..],
            _ => {
                kept.push('<');
                &tag[1..]
            }
        };
    }
    kept.push_str(rest);
    let mut safe = String::with_capacity(kept.len());
    for (at, c) in kept.char_indices() {
        safe.push(if c == '<' && opens(&kept[at + 1..]) { '＜' } else { c });
    }
    safe
}

/// Words by which models say that they have nothing to say.
fn is_placeholder(text: &str) -> bool {
    // A schema with something put in: `string (한 문장)`, `(string) …`, `[잘한 점]`.
    let is_echo = text.starts_with("(string)")
        || text.strip_prefix("string").is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_alphanumeric()))
        || text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).is_some_and(|rest| !rest.contains(']'));
    let label = super::label(text);
    is_echo || ["없음", "해당없음", "없습니다", "na", "none", "null", "nil", "string", "todo"].contains(&label.as_str())
}

/// At most `max` characters, whole sentences if at least half of them are, else with an ellipsis.
fn cut(text: &str, max: usize) -> String {
    if text.chars().count() <= max {
        return text.to_owned();
    }
    let kept: String = text.chars().take(max.saturating_sub(1)).collect();
    match kept.rfind(['.', '!', '?', '。']) {
        Some(at) if at >= kept.len() / 2 => kept[..=at].trim_end_matches('。').to_owned(),
        _ => format!("{}…", kept.trim_end()),
    }
}

#[cfg(test)]
mod tests {
    use domain::escape_markdown;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn dress_and_tags_fall_off() {
        for (text, left) in [
            ("**숫자**를 넣은 점이\n좋아요.", "숫자를 넣은 점이 좋아요."),
            ("- 상황을 <b>먼저</b> 말했어요", "상황을 먼저 말했어요"),
            ("<script>alert(1)</script>좋아요", "alert(1)좋아요"),
            ("<<b>script>x", "＜script>x"),
            ("\\<b\\>좋아요", "좋아요"),
            ("3 < 5이고 7 > 2", "3 < 5이고 7 > 2"),
            ("[여기](javascript:x)", "[여기] (javascript:x)"),
            ("내가 아는 것은 ___이고", "내가 아는 것은 ___이고"),
            ("\u{202e}거꾸로\u{0}", "거꾸로"),
            ("없음", ""),
            ("string …", ""),
            ("string (한 문장)", ""),
            ("(string) 좋은 질문", ""),
            ("<think>음 그러니까</think>더 자세히", "더 자세히"),
            ("첫째\\n둘째", "첫째 둘째"),
            ("$\\nu$와 $\\neq$", "$\\nu$와 $\\neq$"),
            ("[잘한 점을 적어요]", ""),
            ("strings of beads", "strings of beads"),
            ("&quot;15분&quot;이라고 &lt;b&gt;적은&lt;/b&gt; 점", "\"15분\"이라고 적은 점"),
            ("N/A", ""),
            ("…", ""),
        ] {
            assert_eq!(plain_text(text, 100), left, "{text}");
        }
    }

    #[test]
    fn a_long_text_ends_with_a_sentence_or_an_ellipsis() {
        assert_eq!(plain_text("하나예요. 둘이에요. 셋이에요.", 12), "하나예요. 둘이에요.");
        assert_eq!(plain_text(&"가".repeat(50), 10), format!("{}…", "가".repeat(9)));
        assert_eq!(markdown("첫 문단\n\n둘째 문단", 8), "첫 문단");
    }

    proptest! {
        #[test]
        fn plain_text_holds_no_tag_and_keeps_the_limit(text in "[<>/!a-c가 \\\\*`\n\u{202e}.]{0,40}", max in 1_usize..30) {
            let plain = plain_text(&text, max);
            prop_assert!(plain.chars().count() <= max);
            let unwanted = plain.contains(['\n', '\u{202e}']);
            prop_assert!(!unwanted);
            for (at, _) in plain.match_indices('<') {
                prop_assert!(!plain[at + 1..].starts_with(|c: char| c.is_ascii_alphabetic() || "/!?".contains(c)));
            }
        }

        #[test]
        fn escaped_text_reads_back(text in "[가a_*~<>\\[\\]`#&| ]{0,20}") {
            prop_assert_eq!(unescape(&escape_markdown(&text)), text);
        }
    }
}
