//! Nothing a model writes can act on a student's page.

use crate::{oracle, sources};
use markdown::{Renderer, render, to_plain_text};
use proptest::prelude::*;

/// Renders whole and in pieces, looks at every state on the way.
fn check(text: &str) {
    for block in render(text) {
        let wrong = oracle::findings(&block);
        assert!(wrong.is_empty(), "{wrong:?}\nin {block}\nof {text:?}");
    }
}

proptest! {
    #![proptest_config(crate::cases(2500))]

    #[test]
    fn no_text_becomes_active_content(text in sources::any_text()) {
        check(&text);
        to_plain_text(&text);
    }

    #[test]
    fn no_hostile_markup_survives(parts in prop::collection::vec((prop::sample::select(&WRAPPERS[..]), prop::sample::select(&HOSTILE[..])), 1..5)) {
        let text: String = parts.iter().map(|(wrapper, hostile)| wrapper.replace('@', hostile)).collect();
        check(&text);
    }

    #[test]
    fn no_formula_becomes_active_content(parts in prop::collection::vec(prop::sample::select(&LATEX[..]), 0..14), display in any::<bool>()) {
        let latex = parts.concat();
        check(&if display { format!("$$ {latex} $$") } else { format!("\\({latex}\\)") });
        check(&format!("```math\n{latex}\n```\n"));
    }
}

proptest! {
    #![proptest_config(crate::cases(400))]

    #[test]
    fn no_unfinished_text_becomes_active_content(text in sources::any_text()) {
        let mut renderer = Renderer::new();
        for c in text.chars() {
            renderer.push(c.encode_utf8(&mut [0; 4]));
            for index in renderer.refresh() {
                let wrong = oracle::findings(&renderer.blocks()[index]);
                prop_assert!(wrong.is_empty(), "{:?} of {:?}", wrong, renderer.text());
            }
        }
    }
}

const WRAPPERS: [&str; 22] = [
    "@",
    "@\n\n",
    "- @\n",
    "> @\n",
    "| a |\n|---|\n| @ |\n",
    "[x](@)",
    "[@](https://example.com)",
    "![@](@)",
    "<@>",
    "`@`",
    "**@**",
    "# @\n",
    "```@\nx\n```\n",
    "```html\n@\n```\n",
    "$@$",
    "$$@$$",
    "\\(\\text{@}\\)",
    "\\[@\\]",
    "    @\n",
    "[a]: @\n\n[a]",
    "[x](https://example.com/@)",
    "[x](https://example.com '@')",
];

const HOSTILE: [&str; 44] = [
    "<script>alert(1)</script>",
    "<ScRiPt src=//evil.example>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<iframe srcdoc=\"<script>x</script>\">",
    "<math><mtext><table><mglyph><style><!--</style><img title=\"--&gt;&lt;img src=1 onerror=alert(1)&gt;\">",
    "<math><annotation-xml encoding=\"text/html\"><script>x</script></annotation-xml></math>",
    "<math href=\"javascript:alert(1)\">x</math>",
    "<math><mi xlink:href=\"javascript:alert(1)\">x</mi></math>",
    "<form action=javascript:x><button>",
    "<object data=x>",
    "<embed src=x>",
    "<base href=//evil.example>",
    "<meta http-equiv=refresh content=0>",
    "<style>*{}</style>",
    "<link rel=stylesheet href=x>",
    "<a href=\"javascript:alert(1)\">x</a>",
    "<details open ontoggle=alert(1)>",
    "<noscript><p title=\"</noscript><img src=x onerror=alert(1)>\">",
    "<!--><img src=x onerror=alert(1)>",
    "<![CDATA[<script>]]>",
    "<?php x ?>",
    "<!DOCTYPE html>",
    "</p></div></body>",
    "<textarea>",
    "<plaintext>",
    "<xmp><script>",
    "<template><script>x</script></template>",
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "java\tscript:alert(1)",
    "java&#10;script:alert(1)",
    "&#106;avascript:alert(1)",
    "javascript&colon;alert(1)",
    "\u{1}javascript:alert(1)",
    "data:text/html;base64,PHNjcmlwdD4=",
    "vbscript:x",
    "//evil.example",
    "https://example.com/\" onclick=\"x",
    "\" onmouseover=\"alert(1)",
    "' autofocus onfocus='x",
    "\u{e000}0\u{e001}\u{e002}script\u{e002}",
    "\0<script\0>",
];

const LATEX: [&str; 56] = [
    "x",
    "^",
    "_",
    "{",
    "}",
    "&",
    "\\\\",
    "\\frac",
    "\\sqrt",
    "[",
    "]",
    "\\left(",
    "\\right)",
    "\\begin{matrix}",
    "\\end{matrix}",
    "\\begin{cases}",
    "\\end{cases}",
    "\\begin{aligned}",
    "\\end{aligned}",
    "\\begin{array}{c|c}",
    "\\end{array}",
    "\\hline",
    "\\text{",
    "\\text{<img src=x onerror=alert(1)>}",
    "\\href{javascript:alert(1)}{x}",
    "\\url{javascript:x}",
    "\\color{red}",
    "\\colorbox{red}{x}",
    "\\mathbb{R}",
    "<",
    ">",
    "\"",
    "'",
    "&lt;",
    "</math><script>alert(1)</script>",
    "</mtext>",
    "<!--",
    "\\#",
    "\\%",
    "\\$",
    "%",
    "#1",
    "~",
    "\\char`\\<",
    "\\unicode{60}",
    "\\symbol{60}",
    "\\kern-999em",
    "\\hspace{9999em}",
    "\\rule{99em}{99em}",
    "\\sum\\limits",
    "\\not",
    "\\middle|",
    "\\operatorname{<b>}",
    "가",
    "\\u003c",
    "\\mathrm{<script>}",
];

#[test]
fn absurd_nesting_and_length_are_survived() {
    for (piece, end) in [
        (">", "x"),
        ("> ", "x"),
        ("[", ""),
        ("![", "](x)"),
        ("- ", "x"),
        ("1. ", "x"),
        ("*", "x"),
        ("**a ", ""),
        ("_a ", ""),
        ("`", ""),
        ("` ", ""),
        ("``a`", ""),
        ("$", ""),
        ("$a ", ""),
        ("$$", ""),
        ("\\(", ""),
        ("\\[", ""),
        ("\\[a ", ""),
        ("(", ""),
        ("](", ""),
        ("[a](", ""),
        ("<", ""),
        ("<a ", ""),
        ("<!--", ""),
        ("&", ""),
        ("\\", ""),
        ("|", ""),
        ("|a", "\n|-"),
        ("~~a ", ""),
        ("#", ""),
        ("\n>", ""),
        ("- a\n", ""),
        ("\t", "x"),
        ("a@b.", ""),
        ("www.", ""),
        ("https://", ""),
        ("[a]: b\n", ""),
        ("```\n", ""),
        ("<sub>", ""),
        ("a\n-", ""),
        ("*a_ ", ""),
        ("[a](<", ""),
        ("\u{301}", ""),
        ("가", ""),
        ("\r", ""),
        ("\n", ""),
        ("[x](y \"", ""),
        ("a**b**", ""),
        ("```md\n```\na\n", ""),
        ("```md\na\n\n```\na\n", ""),
    ] {
        let text = format!("{}{end}", piece.repeat(100_000 / piece.len()));
        check(&text);
        to_plain_text(&text);
        let mut renderer = Renderer::new();
        renderer.push(&text);
        renderer.refresh();
    }
}

#[test]
fn deep_indentation_is_survived() {
    let list: String = (0..300).map(|depth| format!("{}- x\n", "  ".repeat(depth))).collect();
    check(&list);
    check(&format!("{}\n{}", "- ".repeat(90), "\n".repeat(20_000)));
    check(&format!("|{}\n|{}\n{}", "a|".repeat(3_000), "-|".repeat(3_000), "|\n".repeat(15_000)));
}

#[test]
fn a_hostile_address_leaves_only_its_text() {
    for address in HOSTILE.iter().filter(|hostile| hostile.contains("script:") || hostile.contains("data:")) {
        let html = render(&format!("[누르세요](<{address}>)")).concat();
        assert!(!html.contains("<a "), "{html}");
        assert!(html.contains("누르세요"), "{html}");
    }
}

/// Without the break-up of long texts this takes minutes.
#[test]
fn long_texts_of_characters_to_escape_are_sanitised_in_linear_time() {
    for piece in ["&", "< &", "&lt;", "·"] {
        let html = markdown::sanitise(&piece.repeat(400_000 / piece.len()));
        assert!(html.len() >= 400_000, "{piece}");
    }
}
