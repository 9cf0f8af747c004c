//! The filter, a state machine over the letters of an answer.

use crate::FilteredText;
use crate::code::CodeContext;
use crate::lookahead::{begins_with_code, holds_tool_call, stands_at_end};
use crate::marker::{self, Found, Marker};
use crate::mention::is_mentioned;
use crate::section::{Thought, ToolCall};

/// Words left of a channel's change when the control words around them are cut off.
const CHANNELS: [(&str, bool); 3] =
    [("assistantfinal", true), ("assistantanalysis", false), ("assistantcommentary", false)];

/// Words left of the head of a turn when the control words around them are cut off. A line break follows.
const ROLES: [&str; 3] = ["assistant", "Assistant", "model"];

/// The longest run of backticks that is read as one.
const MAX_TICKS: usize = 64;

/// The longest name of a speaker or channel, in bytes.
const MAX_HEADER_BYTES: usize = 64;

/// Filters an answer's text piece by piece.
#[derive(Debug)]
pub struct ThinkFilter {
    mode: Mode,
    /// Text that may still become a control word.
    pending: String,
    /// White space that is given out if text of the answer follows.
    space: String,
    context: CodeContext,
    has_text: bool,
    /// Control words or thoughts stood here; white space behind them is theirs.
    skips_space: bool,
    has_thought: bool,
    /// An opening tag is part of the text, so that its closing tag is, too.
    has_quoted_opening: bool,
    has_quoted_text_begin: bool,
    /// An end of thoughts without a beginning came behind other thoughts: it counts if text follows.
    withdraws_next: bool,
    /// The last thing was a control word.
    after_marker: bool,
    out: FilteredText,
}

#[derive(Debug, PartialEq)]
enum Mode {
    /// Before the first letter of the answer.
    Start,
    /// In thoughts.
    Thought(Thought),
    /// In the name of a speaker or of a channel.
    Header {
        of_channel: bool,
        name: String,
    },
    Answer,
    /// In a call of a tool.
    ToolCall(ToolCall),
    /// Behind the answer.
    Ended,
}

impl Default for ThinkFilter {
    fn default() -> Self {
        Self {
            mode: Mode::Start,
            pending: String::new(),
            space: String::new(),
            context: CodeContext::new(),
            has_text: false,
            skips_space: false,
            has_thought: false,
            has_quoted_opening: false,
            has_quoted_text_begin: false,
            withdraws_next: false,
            after_marker: false,
            out: FilteredText::default(),
        }
    }
}

impl ThinkFilter {
    /// Reads more text and returns what is now known to belong to the answer.
    pub fn push(&mut self, text: &str) -> FilteredText {
        self.pending.push_str(text);
        self.read(false)
    }

    /// Ends the text and returns what was held back of the answer.
    pub fn finish(&mut self) -> FilteredText {
        self.read(true)
    }

    /// Whether the model is thinking at this point.
    pub fn is_thinking(&self) -> bool {
        matches!(self.mode, Mode::Thought(_))
    }

    /// Whether thoughts were left out.
    pub fn has_thought(&self) -> bool {
        self.has_thought
    }

    fn read(&mut self, is_end: bool) -> FilteredText {
        let pending = std::mem::take(&mut self.pending);
        let mut rest = pending.as_str();
        while let Some(length) = self.step(rest, is_end) {
            rest = &rest[length..];
        }
        self.pending = rest.to_owned();
        std::mem::take(&mut self.out)
    }

    /// Reads what stands first; its length, or `None` if more must come (or nothing is left).
    fn step(&mut self, rest: &str, is_end: bool) -> Option<usize> {
        let c = rest.chars().next()?;
        if self.mode == Mode::Ended {
            return Some(rest.len());
        }
        if c == '\u{feff}' && self.mode == Mode::Start {
            return Some(c.len_utf8());
        }
        if let Mode::ToolCall(call) = &mut self.mode {
            let (length, is_over) = match (call, marker::find(rest)) {
                (ToolCall::Tag, Found::Marker(Marker::ToolCallCloses, length)) => (length, true),
                (ToolCall::Tag, Found::Beginning) if !is_end => return None,
                (ToolCall::Tag, _) => (c.len_utf8(), false),
                (json, _) => (c.len_utf8(), json.ends_with(c)),
            };
            if is_over {
                self.mode = if self.has_text { Mode::Answer } else { Mode::Start };
                self.drop_following_space();
            }
            return Some(length);
        }
        if let Some(word) = self.word(rest) {
            return match word {
                Word::Whole(length, act) => {
                    act(self);
                    Some(length)
                }
                Word::Beginning if is_end => {
                    self.letter(c);
                    Some(c.len_utf8())
                }
                Word::Beginning => None,
            };
        }
        match marker::find(rest) {
            Found::Marker(marker, length) => {
                let after = &rest[length..];
                if after.is_empty() && !is_end && self.context.is_span() && matches!(self.mode, Mode::Thought(_)) {
                    // Whether the word is quoted depends on the next letter.
                    return None;
                }
                let is_in_text = matches!(self.mode, Mode::Start | Mode::Answer) && !self.context.is_code();
                if is_in_text && matches!(marker, Marker::ToolCallOpens | Marker::ToolCalls) {
                    return match holds_tool_call(&marker, after) {
                        None if !is_end => None,
                        Some(true) => {
                            let json = ToolCall::Json { depth: 0, in_string: false, is_escaped: false };
                            let is_list = marker == Marker::ToolCalls;
                            self.mode = Mode::ToolCall(if is_list { json } else { ToolCall::Tag });
                            Some(length)
                        }
                        _ => {
                            self.letter(c);
                            Some(c.len_utf8())
                        }
                    };
                }
                let is_plain = marker::is_plain(&marker, &rest[..length]);
                let may_be_mentioned = match self.mode {
                    Mode::Start => marker.is_tag() || is_plain,
                    // Text in front of an end of thoughts is taken back at once: it may be on a page already.
                    Mode::Answer => (marker.is_tag() && !matches!(marker, Marker::ThoughtCloses(_))) || is_plain,
                    Mode::Thought(_) | Mode::Header { .. } | Mode::ToolCall(_) | Mode::Ended => false,
                };
                let mentioned = if may_be_mentioned { is_mentioned(after) } else { Some(false) };
                if mentioned.is_none() && !is_end {
                    return None;
                }
                if is_plain && is_in_text && self.mode == Mode::Answer && !self.after_marker && mentioned != Some(true)
                {
                    match stands_at_end(after) {
                        None if !is_end => return None,
                        Some(false) => {
                            self.letter(c);
                            return Some(c.len_utf8());
                        }
                        _ => {}
                    }
                }
                if mentioned == Some(true) {
                    self.has_quoted_opening |= matches!(marker, Marker::ThoughtOpens(_));
                } else if self.marker(marker, after) {
                    self.after_marker = true;
                    return Some(length);
                }
                self.letter(c);
                Some(c.len_utf8())
            }
            Found::Beginning if !is_end => None,
            _ if c == '`' || (c == '~' && self.context.at_line_start()) => {
                let count = rest.chars().take(MAX_TICKS).take_while(|&next| next == c).count();
                if count == rest.len() && count < MAX_TICKS && !is_end {
                    return None;
                }
                self.ticks(c, count);
                Some(count)
            }
            _ => {
                self.letter(c);
                Some(c.len_utf8())
            }
        }
    }

    /// A word that stands for a control word.
    fn word(&self, rest: &str) -> Option<Word> {
        let mut begins = false;
        let is_quoted = self.context.is_code() && self.mode == Mode::Answer;
        let may_change = !is_quoted && !matches!(self.mode, Mode::Header { .. } | Mode::Thought(Thought::Tag { .. }));
        for (word, is_final) in CHANNELS.into_iter().filter(|_| may_change) {
            if rest.starts_with(word) {
                let act = if is_final { Self::begin_answer } else { Self::begin_unmarked_channel };
                return Some(Word::Whole(word.len(), act));
            }
            begins |= word.starts_with(rest);
        }
        if self.mode == Mode::Start {
            for role in ROLES {
                match rest.strip_prefix(role) {
                    Some("") => begins = true,
                    Some(after) if after.starts_with(['\n', '\r']) => {
                        return Some(Word::Whole(role.len(), Self::drop_following_space));
                    }
                    Some(_) => {}
                    None => begins |= role.starts_with(rest),
                }
            }
            match rest.strip_prefix("analysis").map(|after| after.chars().next()) {
                Some(None) => begins = true,
                Some(Some('A'..='Z')) => match begins_with_code(rest) {
                    None => begins = true,
                    Some(true) => {}
                    Some(false) => return Some(Word::Whole("analysis".len(), Self::begin_unmarked_channel)),
                },
                Some(Some(_)) => {}
                None => begins |= "analysis".starts_with(rest),
            }
        }
        begins.then_some(Word::Beginning)
    }

    /// Acts on a control word; `false` if it is text here.
    fn marker(&mut self, marker: Marker<'_>, after: &str) -> bool {
        match &mut self.mode {
            Mode::Thought(thought) => {
                let is_quoted = self.context.is_span() && after.starts_with('`');
                if thought.ends_with(&marker, is_quoted) {
                    self.begin_answer();
                    return true;
                }
                match marker {
                    Marker::Channel => self.begin_header(true),
                    Marker::Turn => self.begin_header(false),
                    _ => return false,
                }
                true
            }
            Mode::Header { name, .. } => {
                let keeps = matches!(marker, Marker::Other) && name.is_empty();
                match marker {
                    Marker::Channel => self.begin_header(true),
                    Marker::Turn => self.begin_header(false),
                    _ if keeps => {}
                    Marker::HeaderEnds => self.end_header(true),
                    _ => {
                        self.end_header(true);
                        return self.marker(marker, after);
                    }
                }
                true
            }
            Mode::Start | Mode::Answer => self.marker_in_answer(marker),
            Mode::ToolCall(_) | Mode::Ended => true,
        }
    }

    fn marker_in_answer(&mut self, marker: Marker<'_>) -> bool {
        let is_start = self.mode == Mode::Start;
        if self.context.is_code() && !is_start {
            let counts =
                matches!(marker, Marker::ThoughtCloses(_)) && self.context.at_line_start() && !self.has_quoted_opening;
            self.has_quoted_opening |= matches!(marker, Marker::ThoughtOpens(_));
            if !counts {
                return false;
            }
        }
        match marker {
            Marker::ThoughtOpens(name) if is_start || self.has_thought || self.context.at_line_start() => {
                self.begin_thought(Thought::Tag { name: name.to_lowercase(), inner: Vec::new() });
            }
            Marker::ThoughtOpens(_) => {
                self.has_quoted_opening = true;
                return false;
            }
            Marker::ThoughtCloses(_) if self.has_quoted_opening => return false,
            Marker::ThoughtCloses(_) if self.has_text && self.has_thought => {
                self.withdraws_next = true;
                self.drop_following_space();
            }
            Marker::ThoughtCloses(_) => {
                self.has_thought |= self.has_text;
                self.begin_answer();
            }
            Marker::Channel => self.begin_header(true),
            Marker::Turn => self.begin_header(false),
            Marker::OtherSpeaker if self.has_text => self.mode = Mode::Ended,
            Marker::Instruction if self.has_text && self.after_marker => self.mode = Mode::Ended,
            Marker::ToolCallOpens | Marker::ToolCallCloses | Marker::ToolCalls => return false,
            Marker::AnswerOpens if !is_start => return false,
            Marker::AnswerCloses if !self.skips_space => return false,
            Marker::TextBegins if !is_start => {
                self.has_quoted_text_begin = true;
                return false;
            }
            Marker::TextEnds if std::mem::take(&mut self.has_quoted_text_begin) => return false,
            _ => self.drop_following_space(),
        }
        true
    }

    /// Marks that white space which follows belongs to a control word.
    fn drop_following_space(&mut self) {
        self.skips_space = true;
        self.after_marker = true;
        if self.mode == Mode::Start {
            self.space.clear();
        }
    }

    fn begin_thought(&mut self, thought: Thought) {
        self.has_thought = true;
        self.context = CodeContext::new();
        self.mode = Mode::Thought(thought);
        self.drop_following_space();
    }

    fn begin_unmarked_channel(&mut self) {
        self.withdraw();
        self.begin_thought(Thought::Word);
    }

    /// Begins the answer behind thoughts: what was given out before was none.
    fn begin_answer(&mut self) {
        let in_thought = self.is_thinking();
        if !in_thought {
            self.withdraw();
        }
        self.context = CodeContext::new();
        self.has_quoted_opening = false;
        // Thoughts in the middle of an answer leave what stands before them.
        self.mode = if self.has_text { Mode::Answer } else { Mode::Start };
        self.drop_following_space();
    }

    fn withdraw(&mut self) {
        self.withdraws_next = false;
        self.space.clear();
        if self.has_text {
            self.has_thought = true;
            self.has_text = false;
            self.out = FilteredText { withdrawn: true, text: String::new() };
        }
    }

    fn begin_header(&mut self, of_channel: bool) {
        self.mode = Mode::Header { of_channel, name: String::new() };
        self.drop_following_space();
    }

    /// Ends the name of a speaker or channel. A name that is none, at the end of which no control word stands, was text.
    fn end_header(&mut self, by_marker: bool) {
        let Mode::Header { of_channel, name } = std::mem::replace(&mut self.mode, Mode::Start) else { return };
        let word = name.split_whitespace().next().unwrap_or_default().to_lowercase();
        let is_other = matches!(word.as_str(), "user" | "system" | "human" | "tool" | "developer" | "ipython");
        if of_channel && word == "final" {
            self.withdraw();
            self.context = CodeContext::new();
        } else if of_channel && !word.is_empty() {
            self.begin_thought(Thought::Channel);
        } else if is_other && self.has_text {
            self.mode = Mode::Ended;
        } else {
            self.mode = if self.has_text { Mode::Answer } else { Mode::Start };
            if !by_marker && !is_other && !matches!(word.as_str(), "assistant" | "model" | "bot") {
                name.chars().for_each(|c| self.letter(c));
            }
        }
    }

    fn ticks(&mut self, c: char, count: usize) {
        for _ in 0..count {
            self.emit(c);
        }
        self.context.ticks(c, count);
    }

    fn letter(&mut self, c: char) {
        if let Mode::Header { name, .. } = &mut self.mode {
            let fits = c.is_ascii_alphanumeric() || matches!(c, ' ' | '_' | '.' | '=' | '-');
            if fits && name.len() < MAX_HEADER_BYTES {
                name.push(c);
                return;
            }
            self.end_header(false);
            return self.letter(c);
        }
        self.emit(c);
        self.context.letter(c);
    }

    /// Gives out a letter if it is the answer's.
    fn emit(&mut self, c: char) {
        match self.mode {
            Mode::Answer | Mode::Start => {}
            _ => return,
        }
        let is_start = self.mode == Mode::Start;
        if c.is_whitespace() && (is_start || self.after_marker) {
            if !(is_start && self.skips_space) {
                self.space.push(c);
            }
            return;
        }
        if self.withdraws_next {
            self.withdraw();
            self.context = CodeContext::new();
        }
        if !self.has_text {
            self.context.begin(c);
        }
        (self.mode, self.has_text, self.after_marker) = (Mode::Answer, true, false);
        self.out.text.push_str(&self.space);
        self.space.clear();
        self.out.text.push(c);
    }
}

/// A word that stands for a control word, or may become one.
enum Word {
    Whole(usize, fn(&mut ThinkFilter)),
    Beginning,
}
