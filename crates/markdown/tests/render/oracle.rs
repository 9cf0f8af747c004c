//! Reads rendered HTML with a browser's tokeniser and says whether anything in it could act.
//!
//! The list of what is harmless is written down a second time here, so that a slip in the sanitiser's own list is found.

use html5ever::tendril::StrTendril;
use html5ever::tokenizer::{BufferQueue, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts};
use std::cell::RefCell;

const HARMLESS: &str = " a blockquote br code del div em h3 h4 h5 h6 hr input label li ol p pre span strong sub sup table tbody td th \
    thead tr ul math mfrac mi mn mo mover mpadded mphantom mprescripts mmultiscripts mroot mrow ms mspace msqrt mstyle msub msubsup msup \
    mtable mtd mtext mtr munder munderover ";
const ATTRIBUTES: &str = " aria-label checked class depth disabled display displaystyle height href largeop linethickness mathvariant maxsize \
    minsize movablelimits rel role scope scriptlevel start stretchy symmetric tabindex target type value width ";

#[derive(Default)]
struct Findings {
    wrong: RefCell<Vec<String>>,
    open: RefCell<Vec<String>>,
}

impl TokenSink for Findings {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        match token {
            Token::TagToken(tag) => self.tag(&tag),
            Token::CommentToken(text) => self.wrong.borrow_mut().push(format!("comment {text}")),
            Token::DoctypeToken(_) => self.wrong.borrow_mut().push("doctype".into()),
            _ => {}
        }
        TokenSinkResult::Continue
    }
}

impl Findings {
    fn tag(&self, tag: &Tag) {
        let name = tag.name.to_string();
        let mut wrong = self.wrong.borrow_mut();
        if !HARMLESS.contains(&format!(" {name} ")) {
            wrong.push(format!("element {name}"));
        }
        let void = matches!(&*name, "br" | "hr" | "input");
        match tag.kind {
            TagKind::StartTag if !void => self.open.borrow_mut().push(name.clone()),
            TagKind::StartTag => {}
            TagKind::EndTag => {
                if self.open.borrow_mut().pop().as_deref() != Some(&*name) {
                    wrong.push(format!("unbalanced {name}"));
                }
            }
        }
        for attribute in &tag.attrs {
            let (key, value) = (attribute.name.local.to_string(), attribute.value.to_string());
            if !ATTRIBUTES.contains(&format!(" {key} ")) {
                wrong.push(format!("attribute {key}"));
            }
            if key == "href" {
                let lower = value.to_ascii_lowercase();
                let web = ["http://", "https://", "mailto:"].iter().any(|scheme| lower.starts_with(scheme));
                if !web || value.contains(|c: char| c.is_control() || c == ' ') {
                    wrong.push(format!("address {value:?}"));
                }
            } else if value.contains(':') && key != "aria-label" {
                wrong.push(format!("{key}={value}"));
            }
        }
    }
}

/// Everything in `html` that should not be there; empty if it is harmless and every element is closed in order.
pub fn findings(html: &str) -> Vec<String> {
    let input = BufferQueue::default();
    input.push_back(StrTendril::from(html));
    let tokenizer = Tokenizer::new(Findings::default(), TokenizerOpts::default());
    let _ = tokenizer.feed(&input);
    tokenizer.end();
    let found = tokenizer.sink;
    let mut wrong = found.wrong.into_inner();
    wrong.extend(found.open.into_inner().into_iter().map(|name| format!("unclosed {name}")));
    wrong
}

#[test]
fn the_oracle_sees_what_is_wrong() {
    for bad in [
        "<script>x</script>",
        "<p onclick=x>y</p>",
        "<a href=\"javascript:x\">y</a>",
        "<p style=\"a:b\">x</p>",
        "<svg></svg>",
        "<!-- x -->",
        "<p>",
        "</p>",
        "<img src=x>",
        "<iframe></iframe>",
        "<a href=\" https://x\">y</a>",
        "<math><annotation-xml></annotation-xml></math>",
    ] {
        assert!(!findings(bad).is_empty(), "{bad}");
    }
    assert_eq!(findings("<p>글 <a href=\"https://example.com\" rel=\"nofollow\">a</a><br></p>"), Vec::<String>::new());
}
