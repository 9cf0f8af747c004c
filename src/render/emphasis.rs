//! Which marks of emphasis act, where CommonMark's rules are wrong for Korean school text.
//!
//! CommonMark decides by the characters beside a mark alone. So `**정답:**42` and `**광합성 **은` keep their stars, and
//! `3*4*5` and `가로*세로*높이` lose theirs. Here the marks of a line are paired first. A pair is made to act where
//! CommonMark would refuse it, an operator is made to stand as text, and everything else is left to CommonMark (0.31 §6.2).

/// A run of `*` or `_` in the masked text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    /// Where it begins, in bytes.
    pub at: usize,
    /// How many marks.
    pub length: usize,
    /// `*` or `_`.
    pub mark: u8,
}

impl Run {
    fn end(self) -> usize {
        self.at + self.length
    }
}

/// A change of the masked text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Edit {
    /// Something that counts as a letter is put here.
    Join(usize),
    /// The run is text.
    Literal(Run),
    /// The run becomes stars, which may stand inside a word.
    Stars(Run),
}

impl Edit {
    /// Where it changes the text, in bytes.
    pub(super) fn at(self) -> usize {
        match self {
            Self::Join(at) => at,
            Self::Literal(run) | Self::Stars(run) => run.at,
        }
    }
}

/// Longest run that is looked at; nobody emphasises with four marks.
const LONGEST: usize = 3;

/// The edits of a line that begins at `start` and holds these runs, in the order of the text.
pub(super) fn plan(text: &str, start: usize, runs: &[Run]) -> Vec<Edit> {
    let mut edits = Vec::new();
    let mut after_it = Remaining::of(runs);
    let mut open: [[Option<Run>; LONGEST]; 2] = Default::default();
    for &run in runs.iter().filter(|run| run.length <= LONGEST) {
        let remaining = after_it.take(run);
        let sides = Sides::of(text, start, run);
        let slot = &mut open[usize::from(run.mark == b'_')][run.length - 1];
        if let Some(opener) = *slot
            && sides.can_close(run, remaining)
        {
            *slot = None;
            pair(text, start, opener, run, &mut edits);
        } else if run.mark == b'*' && (sides.is_operator(text, run) || sides.is_lone(run)) {
            edits.push(Edit::Literal(run));
        } else if remaining > 0 && sides.can_open(start, run) {
            *slot = Some(run);
        }
    }
    // What is put beside a run comes before the run itself.
    edits.sort_unstable_by_key(|edit| (edit.at(), !matches!(edit, Edit::Join(_))));
    edits
}

/// Makes a pair act, or stand as text where it is a name of Python's (`__init__`).
fn pair(text: &str, start: usize, opener: Run, closer: Run, edits: &mut Vec<Edit>) {
    let content = &text[opener.end()..closer.at];
    let (before, after) = (Sides::of(text, start, opener), Sides::of(text, start, closer));
    if opener.mark == b'_' {
        let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        if content.chars().all(is_name) {
            edits.extend([Edit::Literal(opener), Edit::Literal(closer)]);
            return;
        }
        // Underscores close inside no word, and a particle makes it one.
        if !is_word(after.after) && !is_space(after.before) {
            return;
        }
        edits.extend([Edit::Stars(opener), Edit::Stars(closer)]);
    }
    if is_space(before.after) || (!is_word(before.after) && is_word(before.before)) {
        edits.push(Edit::Join(opener.end()));
    }
    if is_space(after.before) || (!is_word(after.before) && is_word(after.after)) {
        edits.push(Edit::Join(closer.at));
    }
}

/// How many runs of each kind are still to come.
struct Remaining([[usize; LONGEST]; 2]);

impl Remaining {
    fn of(runs: &[Run]) -> Self {
        let mut counts = [[0; LONGEST]; 2];
        for run in runs.iter().filter(|run| run.length <= LONGEST) {
            counts[usize::from(run.mark == b'_')][run.length - 1] += 1;
        }
        Self(counts)
    }

    /// How many of this kind come after this one.
    fn take(&mut self, run: Run) -> usize {
        let count = &mut self.0[usize::from(run.mark == b'_')][run.length - 1];
        *count -= 1;
        *count
    }
}

/// The characters beside a run, none at the ends of the line.
#[derive(Clone, Copy)]
struct Sides {
    before: Option<char>,
    after: Option<char>,
}

impl Sides {
    fn of(text: &str, start: usize, run: Run) -> Self {
        let before = text[start..run.at].chars().next_back();
        Self { before, after: text[run.end()..].chars().next().filter(|&c| c != '\n') }
    }

    /// Whether something is open that this run may close, with so many runs of its kind behind it.
    fn can_close(self, run: Run, remaining: usize) -> bool {
        if is_space(self.before) {
            // `**광합성 **은`, but not `**주의: **하나** 둘`, where an even number follows from the second one on.
            return run.length >= 2 && (is_space(self.after) || remaining.is_multiple_of(2));
        }
        run.mark == b'*' || !self.after.is_some_and(|c| c.is_ascii_alphanumeric())
    }

    /// Whether the run may open, so that something may close it further on.
    fn can_open(self, start: usize, run: Run) -> bool {
        match run.mark {
            b'_' if is_word(self.before) => false,
            _ if is_space(self.after) => run.length == 2 && run.at == start,
            _ => true,
        }
    }

    /// Whether it multiplies or raises: between letters, digits or brackets, without a space.
    fn is_operator(self, text: &str, run: Run) -> bool {
        let (Some(before), Some(after)) = (self.before, self.after) else { return false };
        let ends = |c: char| c.is_alphanumeric() || matches!(c, ')' | ']' | '}');
        let begins = |c: char| c.is_alphanumeric() || matches!(c, '(' | '[' | '{');
        match run.length {
            1 => ends(before) && begins(after),
            // `2**3`, `x**2`, but not `이것은**중요**해요`.
            2 if before.is_ascii() && after.is_ascii() && ends(before) && begins(after) => {
                let next = text[run.end()..].chars().nth(1);
                !after.is_ascii_alphabetic() || !next.is_some_and(|c| c.is_ascii_alphabetic())
            }
            _ => false,
        }
    }

    /// Whether a single star is named rather than used: `(*)`, `*,`.
    fn is_lone(self, run: Run) -> bool {
        run.length == 1 && self.after.is_some_and(|c| matches!(c, ')' | ']' | '}' | ',' | '.' | '!' | '?'))
    }
}

fn is_space(c: Option<char>) -> bool {
    c.is_none_or(char::is_whitespace)
}

fn is_word(c: Option<char>) -> bool {
    c.is_some_and(char::is_alphanumeric)
}
