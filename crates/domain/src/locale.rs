//! The two languages the program speaks.

/// A language of the pages and of the built-in texts. Korean is the default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Locale {
    /// 한국어
    #[default]
    Ko,
    /// English
    En,
}

impl Locale {
    /// The language tag, as used in `locales/` and in the `lang` attribute.
    #[must_use]
    pub fn tag(self) -> &'static str {
        match self {
            Self::Ko => "ko",
            Self::En => "en",
        }
    }

    /// The locale of a language tag such as `en-US`; `None` for a language that isn't spoken here.
    #[must_use]
    pub fn from_tag(tag: &str) -> Option<Self> {
        match tag.trim().split(['-', '_']).next()?.to_ascii_lowercase().as_str() {
            "ko" => Some(Self::Ko),
            "en" => Some(Self::En),
            _ => None,
        }
    }
}
