//! The texts of the six presets.

mod en;
mod ko;

use super::Texts;
use domain::{Locale, Preset};

/// One preset in one language.
struct PresetTexts {
    tagline: &'static str,
    texts: Texts<&'static str>,
}

fn of(preset: Preset, locale: Locale) -> &'static PresetTexts {
    match (locale, preset) {
        (Locale::Ko, Preset::Society) => &ko::SOCIETY,
        (Locale::Ko, Preset::Science) => &ko::SCIENCE,
        (Locale::Ko, Preset::History) => &ko::HISTORY,
        (Locale::Ko, Preset::Literature) => &ko::LITERATURE,
        (Locale::Ko, Preset::Technology) => &ko::TECHNOLOGY,
        (Locale::Ko, Preset::Arts) => &ko::ARTS,
        (Locale::En, Preset::Society) => &en::SOCIETY,
        (Locale::En, Preset::Science) => &en::SCIENCE,
        (Locale::En, Preset::History) => &en::HISTORY,
        (Locale::En, Preset::Literature) => &en::LITERATURE,
        (Locale::En, Preset::Technology) => &en::TECHNOLOGY,
        (Locale::En, Preset::Arts) => &en::ARTS,
    }
}

pub(super) fn texts(preset: Preset, locale: Locale) -> &'static Texts<&'static str> {
    &of(preset, locale).texts
}

pub(super) fn tagline(preset: Preset, locale: Locale) -> &'static str {
    of(preset, locale).tagline
}
