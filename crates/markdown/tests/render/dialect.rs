//! What the Markdown looks like as HTML.

use markdown::{render, to_plain_text};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

fn html(text: &str) -> String {
    render(text).concat()
}

#[test]
fn inline_markdown_is_rendered() {
    for (text, expected) in [
        ("**한국어(Korean)**는", "<p><strong>한국어(Korean)</strong>는</p>"),
        ("**\"따옴표\"**라고 *“말”*을", "<p><strong>\"따옴표\"</strong>라고 <em>“말”</em>을</p>"),
        ("~~지움~~ `a<b`", "<p><del>지움</del> <code>a&lt;b</code></p>"),
        ("첫 줄\n둘째 줄", "<p>첫 줄<br>둘째 줄</p>"),
        ("H<sub>2</sub>O<br>끝 <b>x</b>", "<p>H<sub>2</sub>O<br>끝 &lt;b&gt;x&lt;/b&gt;</p>"),
        ("<div>\n\n**글**", "<p>&lt;div&gt;</p><p><strong>글</strong></p>"),
        ("$5, $10이고 $HOME", "<p>$5, $10이고 $HOME</p>"),
        ("\\[주의\\]", "<p>[주의]</p>"),
        ("5 < 6 & 7", "<p>5 &lt; 6 &amp; 7</p>"),
        ("#", ""),
    ] {
        assert_eq!(html(text), expected, "{text:?}");
    }
}

#[test]
fn formulas_become_mathml_and_particles_stay_outside() {
    let x = "<math display=\"inline\"><mi>x</mi></math>";
    for (text, expected) in [
        ("$x$는", format!("<p>{x}는</p>")),
        ("\\(x\\)를", format!("<p>{x}를</p>")),
        ("**$x$**는 `$x$`", format!("<p><strong>{x}</strong>는 <code>$x$</code></p>")),
        ("| $x$ |\n|---|\n| $|x|$ |", String::new()),
        ("```math\nx\n```", String::new()),
        ("$$\nx\n- y\n$$", String::new()),
    ] {
        let html = html(text);
        assert!(html.contains("<math") && !html.contains("</math>$"), "{html}");
        if !expected.is_empty() {
            assert_eq!(html, expected);
        }
    }
    assert_eq!(html("$\\nosuch$"), "<p><code>$\\nosuch$</code></p>");
    assert_eq!(html("```sh\necho $a$b <x> $y$\n```"), html("```sh\necho $a$b <x> $y$\n```"));
    assert!(
        html("```text\n$y$ <br> [a]: b\n```").contains("<code class=\"language-text\">$y$ &lt;br&gt; [a]: b\n</code>")
    );
}

#[test]
fn a_tilde_between_numbers_of_a_formula_is_shown() {
    for text in ["$5%~10%$", "$3~5$쪽", "$10 ~ 20$도", "$-5~-2$", "$3\\text{cm}~5\\text{cm}$"] {
        assert!(html(text).contains('∼'), "{text}: {}", html(text));
    }
    assert!(!html("$a~b$").contains('∼'), "a space of TeX");
}

#[test]
fn headings_stay_below_those_of_the_page() {
    assert_eq!(html("# 가\n## 나\n##### 다\n"), "<h3>가</h3><h4>나</h4><h6>다</h6>");
}

#[test]
fn links_open_elsewhere_and_images_become_links() {
    let a = |url: &str, text: &str| {
        format!("<a href=\"{url}\" rel=\"noopener noreferrer nofollow\" target=\"_blank\">{text}</a>")
    };
    for (text, expected) in [
        ("[글](https://example.com)", a("https://example.com", "글")),
        ("![그림](https://example.com/a.png)", a("https://example.com/a.png", "그림")),
        ("![](https://example.com/a.png)", a("https://example.com/a.png", "https://example.com/a.png")),
        ("[![그림](https://a.example)](https://b.example)", a("https://b.example", "그림")),
        ("![그림](javascript:x)", "그림".into()),
        ("https://example.com를", format!("{}를", a("https://example.com", "https://example.com"))),
        ("[1]: https://example.com", format!("[1]: {}", a("https://example.com", "https://example.com"))),
        ("[글][1]", "[글][1]".into()),
    ] {
        assert_eq!(
            html(text).replace(
                "target=\"_blank\" rel=\"noopener noreferrer nofollow\"",
                "rel=\"noopener noreferrer nofollow\" target=\"_blank\""
            ),
            format!("<p>{expected}</p>"),
            "{text:?}"
        );
    }
}

#[test]
fn tables_scroll_in_a_named_box() {
    assert_eq!(
        html("| 이름 | 값 |\n|:--|--:|\n| 가 | 1 |"),
        "<div class=\"table-wrap\" tabindex=\"0\" role=\"group\" aria-label=\"이름, 값\"><table><thead><tr><th scope=\"col\">이름</th>\
         <th scope=\"col\" class=\"align-right\">값</th></tr></thead><tbody><tr><td>가</td><td class=\"align-right\">1</td></tr></tbody></table></div>"
    );
}

#[test]
fn lists_nest_and_tasks_are_labelled() {
    assert_eq!(html("- 가\n  1. 나\n- 다"), "<ul><li>가<ol><li>나</li></ol></li><li>다</li></ul>");
    assert_eq!(html("3. 가"), "<ol start=\"3\"><li>가</li></ol>");
    assert_eq!(
        html("- [x] 가"),
        "<ul><li class=\"task\"><label><input type=\"checkbox\" disabled=\"\" checked=\"\"> 가</label></li></ul>"
    );
}

#[test]
fn code_has_a_bar_and_colours() {
    assert_eq!(
        html("```python\nreturn 1\n```"),
        "<div class=\"code\"><div class=\"code-bar\"><span class=\"code-lang\">python</span></div><pre tabindex=\"0\"><code class=\"language-python\">\
         <span class=\"s-k\">return</span> <span class=\"s-n\">1</span>\n</code></pre></div>"
    );
    assert_eq!(
        html("```\n<b>\n```"),
        "<div class=\"code\"><div class=\"code-bar\"></div><pre tabindex=\"0\"><code>&lt;b&gt;\n</code></pre></div>"
    );
}

#[test]
fn text_without_markdown_reads_well() {
    let text = "# 제목\n**굵게** [글](https://example.com) $x^2$\n- 하나\n- 둘\n\n| 가 | 나 |\n|---|---|\n| 1 | 2 |\n";
    assert_eq!(to_plain_text(text), "제목\n굵게 글 x^2\n하나\n둘\n가, 나\n1, 2");
}

#[test]
fn long_texts_come_out_whole() {
    for (unit, shown) in [("&", "&amp;"), ("가 & 나 ", "가 &amp; 나 "), ("·", "·"), ("a&lt;", "a&lt;")] {
        assert_eq!(html(&unit.repeat(3_000)), format!("<p>{}</p>", shown.repeat(3_000).trim_end()));
        assert!(!html(&format!("| {} | b |\n|---|---|\n", unit.repeat(3_000))).contains("<!--"), "{unit}");
    }
}

/// Signs of Markdown and Hangul, without links (whose address is not shown).
const PIECES: [&str; 46] = [
    "가",
    "나",
    "다 ",
    "라",
    "마",
    "\n",
    "\n",
    "\n\n",
    " ",
    "    ",
    "*",
    "**",
    "***",
    "_",
    "__",
    "~",
    "~~",
    "~~~",
    "`",
    "``",
    "```",
    "|",
    "| ",
    "- ",
    "1. ",
    "2) ",
    "12. 3. ",
    "> ",
    "# ",
    "##",
    "[",
    "]",
    "(",
    ")",
    "https://a.b",
    "$",
    "$$",
    "\\(",
    "\\)",
    "\\ce{",
    "}",
    "%",
    "\\",
    "<",
    "&",
    "x^2",
];

proptest! {
    #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(7), ..crate::cases(2000) })]

    #[test]
    fn every_syllable_of_a_torn_text_is_shown(pieces in prop::collection::vec(prop::sample::select(&PIECES[..]), 1..40)) {
        let text = pieces.concat();
        let shown = html(&text);
        let shown: String = shown.split('<').map(|part| part.split_once('>').map_or(part, |(_, text)| text)).collect();
        for syllable in "가나다라마".chars() {
            let count = |text: &str| text.matches(syllable).count();
            prop_assert!(count(&shown) >= count(&text), "{syllable} of {text:?}: {shown}");
        }
    }
}

/// The text streamed one character at a time.
fn streamed(text: &str) -> String {
    let mut renderer = markdown::Renderer::new();
    for c in text.chars() {
        renderer.push(c.encode_utf8(&mut [0; 4]));
        renderer.refresh();
    }
    renderer.finish();
    renderer.blocks().concat()
}

#[test]
fn a_bare_fence_inside_a_markdown_block_opens_a_block_there() {
    for text in [
        "```markdown\n# 제목\n\n```\nprint(1)\n```\n\n끝\n```",
        "```markdown\n# 제목\n```\nprint(1)\n```\n끝\n```",
        "```md\n## 설치\n```\nnpm install\n```\n\n## 사용법\n```\nnpm start\n```\n```",
        "```markdown\n예시:\n```\n안녕하세요.\n```\n설명\n```",
        "```markdown\n```\ncode\n```\n글\n```",
        "```markdown\n가\n\n```\na\n\nb\n```\n\n나\n\n```python\nx = 1\n```\n\n```\n다\n```\n```",
        "~~~markdown\n가\n\n~~~\nx\n~~~\n\n나\n~~~",
        "- 항목\n\n  ```markdown\n  가\n\n  ```\n  x\n  ```\n\n  나\n  ```",
        "> ```markdown\n> 가\n>\n> ```\n> x\n> ```\n>\n> 나\n> ```",
        "````markdown\n```\nx\n```\n````",
    ] {
        for (end, paragraphs) in [("", 0), ("\n\n뒤에 오는 글이에요.\n", 1)] {
            let text = format!("{text}{end}");
            let html = html(&text);
            assert_eq!(html.matches("<pre").count(), 1, "{text}\n{html}");
            assert_eq!(html.matches("<p>뒤에").count(), paragraphs, "{text}\n{html}");
            assert_eq!(streamed(&text), html, "{text}");
        }
    }
}

#[test]
fn a_bare_fence_closes_a_markdown_block_that_contains_no_other() {
    for (text, blocks) in [
        ("```markdown\n# 제목\n```\n\n이렇게 써요.", 1),
        ("```markdown\n# 제목\n```\n이렇게 써요.\n\n```\n다른 코드\n```\n\n끝이에요.", 2),
        ("```markdown\n# 제목\n```\n이렇게 쓰면 이래요:\n```\n제목\n```\n끝이에요.", 2),
        ("```markdown\n# 제목\n\n```\n이렇게 써요.", 1),
        ("```markdown\n# 제목\n\n```\n\n이렇게 써요.\n\n```\nx\n```", 2),
        ("```markdown\n# 제목\n```\n파이썬은\n```python\nx\n```\n끝이에요.", 2),
        ("```markdown\n가\n```\n글\n\n```markdown\n나\n```\n\n끝이에요.", 2),
        ("- 항목\n  ```markdown\n  가\n  ```\n- 둘\n  ```\n  나\n  ```\n\n끝이에요.", 2),
    ] {
        let html = html(text);
        assert_eq!(html.matches("<pre").count(), blocks, "{text}\n{html}");
        let end = text.rsplit('\n').next().unwrap_or_default();
        assert!(end == "```" || html.split("</pre>").last().is_some_and(|rest| rest.contains(end)), "{text}\n{html}");
        assert_eq!(streamed(text), html, "{text}");
    }
}

#[test]
fn a_bare_block_inside_markdown_is_shown_as_code_while_it_arrives() {
    let mut renderer = markdown::Renderer::new();
    for c in "```markdown\n글\n\n```\n# 주석\nx = 1\n".chars() {
        renderer.push(c.encode_utf8(&mut [0; 4]));
        renderer.refresh();
        let shown = renderer.blocks().concat();
        assert!(!shown.contains("<h3>") && shown.matches("<pre").count() <= 1, "{shown}");
    }
    assert!(renderer.blocks().concat().contains("x = 1\n</code>"), "{:?}", renderer.blocks());
}

#[test]
fn a_link_to_an_address_that_no_parser_accepts_is_text() {
    for address in
        ["https://example.com:99999/", "https://[::1", "http://a%00b.example", "https://1.2.3.256/a", "https://xn--a/"]
    {
        for text in [
            format!("[글]({address})"),
            address.to_owned(),
            format!("![글]({address})"),
            format!("![]({address})"),
            format!("<{address}>"),
        ] {
            let html = html(&text);
            assert!(!html.contains("<a>") && !html.contains("<a rel") && !html.contains("<a target"), "{text}\n{html}");
        }
    }
    assert_eq!(html("[글](https://example.com:99999/)"), "<p>글</p>");
}
