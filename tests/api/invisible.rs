//! Invisible texts, and texts that were cut in the middle of an emoji.

use super::*;
use reqwest::Method;

/// Texts of invisible characters.
const INVISIBLE: [&str; 12] = [
    "\u{2800}",
    "\u{115f}\u{1160}",
    "\u{3164}",
    "\u{ffa0}",
    "\u{ad}\u{200e}\u{200f}",
    "\u{2061}\u{2063}",
    "\u{fe0f}",
    "\u{e0041}\u{e007f}",
    "\u{301}\u{20dd}",
    "\u{3000} \u{2003}\n",
    "\u{202e}\u{2066}\u{2069}",
    "\u{fdd0}\u{ffff}",
];

#[tokio::test]
async fn a_question_or_topic_of_invisible_characters_is_refused_as_empty() {
    let app = TestApp::start().await;
    let student = app.student();
    let conversation = student.begin("과학 탐구").await;
    for text in INVISIBLE {
        let asked = student.send(&conversation, text, None).await.problem(422, "invalid");
        assert_eq!(asked["errors"][0]["field"], "message", "{text:?}");
        for path in ["conversations", "chat/initial-message", "chat/initial-guide"] {
            let refused = student.post(&format!("/api/v1/{path}"), json!({ "topic": text })).await;
            assert_eq!(refused.problem(422, "invalid")["errors"][0]["field"], "topic", "{path} {text:?}");
        }
        for path in ["/api/v1/chat/chat", "/api/v1/chat/chat/stream"] {
            for body in [json!({ "message": text }), json!({ "messages": [{ "role": "user", "content": text }] })] {
                student.post(path, body).await.problem(422, "invalid");
            }
        }
        let chosen =
            student.call(Method::POST, "/own-topic.html").header("content-type", "application/x-www-form-urlencoded");
        let encoded: String = text.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let chosen = chosen.body(format!("own={encoded}")).send().await.expect(303);
        assert_eq!(chosen.header("location"), "/topic-selection.html", "{text:?}");
    }
    assert_eq!(app.openai.stats().calls, 0, "nothing of it reaches the model");
    assert_eq!(student.conversation(&conversation).await["turns"], json!([]));
}

#[tokio::test]
async fn an_emoji_of_several_code_points_is_a_question() {
    let app = TestApp::start().await;
    let student = app.student();
    for emoji in ["👩\u{200d}🔬", "🇰🇷", "❤\u{fe0f}", "1\u{fe0f}\u{20e3}", "🏴\u{e0067}\u{e0062}\u{e007f}"]
    {
        assert_eq!(student.asked_and_answered(&format!("\u{3164}{emoji} ")).await["message"], emoji);
    }
}

#[tokio::test]
async fn a_lone_surrogate_is_replaced_and_the_question_is_asked() {
    let app = TestApp::start().await;
    let student = app.student();
    let post = async |path: &str, body: &str| {
        let call = student.call(Method::POST, path).header("content-type", "application/json");
        call.body(body.to_owned()).send().await
    };
    for (escaped, read) in [
        (r"별\ud83d", "별\u{fffd}"),
        (r"\ude00 별", "\u{fffd} 별"),
        (r"\ud83d\ud83d\ude00", "\u{fffd}😀"),
        (r"\uDE00\uD83D", "\u{fffd}\u{fffd}"),
        (r"\ud83d\ude00 \\ud83d", r"😀 \ud83d"),
    ] {
        let begun = post("/api/v1/conversations", &format!(r#"{{"topic":"{escaped}"}}"#)).await.expect(201).json();
        assert_eq!(begun["topic"], read);
        let conversation = begun["id"].as_str().unwrap();
        let (path, body) =
            (format!("/api/v1/conversations/{conversation}/turns"), format!(r#"{{"message":"{escaped}"}}"#));
        let turn = post(&path, &body).await.expect(202).json()["turn_id"].as_str().unwrap().to_owned();
        student.finish(&turn).await;
        assert_eq!(student.stored(conversation).await["message"], read);
        for body in [
            format!(r#"{{"message":"{escaped}","topic":"{escaped}"}}"#),
            format!(r#"{{"messages":[{{"role":"user","content":"{escaped}"}}],"{escaped}":1}}"#),
        ] {
            for path in ["/api/v1/chat/chat", "/api/v1/chat/chat/stream"] {
                post(path, &body).await.expect(200);
            }
        }
    }
}

#[tokio::test]
async fn a_lone_surrogate_in_a_field_name_is_refused_with_an_explanation() {
    let app = TestApp::start().await;
    let call =
        app.student().call(Method::POST, "/api/v1/chat/initial-guide").header("content-type", "application/json");
    let reply = call.body(r#"{"topic\ud83d":"과학 탐구"}"#).send().await.problem(422, "invalid");
    let detail = reply["detail"].as_str().unwrap();
    assert!(detail.contains("새로 고쳐서 다시 보내 주세요"), "{detail}");
    assert!(reply["errors"][0]["message"] == reply["detail"], "{reply}");
}
