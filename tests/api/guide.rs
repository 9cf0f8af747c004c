//! The greeting and the tutor's introduction to a topic.

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
async fn the_preset_is_there_at_once_and_the_models_guide_when_it_is_made() {
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
    // From now on it's there at once.
    assert_eq!(guide(&student, "과학 탐구").await, made);
    assert_eq!(app.calls(GUIDE), 1);
}

#[tokio::test]
async fn a_guide_is_made_although_nobody_waits_for_it() {
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
async fn thirty_students_who_open_one_preset_cost_one_call() {
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
async fn a_guide_of_an_own_topic_is_shown_to_its_learner_alone() {
    const TOPIC: &str = "우리 집 강아지 초코";
    let app = TestApp::start().await;
    let [mine, other] = [app.student(), app.student()];
    for student in [&mine, &other] {
        student.begin("과학 탐구").await;
    }
    let made = waited(&mine, TOPIC, "wait=20").await.expect(200).json();
    assert_eq!(made["source"], "model");
    // It's there at once for the one who had it made, and for nobody else, known or not.
    assert_eq!(guide(&mine, TOPIC).await, made);
    assert_eq!(app.calls(GUIDE), 1);
    app.openai.set(GUIDE, Behaviour::status(500, "oops"));
    for stranger in [&other, &app.student(), &app.student()] {
        let found = waited(stranger, TOPIC, "wait=20").await.expect(200).json();
        assert_eq!((&found["source"], &found["pending"]), (&json!("preset"), &json!(false)), "{found}");
    }
    assert_eq!(app.calls(GUIDE), 4);
    assert_eq!(guide(&mine, TOPIC).await, made);
    // Nor is it promised for later to somebody who can't be known again.
    let found = guide(&app.student(), "다른 주제").await;
    assert_eq!((&found["source"], &found["pending"]), (&json!("preset"), &json!(false)), "{found}");
}

#[tokio::test]
async fn each_topic_and_language_has_a_guide_of_its_own() {
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
async fn a_guide_that_failed_leaves_the_preset_and_is_not_asked_for_again_and_again() {
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
async fn a_guide_that_cannot_be_read_leaves_the_preset() {
    let app = TestApp::start().await;
    app.openai.set(GUIDE, Behaviour::text(["그냥 말이에요."]));
    let guide = waited(&app.student(), "과학 탐구", "wait=20").await.expect(200).json();
    check_shape(&guide);
    assert_eq!((&guide["source"], &guide["pending"]), (&json!("preset"), &json!(false)));
}

#[tokio::test]
async fn a_guide_is_made_once_and_kept_over_a_restart() {
    let app = TestApp::start().await;
    waited(&app.student(), "과학 탐구", "wait=20").await.expect(200);
    let app = app.restarted().await;
    assert_eq!(waited(&app.student(), "과학 탐구", "wait=20").await.expect(200).json()["source"], "model");
    assert_eq!(app.calls(GUIDE), 1);
}

#[tokio::test]
async fn rubbish_in_prefer_is_no_wish_to_wait() {
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
async fn a_model_cannot_smuggle_markup_into_a_guide() {
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
async fn guides_take_a_share_of_the_slots_and_leave_the_others_to_questions() {
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
    // Too many wait for one more to be promised.
    assert_eq!(waited(&student, "또 하나", "wait=20").await.expect(200).json()["pending"], false);
    app.openai.release_all(GUIDE);
    // Five at a time and forty that waited; what found no place is asked for again when it is wanted again.
    app.openai.wait_for_calls_of(GUIDE, 45).await;
    assert_eq!(waited(&student, "또 하나", "wait=20").await.expect(200).json()["source"], "model");
    let stats = app.openai.stats();
    assert!(stats.max_active <= 5 + 2, "{stats:?}");
}

#[tokio::test]
async fn a_guide_stays_the_preset_while_questions_have_all_slots_and_is_made_later() {
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
