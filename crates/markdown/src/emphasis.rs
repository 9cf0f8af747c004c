//! Which runs of `*`, `_` and `~` are emphasis, where CommonMark's rules are wrong for Korean school text.
//!
//! CommonMark decides by the characters around a run. That opens emphasis in `3*4*5`, and leaves `**정답:**42` and
//! `**광합성 **은` as they were written. Here each run of a line is read together with the runs before it. Most runs are
//! left to the Markdown parser. The others are either shown as characters, or given neighbours that let the parser read
//! them as meant.

use super::hangul::is_hangul;
use super::markers;

/// What becomes of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Run {
    /// The parser decides.
    Parsed,
    /// The run is shown as it is.
    Literal,
    /// The run opens emphasis although a letter stands before it.
    Opens,
    /// The run opens emphasis although a space stands behind it.
    OpensBeforeSpace,
    /// The run closes `**` and opens it again: `**가****나**`.
    ClosesAndOpens,
    /// The run closes emphasis. `after_space`: although a space stands before it.
    Closes { after_space: bool },
}

/// Reads the runs of one line from left to right.
#[derive(Debug, Default)]
pub(super) struct Line {
    /// Runs that may open emphasis and were not closed: their mark and length.
    open: Vec<(u8, usize)>,
    /// The runs of `**` that are still to come, the last one first: the characters before and behind each.
    stars_ahead: Vec<(Option<char>, Option<char>)>,
}

/// Longest stack of open runs that is searched, so that a line of nothing but marks costs no more than its length.
const MAX_OPEN: usize = 32;

impl Line {
    pub(super) fn new(line: &str) -> Self {
        let (mut stars_ahead, mut at) = (Vec::new(), 0);
        while let Some(found) = line[at..].find('*') {
            at += found;
            let length = markers::run(&line[at..], b'*');
            if length == 2 {
                stars_ahead.push((line[..at].chars().next_back(), line[at + 2..].chars().next()));
            }
            at += length;
        }
        stars_ahead.reverse();
        Self { open: Vec::new(), stars_ahead }
    }

    /// Reads the next run, of which is known that it is shown as it is.
    pub(super) fn skip(&mut self, (mark, length): (u8, usize)) -> Run {
        if (mark, length) == (b'*', 2) {
            self.stars_ahead.pop();
        }
        Run::Literal
    }

    /// Reads the next run: `length` times `mark`, with its neighbours in the line. `after_token`: the parser does not see
    /// the character before it, but a letter.
    pub(super) fn run(
        &mut self,
        (mark, length): (u8, usize),
        before: Option<char>,
        after: Option<char>,
        after_token: bool,
    ) -> Run {
        let ahead = self.stars_ahead.len();
        if (mark, length) == (b'*', 2) {
            self.stars_ahead.pop();
        }
        if is_literal(mark, length, before, after) {
            return Run::Literal;
        }
        if (mark, length) == (b'*', 4)
            && self.open.last() == Some(&(b'*', 2))
            && before.is_some_and(char::is_alphanumeric)
            && after.is_some_and(char::is_alphanumeric)
        {
            return Run::ClosesAndOpens;
        }
        let opener = self.opener(mark, length);
        // The conjugate of a number: a^*.
        if (mark, length, before) == (b'*', 1, Some('^')) && opener.is_none() {
            return Run::Literal;
        }
        let follows_text = before.is_some_and(|c| !c.is_whitespace());
        if let Some(opener) = opener
            && closes(mark, length, before, after, ahead)
        {
            let left = self.open[opener].1 - length.min(self.open[opener].1);
            self.open.truncate(opener);
            if left > 0 {
                self.open.push((mark, left));
            }
            return match after {
                Some(c) if !c.is_whitespace() && (!is_punctuation(c) || begins_token(c)) => {
                    Run::Closes { after_space: !follows_text }
                }
                _ => Run::Parsed,
            };
        }
        if can_open(mark, length, before, after) {
            self.open.push((mark, length));
            let glued = after_token || before.is_some_and(char::is_alphanumeric);
            let quoted = glued && after.is_some_and(is_punctuation);
            let closes = mark == b'~' || mark == b'*' && length == 2 && ahead > 1;
            return if quoted && closes { Run::Opens } else { Run::Parsed };
        }
        if (mark, length) == (b'*', 2) && after == Some(' ') && !follows_text && self.next_only_closes() {
            self.open.push((mark, length));
            return Run::OpensBeforeSpace;
        }
        // The parser could still open it: between Hangul, and before punctuation that follows Hangul.
        let tight = follows_text && after.is_some_and(|c| !c.is_whitespace());
        if tight && mark != b'_' { Run::Literal } else { Run::Parsed }
    }

    /// The open run that a run can close: one of its length; or `***`, of which it closes a part; or, for `***`, two.
    fn opener(&self, mark: u8, length: usize) -> Option<usize> {
        let from = self.open.len().saturating_sub(MAX_OPEN);
        let last =
            |length: usize| self.open[from..].iter().rposition(|&open| open == (mark, length)).map(|at| from + at);
        last(length).or_else(|| match length {
            1 | 2 => last(3),
            3 => last(1).zip(last(2)).map(|(one, two)| one.min(two)),
            _ => None,
        })
    }

    /// Whether the next run of `**` can close emphasis and cannot open it: `** 광합성**은`.
    fn next_only_closes(&self) -> bool {
        self.stars_ahead.last().is_some_and(|&(before, after)| {
            before.is_some_and(|c| !c.is_whitespace())
                && after.is_none_or(|c| c.is_whitespace() || is_hangul(c) || is_punctuation(c))
        })
    }
}

/// Whether a run, seen alone, can open emphasis.
pub(super) fn can_open(mark: u8, length: usize, before: Option<char>, after: Option<char>) -> bool {
    let Some(after) = after.filter(|c| !c.is_whitespace()) else { return false };
    if is_literal(mark, length, before, Some(after)) {
        return false;
    }
    let Some(before) = before.filter(|&c| ends_operand(c)) else { return true };
    let brackets = matches!(before, ')' | ']');
    match mark {
        b'*' if length == 1 => !(begins_operand(after) || brackets) && (!is_punctuation(after) || opens_quote(after)),
        b'*' => {
            !(begins_operand(after) && (!is_hangul(before) && !is_hangul(after)))
                && (!is_punctuation(after) || opens_quote(after))
        }
        b'~' => !(is_punctuation(after) || before.is_numeric() && after.is_numeric()),
        _ => brackets,
    }
}

/// Whether a run is a character wherever it stands on the line.
fn is_literal(mark: u8, length: usize, before: Option<char>, after: Option<char>) -> bool {
    // The sign itself is meant: 별표(*), 빈칸(__).
    if matches!((before, after), (Some('('), Some(')')) | (Some('['), Some(']'))) {
        return true;
    }
    match (mark, before, after) {
        // >_<, -_-, ^_^: inside a face
        (b'_', Some(before), Some(after)) if length == 1 => {
            is_punctuation(before) && is_punctuation(after) && is_face_part(before) && is_face_part(after)
        }
        (b'~', ..) => length != 2,
        // A product: 3*4, a*b, 2*(x+1), (a+b)*c.
        (b'*', Some(before), Some(after)) if length == 1 => {
            let operand = ends_operand(before) || matches!(before, '%' | '!' | '°' | '℃' | '²' | '³' | '\'');
            operand && begins_operand(after) && !is_hangul(before) && !is_hangul(after)
        }
        _ => false,
    }
}

/// Whether a run that matches an open one closes it.
fn closes(mark: u8, length: usize, before: Option<char>, after: Option<char>, stars_ahead: usize) -> bool {
    if before.is_some_and(|c| !c.is_whitespace()) {
        return mark != b'_' || !after.is_some_and(|c| c.is_ascii_alphanumeric());
    }
    // `**광합성 **은`: a particle behind it, and no other run that it could open for.
    (mark, length) == (b'*', 2) && before.is_some() && after.is_some_and(is_hangul) && stars_ahead % 2 == 1
}

/// Whether the stars at `at` of a line belong to a face or to a pattern of file names: `(*´∀`*)`, `*^^*`, `*.py`, `**/*.js`.
pub(super) fn is_in_face_or_glob(line: &str, at: usize, length: usize) -> bool {
    let (before, after) = (&line[..at], &line[at + length..]);
    let begins_word = before.is_empty() || before.ends_with([' ', '(', '/', '\n']);
    match length {
        1 => is_in_face(before, after) || begins_word && is_extension(after),
        2 => begins_word && is_any_folder(after),
        _ => false,
    }
}

/// The face in brackets that begins with the star at `at` of a line, without its brackets: `*´∀`*`. Empty if none does.
pub(super) fn face_in_brackets(line: &str, at: usize) -> &str {
    let end = line[at..].char_indices().take(MAX_FACE_CHARS).find(|&(_, c)| c == ')').map(|(end, _)| at + end);
    end.map(|end| &line[at..end]).filter(|face| line[..at].ends_with('(') && is_face(face)).unwrap_or_default()
}

/// Longest face, in characters.
const MAX_FACE_CHARS: usize = 12;

/// Whether the star between `before` and `after` belongs to a face: `(*´∀`*)`, `(≧▽≦*)`, `*^^*`.
fn is_in_face(before: &str, after: &str) -> bool {
    let ahead = |end| after.char_indices().take(MAX_FACE_CHARS).find(|&(_, c)| c == end).map(|(at, _)| &after[..at]);
    let behind = |start: char| {
        let found = before.char_indices().rev().take(MAX_FACE_CHARS).find(|&(_, c)| c == start);
        found.map(|(at, c)| &before[at + c.len_utf8()..])
    };
    let in_brackets = before.ends_with('(') && ahead(')').is_some_and(is_face)
        || after.starts_with(')') && behind('(').is_some_and(is_face);
    let between_stars = after.starts_with('^') && ahead('*').is_some_and(|face| face.ends_with('^') && is_face(face))
        || before.ends_with('^') && behind('*').is_some_and(|face| face.starts_with('^') && is_face(face));
    in_brackets || between_stars
}

/// Whether a text in brackets, with or without stars at its ends, is a face. It begins and ends with a sign and has at most
/// one letter, its mouth: what has words, a number, a picture or a quotation is emphasised text.
fn is_face(text: &str) -> bool {
    let face = text.trim_matches('*');
    let is_sign = |c: char| is_punctuation(c) || is_sound_mark(c);
    face.starts_with(is_sign)
        && face.ends_with(is_sign)
        && !face.starts_with(opens_quote)
        && !text.contains("**")
        && !face.contains(|c: char| c.is_numeric() || c.is_uppercase() || is_syllable(c) || c >= '\u{1f000}')
        && face.chars().filter(|c| c.is_alphabetic() && !is_sound_mark(*c)).count() <= 1
}

fn is_syllable(c: char) -> bool {
    matches!(c, '가'..='힣')
}

/// The narrow sound marks of Japanese, which are letters to Unicode and eyes in faces: `(*ﾟ∀ﾟ*)`.
fn is_sound_mark(c: char) -> bool {
    matches!(c, 'ﾞ' | 'ﾟ')
}

/// `.py`, `.{js,ts}`: what follows the star of a pattern. `*...그런데*` is emphasis.
fn is_extension(after: &str) -> bool {
    after
        .strip_prefix('.')
        .is_some_and(|name| name.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '{' | '[')))
}

/// `/*.js`, `/build/**`: what follows the two stars of a pattern. `**/home**` is emphasis.
fn is_any_folder(after: &str) -> bool {
    after.starts_with("/*")
        || after.starts_with('/') && after.split_once("**").is_some_and(|(path, _)| path.ends_with('/'))
}

/// What may stand on both sides of `_` in a face. Brackets, quotation marks and other marks of emphasis may not.
fn is_face_part(c: char) -> bool {
    !is_mark(c) && (matches!(c, '<' | '>' | '‹' | '›') || !(opens_quote(c) || closes_phrase(c)))
}

fn is_mark(c: char) -> bool {
    matches!(c, '*' | '_' | '~')
}

fn ends_operand(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, ')' | ']')
}

fn begins_operand(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '(' | '[' | '√')
}

fn opens_quote(c: char) -> bool {
    matches!(c, '"' | '\'' | '“' | '‘' | '(' | '[' | '<' | '「' | '『' | '《' | '〈' | '`' | '$' | '\\')
}

/// What may end a phrase in emphasis.
fn closes_phrase(c: char) -> bool {
    matches!(
        c,
        '"' | '\''
            | '”'
            | '’'
            | ')'
            | ']'
            | '>'
            | '」'
            | '』'
            | '》'
            | '〉'
            | '`'
            | '$'
            | '.'
            | ','
            | '!'
            | '?'
            | ':'
            | ';'
            | '…'
            | '%'
    )
}

/// Whether a formula or a tag may begin here: the parser will see a letter in its place.
fn begins_token(c: char) -> bool {
    matches!(c, '$' | '\\' | '<')
}

/// Punctuation and symbols, as CommonMark's flanking rules count them.
fn is_punctuation(c: char) -> bool {
    !c.is_alphanumeric()
        && !c.is_whitespace()
        && !matches!(c, '\u{300}'..='\u{36f}' | '\u{e000}'..='\u{f8ff}' | '\u{200b}'..='\u{200d}' | '\u{fe00}'..='\u{fe0f}')
}
