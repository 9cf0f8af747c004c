//! What the model reads of a message: hashes of words, runs of characters, runs of letters and groups of phrases.

use korean::{
    Folded,
    fold::push_letters,
    text::{is_jamo, is_syllable},
};

use super::lexicon;

/// Lengths of runs of characters, spaces left out: children write with and without them.
const CHARACTERS: std::ops::RangeInclusive<usize> = 1..=5;
/// Lengths of runs of letters (ㄱ, ㅏ, …), in which a typo changes one letter and not a whole syllable.
const LETTERS: std::ops::RangeInclusive<usize> = 4..=7;

/// The hashes of a message's features, in ascending order, each once.
#[must_use]
pub fn features(message: &str) -> Vec<u64> {
    let folded = Folded::new(message);
    let mut found = Vec::with_capacity(folded.chars().len() * 10);
    words(folded.chars(), &mut found);

    let dense: Vec<char> = folded.chars().iter().copied().filter(|&c| c != ' ').collect();
    runs('c', &dense, CHARACTERS, &mut found);
    let mut letters = Vec::with_capacity(dense.len() * 3);
    dense.iter().filter(|&&c| is_syllable(c) || is_jamo(c)).for_each(|&c| push_letters(c, &mut letters));
    runs('l', &letters, LETTERS, &mut found);

    let groups = lexicon::groups(message);
    for (index, &group) in groups.iter().enumerate() {
        found.push(hash('g', [u32::from(group)]));
        found.extend(groups[index + 1..].iter().map(|&other| hash('p', [u32::from(group), u32::from(other)])));
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// Words, their beginnings and pairs of neighbours.
fn words(chars: &[char], found: &mut Vec<u64>) {
    let words: Vec<Vec<u32>> = chars
        .split(|&c| !(c.is_alphanumeric() || is_jamo(c)))
        .filter(|word| !word.is_empty())
        .map(|word| word.iter().map(|&c| c as u32).collect())
        .collect();
    for (index, word) in words.iter().enumerate() {
        found.push(hash('w', word.iter().copied()));
        if let Some(next) = words.get(index + 1) {
            found.push(hash('b', word.iter().copied().chain([0]).chain(next.iter().copied())));
        }
        if let Some(next) = words.get(index + 2) {
            found.push(hash('s', word.iter().copied().take(2).chain([0]).chain(next.iter().copied().take(2))));
        }
    }
}

fn runs(kind: char, chars: &[char], lengths: std::ops::RangeInclusive<usize>, found: &mut Vec<u64>) {
    for length in lengths {
        found.extend(chars.windows(length).map(|run| hash(kind, run.iter().map(|&c| c as u32))));
    }
}

/// FNV-1a over the kind and its parts, with a last mix so that low bits depend on all: stable across machines and
/// versions, as trained weights need.
fn hash(kind: char, parts: impl IntoIterator<Item = u32>) -> u64 {
    let fold = |hash: u64, part: u32| (hash ^ u64::from(part)).wrapping_mul(0x0000_0100_0000_01b3);
    let hash = parts.into_iter().fold(fold(0xcbf2_9ce4_8422_2325, kind as u32), fold);
    (hash ^ (hash >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20
}
