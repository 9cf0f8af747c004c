//! Covers personal data: in what a student writes before it is stored or sent, and in what a model writes before it is
//! shown.
//!
//! An answer is covered line by line while it arrives. Digits that may still become a number are held back until it is
//! clear what they are. What only a later word shows (`110-123-456789` becomes an account when `은행` follows) is covered
//! from then on: the text so far is withdrawn and sent anew. A line is settled when it ends.

use futures_util::{
    StreamExt,
    stream::{self},
};

use super::assistant::AnswerStream;
use domain::{Feedback, Guide, StudentMessage, Topic};
use llm::Piece;
use safety::personal::{self, PersonalData, PersonalKind};

/// Fewer digits in a row are neither a phone number nor a number of a person, an account or a card.
const FEWEST_DIGITS: usize = 7;

/// An open line is settled up to its last sentence when it has become longer than this, in bytes, because it is read again
/// with each piece that arrives.
const LONGEST_LINE: usize = 512;

/// Covers personal data in a message, and returns which kinds it had.
#[must_use]
pub fn cover_message(message: StudentMessage) -> (StudentMessage, Vec<PersonalKind>) {
    let covered = personal::cover(message.as_str());
    if covered.kinds.is_empty() {
        return (message, Vec::new());
    }
    (message.with_covered_text(covered.text), covered.kinds)
}

/// Covers personal data in a student's own topic.
#[must_use]
pub fn cover_topic(topic: Topic) -> Topic {
    if topic.preset().is_some() {
        return topic;
    }
    let covered = personal::cover(topic.as_str());
    if covered.kinds.is_empty() { topic } else { topic.with_covered_text(&covered.text) }
}

/// Covers numbers and addresses in the text of a model, line by line. Names and schools in it are of public persons, of
/// stories, or were covered before.
#[must_use]
pub fn cover_generated(text: &str) -> String {
    text.split_inclusive('\n').map(cover_line).collect()
}

fn cover_line(line: &str) -> String {
    let (mut text, mut end) = (String::with_capacity(line.len()), 0);
    for PersonalData { range, kind } in personal::find_personal_data(line) {
        if is_covered_in_generated(kind) {
            text.push_str(&line[end..range.start]);
            text.push_str(kind.token());
            end = range.end;
        }
    }
    text.push_str(&line[end..]);
    text
}

fn is_covered_in_generated(kind: PersonalKind) -> bool {
    match kind {
        PersonalKind::Rrn
        | PersonalKind::Phone
        | PersonalKind::Email
        | PersonalKind::Address
        | PersonalKind::Account
        | PersonalKind::Card => true,
        PersonalKind::Name
        | PersonalKind::School
        | PersonalKind::StudentId
        | PersonalKind::Messenger
        | PersonalKind::Password
        | PersonalKind::Birthdate => false,
    }
}

/// Covers the notes of a model. Quotes are the student's words, which were covered before.
pub fn cover_feedback(feedback: &mut Feedback) {
    let texts =
        [&mut feedback.strengths, &mut feedback.improvements, &mut feedback.next_steps, &mut feedback.raw_feedback];
    let whys = feedback.dims.iter_mut().map(|dim| &mut dim.why);
    for text in texts.into_iter().chain(&mut feedback.suggested_questions).chain(whys) {
        *text = cover_generated(text);
    }
}

/// Covers the guide of a model.
pub fn cover_guide(guide: &mut Guide) {
    for text in [&mut guide.guide_title, &mut guide.guide_content].into_iter().chain(&mut guide.starter_questions) {
        *text = cover_generated(text);
    }
}

/// Covers an answer while it arrives.
#[must_use]
pub fn cover_answer(pieces: AnswerStream) -> AnswerStream {
    let mut cover = StreamCover::default();
    pieces
        .map(Some)
        .chain(stream::iter([None]))
        .flat_map(move |piece| {
            stream::iter(match piece {
                Some(Ok(Piece::Text(text))) => cover.add(&text),
                Some(Ok(Piece::Thinking)) => vec![Ok(Piece::Thinking)],
                Some(Ok(Piece::Withdrawn)) => {
                    cover = StreamCover::default();
                    vec![Ok(Piece::Withdrawn)]
                }
                last => {
                    let mut pieces = cover.settle_line();
                    pieces.extend(last);
                    pieces
                }
            })
        })
        .boxed()
}

type Pieces = Vec<Result<Piece, llm::Error>>;

/// What was passed on of an answer, and the line that is still being written.
#[derive(Default)]
struct StreamCover {
    /// The covered text that was passed on.
    passed: String,
    /// Where the open line begins in it.
    line_start: usize,
    /// The open line as the model wrote it.
    line: String,
}

impl StreamCover {
    fn add(&mut self, text: &str) -> Pieces {
        let mut pieces = Pieces::new();
        for part in text.split_inclusive('\n') {
            self.line.push_str(part);
            if part.ends_with('\n') {
                pieces.extend(self.settle_line());
            }
        }
        if self.line.len() > LONGEST_LINE
            && let Some(end) = sentence_end(&self.line)
        {
            let rest = self.line.split_off(end);
            pieces.extend(self.settle_line());
            self.line = rest;
        }
        if !self.line.is_empty() {
            let decided = &self.line[..self.line.len() - undecided(&self.line)];
            let covered = if may_have_a_number(decided) { cover_line(decided) } else { decided.to_owned() };
            pieces.extend(self.pass(&covered));
        }
        pieces
    }

    /// Covers the whole open line, and begins another.
    fn settle_line(&mut self) -> Pieces {
        let covered = cover_line(&std::mem::take(&mut self.line));
        let pieces = self.pass(&covered);
        self.line_start = self.passed.len();
        pieces
    }

    /// Passes on what is new in the covered line. If what was passed on before has changed, everything is sent anew.
    fn pass(&mut self, covered: &str) -> Pieces {
        match covered.strip_prefix(&self.passed[self.line_start..]) {
            Some("") => Pieces::new(),
            Some(new) => {
                self.passed.push_str(new);
                vec![Ok(Piece::Text(new.to_owned()))]
            }
            None => {
                self.passed.truncate(self.line_start);
                self.passed.push_str(covered);
                vec![Ok(Piece::Withdrawn), Ok(Piece::Text(self.passed.clone()))]
            }
        }
    }
}

/// Whether a text may have an e-mail address or a number of a person. An address of a street may have fewer digits; it is
/// found when its line ends.
fn may_have_a_number(text: &str) -> bool {
    let mut digits = 0;
    text.chars().any(|c| {
        match c {
            '@' => return true,
            _ if c.is_numeric() => digits += 1,
            _ if SEPARATORS.contains(c) => {}
            _ => digits = 0,
        }
        digits >= FEWEST_DIGITS
    })
}

/// What may stand between the digits of a number.
const SEPARATORS: &str = " -ㅡ.,_/~*()+";

/// Where the last sentence of a long line begins; in a line without sentences, its last word outside of a number.
fn sentence_end(line: &str) -> Option<usize> {
    let decided = &line[..line.len() - undecided(line)];
    let after_mark = |mark: &str| decided.rfind(mark).map(|at| at + mark.len());
    let end = [". ", "? ", "! "].into_iter().filter_map(after_mark).max();
    end.or_else(|| decided.trim_end().rfind(char::is_whitespace)).filter(|&end| end > 0)
}

/// The bytes at the end of a line that may be the beginning of a number or of an e-mail address.
fn undecided(line: &str) -> usize {
    let is_digit = |c: char| c.is_numeric();
    let number: usize =
        line.chars().rev().take_while(|&c| is_digit(c) || SEPARATORS.contains(c)).map(char::len_utf8).sum();
    // Punctuation and spaces before the first digit belong to the text.
    let run = &line[line.len() - number..];
    let number =
        run.find(|c| is_digit(c) || c == '+').filter(|_| run.contains(is_digit)).map_or(0, |at| run.len() - at);
    let word = line.len() - line.rfind(char::is_whitespace).map_or(0, |at| at + 1);
    let word = if line[line.len() - word..].contains('@') { word } else { 0 };
    number.max(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a reader of the pieces has at the end, and everything that was shown on the way.
    async fn read(pieces: &[&str]) -> (String, Vec<String>) {
        let pieces: Vec<_> = pieces.iter().map(|piece| Ok(Piece::Text((*piece).to_owned()))).collect();
        let mut stream = cover_answer(stream::iter(pieces).boxed());
        let (mut text, mut shown) = (String::new(), Vec::new());
        while let Some(piece) = stream.next().await {
            match piece.unwrap() {
                Piece::Text(piece) => text.push_str(&piece),
                Piece::Withdrawn => {
                    text.clear();
                    continue;
                }
                Piece::Thinking | Piece::End(_) => {}
            }
            shown.push(text.clone());
        }
        (text, shown)
    }

    #[tokio::test]
    async fn a_number_that_arrives_in_pieces_is_never_shown() {
        let (text, shown) = read(&["제 번호는 0", "10-12", "34-56", "78이에요.\n", "또 봐요"]).await;
        assert_eq!(text, "제 번호는 [전화번호]이에요.\n또 봐요");
        assert!(shown.iter().all(|shown| !shown.contains("010")), "{shown:?}");
        assert_eq!(read(&["전화: 010 1234 5678"]).await.0, "전화: [전화번호]");
        assert_eq!(read(&["메일은 minsu", ".kim@na", "ver.com 입니다"]).await.0, "메일은 [이메일] 입니다");
    }

    #[tokio::test]
    async fn what_a_later_word_shows_is_covered_from_then_on() {
        let (text, _) = read(&["첫 줄\n", "110-123-", "456789 ", "신한은행 계좌로 ", "보내세요"]).await;
        assert_eq!(text, "첫 줄\n[계좌번호] 신한은행 계좌로 보내세요");
    }

    #[tokio::test]
    async fn an_answer_without_personal_data_stays_as_it_is() {
        let pieces = ["빛의 속도는 ", "초속 약 300,000 km", "예요.\n\n", "- 1", "번: 3.14 × 2 = 6.28\n", "109나 1388"];
        assert_eq!(read(&pieces).await.0, pieces.concat());
        // Names in the answer of a model are those of others.
        assert_eq!(read(&["제 이름은 ", "세종이에요"]).await.0, "제 이름은 세종이에요");
    }

    #[tokio::test]
    async fn a_long_line_is_settled_sentence_by_sentence() {
        let line = "다음 수는 1234567890이고 번호는 010-1234-5678이에요. ".repeat(60);
        let pieces: Vec<String> = line.chars().map(String::from).collect();
        let pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();
        let (text, shown) = read(&pieces).await;
        assert_eq!(text, "다음 수는 1234567890이고 번호는 [전화번호]이에요. ".repeat(60));
        assert!(shown.iter().all(|shown| !shown.contains("010")));
        let unbroken = format!("a@{}", "가".repeat(2 * LONGEST_LINE));
        assert_eq!(read(&[&unbroken, "나"]).await.0, format!("{unbroken}나"));
    }

    #[test]
    fn only_digits_in_a_row_may_be_a_number() {
        assert!(!may_have_a_number("1592년에 시작해 1598년에 끝났고, 1600년 뒤"));
        assert!(may_have_a_number("010 1234 5678") && may_have_a_number("a@b.kr") && may_have_a_number("110-123-45"));
    }

    #[tokio::test]
    async fn the_rest_comes_before_an_error() {
        let pieces = [Ok(Piece::Text("답 12".to_owned())), Err(llm::Error::Broken)];
        let covered: Vec<_> = cover_answer(stream::iter(pieces).boxed()).collect().await;
        assert!(matches!(&covered[..], [Ok(Piece::Text(a)), Ok(Piece::Text(b)), Err(llm::Error::Broken)]
            if a == "답 " && b == "12"));
    }
}
