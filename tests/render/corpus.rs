//! Short Korean answers, and the dialect's examples, as a reader sees them.

use html5ever::{
    tendril::StrTendril,
    tokenizer::{BufferQueue, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts},
};
use llm_classroom::render::{Renderer, markdown};
use std::cell::RefCell;

const CORPUS: &str = include_str!("corpus.txt");
const DIALECT: [&str; 2] = [include_str!("../../docs/markdown.md"), include_str!("../../docs/ko/markdown.md")];

/// What a reader sees of some HTML, in the notation of the corpus.
#[derive(Default)]
struct Seen(RefCell<State>);

#[derive(Default)]
struct State {
    text: String,
    /// The number of the next item of each open list, none where it has no numbers.
    lists: Vec<Option<usize>>,
    /// In code, a line end is one.
    pre: bool,
}

impl State {
    /// What follows begins on a line of its own.
    fn line(&mut self) {
        let ended = self.text.trim_end_matches(' ').len();
        self.text.truncate(ended + usize::from(self.text.ends_with(" / ")));
        if ended > 0 && !self.text.ends_with(" / ") && !self.text.ends_with("[c:") {
            self.text.push_str(" / ");
        }
    }

    fn tag(&mut self, tag: &Tag) {
        let attribute = |name: &str| tag.attrs.iter().find(|attribute| &*attribute.name.local == name);
        let number = |name: &str| attribute(name).and_then(|attribute| attribute.value.parse::<usize>().ok());
        let opens = tag.kind == TagKind::StartTag;
        match (&*tag.name, opens) {
            ("strong", true) => self.text.push_str("[b:"),
            ("em", true) => self.text.push_str("[i:"),
            ("del", true) => self.text.push_str("[s:"),
            ("code", true) => self.text.push_str("[c:"),
            ("a", true) => self.text.push_str("[a:"),
            ("math", true) => self.text.push_str("[m:"),
            ("code", false) => {
                self.text.truncate(self.text.strip_suffix(" / ").unwrap_or(&self.text).len());
                self.text.push(']');
            }
            ("strong" | "em" | "del" | "a" | "math", false) => self.text.push(']'),
            ("ul", true) => self.lists.push(None),
            ("ol", true) => self.lists.push(Some(number("start").unwrap_or(1))),
            ("ul" | "ol", false) => drop(self.lists.pop()),
            ("li", true) => {
                self.line();
                let sign = match self.lists.last_mut() {
                    Some(Some(next)) => {
                        let number = number("value").unwrap_or(*next);
                        *next = number + 1;
                        format!("{number}. ")
                    }
                    _ => "• ".to_owned(),
                };
                self.text.push_str(&sign);
            }
            ("p" | "h3" | "h4" | "h5" | "h6" | "tr", true)
                if !self.text.ends_with(". ") && !self.text.ends_with("• ") =>
            {
                self.line();
            }
            ("div", true) => self.line(),
            ("br", true) => self.line(),
            ("hr", true) => {
                self.line();
                self.text.push_str("───");
            }
            ("td" | "th", true) if !self.text.is_empty() && !self.text.ends_with(" / ") => self.text.push_str(" | "),
            ("pre", _) => self.pre = opens,
            // The name of a code block's language stands in its bar.
            ("span", true) if attribute("class").is_some_and(|class| &*class.value == "code-lang") => {
                self.text.push('\u{1}');
            }
            ("div", false) if self.text.contains('\u{1}') => {
                let bar = self.text.find('\u{1}').unwrap_or(0);
                self.text.truncate(bar);
            }
            _ => {}
        }
    }
}

impl TokenSink for Seen {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        let mut state = self.0.borrow_mut();
        match token {
            Token::TagToken(tag) => state.tag(&tag),
            Token::CharacterTokens(text) if state.pre => state.text.push_str(&text.replace('\n', " / ")),
            Token::CharacterTokens(text) => {
                let is_item = state.text.ends_with("• ");
                state.text.push_str(if is_item { text.trim_start() } else { &text });
            }
            _ => {}
        }
        TokenSinkResult::Continue
    }
}

fn seen(html: &str) -> String {
    let input = BufferQueue::default();
    input.push_back(StrTendril::from(html));
    let tokenizer = Tokenizer::new(Seen::default(), TokenizerOpts::default());
    let _ = tokenizer.feed(&input);
    tokenizer.end();
    tokenizer.sink.0.into_inner().text.trim_end_matches(" / ").trim_end().to_owned()
}

/// `written ⇒ seen`, or what is seen as it is written.
fn example(line: &str) -> (String, String) {
    let read = |text: &str| {
        let text = text.replace("\\u{202e}", "\u{202e}").replace("\\u{2066}", "\u{2066}");
        text.replace("\\u{2069}", "\u{2069}")
    };
    let (written, seen) = line.split_once(" ⇒ ").unwrap_or((line, line));
    let is_same = written.len() == line.len();
    (lines(&read(written)), if is_same { seen.replace("\\n", " / ") } else { seen.to_owned() })
}

/// `\n` is a line end, but not in `\nosuch` or `\nu`.
fn lines(text: &str) -> String {
    text.replace("\\nosuch", "\u{1}").replace("\\n", "\n").replace('\u{1}', "\\nosuch")
}

fn check(line: &str) -> Result<(), String> {
    let (written, expected) = example(line);
    let html = markdown(&written).concat();
    let found = seen(&html);
    if found != expected.trim_end() {
        return Err(format!("{written:?}\n  expected {expected:?}\n  seen     {found:?}\n  {html}"));
    }
    let mut renderer = Renderer::new();
    for c in written.chars() {
        renderer.push(c.encode_utf8(&mut [0; 4]));
        renderer.refresh();
    }
    renderer.finish();
    let streamed = renderer.blocks().concat();
    if streamed == html { Ok(()) } else { Err(format!("{written:?} streamed is {streamed}")) }
}

#[test]
fn short_korean_answers_are_seen_as_they_are_meant() {
    let lines: Vec<&str> = CORPUS.lines().filter(|line| !line.is_empty() && !line.starts_with("%%")).collect();
    assert!(lines.len() >= 300, "{}", lines.len());
    let wrong: Vec<String> = lines.iter().filter_map(|line| check(line).err()).collect();
    assert!(wrong.is_empty(), "{} of {} are wrong:\n{}", wrong.len(), lines.len(), wrong.join("\n"));
}

#[test]
fn the_documented_examples_of_the_dialect_hold() {
    for document in DIALECT {
        let examples: Vec<&str> = document.lines().filter_map(|line| line.strip_prefix("    ")).collect();
        assert!(examples.len() >= 25, "{}", examples.len());
        let wrong: Vec<String> = examples.iter().filter_map(|line| check(line).err()).collect();
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}

/// What a page shows while the text has come so far.
fn shown_while(text: &str) -> String {
    let mut renderer = Renderer::new();
    renderer.push(text);
    renderer.refresh();
    seen(&renderer.blocks().concat())
}

#[test]
fn a_price_is_shown_from_its_first_character_on() {
    let text = "$3이고, 파이썬에서는 f-문자열 {name}으로 써요. 밑줄_도 있고 \\도 있어요.";
    for (at, c) in text.char_indices().skip(2) {
        let so_far = &text[..at + c.len_utf8()];
        assert!(shown_while(so_far).starts_with("$3이"), "{so_far:?}: {:?}", shown_while(so_far));
    }
}
