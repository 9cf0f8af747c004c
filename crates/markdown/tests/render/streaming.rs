//! A text in pieces gives the blocks of the whole text.

use crate::sources;
use markdown::{Renderer, render};
use proptest::prelude::*;
use std::sync::Arc;

/// Pushes `text` in pieces of the given lengths (in characters, used over and over) and refreshes after each where told.
/// Checks on the way that finished blocks never change and that every change is reported.
fn stream(text: &str, lengths: &[(usize, bool)]) -> Vec<Arc<str>> {
    let mut renderer = Renderer::new();
    let mut shown: Vec<Arc<str>> = Vec::new();
    let mut rest = text;
    for &(length, refresh) in lengths.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let end = rest.char_indices().nth(length.max(1)).map_or(rest.len(), |(at, _)| at);
        renderer.push(&rest[..end]);
        rest = &rest[end..];
        if refresh {
            let changed = renderer.refresh();
            assert!(changed.start + 1 >= shown.len(), "only the last block may change: {changed:?} of {}", shown.len());
            follow(&mut shown, &renderer, changed);
        }
    }
    let changed = renderer.finish();
    assert!(changed.start + 1 >= shown.len(), "only the last block may change at the end");
    follow(&mut shown, &renderer, changed);
    assert_eq!(renderer.text(), text);
    shown
}

/// What a page does with a change.
fn follow(shown: &mut Vec<Arc<str>>, renderer: &Renderer, changed: std::ops::Range<usize>) {
    for index in changed {
        let html = Arc::clone(&renderer.blocks()[index]);
        if index == shown.len() { shown.push(html) } else { shown[index] = html }
    }
    assert_eq!(shown, renderer.blocks(), "a change was not reported");
}

fn pieces() -> impl Strategy<Value = Vec<(usize, bool)>> {
    prop_oneof![
        Just(vec![(1, true)]),
        prop::collection::vec((1..12_usize, any::<bool>()), 1..9),
        prop::collection::vec((1..400_usize, any::<bool>()), 1..5)
    ]
}

proptest! {
    #![proptest_config(crate::cases(1500))]

    #[test]
    fn any_text_in_any_pieces_gives_the_blocks_of_the_whole(text in sources::any_text(), lengths in pieces()) {
        prop_assert_eq!(stream(&text, &lengths), render(&text));
    }
}

#[test]
fn a_line_that_looks_like_a_rule_a_sum_or_a_fence_may_become_something_else() {
    for text in [
        "- \n\n- ---**굵게**\n",
        "- 가\n\n- - - 나\n",
        "* 가\n\n* ** 나\n",
        "1. 가\n\n2. --- 나\n",
        "```md\n글\n\n```\nx\n```\n글\n```\n```python**굵게**`코드`\n",
        "~~~md\n글\n\n~~~\nx\n~~~\n글\n~~~\n~~~python 방학\n",
        "+ 가\n\n+ 3×4를 계산해요\n",
        "+ 가\n\n+ 3x는 뭐예요\n",
        "+ 가\n\n+ 3years old\n",
        "+ 가\n\n + 3 □개\n",
        "+ 가\n\n+ 3.5 + 2y/4 = 7이에요\n",
        "+ 가\n\n+ 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 x\n",
        "+ 가\n\n\u{feff}+ 3x는\n",
        "- 가\n\n- --\ra\n",
        "- 가\n\n- --\u{2028}a\n",
        "- 가\n\n- --\u{2029}a\n",
        "* 가\n\n* **\u{feff}a\n",
        "1. 가\n\n\u{feff}2. 나\n",
        "3. 가\n\n12.\r3. 나\n",
    ] {
        assert_eq!(stream(text, &[(1, true)]), render(text), "{text}");
    }
}

#[test]
fn only_the_last_block_is_sent_again() {
    let mut renderer = Renderer::new();
    renderer.push("하나\n\n둘");
    assert_eq!(renderer.refresh(), 0..2);
    assert!(renderer.refresh().is_empty());
    renderer.push("째\n\n셋");
    assert_eq!(renderer.refresh(), 1..3);
    assert_eq!(renderer.finish(), 2..3);
    assert_eq!(renderer.blocks().concat(), "<p>하나</p><p>둘째</p><p>셋</p>");
}

#[test]
fn the_unfinished_end_never_shows_raw_signs() {
    let answer = "**중요한 점**은 `코드`와 [링크](https://example.com)예요.\n\n| 가 | 나 |\n|---|---|\n| 1 | 2 |\n\n$$\n\\frac{1}{2}\n$$\n";
    let mut renderer = Renderer::new();
    for c in answer.chars() {
        renderer.push(&c.to_string());
        renderer.refresh();
        let last = renderer.blocks().last().map_or("", |block| &**block);
        for raw in ["**", "](", "`", "|", "$", "\\frac"] {
            assert!(!last.contains(raw), "{raw} in {last} after {:?}", renderer.text());
        }
    }
}

#[test]
fn a_very_long_block_arrives_in_small_pieces() {
    for line in ["- 항목 하나입니다\n", "끝없는 문단 **굵게** ", "```\n코드 한 줄\n", "> 인용\n", "| a | b |\n"]
    {
        let text = line.repeat(80_000 / line.len());
        let lengths = [(13, true)];
        assert_eq!(stream(&text, &lengths), render(&text));
    }
}

#[test]
fn a_price_is_shown_as_soon_as_its_first_digit_has_come() {
    for text in [
        "값은 $3이고, 파이썬에서는 f-문자열 {name}을 a_b로 써요.",
        "사과는 $5, 배는 $10^이에요.",
        "$3.50짜리 \\n을 봐요",
    ] {
        let mut renderer = Renderer::new();
        let mut longest = String::new();
        for c in text.chars() {
            renderer.push(c.encode_utf8(&mut [0; 4]));
            renderer.refresh();
            let shown = renderer.blocks().concat();
            let digit = renderer.text().find('$').is_some_and(|at| renderer.text().len() > at + 1);
            assert!(!digit || shown.contains("$3") || shown.contains("$5"), "{shown} after {}", renderer.text());
            assert!(shown.len() + 12 >= longest.len(), "{shown} after {longest}");
            longest = shown;
        }
    }
}

#[test]
fn code_and_lists_that_look_like_huge_tables_or_deep_quotes_are_not_cut() {
    let bars = "|".repeat(120);
    let lines = "줄\n".repeat(50);
    let rows = format!("{}|\n", "| a ".repeat(100)).repeat(60);
    let dashes = format!("{}|\n", "|---".repeat(100));
    for text in [
        format!("```text\n막대그래프\n{bars}\n{lines}\n# 뒤\n- 항목\n```\n\n끝이에요.\n"),
        format!("~~~\n{bars}\n\n{lines}\n- 항목\n\n{lines}~~~\n\n끝이에요.\n"),
        format!("그래프:\n\n```\n{rows}\n# 뒤\n```\n\n끝이에요.\n"),
        format!("```md\n{bars}\n{dashes}{rows}\n# 뒤\n\n- 항목\n```\n\n끝이에요.\n"),
        format!("```\n{}\n\n# 뒤\n\n- 항목\n```\n\n끝이에요.\n", ">".repeat(80)),
        format!("- 가\n\n  {bars}\n{}\n끝이에요.\n", "\n  문단\n".repeat(30)),
        format!("1. 가\n\n   ```\n   {}\n\n   뒤\n   ```\n\n   문단\n\n끝이에요.\n", ">".repeat(80)),
        format!("{bars}\n{lines}\n\n끝이에요.\n"),
    ] {
        let whole = render(&text);
        let html = whole.concat();
        assert!(html.ends_with("<p>끝이에요.</p>") && !html.contains("<h3>"), "{text}\n{html}");
        assert_eq!(html.matches("<ul>").count(), usize::from(text.starts_with('-')), "{text}\n{html}");
        assert_eq!(stream(&text, &[(7, true)]), whole, "{text}");
    }
    let text = format!("```text\n막대그래프\n{bars}\n{lines}\n# 뒤\n- 항목\n```\n\n끝이에요.\n");
    assert_eq!(render(&text).len(), 2);
}

#[test]
fn a_table_of_too_many_cells_is_shown_as_it_was_written() {
    let table = |columns: usize, rows: usize| {
        let row = |cell: &str| format!("{}|\n", format!("|{cell}").repeat(columns));
        format!("{}{}{}", row("가"), row("-"), "|나\n".repeat(rows))
    };
    assert!(render(&table(100, 45)).concat().contains("<table>"));
    for text in
        [table(100, 60), format!("> {}", table(100, 60).replace('\n', "\n> ")), format!("|가\n|-\n{}", table(2000, 5))]
    {
        let html = render(&text).concat();
        assert!(!html.contains("<table>") && html.contains("|나"), "{text}");
    }
}
