//! What the model reads of a message: hashes of words, runs of characters and runs of letters.

use korean::{
    Folded,
    fold::push_letters,
    text::{is_jamo, is_letter, is_syllable},
};

/// The longest run of characters, spaces left out: children write with and without them.
const LONGEST_RUN: usize = 4;
/// The length of runs of letters (ㄱ, ㅏ, …), in which a typo changes one letter and not a whole syllable.
const LETTERS: usize = 5;
/// How many characters of a word's beginning are read apart: Korean stems are short, and endings vary.
const STEMS: [usize; 2] = [2, 3];

/// The hashes of a message's features, as often as they occur.
#[must_use]
pub fn features(message: &str) -> Vec<u32> {
    let folded = Folded::new(message);
    let chars = folded.chars();
    let mut found = Vec::with_capacity(chars.len() * 9 + LONGEST_RUN);
    for word in chars.split(|&c| !(is_letter(c) || is_jamo(c))).filter(|word| !word.is_empty()) {
        push_word(word, &mut found);
    }
    let dense: Vec<char> = chars.iter().copied().filter(|&c| c != ' ').collect();
    for end in 1..=dense.len() {
        push_runs(b'c', &dense[..end], &mut found);
    }
    // How a message ends tells a question from a sigh.
    push_runs(b'e', &dense, &mut found);

    let mut letters = Vec::with_capacity(dense.len() * 3);
    dense.iter().filter(|&&c| is_syllable(c) || is_jamo(c)).for_each(|&c| push_letters(c, &mut letters));
    found.extend(letters.windows(LETTERS).map(|run| finish(run.iter().fold(start(b'l'), |hash, &c| mix(hash, c)))));
    found
}

/// A word and its beginnings.
fn push_word(word: &[char], found: &mut Vec<u32>) {
    let mut hash = start(b't');
    for (index, &c) in word.iter().enumerate() {
        hash = mix(hash, c);
        if STEMS.contains(&(index + 1)) {
            found.push(finish(hash));
        }
    }
    found.push(finish(mix(hash, ' ')));
}

/// The runs of one to [`LONGEST_RUN`] characters at the end.
fn push_runs(kind: u8, chars: &[char], found: &mut Vec<u32>) {
    let mut hash = start(kind);
    for &c in chars.iter().rev().take(LONGEST_RUN) {
        hash = mix(hash, c);
        found.push(finish(hash));
    }
}

/// FNV-1a over characters, with a last mix so that all bits depend on all characters: stable across machines and
/// versions, as trained weights need.
fn start(kind: u8) -> u64 {
    0xcbf2_9ce4_8422_2325 ^ u64::from(kind) << 32
}

fn mix(hash: u64, c: char) -> u64 {
    (hash ^ u64::from(c)).wrapping_mul(0x0000_0100_0000_01b3)
}

fn finish(hash: u64) -> u32 {
    ((hash ^ (hash >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as u32
}
