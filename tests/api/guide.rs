//! The greeting and the tutor's guide to a topic.

use super::*;
use futures_util::future::join_all;
use reqwest::Method;
use support::{eventually, reply::Reply};

const PATH: &str = "/api/v1/chat/initial-guide";

async fn guide(student: &Student, topic: &str) -> Value {
    student.post(PATH, json!({ "topic": topic })).await.expect(200).json()
}

async fn waited(student: &Student, topic: &str, prefer: &str) -> Reply {
    student.call(Method::POST, PATH).header("prefer", prefer).json(&json!({ "topic": topic })).send().await
}

fn check_shape(guide: &Value) {
    for part in ["guide_title", "guide_content", "guide_html"] {
        assert!(!guide[part].as_str().unwrap().is_empty(), "{part} of {guide}");
    }
    let starters = guide["starter_questions"].as_array().unwrap();
    assert_eq!(starters.len(), 3, "{guide}");
    assert!(starters.iter().all(|starter| !starter.as_str().unwrap().is_empty()));
}

#[tokio::test]
async fn a_greeting_needs_no_model() {
    let app = TestApp::start().await;
    let student = app.student();
    for topic in ["과학 탐구", "우리 동네 하천"] {
        let greeting = student.post("/api/v1/chat/initial-message", json!({ "topic": topic })).await.expect(200);
        assert!(!greeting.json()["message"].as_str().unwrap().is_empty());
    }
    assert_eq!(app.openai.stats().calls, 0);
}

#[tokio::test]
async fn the_built_in_guide_is_replaced_by_the_models_guide_once_written() {
    let app = TestApp::start().await;
    app.openai.set(GUIDE, Behaviour::default().gate_at(0));
    let student = app.student();
    let preset = guide(&student, "과학 탐구").await;
    check_shape(&preset);
    assert_eq!((&preset["source"], &preset["pending"]), (&json!("preset"), &json!(true)));

    app.openai.wait_for_waiting(1).await;
    app.openai.release_all(GUIDE);
    let made = waited(&student, "과학 탐구", "wait=20").await.expect(200).json();
    check_shape(&made);
    assert_eq!((&made["source"], &made["pending"]), (&json!("model"), &json!(false)));
    assert_eq!(made["guide_title"], canned::guide(&Value::Null)["guide_title"]);
    assert!(made["guide_html"].as_str().unwrap().contains("<strong>왜 그런지</strong>"));
    // From now on it is returned at once.
    assert_eq!(guide(&student, "과학 탐구").await, made);
    assert_eq!(app.calls(GUIDE), 1);
}

#[tokio::test]
async fn a_guide_is_written_although_no_request_waits_for_it() {
    let app = TestApp::start().await;
    let student = app.student();
    guide(&student, "과학 탐구").await;
    eventually("the model's guide", async || {
        let guide = guide(&student, "과학 탐구").await;
        (guide["source"] == "model").then_some(())
    })
    .await;
    assert_eq!(app.calls(GUIDE), 1);
}

#[tokio::test]
async fn thirty_students_who_open_one_preset_cause_one_call() {
    let app = TestApp::start().await;
    app.openai.set(GUIDE, Behaviour::default().gate_at(0));
    let students: Vec<Student> = (0..30).map(|_| app.student()).collect();
    let opening = join_all(students.iter().map(|student| waited(student, "과학 탐구", "wait=20")));
    let releasing = async {
        app.openai.wait_for_waiting(1).await;
        app.openai.release_all(GUIDE);
    };
    let (replies, ()) = tokio::join!(opening, releasing);
    for reply in replies {
        assert_eq!(reply.expect(200).json()["source"], "model");
    }
    assert_eq!(app.calls(GUIDE), 1);
}

#[tokio::test]
async fn the_guide_to_an_own_topic_is_shown_only_to_its_learner() {
    const TOPIC: &str = "우리 집 강아지 초코";
    let app = TestApp::start().await;
    let [mine, other] = [app.student(), app.student()];
    for student in [&mine, &other] {
        student.begin("과학 탐구").await;
    }
    let made = waited(&mine, TOPIC, "wait=20").await.expect(200).json();
    assert_eq!(made["source"], "model");
    // Only the learner who requested it gets it, and at once.
    assert_eq!(guide(&mine, TOPIC).await, made);
    assert_eq!(app.calls(GUIDE), 1);
    app.openai.set(GUIDE, Behaviour::status(500, "oops"));
    for stranger in [&other, &app.student(), &app.student()] {
        let found = waited(stranger, TOPIC, "wait=20").await.expect(200).json();
        assert_eq!((&found["source"], &found["pending"]), (&json!("preset"), &json!(false)), "{found}");
    }
    assert_eq!(app.calls(GUIDE), 4);
    assert_eq!(guide(&mine, TOPIC).await, made);
    // For a request without a cookie no guide is pending, because it could never get it.
    let found = guide(&app.student(), "다른 주제").await;
    assert_eq!((&found["source"], &found["pending"]), (&json!("preset"), &json!(false)), "{found}");
}

#[tokio::test]
async fn each_topic_and_language_has_its_own_guide() {
    let app = TestApp::start().await;
    let student = app.student();
    for (topic, lang) in [("과학 탐구", "ko"), ("과학 탐구", "en"), ("역사 연구", "ko"), ("과학 탐구", "ko")]
    {
        let call = student.call(Method::POST, PATH).header("accept-language", lang).header("prefer", "wait=20");
        assert_eq!(call.json(&json!({ "topic": topic })).send().await.expect(200).json()["source"], "model");
    }
    let asked: Vec<Value> =
        app.openai.requests_for(GUIDE).iter().map(|call| canned::data(&call.body).unwrap().into()).collect();
    let wanted = [("과학 탐구", "ko"), ("과학 탐구", "en"), ("역사 연구", "ko")];
    assert_eq!(asked, wanted.map(|(topic, language)| json!({ "topic": topic, "language": language })));
}

#[tokio::test]
async fn after_a_failure_the_built_in_guide_stays_and_the_call_is_not_repeated() {
    let app = TestApp::start().await;
    app.openai.set(GUIDE, Behaviour::status(500, "oops"));
    let student = app.student();
    for _ in 0..3 {
        let guide = waited(&student, "과학 탐구", "wait=20").await.expect(200).json();
        check_shape(&guide);
        assert_eq!((&guide["source"], &guide["pending"]), (&json!("preset"), &json!(false)));
    }
    assert_eq!(app.calls(GUIDE), 1);
}

#[tokio::test]
async fn an_unreadable_guide_leaves_the_built_in_one() {
    let app = TestApp::start().await;
    app.openai.set(GUIDE, Behaviour::text(["그냥 말이에요."]));
    let guide = waited(&app.student(), "과학 탐구", "wait=20").await.expect(200).json();
    check_shape(&guide);
    assert_eq!((&guide["source"], &guide["pending"]), (&json!("preset"), &json!(false)));
}

#[tokio::test]
async fn a_guide_is_stored_across_a_restart() {
    let app = TestApp::start().await;
    waited(&app.student(), "과학 탐구", "wait=20").await.expect(200);
    let app = app.restarted().await;
    assert_eq!(waited(&app.student(), "과학 탐구", "wait=20").await.expect(200).json()["source"], "model");
    assert_eq!(app.calls(GUIDE), 1);
}

#[tokio::test]
async fn an_invalid_prefer_header_is_ignored() {
    let app = TestApp::start().await;
    app.openai.set(GUIDE, Behaviour::default().gate_at(0));
    let student = app.student();
    let rubbish: [&[u8]; 8] = [
        b"",
        b"wait",
        b"wait=",
        b"wait=x",
        b"wait=-1",
        b"wait=99999999999999999999",
        b"respond-async;;;,,=",
        b"\xff\xfe",
    ];
    for prefer in rubbish {
        let call = student.call(Method::POST, PATH).header("prefer", prefer).json(&json!({ "topic": "과학 탐구" }));
        assert_eq!(call.send().await.expect(200).json()["pending"], true);
    }
}

#[tokio::test]
async fn the_markup_of_a_guide_is_sanitised() {
    let app = TestApp::start().await;
    let mut hostile = canned::guide(&Value::Null);
    hostile["guide_content"] =
        json!("<script>alert(1)</script>\n\n<img src=x onerror=alert(1)> [눌러](javascript:alert(1))");
    app.openai.set(GUIDE, Behaviour::text([hostile.to_string().as_str()]));
    let guide = waited(&app.student(), "과학 탐구", "wait=20").await.expect(200).json();
    let html = guide["guide_html"].as_str().unwrap();
    for active in ["<script", "<img", "href=\"javascript:"] {
        assert!(!html.contains(active), "{html}");
    }
}

#[tokio::test]
async fn guides_use_at_most_their_share_of_the_slots() {
    let app = TestApp::with(&["--max-turns", "20"]).await;
    app.openai.set(GUIDE, Behaviour::default().gate_at(0));
    let student = app.student();
    let wanted = join_all((0..620).map(async |n| guide(&student, &format!("{n}번째 주제")).await));
    for guide in wanted.await {
        check_shape(&guide);
        assert_eq!(guide["source"], "preset");
    }
    app.openai.wait_for_waiting(5).await;
    assert_eq!(student.asked_and_answered(QUESTION).await["state"], "done");
    // The queue is full, so no further guide is pending.
    assert_eq!(waited(&student, "또 하나", "wait=20").await.expect(200).json()["pending"], false);
    app.openai.release_all(GUIDE);
    // Five run at a time and forty are queued; guides beyond that are written when they are requested again.
    app.openai.wait_for_calls_of(GUIDE, 45).await;
    assert_eq!(waited(&student, "또 하나", "wait=20").await.expect(200).json()["source"], "model");
    let stats = app.openai.stats();
    assert!(stats.max_active <= 5 + 2, "{stats:?}");
}

#[tokio::test]
async fn a_guide_is_written_later_if_questions_use_all_slots() {
    let app = TestApp::with(&["--max-turns", "1"]).await;
    app.openai.queue(CHAT, Behaviour::default().gate_at(0));
    let student = app.student();
    let conversation = student.begin("과학 탐구").await;
    let turn = student.ask(&conversation, QUESTION).await;
    app.openai.wait_for_waiting(1).await;
    let guide = waited(&student, "과학 탐구", "wait=20").await.expect(200).json();
    assert_eq!((&guide["source"], &guide["pending"]), (&json!("preset"), &json!(false)));
    app.openai.release_all(CHAT);
    student.finish(&turn).await;
    eventually("the model's guide", async || {
        let guide = waited(&student, "과학 탐구", "wait=20").await.expect(200).json();
        (guide["source"] == "model").then_some(())
    })
    .await;
}
