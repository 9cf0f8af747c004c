//! The texts for scripts, as JSON in an attribute of the page.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use domain::Locale;

use super::page::Page;

/// A part of the `js` section in `locales/`.
#[derive(Debug, Clone, Copy)]
pub(super) enum Script {
    /// The chat page.
    Chat,
    /// The topic page.
    Topic,
    /// The list of conversations.
    History,
}

/// The end of the key of a text that replaces another one while the practice partner answers.
pub(super) const PRACTICE_SUFFIX: &str = "_practice";

/// The texts of a script as a JSON object, ready for `data-strings`.
pub(super) fn json(script: Script, page: &Page) -> &'static str {
    static KO: LazyLock<[[String; 3]; 2]> = LazyLock::new(|| json_of_both_modes(Locale::Ko));
    static EN: LazyLock<[[String; 3]; 2]> = LazyLock::new(|| json_of_both_modes(Locale::En));
    let texts: &[[String; 3]; 2] = match page.locale {
        Locale::Ko => &KO,
        Locale::En => &EN,
    };
    &texts[usize::from(page.practice)][script as usize]
}

/// The texts of all scripts with a model, and with the practice partner.
fn json_of_both_modes(locale: Locale) -> [[String; 3]; 2] {
    let all = texts(locale);
    [false, true].map(|practice| {
        ["js.chat.", "js.topic.", "js.history."].map(|section| {
            let text_of = |key: &str, text: &str| {
                let name = key.strip_prefix(section).filter(|name| !name.ends_with(PRACTICE_SUFFIX))?;
                let of_partner = practice.then(|| all.get(&format!("{key}{PRACTICE_SUFFIX}"))).flatten();
                Some((name.to_owned(), of_partner.map_or(text, String::as_str).to_owned()))
            };
            let texts: BTreeMap<_, _> = all.iter().filter_map(|(key, text)| text_of(key, text)).collect();
            serde_json::to_string(&texts).unwrap_or_default()
        })
    })
}

/// Every key and text of a language.
pub(super) fn texts(locale: Locale) -> BTreeMap<String, String> {
    let messages = crate::_rust_i18n_backend().messages_for_locale(locale.tag()).unwrap_or_default();
    messages.into_iter().map(|(key, text)| (key.into_owned(), text.into_owned())).collect()
}
