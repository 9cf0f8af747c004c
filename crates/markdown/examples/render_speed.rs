//! What rendering costs: a typical answer, long answers arriving in pieces, hostile text, and the memory of the syntax set.
//!
//! `cargo run --release --example render_speed`

use markdown::{Renderer, render};
use std::hint::black_box;
use std::time::{Duration, Instant};

/// A third of an answer of about 1,000 tokens, as a model answers a question about the colour of the sky.
const PART: &str = "## 1. 빛의 산란(Scattering)이 뭘까요?\n\n**빛의 산란(Light Scattering)**은 빛이 공기 알갱이에 부딪혀 사방으로 흩어지는 현상이에요. \
햇빛은 *여러 색*이 섞인 빛이고, 색마다 파장이 달라요. 파장이 짧을수록 더 많이 흩어져요.\n\n- **빨간빛**: 파장이 길어요 (약 700 nm)\n- **파란빛**: 파장이 짧아요 (약 450 nm)\n  - 그래서 더 많이 흩어져요\n\n\
1. 햇빛이 공기에 들어와요.\n2. 파란빛이 사방으로 흩어져요.\n3. 어디를 보아도 파란빛이 눈에 들어와요.\n\n> 흩어지는 정도는 $\\frac{1}{\\lambda^4}$에 비례해요.\n\n";

fn main() {
    let answer = format!(
        "# 하늘은 왜 파랄까요?\n\n{}| 색 | 파장 |\n|---|--:|\n| 빨강 | 700 |\n| 파랑 | 450 |\n\n스스로 생각해 볼까요? `저녁노을`은 왜 붉을까요?\n",
        PART.repeat(3)
    );
    let code = "```python\ndef area(r: float) -> float:\n    \"\"\"원의 넓이\"\"\"\n    return 3.14 * r ** 2  # 파이\n\nprint(area(2))\n```\n";

    println!("idle: {} KiB resident", resident());
    black_box(render(&answer));
    println!("after one answer without code: {} KiB", resident());
    println!("answer of {} characters: {:?}", answer.chars().count(), median(200, || drop(black_box(render(&answer)))));
    let start = Instant::now();
    black_box(render(code));
    println!("first code block: {:?}, then {} KiB", start.elapsed(), resident());
    println!("code block, warm: {:?}", median(200, || drop(black_box(render(code)))));

    println!("\npieces of 40 bytes, refreshed after every 10 pieces (and after every piece):");
    for (name, unit) in [
        ("many blocks", answer.as_str()),
        ("one list", "- 항목 **하나**입니다. `코드`\n"),
        ("loose list", "- 항목 **하나**입니다. `코드`\n\n"),
        ("one fence", "x = 1 # 주석\n"),
    ] {
        let text = if name == "one fence" {
            format!("```python\n{}", unit.repeat((1 << 20) / unit.len()))
        } else {
            unit.repeat((1 << 20) / unit.len() + 1)
        };
        for kib in [64, 256, 1024] {
            let end = text.floor_char_boundary(kib * 1024);
            let text = &text[..end];
            println!("{name:12} {kib:5} KiB: {:>10.2?} ({:.2?})", stream(text, 10), stream(text, 1));
        }
    }
    print_hostile();
}

/// Text that asks a parser for the most work: a unit that is repeated.
const HOSTILE: [&str; 52] = [
    "> ",
    "[",
    "![",
    "](",
    "[a](",
    "*",
    "**a ",
    "*a_ ",
    "_a ",
    "a**b",
    "~~a ",
    "~",
    "` ",
    "``a`",
    "$",
    "$a ",
    "$$a ",
    "\\(",
    "\\(a ",
    "\\[a\n",
    "\\\\(a ",
    "\\begin{align}",
    "\\ce{",
    "<",
    "<a ",
    "|a",
    "| a |\n",
    "https://a.b/(",
    "https://a.b)",
    "a@b.",
    "1. ",
    "1. 2. ",
    "```md\n```a\n",
    "```md\n```\na\n",
    "```md\na\n\n```\na\n",
    "**a **가 ",
    "** a**",
    "****",
    "&",
    "&amp;",
    "\"<>&",
    "|a|\n|-|\nb\n",
    "|`a|b`",
    "https://a.b/가",
    "[a](http://b c",
    "\\text{$",
    "##가",
    "\\begin{a}\\end{",
    "(*´",
    "*^",
    "**/a",
    "*.",
];

/// Prints what hostile text of 16, 32 and 64 KiB costs, and how the last compares with the first: 4 is linear.
fn print_hostile() {
    println!("\nhostile text of 16, 32 and 64 KiB, whole and in pieces of 40 bytes with a refresh after each:");
    for unit in HOSTILE {
        let text = unit.repeat(64 * 1024 / unit.len());
        let parts = [16, 32, 64].map(|kib| &text[..text.floor_char_boundary(kib * 1024)]);
        let whole = parts.map(|part| median(3, || drop(black_box(render(part)))));
        let streamed = parts.map(|part| stream(part, 1));
        let ratio = |times: [Duration; 3]| times[2].as_secs_f64() / times[0].as_secs_f64();
        let name = format!("{unit:?}");
        println!("{name:18} {whole:>9.2?} x{:4.1} {streamed:>9.2?} x{:4.1}", ratio(whole), ratio(streamed));
    }
}

fn stream(text: &str, every: usize) -> Duration {
    let start = Instant::now();
    let mut renderer = Renderer::new();
    let (mut at, mut pieces) = (0, 0);
    while at < text.len() {
        let next = text.ceil_char_boundary(at + 40);
        renderer.push(&text[at..next]);
        at = next;
        pieces += 1;
        if pieces % every == 0 {
            black_box(renderer.refresh());
        }
    }
    renderer.finish();
    start.elapsed()
}

fn median(times: usize, mut work: impl FnMut()) -> Duration {
    let mut taken: Vec<Duration> = (0..times)
        .map(|_| {
            let start = Instant::now();
            work();
            start.elapsed()
        })
        .collect();
    taken.sort();
    taken[times / 2]
}

/// Resident memory in KiB, 0 where the system does not say.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or_default()
}
