//! How long the coach takes for a note: `cargo run --release --example coach_speed`.

use std::{hint::black_box, time::Instant};

use coach::{CoachInput, PreviousExchange, feedback};
use domain::{Locale, Topic, topic::TopicError};

fn main() -> Result<(), TopicError> {
    let topic = Topic::parse("과학 탐구")?;
    let answer = "햇빛이 공기 알갱이에 부딪혀 흩어질 때 파란빛이 더 많이 흩어져요. ".repeat(40);
    let previous = PreviousExchange { question: "하늘은 왜 파래요?", answer: &answer };
    let long = |piece: &str| piece.chars().cycle().take(2_000).collect::<String>();
    let messages = [
        ("short", "하늘은 왜 파래요?".to_owned()),
        ("long", long("물이 얼면 부피가 커진다고 배웠는데, 그럼 얼음이 녹으면 물 높이는 왜 그대로인가요? ")),
        ("no spaces", long("왜하늘은그럼비교해서세가지만")),
        ("one letter", long("왜")),
        ("words", long("물 빛 별 달 왜 그 세 ")),
        ("marks", long("?!.,~…")),
        ("english", long("why does the sky look blue and how can I compare it with the sea? ")),
    ];
    for (name, message) in &messages {
        let asked = CoachInput { topic: &topic, message, previous: Some(previous), locale: Locale::Ko };
        let runs = if message.len() < 100 { 2_000 } else { 50 };
        black_box(feedback(&asked));
        let start = Instant::now();
        for _ in 0..runs {
            black_box(feedback(black_box(&asked)));
        }
        let each = start.elapsed() / runs;
        println!("{name:10} {:5} characters {each:>10.1?} a note", message.chars().count());
    }
    Ok(())
}
