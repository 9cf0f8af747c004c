//! Groups of phrases that the model weighs beside the letters of a message: words of harm, of family, of stories.

use std::sync::LazyLock;

use korean::{Phrases, Text};

static GROUPS: LazyLock<Vec<Phrases>> = LazyLock::new(|| {
    include_str!("lexicon.txt")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once(": "))
        .map(|(_, phrases)| Phrases::new(phrases))
        .collect()
});

/// The numbers of the groups of which a phrase stands in the text, in ascending order.
pub(super) fn groups(text: &str) -> Vec<u8> {
    let text = Text::new(text);
    (0..).zip(GROUPS.iter()).filter(|(_, phrases)| phrases.is_in(&text)).map(|(number, _)| number).collect()
}
