//! Almost-JSON as models write it.

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn first(text: &str) -> Value {
    objects(text).into_iter().next().map_or(Value::Null, Value::Object)
}

#[test]
fn almost_json_is_read() {
    for (text, value) in [
        (r#"{"a": "b"}"#, json!({"a": "b"})),
        ("네, 여기 있어요.\n```json\n{\"a\": [1, 2,],}\n```\n도움이 됐나요?", json!({"a": [1, 2]})),
        ("{'a': None, b: True, “c”: “d”}", json!({"a": null, "b": true, "c": "d"})),
        ("{\"a\": \"두\n줄\", \"b\": true}", json!({"a": "두\n줄", "b": true})),
        ("{\"a\": \"하나\"\n\"b\": 2}", json!({"a": "하나", "b": 2})),
        (r#"{"a": "그는 "네" 하고 답했다", "b": 1.5}"#, json!({"a": "그는 \"네\" 하고 답했다", "b": 1.5})),
        (r#"{"a": "\u003c\ud83d\ude00\n\"", "b": "x"#, json!({"a": "<😀\n\""})),
        (r#"{"a": ["다 쓴 말", "쓰다 만"#, json!({"a": ["다 쓴 말"]})),
        (r#"{"a": {"b": {"c": 1"#, json!({"a": {"b": {"c": 1}}})),
    ] {
        assert_eq!(first(text), value, "{text}");
    }
}

#[test]
fn comments_and_formulas_are_read_as_meant() {
    for (text, value) in [
        (
            "{\"a\": \"가\", // 첫째\n \"b\": \"나\" /* 둘째 */, # 셋째\n \"c\": [1, // 하나\n 2] }",
            json!({"a": "가", "b": "나", "c": [1, 2]}),
        ),
        ("{// 처음\n\"a\": \"https://example.com\" // 끝\n}", json!({"a": "https://example.com"})),
        (r#"{"a": "\frac{1}{2} \times \sqrt{3}"}"#, json!({"a": r"\frac{1}{2} \times \sqrt{3}"})),
        (r#"{"a": "\\frac{1}{2}\n\(x\)",}"#, json!({"a": "\\frac{1}{2}\n\\(x\\)"})),
        ("{'a': 'b', 'c': True, 'd': None,}", json!({"a": "b", "c": true, "d": null})),
    ] {
        assert_eq!(first(text), value, "{text}");
    }
}

#[test]
fn json_in_a_string_is_found_behind_what_holds_it() {
    let inner = json!({"a": "가 \"나\"", "b": [1]});
    for text in [
        Value::String(inner.to_string()).to_string(),
        json!({"name": "note", "arguments": inner.to_string()}).to_string(),
        json!({"tool_calls": [{"function": {"name": "note", "arguments": inner.to_string()}}]}).to_string(),
        inner.to_string().replace('"', "&quot;").replace("\\&quot;", "\\\\&quot;").replace("\\\\&quot;", "\\&quot;"),
        inner.to_string().replace('\\', "\\\\").replace('"', "\\\""),
    ] {
        let last = objects(&text).pop().map_or(Value::Null, Value::Object);
        assert_eq!(last, inner, "{text}");
    }
}

#[test]
fn prose_is_no_object() {
    for text in ["", "안녕하세요", "{}", "{", "{ 그림 }", "[1, 2]"] {
        assert_eq!(first(text), Value::Null, "{text}");
    }
}

#[test]
fn quotes_before_what_looks_like_a_comment_are_read_in_linear_time() {
    // Quadratic, this takes minutes.
    let text = format!("{{{}", "\"/*".repeat(1 << 16));
    assert!(objects(&text).len() <= MAX_STARTS);
    assert!(objects(&"{\"/*".repeat(1 << 16)).len() <= MAX_STARTS);
}

#[test]
fn brackets_in_prose_do_not_hide_an_object() {
    let text = format!("{}{{\"a\": 1}}", "학생은 (초등학생이 아니라) 중학생이다. ".repeat(100));
    assert_eq!(first(&text), json!({"a": 1}));
}

#[test]
fn deep_nesting_is_cut_not_followed() {
    let text = "{\"a\":".repeat(100_000);
    assert!(objects(&text).len() <= MAX_STARTS);
    assert!(objects(&format!("{{\"a\":{}", "[".repeat(100_000))).len() <= 1);
}

proptest! {
    #[test]
    fn no_text_panics(text in "[{}\\[\\]\",:'\\\\u0-9a가😀\n ]{0,60}") {
        let _ = objects(&text).len();
    }

    #[test]
    fn what_strict_json_means_is_kept_in_prose(a in "\\PC{0,20}", b in prop::collection::vec("[가-힣 ,.?!]{0,9}", 0..4)) {
        let value = json!({"a": a, "b": b, "c": null});
        // Quotes inside strings are escaped by the writer, so nothing is ambiguous.
        prop_assert_eq!(first(&format!("네!\n{value}\n끝")), value);
    }
}
