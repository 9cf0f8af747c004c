//! Which characters show something.

use icu_properties::{
    CodePointMapData, CodePointSetData,
    props::{
        DefaultIgnorableCodePoint, GeneralCategory, GeneralCategoryGroup, NoncharacterCodePoint, VariationSelector,
        WhiteSpace,
    },
};

/// Characters that are drawn as nothing though Unicode counts them as letters or symbols: the empty Braille cell, the
/// Egyptian blanks, the note head without a head, and what stands for a picture that isn't there.
const BLANK: [char; 5] = ['\u{2800}', '\u{13441}', '\u{13442}', '\u{1d159}', '\u{fffc}'];

/// The general categories of characters that show nothing by themselves. A mark shows something only on a letter.
const NOTHING_ALONE: GeneralCategoryGroup = GeneralCategoryGroup::Separator
    .union(GeneralCategoryGroup::Control)
    .union(GeneralCategoryGroup::Format)
    .union(GeneralCategoryGroup::Mark);

/// Whether a text shows anything: an emoji joined of several does, a joiner or a filler alone doesn't.
#[must_use]
pub fn is_visible(text: &str) -> bool {
    text.chars().any(shows)
}

/// Whether a character shows something by itself. A code point that isn't assigned yet may be a newer emoji, so it
/// counts as one that does.
fn shows(c: char) -> bool {
    // Most characters by far.
    if c.is_ascii_graphic() || matches!(c, '가'..='힣') {
        return true;
    }
    !NOTHING_ALONE.contains(CodePointMapData::<GeneralCategory>::new().get(c))
        && !CodePointSetData::new::<WhiteSpace>().contains(c)
        && !CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c)
        && !CodePointSetData::new::<NoncharacterCodePoint>().contains(c)
        && !BLANK.contains(&c)
}

/// Whether a character at the edge of a text may go without a change in what the text shows. Marks, variation selectors
/// and tags stay: they belong to the emoji or the letter before them.
#[must_use]
pub fn is_edge(c: char) -> bool {
    let is_tag = matches!(c, '\u{e0020}'..='\u{e007f}');
    let is_mark = GeneralCategoryGroup::Mark.contains(CodePointMapData::<GeneralCategory>::new().get(c));
    !shows(c) && !is_mark && !is_tag && !CodePointSetData::new::<VariationSelector>().contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_of_characters_that_show_nothing_is_not_visible() {
        for text in [
            "",
            " ",
            "\n\t",
            "\u{a0}",
            "\u{3000}",
            "\u{2003}",
            "\u{1680}",
            "\u{85}",
            "\u{2028}",
            "\u{2029}",
            "\u{200b}",
            "\u{200c}\u{200d}",
            "\u{2060}",
            "\u{feff}",
            "\u{3164}",
            "\u{ffa0}",
            "\u{115f}",
            "\u{1160}",
            "\u{115f}\u{1160}",
            "\u{ad}",
            "\u{200e}",
            "\u{200f}",
            "\u{61c}",
            "\u{202e}",
            "\u{2066}\u{2069}",
            "\u{2061}",
            "\u{2063}",
            "\u{206f}",
            "\u{180e}",
            "\u{34f}",
            "\u{17b4}",
            "\u{fe0f}",
            "\u{fe00}",
            "\u{e0100}",
            "\u{e0041}\u{e007f}",
            "\u{e0001}",
            "\u{2800}",
            "\u{301}",
            "\u{308}\u{20dd}",
            "\u{903}",
            "\u{fff9}\u{fffb}",
            "\u{fffc}",
            "\u{fdd0}",
            "\u{ffff}",
            "\u{10ffff}",
            "\u{1d159}",
            "\u{1d173}",
            "\u{13441}",
            "\u{1bca0}",
            "\u{fff0}",
            "\u{0}\u{7}",
            " \u{2800}\u{3164}\u{fe0f}\n",
        ] {
            assert!(!is_visible(text), "{text:?}");
        }
    }

    #[test]
    fn a_text_with_one_character_that_shows_something_is_visible() {
        for text in [
            "?",
            "ㅋ",
            "가",
            "\u{1112}\u{1161}",
            "\u{115f}\u{1161}",
            "1\u{fe0f}\u{20e3}",
            "❤\u{fe0f}",
            "👩\u{200d}🔬",
            "🇰🇷",
            "🇰",
            "🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}",
            "👍🏽",
            "🏽",
            "e\u{301}",
            "た",
            "ж",
            "ا",
            "∞",
            "\u{fffd}",
            "\u{e000}",
            "\u{1fadf}",
            "\u{1faff}",
            "\u{3164}a",
            "\u{28ff}",
        ] {
            assert!(is_visible(text), "{text:?}");
        }
    }

    #[test]
    fn what_belongs_to_an_emoji_is_no_edge() {
        for c in ['\u{fe0f}', '\u{20e3}', '\u{e007f}', '\u{301}', 'a', '가'] {
            assert!(!is_edge(c), "{c:?}");
        }
        for c in [' ', '\u{3164}', '\u{2800}', '\u{ad}', '\u{200d}', '\u{feff}', '\u{202e}', '\u{115f}'] {
            assert!(is_edge(c), "{c:?}");
        }
    }
}
