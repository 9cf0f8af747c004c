//! A turn as the chat page shows it: the question with the words that the tutor noticed, the answer, and the note.

use domain::feedback::Source;
use domain::turn::{Reason, Turn, TurnState};
use domain::{Feedback, feedback::Dim};

use super::{page::Page, strings::PRACTICE_SUFFIX};

/// What `turn.html` shows. The default is the empty turn that scripts fill in.
#[derive(Debug, Default)]
pub(super) struct TurnArticle {
    /// `None` in the empty turn.
    pub stored: Option<Stored>,
    /// The question, piece by piece.
    pub words: Vec<Piece>,
    pub note: Option<Note>,
    /// Stands in the margin while there is no note.
    pub no_note: String,
    /// The answer as safe HTML.
    pub answer: String,
    /// How the turn stands, where the answer alone doesn't say it.
    pub status: Status,
}

/// What identifies a stored turn and says how far it is.
#[derive(Debug)]
pub(super) struct Stored {
    pub id: String,
    pub seq: u32,
    pub attempt: u32,
    pub state: TurnState,
    pub reason: Option<Reason>,
}

/// The line below an answer.
#[derive(Debug, Default)]
pub(super) enum Status {
    #[default]
    None,
    Running(String),
    Text(String),
    Cancelled(String),
    Failed(String),
}

/// A piece of a question.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub text: String,
    pub link: Option<Link>,
}

/// Leads from quoted words to what the tutor says of them.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Link {
    /// The id of the first row of the note that quotes the words.
    pub target: String,
    /// The ids of all rows that quote some of them.
    pub described_by: String,
    pub title: String,
}

/// What `note.html` shows. The default is the empty note that scripts fill in.
#[derive(Debug, Default)]
pub(super) struct Note {
    pub strengths: String,
    pub improvements: String,
    pub next_steps: String,
    pub suggestions: Vec<String>,
    pub is_by_coach: bool,
    pub rows: Vec<Row>,
    /// Scripts fold a note on a narrow screen; without them it stands open.
    pub is_open: bool,
}

/// A dimension in a note.
#[derive(Debug)]
pub(super) struct Row {
    pub id: String,
    pub name: String,
    pub level: String,
    pub why: String,
}

impl TurnArticle {
    /// Shows a stored turn whose answer is rendered already.
    pub fn new(turn: &Turn, answer: String, page: &Page) -> Self {
        let text = |key: &str| page.t(&format!("js.chat.{key}")).into_owned();
        let no_note = match turn.state {
            state if state.is_running() => text("reading"),
            TurnState::Done => text("noNote"),
            _ => text("noNoteYet"),
        };
        let dims = turn.feedback.as_ref().map_or(&[][..], |feedback| &feedback.dims);
        Self {
            words: underline(&turn.message, dims, &turn.id.to_string()),
            note: turn.feedback.as_ref().map(|feedback| Note::new(feedback, turn, page)),
            no_note,
            status: Status::new(turn, &answer, page),
            answer,
            stored: Some(Stored {
                id: turn.id.to_string(),
                seq: turn.seq,
                attempt: turn.attempt,
                state: turn.state,
                reason: turn.reason,
            }),
        }
    }

    /// Whether the turn still changes by itself.
    pub fn is_running(&self) -> bool {
        self.stored.as_ref().is_some_and(|stored| stored.state.is_running())
    }

    /// Whether an answer, or a part of one, is there to be copied.
    pub fn has_answer(&self) -> bool {
        !self.answer.is_empty() && !self.is_running()
    }

    /// Whether the answer contains what `rich.css` and `code.css` style. `turn-view.js` asks the same.
    pub fn needs_rich_styles(&self) -> bool {
        ["<code", "<math", "class=\"task"].iter().any(|tag| self.answer.contains(tag))
    }
}

impl Status {
    fn new(turn: &Turn, answer: &str, page: &Page) -> Self {
        let text = |key: &str| page.t(&format!("js.chat.{key}")).into_owned();
        let suffix = if page.practice { PRACTICE_SUFFIX } else { "" };
        let running = |key: &str| Self::Running(text(&format!("{key}{suffix}")));
        let reason = turn.reason.map(|reason| page.t(&format!("reason.{}", reason.as_str())).into_owned());
        match turn.state {
            TurnState::Accepted | TurnState::Answering if answer.is_empty() => running("thinking"),
            TurnState::Accepted | TurnState::Answering => running("writing"),
            TurnState::Done if turn.reason == Some(Reason::Length) => reason.map_or(Self::None, Self::Text),
            TurnState::Done => Self::None,
            TurnState::Cancelled => Self::Cancelled(reason.unwrap_or_else(|| text("cancelled"))),
            state => Self::Failed(reason.unwrap_or_else(|| text(state.as_str()))),
        }
    }
}

impl Note {
    fn new(feedback: &Feedback, turn: &Turn, page: &Page) -> Self {
        let row = |dim: &Dim| {
            let level = dim.level.map_or_else(|| "levelNone".to_owned(), |level| format!("level{level}"));
            Row {
                id: row_id(dim, &turn.id.to_string()),
                name: page.t(&format!("js.chat.{}", dim.id.as_str())).into_owned(),
                level: page.t(&format!("js.chat.{level}")).into_owned(),
                why: dim.why.clone(),
            }
        };
        Self {
            strengths: feedback.strengths.clone(),
            improvements: feedback.improvements.clone(),
            next_steps: feedback.next_steps.clone(),
            suggestions: feedback.suggested_questions.clone(),
            is_by_coach: feedback.source == Source::Coach,
            rows: feedback.dims.iter().map(row).collect(),
            is_open: true,
        }
    }

    /// What a folded note says.
    pub fn gist(&self) -> &str {
        if self.strengths.is_empty() { &self.improvements } else { &self.strengths }
    }
}

fn row_id(dim: &Dim, turn: &str) -> String {
    format!("{}-{turn}", dim.id.as_str())
}

/// Cuts a question where the tutor's quotes begin and end. `quotes.js` does the same with a note that arrives.
fn underline(message: &str, dims: &[Dim], turn: &str) -> Vec<Piece> {
    let mut quotes: Vec<(usize, usize, &Dim)> = dims
        .iter()
        .filter(|dim| !dim.quote.is_empty())
        .filter_map(|dim| message.find(&dim.quote).map(|start| (start, start + dim.quote.len(), dim)))
        .collect();
    quotes.sort_by_key(|(start, end, _)| (*start, std::cmp::Reverse(*end)));
    let plain = |text: &str| Piece { text: text.to_owned(), link: None };
    let mut pieces: Vec<Piece> = Vec::new();
    let mut at = 0;
    for (start, end, dim) in quotes {
        let id = row_id(dim, turn);
        if end <= at
            && let Some(link) = piece_at(&mut pieces, start).and_then(|piece| piece.link.as_mut())
        {
            // Inside an earlier one, so it is described with it.
            link.described_by = format!("{} {id}", link.described_by);
            continue;
        }
        let from = start.max(at);
        if at < from {
            pieces.push(plain(&message[at..from]));
        }
        let link = Link { target: id.clone(), described_by: id, title: dim.why.clone() };
        pieces.push(Piece { text: message[from..end].to_owned(), link: Some(link) });
        at = end;
    }
    if at < message.len() {
        pieces.push(plain(&message[at..]));
    }
    pieces
}

/// The piece that contains this byte of the text.
fn piece_at(pieces: &mut [Piece], mut byte: usize) -> Option<&mut Piece> {
    pieces.iter_mut().find(|piece| match byte.checked_sub(piece.text.len()) {
        Some(rest) => {
            byte = rest;
            false
        }
        None => true,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::feedback::DimId;

    fn dim(id: DimId, quote: &str) -> Dim {
        Dim { id, level: Some(2), quote: quote.to_owned(), why: format!("{quote}?") }
    }

    fn shown(message: &str, dims: &[Dim]) -> String {
        let piece = |piece: Piece| match piece.link {
            Some(link) => format!("[{}|{}]", piece.text, link.described_by),
            None => piece.text,
        };
        underline(message, dims, "t").into_iter().map(piece).collect()
    }

    #[test]
    fn quoted_words_are_underlined_once_also_where_quotes_overlap() {
        let (clarity, goal, context) = (DimId::Clarity, DimId::Goal, DimId::Context);
        assert_eq!(shown("하늘은 왜 파래요?", &[]), "하늘은 왜 파래요?");
        assert_eq!(
            shown("하늘은 왜 파래요?", &[dim(goal, "왜"), dim(clarity, "없는 말")]),
            "하늘은 [왜|goal-t] 파래요?"
        );
        assert_eq!(shown("가나다", &[dim(goal, "나"), dim(clarity, "가나다")]), "[가나다|clarity-t goal-t]");
        assert_eq!(shown("가나다", &[dim(goal, "나다"), dim(clarity, "가나")]), "[가나|clarity-t][다|goal-t]");
        assert_eq!(
            shown("앞 가나다", &[dim(goal, "가나"), dim(clarity, "나다"), dim(context, "나")]),
            "앞 [가나|goal-t context-t][다|clarity-t]"
        );
        assert_eq!(shown("가", &[dim(goal, "")]), "가");
    }
}
