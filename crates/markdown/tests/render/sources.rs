//! Generators of Markdown: as models write it, torn apart, hostile, and plain noise.

use proptest::prelude::*;

/// Inline Markdown, mostly well-formed.
const INLINE: [&str; 69] = [
    "글",
    "한국어(Korean)",
    "text",
    " ",
    " ",
    "**굵게**",
    "**한국어(Korean)**는",
    "*기울임*",
    "`코드`",
    "``a`b``",
    "$x$는",
    "$\\frac{1}{2}$",
    "$5, $10",
    "$HOME",
    "\\(a+b\\)",
    "\\[c\\]",
    "$$y^2$$",
    "[링크](https://example.com)",
    "[나쁜](javascript:alert(1))",
    "![그림](https://example.com/a.png)",
    "https://example.com를",
    "<b>",
    "</b>",
    "<br>",
    "<sub>2</sub>",
    "<script>",
    "<!--",
    "-->",
    "<https://example.com>",
    "&amp;",
    "&#106;",
    "\\*",
    "~~지움~~",
    "**",
    "*",
    "_",
    "`",
    "``",
    "$",
    "$$",
    "\\[",
    "\\]",
    "\\(",
    "[",
    "](",
    ")",
    "](https://",
    "!",
    "|",
    "\\",
    "\\|",
    "a_b_c",
    "2*3*4",
    "😀",
    "\u{301}",
    "[a][b]",
    "[a]: /url",
    "<img src=x onerror=alert(1)>",
    "%",
    "{",
    "}",
    ".",
    "+ 3",
    "×",
    "x",
    "--",
    "\r",
    "\u{2028}",
    "\u{feff}",
];

/// How lines begin.
const PREFIX: [&str; 42] = [
    "",
    "",
    "",
    "",
    "",
    "- ",
    "- ",
    "* ",
    "+ ",
    "1. ",
    "2. ",
    "10) ",
    "# ",
    "### ",
    "> ",
    ">",
    "> - ",
    "- > ",
    "  ",
    "   ",
    "    ",
    "      ",
    "\t",
    "- [ ] ",
    "- [x] ",
    "| ",
    "|---|---|",
    "---",
    "***",
    "===",
    "```",
    "```python",
    "```md",
    "~~~",
    "  ```",
    "    ```",
    "$$",
    "<div>",
    "[ref]: ",
    "+ 3",
    "\r",
    "\u{feff}",
];

const ENDS: [&str; 8] = ["\n", "\n", "\n", "\n\n", "\n\n", "\n\n\n", "\r\n", "\n \n"];

/// Blocks a model would write, each followed by a blank line.
const BLOCKS: [&str; 24] = [
    "# 제목\n",
    "## 1. **소제목**\n본문이 바로 온다.\n",
    "하늘은 **파랗게** 보여요. *왜* 그럴까요?\n",
    "- 하나\n- 둘\n  - 둘의 하나\n  - 둘의 둘\n- 셋\n",
    "1. 하나\n\n   이어진 글\n\n2. 둘\n",
    "1. 코드\n   ```python\n   x = 1\n\n   y = 2\n   ```\n2. 둘\n",
    "> 인용\n> 이어서\n게으른 줄\n",
    "> - 목록\n>   - 안쪽\n",
    "| 이름 | 값 |\n|---|--:|\n| 가 | $x$ |\n| 나 | `b` |\n",
    "```python\ndef f():\n\n    return 1\n```\n",
    "~~~\n# 제목 아님\n\n```\n~~~\n",
    "$$\nx = 1\n- 2\n$$\n",
    "\\[\n\\frac{a}{b}\n+ c\n\\]\n",
    "---\n",
    "***\n",
    "제목\n===\n",
    "제목\n---\n",
    "    들여쓴 코드\n\n    계속\n",
    "- [ ] 할 일\n- [x] 한 일\n",
    "<div>\n글\n</div>\n",
    "[1]: https://example.com\n",
    "```math\nx^2\n```\n",
    "```md\n글\n\n```\nx\n```\n글\n```\n",
    "```markdown\n# 제목\n```\n",
];

fn pick(from: &'static [&'static str]) -> impl Strategy<Value = &'static str> {
    prop::sample::select(from)
}

/// Whole blocks, as a model writes them.
pub fn answer() -> impl Strategy<Value = String> {
    prop::collection::vec((pick(&BLOCKS), prop::bool::weighted(0.85)), 0..12).prop_map(|blocks| {
        blocks.into_iter().map(|(block, gap)| format!("{block}{}", if gap { "\n" } else { "" })).collect()
    })
}

/// Lines of any beginning with any content.
pub fn lines() -> impl Strategy<Value = String> {
    let line = (pick(&PREFIX), pick(&PREFIX), prop::collection::vec(pick(&INLINE), 0..6), pick(&ENDS))
        .prop_map(|(first, second, inline, end)| format!("{first}{second}{}{end}", inline.concat()));
    prop::collection::vec(line, 0..14).prop_map(|lines| lines.concat())
}

/// Arbitrary text, weighted towards characters that mean something.
pub fn noise() -> impl Strategy<Value = String> {
    prop_oneof!["\\PC{0,60}", "[-#>*+_`~|$\\\\()\\[\\]!<>&;:a1가 \t\n\r]{0,120}", any::<String>()]
}

/// Any of them.
pub fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![2 => answer(), 3 => lines(), 2 => noise(), 1 => (answer(), lines(), noise()).prop_map(|(a, b, c)| format!("{a}{b}{c}"))]
}
