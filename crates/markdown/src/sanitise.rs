//! The last step: removes every element, attribute, class and address that is not on an allow-list.

use ammonia::{Builder, UrlRelative};
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

const HTML: [&str; 31] = [
    "a",
    "blockquote",
    "br",
    "code",
    "del",
    "div",
    "em",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "input",
    "label",
    "li",
    "ol",
    "p",
    "pre",
    "span",
    "strong",
    "sub",
    "sup",
    "table",
    "tbody",
    "td",
    "th",
    "thead",
    "tr",
    "ul",
    "math",
    "mrow",
];

/// MathML Core's presentation elements. Left out: `annotation-xml`, `semantics`, `maction`, `mglyph`, `malignmark`, which
/// carry other markup or lead an HTML parser in and out of MathML.
const MATHML: [&str; 22] = [
    "mfrac",
    "mi",
    "mn",
    "mo",
    "mover",
    "mpadded",
    "mphantom",
    "mprescripts",
    "mmultiscripts",
    "mroot",
    "ms",
    "mspace",
    "msqrt",
    "mstyle",
    "msub",
    "msubsup",
    "msup",
    "mtable",
    "mtd",
    "mtext",
    "mtr",
    "munder",
];

/// Attributes of one element; none of them can hold an address or a style.
const ATTRIBUTES: [(&str, &[&str]); 20] = [
    ("a", &["href"]),
    ("code", &["class"]),
    ("div", &["class", "tabindex", "role", "aria-label"]),
    ("input", &["type", "disabled", "checked"]),
    ("li", &["class", "value"]),
    ("ol", &["start", "class"]),
    ("pre", &["tabindex"]),
    ("span", &["class", "tabindex"]),
    ("td", &["class"]),
    ("th", &["class", "scope"]),
    ("math", &["display"]),
    ("mfrac", &["linethickness", "displaystyle", "scriptlevel"]),
    ("mi", &["mathvariant", "displaystyle", "scriptlevel"]),
    (
        "mo",
        &[
            "stretchy",
            "symmetric",
            "largeop",
            "movablelimits",
            "minsize",
            "maxsize",
            "class",
            "displaystyle",
            "scriptlevel",
        ],
    ),
    ("mrow", &["displaystyle", "scriptlevel", "class"]),
    ("mspace", &["width", "height", "depth"]),
    ("mtable", &["class", "displaystyle", "scriptlevel"]),
    ("mtd", &["class"]),
    ("mtr", &["class"]),
    ("mover", &["class", "displaystyle", "scriptlevel"]),
];

/// The converter writes the style level on any of these.
const STYLED: [&str; 10] =
    ["mn", "mtext", "msqrt", "mroot", "msub", "msup", "msubsup", "munder", "munderover", "mstyle"];

/// The linked page gets no referrer, no access to this window, and no search ranking.
const REL: &str = "noopener noreferrer nofollow";

static CLEANER: LazyLock<Builder<'static>> = LazyLock::new(|| {
    let mut attributes: HashMap<&str, HashSet<&str>> =
        ATTRIBUTES.iter().map(|&(tag, names)| (tag, names.iter().copied().collect())).collect();
    for tag in STYLED {
        attributes.insert(tag, HashSet::from(["displaystyle", "scriptlevel"]));
    }
    let tags: HashSet<&str> = HTML.into_iter().chain(MATHML).chain(["munderover"]).collect();
    let mut builder = Builder::empty();
    builder
        .tags(tags)
        .clean_content_tags(HashSet::from(["script", "style"]))
        .tag_attributes(attributes)
        .tag_attribute_values(HashMap::new())
        .generic_attributes(HashSet::new())
        .url_schemes(HashSet::from(["http", "https", "mailto"]))
        .url_relative(UrlRelative::Deny)
        .link_rel(Some(REL))
        .set_tag_attribute_value("a", "target", "_blank")
        .attribute_filter(filter_attribute)
        .strip_comments(true);
    builder
});

/// Drops values that neither the HTML writer nor the formula converter produces.
fn filter_attribute<'v>(_element: &str, attribute: &str, value: &'v str) -> Option<Cow<'v, str>> {
    let is_allowed = match attribute {
        _ if value.len() > MAX_VALUE_BYTES => false,
        "class" => value.split(' ').all(is_known_class),
        "tabindex" => value == "0",
        "role" => value == "group",
        "scope" => value == "col",
        "type" => value == "checkbox",
        "start" | "value" => value.len() <= 9 && value.bytes().all(|b| b.is_ascii_digit()),
        "display" => matches!(value, "block" | "inline"),
        "rel" => value == REL,
        "target" => value == "_blank",
        "href" | "aria-label" | "disabled" | "checked" => true,
        // What is left are MathML's lengths, numbers and words. No length of a formula reaches across the page.
        "width" | "height" | "depth" | "linethickness" | "minsize" | "maxsize" => is_short_length(value),
        _ => value.len() <= 20 && value.bytes().all(|b| b.is_ascii_alphanumeric()),
    };
    is_allowed.then_some(Cow::Borrowed(value))
}

/// Longest value of an attribute, in bytes: the longest address with each `&` escaped fits.
const MAX_VALUE_BYTES: usize = 4 * 1_024;

/// Longest text without a tag, in bytes. For each character that the serialiser escapes, it searches the rest of the text
/// again, so a long text that consists of `&` would cost the square of its length.
const MAX_TEXT_BYTES: usize = 1_024;

fn is_known_class(class: &str) -> bool {
    const EXACT: [&str; 13] = [
        "code",
        "code-bar",
        "code-lang",
        "table-wrap",
        "formula",
        "formula-inline",
        "parenthesised",
        "wide-numbers",
        "task",
        "align-right",
        "align-center",
        "small",
        "mop-negated",
    ];
    EXACT.contains(&class) || ["s-", "language-", "menv-", "cell-"].iter().any(|start| class.starts_with(start))
}

/// At most 8 em, or what comes to about that, and hardly backwards: no space of a formula paints over what stands beside it.
fn is_short_length(value: &str) -> bool {
    let number = value.trim_end_matches(|c: char| c.is_ascii_alphabetic() || c == '%');
    let limit = match &value[number.len()..] {
        "em" => 8.0,
        "ex" => 16.0,
        "" => 10.0,
        _ => 120.0,
    };
    number.parse::<f32>().is_ok_and(|number| (-limit / 8.0..=limit).contains(&number))
}

/// Cleans the HTML of one block. The time is linear in its length.
pub(super) fn clean(html: &str) -> String {
    let mut html = CLEANER.clean(&break_long_texts(html)).to_string();
    if html.contains(turns_direction) {
        html.retain(|c| !turns_direction(c));
    }
    html
}

/// Breaks long texts with empty comments, which the cleaner drops.
fn break_long_texts(html: &str) -> Cow<'_, str> {
    if html.len() <= MAX_TEXT_BYTES {
        return Cow::Borrowed(html);
    }
    let bytes = html.as_bytes();
    let mut broken = String::with_capacity(html.len() + html.len() / 64);
    let (mut from, mut last, mut in_tag) = (0, 0, false);
    for (at, &byte) in bytes.iter().enumerate() {
        match byte {
            b'<' => {
                in_tag = bytes.get(at + 1).is_some_and(|b| b.is_ascii_alphabetic() || matches!(b, b'/' | b'!' | b'?'));
            }
            b'>' => (in_tag, last) = (false, at),
            // Not within an entity, nor within a character.
            b'&' | 0xc2..=0xf4 if !in_tag && at - last >= MAX_TEXT_BYTES => {
                broken.push_str(&html[from..at]);
                broken.push_str("<!---->");
                (from, last) = (at, at);
            }
            _ => {}
        }
    }
    broken.push_str(&html[from..]);
    Cow::Owned(broken)
}

/// The invisible characters that turn the direction of writing: they make a text or an address read as another.
pub(super) fn turns_direction(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_of_characters_to_escape_is_broken_wherever_it_stands() {
        for html in ["&".repeat(8_000), format!("< {}", "&".repeat(8_000)), format!("<p>{}</p>", "가·".repeat(2_000))]
        {
            let broken = break_long_texts(&html);
            let longest = broken.split("<!---->").map(str::len).max();
            assert!(longest < Some(MAX_TEXT_BYTES + 8), "{longest:?}");
            assert_eq!(clean(&html), CLEANER.clean(&html).to_string());
        }
        assert_eq!(clean(&format!("<a href=\"https://example.com/?{}\">x</a>", "&".repeat(9_000))).find("href"), None);
    }

    /// The writer never produces this markup; the sanitiser must remove it anyway.
    #[test]
    fn markup_that_changes_its_meaning_when_read_again_is_harmless() {
        for hostile in [
            "<math><mtext><table><mglyph><style><!--</style><img title=\"--&gt;&lt;img src=1 onerror=alert(1)&gt;\">",
            "<math><mtext><div><mglyph><style><!--</style><img src=1 onerror=alert(1)>",
            "<math><annotation-xml encoding=\"text/html\"><style><img src=1 onerror=alert(1)></style></annotation-xml></math>",
            "<math><mi href=\"javascript:alert(1)\" style=\"x:y\" onclick=\"x\">x</mi></math>",
            "<math><mrow><svg><script>alert(1)</script></svg></mrow></math>",
            "<svg></p><style><a title=\"</style><img src=1 onerror=alert(1)>\">",
            "<form><math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
            "<p class=\"s-k other\" id=\"x\" style=\"color:red\"><a href=\"data:text/html,x\" target=\"_top\">x</a><a href=\"/x\">y</a></p>",
            "<div role=\"dialog\" tabindex=\"5\" class=\"page-header\">x</div><input type=\"text\" value=\"x\" autofocus>",
            "<mo minsize=\"9999em\">x</mo><math><mspace width=\"99999em\" /><mo maxsize=\"1e9em\">(</mo></math>",
            "<noscript><p title=\"</noscript><img src=x onerror=alert(1)>\">",
            "<template><script>x</script></template>",
            "<plaintext>x",
            "<xmp><img src=x>",
        ] {
            let once = clean(hostile);
            assert_eq!(clean(&once), once, "{hostile}");
            for bad in [
                "<script",
                "<style",
                "<img",
                "<svg",
                "onerror=\"",
                " style=",
                "<form",
                "data:",
                "javascript",
                "id=",
                "other",
                "9999",
                "1e9",
                "dialog",
                "_top",
                "page-header",
                "autofocus",
            ] {
                let tags: String = once
                    .split('<')
                    .skip(1)
                    .filter_map(|tag| tag.split('>').next())
                    .map(|tag| format!("<{tag}>"))
                    .collect();
                assert!(!tags.contains(bad), "{bad} in {once}");
            }
        }
    }
}
