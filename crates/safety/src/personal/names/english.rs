//! Names in Latin letters.

use std::{collections::HashSet, ops::Range, sync::LazyLock};

use regex::Regex;

use crate::personal::{View, pattern};

static SURNAMES: LazyLock<HashSet<&str>> = LazyLock::new(|| {
    words(
        "kim|lee|yi|park|bak|choi|choe|jung|jeong|kang|gang|cho|jo|yoon|yun|jang|lim|im|han|oh|seo|shin|sin|kwon|gwon|hwang|ahn|an|song|ryu|yoo|yu|jeon|hong|ko|go|moon|mun|yang|son|sohn|bae|baek|heo|hur|nam|sim|noh|ha|kwak|sung|cha|joo|ju|woo|min|na|jin|ji",
    )
});
/// Syllables of given names as passports spell them.
static SYLLABLES: LazyLock<HashSet<&str>> = LazyLock::new(|| {
    words(
        "a|ah|ahn|an|bin|bom|chae|chan|da|dam|do|dong|doo|eun|ga|gi|geon|gun|gyeom|gyu|ha|han|hae|hee|hui|ho|hoon|hun|hwan|hye|hyeon|hyun|hyuk|hyeok|hyo|i|in|jae|jeong|jung|ji|jin|joo|ju|joon|jun|joong|kyung|gyeong|min|mi|myeong|na|nam|ram|ra|ri|rin|rim|ro|roo|sae|sang|se|seo|seok|seon|seong|seul|seung|si|so|sol|soo|su|soon|sun|sung|tae|u|un|won|woo|woong|wook|uk|ya|yae|ye|yeon|yeong|yong|yoo|yu|yoon|yun|young|yul|yool",
    )
});

static NAMED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"\b(?:my name is|my name's|my full name is|call me|i am called|name: ) ?([a-z][a-z'\-]+(?: [a-z][a-z'\-]+){0,2})",
    )
});
static OWN: LazyLock<Regex> = LazyLock::new(|| pattern("이름|name|i'm|i am| here|저는|제 |여권|로마자"));

/// Words that follow `call me`, and those that end a name.
const OTHER_WORDS: [&str; 34] = [
    "and", "i", "i'm", "but", "from", "in", "a", "the", "not", "is", "so", "please", "because", "later", "when", "if",
    "at", "back", "on", "by", "now", "again", "tomorrow", "maybe", "what", "here", "crazy", "stupid", "it", "can",
    "to", "this", "that", "my",
];
/// Words of English that are made of the same syllables.
const ENGLISH_WORDS: [&str; 20] = [
    "sun", "into", "union", "human", "china", "sea", "person", "minute", "genius", "soon", "dodo", "gaga", "haha",
    "hoho", "jiji", "mimi", "nana", "yoyo", "dada", "hahan",
];

pub(super) fn find(view: &View<'_>) -> Vec<Range<usize>> {
    if !view.text.contains(|c: char| c.is_ascii_lowercase()) {
        return Vec::new();
    }
    let mut found: Vec<Range<usize>> = view
        .matches(&NAMED)
        .filter_map(|captures| {
            let name = captures.get(1)?;
            let words: Vec<&str> = name.as_str().split(' ').take_while(|word| !OTHER_WORDS.contains(word)).collect();
            let length = words.join(" ").len();
            (length > 1).then(|| name.start()..name.start() + length)
        })
        .collect();
    found.extend(romanised(view));
    found
}

/// `i'm jiwoo`, `jiwoo han`, `lee doha`.
fn romanised(view: &View<'_>) -> Vec<Range<usize>> {
    let text = view.text.as_str();
    let place = |word: &str| word.as_ptr() as usize - text.as_ptr() as usize;
    let words: Vec<&str> = text
        .split(|c: char| !(c.is_ascii_lowercase() || c == '-' || c == '\''))
        .filter(|word| !word.is_empty())
        .collect();
    let mut found = Vec::new();
    for (index, &word) in words.iter().enumerate().filter(|(_, word)| is_given(word)) {
        let is_next = |other: &&str| {
            let (first, second) = if place(other) < place(word) { (*other, word) } else { (word, *other) };
            text[place(first) + first.len()..place(second)] == *" " && SURNAMES.contains(*other)
        };
        let before = index.checked_sub(1).map(|index| words[index]);
        let surname = before.filter(is_next).or_else(|| words.get(index + 1).copied().filter(is_next));
        let is_introduced = text[..place(word)].ends_with("i'm ") || text[..place(word)].ends_with("i am ");
        let range = place(word)..place(word) + word.len();
        let range = surname.map_or(range.clone(), |surname| {
            range.start.min(place(surname))..range.end.max(place(surname) + surname.len())
        });
        if is_introduced || surname.is_some() && OWN.is_match(view.sentence(&range)) {
            found.push(range);
        }
    }
    found
}

/// Whether a word is made of two syllables of given names.
fn is_given(word: &str) -> bool {
    let parts = |at: usize| (word[..at].trim_end_matches('-'), &word[at..]);
    (4..=13).contains(&word.len())
        && !ENGLISH_WORDS.contains(&word)
        && (1..word.len()).map(parts).any(|(a, b)| SYLLABLES.contains(a) && SYLLABLES.contains(b))
}

fn words(list: &'static str) -> HashSet<&'static str> {
    list.split('|').collect()
}
