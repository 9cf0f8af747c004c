//! Replies as servers send them, event by event.

use super::*;

fn read(events: &[&str]) -> Result<(String, End), Error> {
    let mut decoder = Decoder::new("asked", 7);
    let mut text = String::new();
    let mut apply = |news: DecodedEvent| {
        if news.withdrawn {
            text.clear();
        }
        text.push_str(&news.text);
    };
    for event in events {
        apply(decoder.read("message", event).map_err(|fault| fault.error)?);
    }
    let (rest, end) = decoder.end().map_err(|fault| fault.error)?;
    apply(rest);
    Ok((text, end))
}

fn delta(delta: &str) -> String {
    format!(r#"{{"choices":[{{"delta":{delta}}}]}}"#)
}

#[test]
fn deltas_of_every_shape_are_read() {
    for (said, text) in [
        (r#"{"content":"네"}"#, "네"),
        (r#"{"content":null,"role":"assistant"}"#, ""),
        (r#"{"reasoning_content":"음"}"#, ""),
        (r#"{"content":[{"type":"text","text":"네"},{"type":"thinking","thinking":[]},{"text":"요"}]}"#, "네요"),
        (r#"{"content":{"odd":1}}"#, ""),
        ("null", ""),
    ] {
        let answer = read(&[&delta(said), &delta(r#"{"content":"."}"#), "[DONE]"]).unwrap();
        assert_eq!(answer.0, format!("{text}."), "{said}");
    }
}

#[test]
fn only_the_first_choice_counts() {
    let both = r#"{"choices":[{"index":1,"delta":{"content":"둘"}},{"index":0,"delta":{"content":"하나"}}]}"#;
    let unnumbered = r#"{"choices":[{"delta":{"content":"하나"}},{"delta":{"content":"둘"}}]}"#;
    let other_ends = r#"{"choices":[{"index":1,"delta":{},"finish_reason":"length"}]}"#;
    let (text, end) = read(&[both, unnumbered, other_ends, "[DONE]"]).unwrap();
    assert_eq!((text.as_str(), end.finish), ("하나하나", Finish::Stop));
}

#[test]
fn any_word_may_end_an_answer() {
    for (word, finish) in [
        ("stop", Finish::Stop),
        ("STOP", Finish::Stop),
        ("length", Finish::Length),
        ("content_filter", Finish::ContentFilter),
        ("tool_calls", Finish::Other),
        ("그만", Finish::Other),
    ] {
        let last = format!(r#"{{"choices":[{{"delta":{{"content":"네"}},"finish_reason":"{word}"}}]}}"#);
        assert_eq!(read(&[&last]).unwrap().1.finish, finish);
    }
}

#[test]
fn usage_comes_from_where_it_is_said_and_is_estimated_otherwise() {
    let said = |prompt_tokens, completion_tokens| Usage { prompt_tokens, completion_tokens, ..Usage::default() };
    let text = delta(r#"{"content":"하늘은"}"#);
    let own = r#"{"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":9,"other":{}}}"#;
    assert_eq!(read(&[&text, own, "[DONE]"]).unwrap().1.usage, said(5, 9));
    let guess = Usage { estimated: true, ..said(7, 3) };
    for usage in ["null", "\"none\"", "{}", r#"{"prompt_tokens":0,"completion_tokens":0}"#, "{\"prompt_tokens\":-1}"] {
        let last = format!(r#"{{"choices":null,"usage":{usage}}}"#);
        assert_eq!(read(&[&text, &last, "[DONE]"]).unwrap().1.usage, guess, "{usage}");
    }
    let cached = r#"{"usage":{"prompt_tokens":5,"completion_tokens":9,"prompt_tokens_details":{"cached_tokens":4}}}"#;
    assert_eq!(read(&[&text, cached, "[DONE]"]).unwrap().1.usage, Usage { cached_tokens: 4, ..said(5, 9) });
    for odd in ["{}", "null", "7", r#"{"cached_tokens":-1}"#] {
        let odd = format!(r#"{{"usage":{{"prompt_tokens":5,"completion_tokens":9,"prompt_tokens_details":{odd}}}}}"#);
        assert_eq!(read(&[&text, &odd, "[DONE]"]).unwrap().1.usage, said(5, 9), "{odd}");
    }
    let half = r#"{"usage":{"prompt_tokens":5}}"#;
    assert_eq!(read(&[&text, half, "[DONE]"]).unwrap().1.usage, Usage { prompt_tokens: 5, ..guess });
}

#[test]
fn an_answer_without_text_is_no_answer() {
    let last = |word: &str| format!(r#"{{"choices":[{{"delta":{{}},"finish_reason":"{word}"}}]}}"#);
    assert_eq!(read(&[&last("stop")]), Err(Error::Broken));
    assert_eq!(read(&["[DONE]"]), Err(Error::Broken));
    assert_eq!(read(&[]), Err(Error::Broken));
    assert_eq!(read(&[&last("content_filter")]), Err(Error::ContentFilter));
    assert_eq!(read(&[&last("length")]), Err(Error::NoAnswer));
    for thought in [
        r#"{"content":"<think>음"}"#,
        r#"{"content":"음</think>"}"#,
        r#"{"content":"<|channel|>analysis<|message|>음"}"#,
        r#"{"reasoning_content":"음"}"#,
        r#"{"reasoning":"음","content":""}"#,
        r#"{"content":[{"type":"thinking","thinking":[{"type":"text","text":"음"}]}]}"#,
    ] {
        assert_eq!(read(&[&delta(thought), "[DONE]"]), Err(Error::NoAnswer), "{thought}");
        assert_eq!(read(&[&delta(thought), &last("length")]), Err(Error::NoAnswer), "{thought}");
    }
}

#[test]
fn thoughts_are_noticed_in_every_dress() {
    let thinks = |events: &[&str]| {
        let mut decoder = Decoder::new("asked", 7);
        for event in events {
            decoder.read("message", event).unwrap();
        }
        let _ = decoder.end();
        decoder.has_thought()
    };
    let text = delta(r#"{"content":"네"}"#);
    let usage = |usage: &str| format!(r#"{{"choices":[],"usage":{usage}}}"#);
    let counted =
        usage(r#"{"prompt_tokens":5,"completion_tokens":900,"completion_tokens_details":{"reasoning_tokens":880}}"#);
    let beside = usage(r#"{"prompt_tokens":5,"completion_tokens":9,"reasoning_tokens":880}"#);
    let none = usage(r#"{"prompt_tokens":5,"completion_tokens":9,"completion_tokens_details":{"reasoning_tokens":0}}"#);
    for thought in [
        &[&delta(r#"{"content":"<think>음</think>네"}"#), "[DONE]"][..],
        &[&delta(r#"{"reasoning_content":"음"}"#), &text, "[DONE]"],
        &[&delta(r#"{"reasoning":"음"}"#), &text, "[DONE]"],
        &[&text, &counted, "[DONE]"],
        &[&text, &beside, "[DONE]"],
        &[r#"{"choices":[{"message":{"content":"네","reasoning_content":"음"},"finish_reason":"stop"}]}"#],
        &[r#"{"choices":[{"message":{"content":""},"finish_reason":"length"}],"usage":{"completion_tokens":800}}"#],
    ] {
        assert!(thinks(thought), "{thought:?}");
    }
    for plain in [
        &[&text, &none, "[DONE]"][..],
        &[&text, "[DONE]"],
        &[r#"{"choices":[{"message":{"content":""},"finish_reason":"length"}],"usage":{"completion_tokens":1}}"#],
    ] {
        assert!(!thinks(plain), "{plain:?}");
    }
}

#[test]
fn a_refusal_is_the_answer() {
    let (text, end) = read(&[&delta(r#"{"refusal":"그건 도울 수 없어요."}"#), "[DONE]"]).unwrap();
    assert_eq!((text.as_str(), end.finish), ("그건 도울 수 없어요.", Finish::Refusal));
}

#[test]
fn nonsense_is_broken() {
    let deep = format!("{}{}", r#"{"x":"#.repeat(100_000), "[".repeat(100_000));
    let deep_error = format!(r#"{{"error":{}"#, "[".repeat(100_000));
    for nonsense in ["{", "네", "7", "[1]", r#"{"choices":7}"#, &deep, &deep_error] {
        let head: String = nonsense.chars().take(20).collect();
        assert_eq!(read(&[nonsense, "[DONE]"]), Err(Error::Broken), "{head}");
    }
    let long = delta(&format!(r#"{{"content":"{}"}}"#, "x".repeat(MAX_ANSWER_BYTES / 2)));
    assert!(read(&[&long, &long, "[DONE]"]).is_ok());
    assert_eq!(read(&[&long, &long, &delta(r#"{"content":"x"}"#)]), Err(Error::Broken));
}

#[test]
fn a_field_of_another_type_is_ignored() {
    let text = delta(r#"{"content":"네"}"#);
    for odd in [
        r#"{"choices":[{"finish_reason":0,"delta":{"content":"."}}]}"#,
        r#"{"choices":[{"finish_reason":{},"delta":{"content":"."}}]}"#,
        r#"{"choices":[{"index":"0","delta":{"content":"."}}]}"#,
        r#"{"choices":[{"index":0.0,"delta":{"content":"."}}]}"#,
        r#"{"choices":[{"index":null,"delta":{"content":".","role":7}}]}"#,
        r#"{"choices":[{"delta":{"content":".","content":"."}}]}"#,
        r#"{"choices":[{"delta":{"content":".","content":null}}]}"#,
        r#"{"choices":[{"delta":{"content":".","refusal":[]},"logprobs":NaN}]}"#,
        r#"{"choices":[{"delta":{"content":[".",{"type":"text","text":null},7]}}]}"#,
        r#"{"choices":{"delta":{"content":"."}}}"#,
        r#"{"model":7,"object":9,"created":"x","choices":[{"delta":{"content":"."}}],"usage":7}"#,
        r#"{"error":false,"choices":[null,3,{"index":0,"delta":{"content":"."}}]}"#,
        r#"{"choices":[{"delta":"."}]}"#,
    ] {
        let (said, end) = read(&[&text, odd, r#"{"choices":[{"delta":"","finish_reason":"stop"}]}"#]).unwrap();
        assert_eq!((said.as_str(), end.finish, end.model.as_str()), ("네.", Finish::Stop, "asked"), "{odd}");
    }
    for nothing in [
        r#"{"choices":[{"delta":""}]}"#,
        r#"{"choices":[{"delta":[]}]}"#,
        r#"{"choices":7}"#,
        r#"{"choices":[{"delta":{"content":true}}]}"#,
        r#"{"choices":[{"delta":{"content":{}}}],"x":-Infinity}"#,
        "[]",
        "[7]",
        "[[]]",
        "7",
        "true",
        "null",
        "NaN",
        "\"x\"",
        "ping",
        "OK",
    ] {
        assert_eq!(read(&[nothing, &text, nothing, "[DONE]"]).unwrap().0, "네", "{nothing}");
    }
    assert_eq!(read(&[&text, "{\"choices\":"]), Err(Error::Broken));
    let wrapped = r#"[{"error":{"message":"overloaded","code":503}}]"#;
    assert!(matches!(read(&[&text, wrapped]), Err(Error::Server { .. })));
    let usage = r#"{"usage":{"prompt_tokens":"5","completion_tokens":9.0,"total_tokens":[]}}"#;
    let usage = read(&[&text, usage, "[DONE]"]).unwrap().1.usage;
    assert_eq!((usage.prompt_tokens, usage.completion_tokens, usage.estimated), (5, 9, false));
}

#[test]
fn halves_of_characters_in_two_events_are_joined() {
    let read = |one: &str, two: &str| {
        let events = [one, two].map(|text| delta(&format!(r#"{{"content":"{text}"}}"#)));
        read(&[&events[0], &events[1], "[DONE]"]).unwrap().0
    };
    assert_eq!(read(r"가\ud83d", r"\ude00나"), "가😀나");
    assert_eq!(read(r"가\ud83d", "나"), "가\u{FFFD}나");
    assert_eq!(read("가", r"나\ud83d"), "가나\u{FFFD}");
}

#[test]
fn text_behind_a_finish_reason_takes_it_back() {
    let finish = |text: &str, word: &str| {
        format!(r#"{{"choices":[{{"delta":{{"content":"{text}"}},"finish_reason":{word}}}]}}"#)
    };
    let mut decoder = Decoder::new("asked", 7);
    for (event, progress) in [
        (finish("", "\"stop\""), ReplyProgress::MayFinish),
        (finish("하나", "\"null\""), ReplyProgress::Answering),
        (finish("둘", "\"stop\""), ReplyProgress::MayFinish),
        (finish("", "null"), ReplyProgress::MayFinish),
        (finish("셋", "null"), ReplyProgress::Answering),
        (finish("", "\"stop\""), ReplyProgress::Finished),
        (r#"{"choices":[],"usage":{}}"#.to_owned(), ReplyProgress::Finished),
        (finish("넷", "\"stop\""), ReplyProgress::MayFinish),
        ("[DONE]".to_owned(), ReplyProgress::Done),
    ] {
        decoder.read("message", &event).unwrap();
        assert_eq!(decoder.progress(), progress, "{event}");
    }
}

#[test]
fn harmless_events_are_passed_over() {
    let events = ["", " ", "null", "{}", r#"{"type":"ping"}"#, r#"{"error":null}"#, r#"{"error":{}}"#];
    let text = delta(r#"{"content":"네"}"#);
    assert_eq!(read(&[&events[..], &[text.as_str(), "[DONE]", "{"]].concat()).unwrap().0, "네");
}

#[test]
fn one_unreadable_event_between_others_is_ignored_and_a_second_is_not() {
    let (first, second) = (delta(r#"{"content":"가"}"#), delta(r#"{"content":"나"}"#));
    assert_eq!(read(&[&first, "{oops", &second, "[DONE]"]).unwrap().0, "가나");
    assert_eq!(read(&["{oops", &second, "[DONE]"]).unwrap().0, "나");
    assert_eq!(read(&["{oops", &second, "{oops", "[DONE]"]), Err(Error::Broken));
    assert_eq!(read(&["{oops", "[DONE]"]), Err(Error::Broken));
}

#[test]
fn a_delta_that_google_marks_as_a_thought_is_one() {
    let thought = delta(r#"{"content":"음","extra_content":{"google":{"thought":true}}}"#);
    let text = delta(r#"{"content":"가","extra_content":{"google":{"thought":false}}}"#);
    assert_eq!(read(&[&thought, &text, "[DONE]"]).unwrap().0, "가");
    assert_eq!(read(&[&thought, "[DONE]"]), Err(Error::NoAnswer));
}
