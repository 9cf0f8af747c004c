//! Plain text inside Markdown.

/// Plain text that Markdown shows as it is: no mark, no formula, and no address that becomes a link. Text of one line
/// only.
#[must_use]
pub fn escape_markdown(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for (at, c) in text.char_indices() {
        let www = || text.as_bytes()[..at].last_chunk::<3>().is_some_and(|start| start.eq_ignore_ascii_case(b"www"));
        match c {
            // Doubled, it would begin the formula `\\(…\\)`.
            '\\' => {
                escaped.push_str("&#92;");
                continue;
            }
            '`' | '*' | '_' | '[' | ']' | '<' | '>' | '~' | '|' | '#' | '&' | '$' | '@' | ':' => escaped.push('\\'),
            '.' if www() => escaped.push('\\'),
            _ => {}
        }
        escaped.push(c);
    }
    escaped
}
