//! The unfinished end of a streamed text, completed for display.
//!
//! Half a `**`, half a link or half a table would be visible as raw characters for a moment. So the last block of a text
//! that is still streamed is shown as it will most likely look: open markup is closed, and what cannot be shown yet is
//! withheld. The text itself is not changed, and the finished text is rendered without these changes.

use super::emphasis;
use super::fence::FencedCode;
use super::formula;
use super::hangul::is_hangul;
use super::markers::{self, run};

/// Completes or removes the unfinished markup at the end of a block.
pub(super) fn complete_markup(block: &str) -> String {
    let (mut code, mut paragraph, mut last, mut before) = (FencedCode::default(), 0, 0, false);
    let mut at = 0;
    for line in block.split_inclusive('\n') {
        before = code.is_open();
        last = at;
        at += line.len();
        if code.line(line, &block[at..], false) || markers::is_blank(line) {
            paragraph = at;
        }
    }
    let partial = !block.ends_with('\n');
    if before || code.is_open() {
        let marks = |line: &str| !line.is_empty() && (run(line, b'`') == line.len() || run(line, b'~') == line.len());
        let hold = partial && marks(block[last..].trim_matches([' ', '\t', '>']));
        // A line of marks is the end of the code, or its beginning whose language is still to come.
        return if hold { block[..last].to_owned() } else { block.to_owned() };
    }
    if partial && last > 0 && markers::is_blank(&block[last..]) {
        return complete_markup(&block[..last]);
    }
    if let Some(start) = unfinished_table(block, paragraph) {
        return block[..start].to_owned();
    }
    let text = if partial && is_only_markup(&block[last..]) { &block[..last] } else { block };
    Completer { text, last, out: block[..paragraph].to_owned(), open: Vec::new(), brackets: 0 }.complete(paragraph)
}

/// Whether a line is only markup so far: `-`, `##`, `1.`, `|`, `**`.
fn is_only_markup(line: &str) -> bool {
    let content = &line[markers::container_prefix(line).0..];
    content.len() <= 3 && content.bytes().all(|b| b.is_ascii_digit())
        || content.bytes().all(|b| b"#`~*_=-+|:$<\\![> \t".contains(&b))
        || ["[x", "[X", "[ ]", "[x]", "[X]"].contains(&content.trim_end())
}

/// Where the block's last lines begin a table that has no delimiter row yet.
fn unfinished_table(block: &str, paragraph: usize) -> Option<usize> {
    let mut start = block.len();
    let mut rows = Vec::new();
    for line in block[paragraph..].split_inclusive('\n').rev() {
        if !line[markers::container_prefix(line).0..].starts_with('|') {
            break;
        }
        start -= line.len();
        rows.push(line);
    }
    let delimiter = |row: &str| row.bytes().all(|b| b"|:- \t\r\n".contains(&b));
    match rows[..] {
        [_] => Some(start),
        [second, _] if delimiter(second) && !second.ends_with('\n') => Some(start),
        _ => None,
    }
}

struct Completer<'t> {
    text: &'t str,
    /// Where the last line begins; marks further up are what they are.
    last: usize,
    out: String,
    /// Emphasis opened on the last line: its mark, and how many.
    open: Vec<(u8, usize)>,
    /// Opening brackets so far.
    brackets: usize,
}

impl Completer<'_> {
    fn complete(mut self, paragraph: usize) -> String {
        let mut at = paragraph;
        while at < self.text.len() {
            let rest = &self.text[at..];
            let next = match rest.as_bytes()[0] {
                b'`' => self.code(at),
                b'$' | b'\\' => self.formula(at),
                b'[' if at >= self.last => self.link(at),
                mark @ (b'*' | b'_' | b'~') if at >= self.last => self.emphasis(at, mark),
                b'<' if is_unfinished_tag(rest) => None,
                b'&' if is_unfinished_entity(rest) => None,
                b'!' if rest == "!" => None,
                _ => self.copy(at, rest.chars().next().map_or(1, char::len_utf8)),
            };
            let Some(next) = next else { break };
            at = next;
        }
        let ended = self.out.trim_end_matches([' ', '\t']).len();
        if !self.open.is_empty() {
            self.out.truncate(ended);
        }
        for (mark, length) in self.open.into_iter().rev() {
            self.out.extend(std::iter::repeat_n(char::from(mark), length));
        }
        self.out
    }

    fn copy(&mut self, at: usize, length: usize) -> Option<usize> {
        self.out.push_str(&self.text[at..at + length]);
        Some(at + length)
    }

    /// A code span: closed at the end of the text if it is open there.
    fn code(&mut self, at: usize) -> Option<usize> {
        let rest = &self.text[at..];
        let length = run(rest, b'`');
        let line = rest.split('\n').next().unwrap_or_default();
        let mut close = length;
        while let Some(next) = line[close..].find('`') {
            close += next;
            let closing = run(&line[close..], b'`');
            close += closing;
            if closing == length {
                return self.copy(at, close);
            }
        }
        if at < self.last {
            return self.copy(at, length);
        }
        let content = line[length..].trim_end_matches('`');
        if !content.trim().is_empty() {
            self.out.extend([&line[..length], content.trim_end(), &line[..length]]);
        }
        None
    }

    /// A formula, withheld until it is whole.
    fn formula(&mut self, at: usize) -> Option<usize> {
        let rest = &self.text[at..];
        if let Some(found) = formula::find(self.text, at, false) {
            return self.copy(at, found.end - at);
        }
        let pairs = [
            ("$$", "$$"),
            ("\\(", "\\)"),
            ("\\[", "\\]"),
            ("\\\\(", "\\)"),
            ("\\\\[", "\\]"),
            ("\\begin{", "\\end{"),
            ("\\ce{", "}"),
            ("\\pu{", "}"),
        ];
        if let Some((open, close)) = pairs.iter().find(|(open, _)| rest.starts_with(open)) {
            let content = &rest[open.len()..];
            let given_up = match *close {
                "}" => {
                    content.contains('\n') || formula::braced(content).is_some() || content.len() > MAX_WITHHELD_BYTES
                }
                "\\end{" => content.split("\\end{").skip(1).any(|end| end.contains('}')),
                close => content.contains(close),
            };
            return if given_up { self.copy(at, 2) } else { None };
        }
        // Half of such a beginning.
        if at >= self.last && pairs.iter().any(|(open, _)| open.starts_with(rest)) {
            return None;
        }
        if let Some(escaped) = rest.strip_prefix('\\') {
            let next = escaped.chars().next()?;
            return self.copy(at, 1 + next.len_utf8());
        }
        let closed = |content: &str| content.match_indices('$').any(|(at, _)| !content[..at].ends_with('\\'));
        let coming = at >= self.last && !closed(&rest[1..]) && formula::may_come(&rest[1..]);
        if rest == "$" || coming { None } else { self.copy(at, 1) }
    }

    /// A link, shown as its text until its address is whole.
    fn link(&mut self, at: usize) -> Option<usize> {
        let rest = &self.text[at..];
        self.brackets += 1;
        let close = closing(rest, '[', ']');
        if self.brackets > MAX_BRACKETS || close.is_none() && rest.len() > MAX_WITHHELD_BYTES {
            return self.copy(at, 1);
        }
        let Some(close) = close else {
            if self.out.ends_with('!') {
                self.out.pop();
            }
            return Some(at + 1);
        };
        let after = &rest[close + 1..];
        if after.is_empty() || (after.starts_with('(') && closing(after, '(', ')').is_none()) {
            if self.out.ends_with('!') {
                self.out.pop();
            }
            self.out.push_str(rest[1..close].trim_start_matches("![").split("](").next().unwrap_or_default());
            return None;
        }
        self.copy(at, 1)
    }

    /// Emphasis: remembered when it opens, so that it can be closed at the end.
    fn emphasis(&mut self, at: usize, mark: u8) -> Option<usize> {
        let rest = &self.text[at..];
        let length = run(rest, mark);
        let line = &self.text[self.last..];
        if mark == b'*' && emphasis::is_in_face_or_glob(line, at - self.last, length) {
            return self.copy(at, emphasis::face_in_brackets(line, at - self.last).len().max(length));
        }
        let before = self.text[..at].chars().next_back().filter(|_| at > self.last);
        let after = rest[length..].chars().next();
        let known = self.open.iter().rposition(|&open| open == (mark, length));
        let particle = length == 2 && mark == b'*' && after.is_some_and(is_hangul);
        if let Some(known) = known.filter(|_| before.is_some_and(|c| !c.is_whitespace() || particle)) {
            self.open.truncate(known);
            return self.copy(at, length);
        }
        match after {
            // At the very end: half a closing mark, or an opening one with nothing to hold.
            None => None,
            Some(after) => {
                if length <= 3 && emphasis::can_open(mark, length, before, Some(after)) {
                    self.open.push((mark, length));
                }
                self.copy(at, length)
            }
        }
    }
}

/// Longest piece of a line that is withheld, in bytes.
const MAX_WITHHELD_BYTES: usize = 500;

/// Most brackets that may begin a link, so that a line of nothing else stays cheap.
const MAX_BRACKETS: usize = 200;

/// Where the bracket stands that closes the one which begins `text`. Only the beginning of a long text is searched.
fn closing(text: &str, open: char, close: char) -> Option<usize> {
    let mut depth = 0_usize;
    text.char_indices().take(MAX_WITHHELD_BYTES).find_map(|(at, c)| {
        if c == open {
            depth += 1;
        } else if c == close {
            depth -= 1;
        }
        (depth == 0).then_some(at)
    })
}

/// Half of `&times;` at the end of the text.
fn is_unfinished_entity(rest: &str) -> bool {
    rest.len() <= 9 && rest[1..].bytes().all(|b| b.is_ascii_alphanumeric() || b == b'#')
}

fn is_unfinished_tag(rest: &str) -> bool {
    if rest.len() > 10 {
        return false;
    }
    let rest = rest.to_ascii_lowercase();
    ["<br>", "<br/>", "<br />", "<sub>", "</sub>", "<sup>", "</sup>", "<https://", "<http://"]
        .iter()
        .any(|tag| tag.starts_with(&rest) && tag.len() > rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unfinished_end_is_shown_as_it_will_look() {
        for (arrived, shown) in [
            ("이건 **중요", "이건 **중요**"),
            ("이건 **중요한 ", "이건 **중요한**"),
            ("이건 **중요*", "이건 **중요**"),
            ("이건 **중요**", "이건 **중요**"),
            ("이건 **", "이건 "),
            ("이건 *조금", "이건 *조금*"),
            ("2*3", "2*3"),
            ("~~틀린", "~~틀린~~"),
            ("`cod", "`cod`"),
            ("`", ""),
            ("[이름](https://exa", "이름"),
            ("[이름]", "이름"),
            ("[이름", "이름"),
            ("![그림](https://exa", "그림"),
            ("[이름](https://example.com) 뒤", "[이름](https://example.com) 뒤"),
            ("글 $\\frac{1}", "글 "),
            ("$5를 냈다", "$5를 냈다"),
            ("$$\nx + ", ""),
            ("글\n- ", "글\n"),
            ("글\n-", "글\n"),
            ("- [ ] ", ""),
            ("##", ""),
            ("| 이름 | 나", ""),
            ("| 이름 | 나이 |\n|--", ""),
            ("| 이름 |\n|---|\n| 민", "| 이름 |\n|---|\n| 민"),
            ("```python", "```python"),
            ("```", ""),
            ("```\nx\n``", "```\nx\n"),
            ("물은 H<su", "물은 H"),
            ("끝났다.\n", "끝났다.\n"),
        ] {
            assert_eq!(complete_markup(arrived), shown, "{arrived:?}");
        }
    }
}
