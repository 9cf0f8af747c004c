//! The built-in guides: greeting, introduction and starter questions of a topic, without any model.

mod own;
mod preset;
#[cfg(test)]
mod tests;

use domain::{Guide, GuideSource, Locale, Preset, Topic, escape_markdown};

/// The texts of a topic in one language; all plain text.
struct Texts<S> {
    greeting: S,
    title: S,
    introduction: S,
    tips: [S; 3],
    starters: [S; 3],
}

/// The built-in guide to a topic: at hand at once, and the one that stays when no model answers.
#[must_use]
pub fn preset(topic: &Topic, locale: Locale) -> Guide {
    match topic.preset() {
        Some(preset) => assemble(preset::texts(preset, locale), locale),
        None => assemble(&own::texts(topic, locale), locale),
    }
}

/// The chat AI's first words on a topic, as plain text. No model is asked.
#[must_use]
pub fn greeting(topic: &Topic, locale: Locale) -> String {
    match topic.preset() {
        Some(preset) => preset::texts(preset, locale).greeting.to_owned(),
        None => own::texts(topic, locale).greeting,
    }
}

/// One line about a preset, for its card.
#[must_use]
pub fn tagline(preset: Preset, locale: Locale) -> &'static str {
    preset::tagline(preset, locale)
}

/// Six topics of one's own, to show what one could choose.
#[must_use]
pub fn example_topics(locale: Locale) -> [&'static str; 6] {
    own::examples(locale)
}

fn assemble<S: AsRef<str>>(texts: &Texts<S>, locale: Locale) -> Guide {
    let heading = match locale {
        Locale::Ko => "AI와 이야기할 때는",
        Locale::En => "When you talk with the AI",
    };
    let tips: Vec<String> = texts.tips.iter().map(|tip| format!("- {}", escape_markdown(tip.as_ref()))).collect();
    Guide {
        guide_title: texts.title.as_ref().to_owned(),
        guide_content: format!(
            "{}\n\n**{heading}**\n\n{}\n",
            escape_markdown(texts.introduction.as_ref()),
            tips.join("\n")
        ),
        starter_questions: texts.starters.iter().map(|question| question.as_ref().to_owned()).collect(),
        source: GuideSource::Preset,
    }
}
