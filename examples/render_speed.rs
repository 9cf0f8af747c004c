//! What rendering costs: a typical answer, long answers arriving in pieces, hostile texts, and the memory of the syntax set.
//!
//! `cargo run --release --example render_speed`

use llm_classroom::render::{Renderer, markdown};
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
    black_box(markdown(&answer));
    println!("after one answer without code: {} KiB", resident());
    println!(
        "answer of {} characters: {:?}",
        answer.chars().count(),
        median(200, || drop(black_box(markdown(&answer))))
    );
    let start = Instant::now();
    black_box(markdown(code));
    println!("first code block: {:?}, then {} KiB", start.elapsed(), resident());
    println!("code block, warm: {:?}", median(200, || drop(black_box(markdown(code)))));

    println!("\npieces of 40 bytes, refreshed after every 10 pieces (and after every piece):");
    for (name, unit) in [
        ("many blocks", answer.as_str()),
        ("one list", "- 항목 **하나**입니다. `코드`\n"),
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
    hostile();
}

/// Texts that make a Markdown reader slow, each repeated up to the length.
const HOSTILE: [&str; 34] = [
    "*",
    "**a",
    "*a ",
    "_a ",
    "__a ",
    "~~a ",
    "~",
    "[",
    "[a](",
    "![",
    "](",
    "`",
    "``a`",
    "$",
    "$a ",
    "$$",
    "\\(",
    "\\[ a ",
    "\\\\(",
    "\\ce{",
    "\\begin{align}",
    "<",
    "<a ",
    "&",
    "&#",
    "|",
    "|a",
    "> ",
    "- ",
    "1. ",
    "1. 2. ",
    "https://a",
    "http://a.",
    "한글**가 ",
];
/// Likewise, line by line.
const HOSTILE_LINES: [&str; 14] = [
    "> > > a\n",
    "- - - a\n",
    "1. a\n",
    "   - a\n\n",
    "```a\n",
    "~~~a\n",
    "|a|\n",
    "|-|\n",
    "$$\n",
    "[a]: b\n",
    "<div>\n",
    "# a\n",
    "```md\n",
    "\\begin{align}\n",
];

/// Prints the slowest hostile texts, whole and arriving in pieces: with twice the length they take about twice as long.
fn hostile() {
    println!("\nslowest hostile texts at 16, 32 and 64 KiB, and 64 to 32:");
    let of = |unit: &str, kib: usize| {
        let text = unit.repeat(kib * 1024 / unit.len() + 1);
        text[..text.floor_char_boundary(kib * 1024)].to_owned()
    };
    for (name, render) in [("whole", whole as fn(&str) -> Duration), ("streamed", |text| stream(text, 10))] {
        let mut taken: Vec<(f64, [Duration; 3], &str)> = Vec::new();
        for unit in HOSTILE.into_iter().chain(HOSTILE_LINES) {
            let times = [16, 32, 64].map(|kib| {
                let text = of(unit, kib);
                (0..3).map(|_| render(&text)).min().unwrap_or_default()
            });
            taken.push((times[2].as_secs_f64() / times[1].as_secs_f64(), times, unit));
        }
        taken.sort_by_key(|(_, times, _)| std::cmp::Reverse(times[2]));
        for (ratio, times, unit) in &taken[..6] {
            println!("{name:9} {unit:20?} {times:>9.2?} {ratio:.1}");
        }
    }
}

fn whole(text: &str) -> Duration {
    let start = Instant::now();
    black_box(markdown(text));
    start.elapsed()
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
