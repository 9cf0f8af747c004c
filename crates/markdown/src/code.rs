//! Colours for code: text to `<span class="s-…">`, without any style attribute.
//!
//! syntect names every token by a stack of TextMate scopes. Of those, eight kinds are kept (`static/css/code.css` says
//! how each looks): a fifth of the HTML that syntect's own class names would make, and nothing in it but fixed words.

use super::escape::escape_into;
use std::sync::LazyLock;
use syntect::parsing::{ParseState, Scope, ScopeStack, SyntaxReference, SyntaxSet};

/// Longest code that is coloured, in bytes.
const MAX_BYTES: usize = 20_000;
/// Most lines that are coloured.
const MAX_LINES: usize = 400;
/// Longest line, in bytes.
const MAX_LINE_BYTES: usize = 160;
/// Largest sum of the squares of the lines' lengths: the regular expressions of a syntax are tried at every place of a line
/// and may each read the rest of it. Code as a lesson shows it, a hundred lines of fifty characters, stays below.
const MAX_WORK: usize = 250_000;

/// Loaded at the first use: tens of milliseconds and some megabytes, which a class without code never pays.
static SYNTAXES: LazyLock<SyntaxSet> = LazyLock::new(SyntaxSet::load_defaults_newlines);

/// The CSS class of each scope; the first whose prefix matches the innermost scope wins. An empty class is plain text.
static KINDS: LazyLock<Vec<(Scope, &'static str)>> = LazyLock::new(|| {
    let kinds = [
        ("comment", "s-c"),
        ("string", "s-s"),
        ("constant.character.escape", "s-n"),
        ("constant", "s-n"),
        ("keyword.operator", ""),
        ("keyword", "s-k"),
        ("storage", "s-k"),
        ("entity.name.function", "s-f"),
        ("support.function", "s-f"),
        ("variable.function", "s-f"),
        ("entity.name.tag", "s-g"),
        ("entity.name", "s-t"),
        ("support.type.property-name", "s-a"),
        ("support", "s-t"),
        ("entity.other.attribute-name", "s-a"),
        ("meta.interpolation", ""),
        ("markup.heading", "s-k"),
        ("markup.inserted", "s-s"),
        ("markup.deleted", "s-g"),
    ];
    kinds.iter().filter_map(|&(scope, class)| Scope::new(scope).ok().map(|scope| (scope, class))).collect()
});

/// Names models give the languages students meet, and the name of the syntax that reads each.
const LANGUAGES: [(&str, &[&str]); 24] = [
    ("Python", &["python", "py", "python3"]),
    ("JavaScript", &["javascript", "js", "jsx", "typescript", "ts", "tsx", "node"]),
    ("JSON", &["json", "jsonc"]),
    ("HTML", &["html", "htm"]),
    ("CSS", &["css"]),
    ("XML", &["xml", "svg"]),
    ("C", &["c", "h"]),
    ("C++", &["cpp", "c++", "cc", "hpp", "arduino"]),
    ("C#", &["csharp", "cs", "c#"]),
    ("Java", &["java"]),
    ("Go", &["go", "golang"]),
    ("Rust", &["rust", "rs"]),
    ("Ruby", &["ruby", "rb"]),
    ("PHP", &["php"]),
    ("Lua", &["lua"]),
    ("R", &["r"]),
    ("SQL", &["sql", "sqlite", "mysql", "postgresql"]),
    ("Bourne Again Shell (bash)", &["bash", "sh", "shell", "zsh", "console"]),
    ("YAML", &["yaml", "yml"]),
    ("Markdown", &["markdown", "md"]),
    ("LaTeX", &["latex", "tex"]),
    ("Haskell", &["haskell", "hs"]),
    ("Scala", &["scala"]),
    ("Diff", &["diff", "patch"]),
];

/// The language a fence's info string names, as it may be shown and used in a class: at most 20 ASCII characters.
pub(super) fn language(info: &str) -> Option<String> {
    let word = info.trim_start_matches(['{', '.']).split([' ', '\t', ',', '{', '}', ':']).next()?;
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '#' | '.' | '_' | '-');
    (!word.is_empty() && word.len() <= 20 && word.chars().all(fits)).then(|| word.to_ascii_lowercase())
}

/// Colours `code`. `None` if the language is unknown or the code too long; then it should be shown plain.
pub(super) fn highlight(code: &str, language: &str) -> Option<String> {
    let name = LANGUAGES.iter().find(|(_, words)| words.contains(&language))?.0;
    let lengths = || code.lines().map(str::len);
    let long =
        code.len() > MAX_BYTES || lengths().count() > MAX_LINES || lengths().any(|length| length > MAX_LINE_BYTES);
    if long || lengths().map(|length| length * length).sum::<usize>() > MAX_WORK {
        return None;
    }
    colour(code, SYNTAXES.find_syntax_by_name(name)?)
}

fn colour(code: &str, syntax: &SyntaxReference) -> Option<String> {
    let mut state = ParseState::new(syntax);
    let mut stack = ScopeStack::new();
    let mut spans = Spans::default();
    for line in code.split_inclusive('\n') {
        let mut at = 0;
        for (next, change) in state.parse_line(line, &SYNTAXES).ok()? {
            spans.push(kind(&stack), line.get(at..next)?);
            at = next;
            stack.apply(&change).ok()?;
        }
        spans.push(kind(&stack), line.get(at..)?);
    }
    Some(spans.finish())
}

/// The class of the innermost scope that has one.
fn kind(stack: &ScopeStack) -> &'static str {
    let of = |scope: &Scope| KINDS.iter().find(|(prefix, _)| prefix.is_prefix_of(*scope)).map(|&(_, class)| class);
    stack.as_slice().iter().rev().find_map(of).unwrap_or_default()
}

/// HTML under construction; neighbours of one class share a span.
#[derive(Default)]
struct Spans {
    html: String,
    class: &'static str,
}

impl Spans {
    fn push(&mut self, class: &'static str, text: &str) {
        if text.is_empty() {
            return;
        }
        if class != self.class {
            self.close();
            if !class.is_empty() {
                self.html.push_str("<span class=\"");
                self.html.push_str(class);
                self.html.push_str("\">");
            }
            self.class = class;
        }
        escape_into(&mut self.html, text);
    }

    fn close(&mut self) {
        if !self.class.is_empty() {
            self.html.push_str("</span>");
        }
    }

    fn finish(mut self) -> String {
        self.close();
        self.html
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_in_the_list_has_a_syntax() {
        for (name, _) in LANGUAGES {
            assert!(SYNTAXES.find_syntax_by_name(name).is_some(), "{name}");
        }
    }

    #[test]
    fn code_is_coloured_by_kind_and_keeps_its_text() {
        let html = highlight("def f(x):  # 주석\n    return \"<b>\" + str(1)\n", "python").unwrap();
        for part in [">def</span>", ">f</span>", "\"s-c\"># 주석", ">return</span>", "&lt;b&gt;", "\"s-n\">1</span>"]
        {
            assert!(html.contains(part), "{part} in {html}");
        }
    }

    #[test]
    fn long_code_and_unknown_languages_stay_plain() {
        assert_eq!(highlight(&"x = 1\n".repeat(MAX_LINES + 1), "python"), None);
        assert_eq!(highlight(&"x".repeat(MAX_LINE_BYTES + 1), "python"), None);
        assert_eq!(highlight("x", "klingon"), None);
    }

    #[test]
    fn ordinary_code_is_within_the_bounds() {
        assert!(highlight(&"    total = total + price[i] * count[i]\n".repeat(150), "python").is_some());
        assert_eq!(highlight(&format!("{}\n", "a".repeat(150)).repeat(12), "csharp"), None);
    }

    #[test]
    fn a_language_name_is_one_short_harmless_word() {
        assert_eq!(language("Python title=\"a\""), Some("python".into()));
        assert_eq!(language("{.c++}"), Some("c++".into()));
        for bad in ["", " ", "\"><script>", "한국어", "aaaaaaaaaaaaaaaaaaaaa"] {
            assert_eq!(language(bad), None, "{bad:?}");
        }
    }
}
