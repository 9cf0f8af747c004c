//! The vocabulary of each topic: words that belong to it, and broad ones that are only related to it.

use std::sync::LazyLock;

use super::cues;
use domain::{Preset, Topic, topic::DEFAULT_TOPIC};
use korean::{Found, Phrases, Text, words::words};

/// The words of one field.
struct Field {
    core: Phrases,
    broad: Phrases,
}

impl Field {
    fn read(file: &str) -> Self {
        let (core, broad) = file.trim_start_matches("[core]").split_once("[broad]").unwrap_or((file, ""));
        Self { core: Phrases::new(core), broad: Phrases::new(broad) }
    }
}

static PRESETS: LazyLock<[Field; 6]> = LazyLock::new(|| {
    [
        Field::read(include_str!("fields/society.txt")),
        Field::read(include_str!("fields/science.txt")),
        Field::read(include_str!("fields/history.txt")),
        Field::read(include_str!("fields/literature.txt")),
        Field::read(include_str!("fields/technology.txt")),
        Field::read(include_str!("fields/arts.txt")),
    ]
});

/// Fields that students' own topics often lie in.
static OWN: LazyLock<Vec<Phrases>> = LazyLock::new(|| {
    let sections = include_str!("fields/own.txt").split('[').skip(1);
    sections.filter_map(|section| section.split_once(']')).map(|(_, list)| Phrases::new(list)).collect()
});

/// The words of a text that match a topic.
#[derive(Debug, Default)]
pub(super) struct TopicMatch {
    /// Places of different words that belong to the topic.
    pub(super) core: Vec<Found>,
    /// Places of different words that only border on it.
    pub(super) broad: Vec<Found>,
    /// Whether nothing is known of the topic but its name.
    pub(super) unknown: bool,
}

/// Finds the words of `text` that match `topic`.
pub(super) fn match_topic(topic: &Topic, text: &Text<'_>) -> TopicMatch {
    if let Some(preset) = topic.preset() {
        let field = &PRESETS[Preset::ALL.into_iter().position(|p| p == preset).unwrap_or(0)];
        return TopicMatch { core: distinct(&field.core, text), broad: distinct(&field.broad, text), unknown: false };
    }
    let name = Text::new(topic.as_str());
    // The marks that mean something in a list of phrases are no letters, so they're not in these words.
    let own: Vec<_> = words(topic.as_str()).filter(cues::is_content).map(|word| word.stem).collect();
    let core = distinct(&Phrases::new(&own.join("|")), text);
    let near: Vec<_> = OWN.iter().filter(|field| field.is_in(&name)).collect();
    let mut broad: Vec<Found> = near.iter().flat_map(|field| distinct(field, text)).collect();
    broad.retain(|found| !core.iter().any(|c| c.range.start < found.range.end && found.range.start < c.range.end));
    broad.sort_by_key(|found| found.range.start);
    broad.dedup();
    TopicMatch { core, broad, unknown: near.is_empty() || topic.as_str() == DEFAULT_TOPIC }
}

/// The first place of each different word, eight at most: more change no level.
fn distinct(phrases: &Phrases, text: &Text<'_>) -> Vec<Found> {
    let mut seen: Vec<Found> = Vec::new();
    for found in phrases.iter(text) {
        let word = &text.original()[found.range.clone()];
        if !seen.iter().any(|old| text.original()[old.range.clone()].eq_ignore_ascii_case(word)) {
            seen.push(found);
            if seen.len() == 8 {
                break;
            }
        }
    }
    seen
}
