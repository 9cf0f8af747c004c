//! The texts for scripts, as JSON in an attribute of the page.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use domain::Locale;

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

/// The texts of a script as a JSON object, ready for `data-strings`.
pub(super) fn json(script: Script, locale: Locale) -> &'static str {
    static KO: LazyLock<[String; 3]> = LazyLock::new(|| json_of_all_scripts(Locale::Ko));
    static EN: LazyLock<[String; 3]> = LazyLock::new(|| json_of_all_scripts(Locale::En));
    let texts: &[String; 3] = match locale {
        Locale::Ko => &KO,
        Locale::En => &EN,
    };
    &texts[script as usize]
}

fn json_of_all_scripts(locale: Locale) -> [String; 3] {
    ["js.chat.", "js.topic.", "js.history."].map(|section| {
        let texts: BTreeMap<String, String> = texts(locale)
            .into_iter()
            .filter_map(|(key, text)| Some((key.strip_prefix(section)?.to_owned(), text)))
            .collect();
        serde_json::to_string(&texts).unwrap_or_default()
    })
}

/// Every key and text of a language.
pub(super) fn texts(locale: Locale) -> BTreeMap<String, String> {
    let messages = crate::_rust_i18n_backend().messages_for_locale(locale.tag()).unwrap_or_default();
    messages.into_iter().map(|(key, text)| (key.into_owned(), text.into_owned())).collect()
}
