//! Where in an answer its text is code or data, in which control words are only quoted.

/// Follows an answer letter by letter.
#[derive(Debug, Default)]
pub(super) struct CodeContext {
    /// Nothing but white space and quote marks stand before on the line.
    at_line_start: bool,
    /// The line so far is empty.
    is_blank: bool,
    /// The fence that is open: its letter, and how many.
    fence: Option<(char, usize)>,
    /// The code span that is open: its number of backticks.
    span: Option<usize>,
    /// The answer is a JSON document, and whether the text stands in one of its strings.
    json: Option<bool>,
    /// The last letter was a backslash in a JSON string.
    is_escaped: bool,
}

impl CodeContext {
    pub(super) fn new() -> Self {
        Self { at_line_start: true, is_blank: true, ..Self::default() }
    }

    /// Whether control words are quoted here.
    pub(super) fn is_code(&self) -> bool {
        self.fence.is_some() || self.span.is_some() || self.json == Some(true)
    }

    /// Whether the text stands in a code span.
    pub(super) fn is_span(&self) -> bool {
        self.span.is_some()
    }

    pub(super) fn at_line_start(&self) -> bool {
        self.at_line_start
    }

    /// The first letter of the answer.
    pub(super) fn begin(&mut self, c: char) {
        self.json = (c == '{').then_some(false);
    }

    /// A run of backticks or tildes.
    pub(super) fn ticks(&mut self, c: char, count: usize) {
        let may_fence = self.at_line_start && count >= 3 && self.span.is_none();
        match self.fence {
            Some((open, least)) if may_fence && open == c && count >= least => self.fence = None,
            Some(_) => {}
            None if may_fence => self.fence = Some((c, count)),
            None if c == '`' => match self.span {
                Some(open) if open == count => self.span = None,
                Some(_) => {}
                None => self.span = Some(count),
            },
            None => {}
        }
        (self.at_line_start, self.is_blank) = (false, false);
    }

    /// Any other letter.
    pub(super) fn letter(&mut self, c: char) {
        if let Some(in_string) = &mut self.json {
            match c {
                _ if std::mem::take(&mut self.is_escaped) => {}
                '\\' if *in_string => self.is_escaped = true,
                '"' => *in_string = !*in_string,
                _ => {}
            }
        }
        if c == '\n' {
            if self.is_blank {
                // A code span ends with its paragraph.
                self.span = None;
            }
            (self.at_line_start, self.is_blank) = (true, true);
        } else if !c.is_whitespace() {
            self.is_blank = false;
            self.at_line_start &= c == '>';
        }
    }
}
