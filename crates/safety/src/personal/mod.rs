//! Finds personal data in what a child writes, and covers it with a token of its kind before it is stored or sent.

mod contact;
mod dates;
mod names;
mod numbers;
mod places;
mod schools;
mod student_ids;
#[cfg(test)]
mod tests;
mod view;

use std::ops::Range;

use korean::Folded;
use view::View;

/// A kind of personal data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PersonalKind {
    /// A resident or foreigner registration number.
    Rrn,
    /// A telephone number.
    Phone,
    /// An e-mail address.
    Email,
    /// A postal address down to a building or a flat.
    Address,
    /// A bank account.
    Account,
    /// A credit or debit card.
    Card,
    /// A name the writer gives as their own or a relative's.
    Name,
    /// The writer's school.
    School,
    /// A student number, or class and number in it.
    StudentId,
    /// An id in a messenger or social network.
    Messenger,
    /// A password.
    Password,
    /// A full date of birth.
    Birthdate,
}

impl PersonalKind {
    /// Every kind.
    pub const ALL: [Self; 12] = [
        Self::Rrn,
        Self::Phone,
        Self::Email,
        Self::Address,
        Self::Account,
        Self::Card,
        Self::Name,
        Self::School,
        Self::StudentId,
        Self::Messenger,
        Self::Password,
        Self::Birthdate,
    ];

    /// The name in the API.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Rrn => "rrn",
            Self::Phone => "phone",
            Self::Email => "email",
            Self::Address => "address",
            Self::Account => "account",
            Self::Card => "card",
            Self::Name => "name",
            Self::School => "school",
            Self::StudentId => "student_id",
            Self::Messenger => "messenger",
            Self::Password => "password",
            Self::Birthdate => "birthdate",
        }
    }

    /// What stands in the text in place of the data.
    #[must_use]
    pub fn token(self) -> &'static str {
        match self {
            Self::Rrn => "[주민등록번호]",
            Self::Phone => "[전화번호]",
            Self::Email => "[이메일]",
            Self::Address => "[주소]",
            Self::Account => "[계좌번호]",
            Self::Card => "[카드번호]",
            Self::Name => "[이름]",
            Self::School => "[학교]",
            Self::StudentId => "[학번]",
            Self::Messenger => "[메신저 아이디]",
            Self::Password => "[비밀번호]",
            Self::Birthdate => "[생년월일]",
        }
    }
}

/// Personal data in a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonalData {
    /// Its bytes in the message.
    pub range: Range<usize>,
    /// What it is.
    pub kind: PersonalKind,
}

/// A message whose personal data is covered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Covered {
    /// The message with tokens.
    pub text: String,
    /// The kinds that were covered, each once, in the order in which they first appear.
    pub kinds: Vec<PersonalKind>,
}

/// Finds personal data, from left to right, no two overlapping.
#[must_use]
pub fn find_personal_data(message: &str) -> Vec<PersonalData> {
    let folded = Folded::new(message);
    if folded.chars().is_empty() {
        return Vec::new();
    }
    let view = View::new(&folded);
    let spelt = View::with_spelt_digits(&folded);
    // The order is that of precedence where two rules find the same characters.
    let mut found = Vec::new();
    for (view, finds) in [
        (&view, contact::find as fn(&View<'_>) -> Vec<(Range<usize>, PersonalKind)>),
        (&spelt, numbers::find),
        (&view, dates::find),
        (&view, places::find),
        (&view, schools::find),
        (&view, student_ids::find),
        (&view, names::find),
    ] {
        for (range, kind) in finds(view) {
            let mut range = view.original(range);
            let overlaps = |data: &PersonalData| range.start < data.range.end && data.range.start < range.end;
            if found.iter().any(|data| overlaps(data) && data.kind != kind) {
                continue;
            }
            // Two rules may each find a part of one address.
            let parts: Vec<PersonalData> = found.extract_if(.., |data| overlaps(data)).collect();
            for part in parts {
                range = range.start.min(part.range.start)..range.end.max(part.range.end);
            }
            found.push(PersonalData { range, kind });
        }
    }
    found.sort_by_key(|data| data.range.start);
    let mut joined: Vec<PersonalData> = Vec::with_capacity(found.len());
    for data in found {
        match joined.last_mut() {
            Some(last) if last.kind == data.kind && is_gap(&message[last.range.end..data.range.start]) => {
                last.range.end = data.range.end;
            }
            _ => joined.push(data),
        }
    }
    joined
}

/// Whether nothing but punctuation stands between two parts of one address.
fn is_gap(between: &str) -> bool {
    between.chars().all(|c| c == ' ' || c == ',' || c == '(' || c == ')')
}

/// Covers personal data with tokens. What is covered already stays as it is.
#[must_use]
pub fn cover(message: &str) -> Covered {
    /// A token may bring words nearer to each other, so that one more look finds more.
    const MOST_ROUNDS: usize = 8;
    let mut covered = Covered { text: message.to_owned(), kinds: Vec::new() };
    for _ in 0..MOST_ROUNDS {
        let found = find_personal_data(&covered.text);
        if found.is_empty() {
            break;
        }
        let (mut text, mut end) = (String::with_capacity(covered.text.len()), 0);
        for PersonalData { range, kind } in found {
            text.push_str(&covered.text[end..range.start]);
            text.push_str(kind.token());
            end = range.end;
            if !covered.kinds.contains(&kind) {
                covered.kinds.push(kind);
            }
        }
        text.push_str(&covered.text[end..]);
        covered.text = text;
    }
    covered
}

/// A pattern of this crate.
fn pattern(pattern: &str) -> regex::Regex {
    regex::Regex::new(pattern).expect("a pattern of this crate is well-formed")
}
