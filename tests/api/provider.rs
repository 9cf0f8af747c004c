//! Failures of a model server, and what the student sees of them.

use super::*;
use support::openai::{Error, FakeOpenAi};

/// Asks once and returns the stored turn, after checking that the live events gave the same.
async fn asked(app: &TestApp) -> Value {
    let student = app.student();
    let conversation = student.begin("과학 탐구").await;
    let turn = student.ask(&conversation, QUESTION).await;
    let story = student.finish(&turn).await;
    let stored = student.stored(&conversation).await;
    assert_eq!(stored["message"], QUESTION);
    assert_eq!(stored["state"], story.state);
    assert_eq!(stored["reason"].as_str(), story.reason.as_deref());
    assert_eq!(stored["answer"]["html"].as_str().unwrap_or_default(), story.html());
    assert_eq!(stored["feedback"], story.feedback.unwrap_or_default());
    stored
}

fn ended(turn: &Value) -> (&str, Option<&str>, Option<&str>) {
    (turn["state"].as_str().unwrap(), turn["reason"].as_str(), turn["answer"]["text"].as_str())
}

#[tokio::test]
async fn each_failure_before_the_first_word_has_its_reason() {
    for (failure, reason) in [
        (Behaviour::status(500, "oops"), "unavailable"),
        (Behaviour::status(200, ""), "unavailable"),
        (Behaviour::raw(["data: nonsense\n\n"]), "unavailable"),
        (Behaviour::error(429, "rate_limit_exceeded", "slow down"), "rate_limited"),
        (Behaviour::error(429, "insufficient_quota", "pay"), "quota"),
        (Behaviour::error(401, "invalid_api_key", "no"), "misconfigured"),
        (Behaviour::error(404, "model_not_found", "no"), "misconfigured"),
        (Behaviour::error(400, "content_filter", "no"), "content_filter"),
    ] {
        let app = TestApp::start().await;
        app.openai.set(CHAT, failure.clone());
        let turn = asked(&app).await;
        assert_eq!(ended(&turn), ("failed", Some(reason), None), "{failure:?}");
        let sentence = turn["reason_text"].as_str().unwrap();
        assert!(!sentence.is_empty() && !sentence.contains("reason."), "{sentence}");
        assert_eq!(app.calls(CHAT), 1);
    }
}

#[tokio::test]
async fn a_temporary_failure_is_retried_without_the_student_noticing() {
    let app = TestApp::with(&["--model-retries", "2"]).await;
    app.openai.queue(CHAT, Behaviour::status(503, "").header("retry-after-ms", "1"));
    app.openai.queue(CHAT, Behaviour::error(429, "rate_limit_exceeded", "").header("retry-after", "0.01"));
    let turn = asked(&app).await;
    assert_eq!(ended(&turn), ("done", None, Some(canned::CHAT.concat().as_str())));
    assert_eq!(app.calls(CHAT), 3);
}

#[tokio::test]
async fn a_fallback_model_answers_if_the_first_one_fails() {
    let app = TestApp::with(&["--openai-model", "main", "--openai-fallback-models", "spare"]).await;
    app.openai.queue(CHAT, Behaviour::error(404, "model_not_found", "no"));
    assert_eq!(asked(&app).await["state"], "done");
    let models: Vec<_> = app.openai.requests_for(CHAT).iter().map(|call| call.body["model"].clone()).collect();
    assert_eq!(models, ["main", "spare"]);
}

#[tokio::test]
async fn a_server_that_does_not_respond_times_out() {
    let app = TestApp::with(&["--first-token-timeout-seconds", "0.2"]).await;
    app.openai.set(CHAT, Behaviour::default().gate_at(0));
    assert_eq!(ended(&asked(&app).await), ("failed", Some("timeout"), None));
    app.openai.wait_for_disconnects(1).await;
}

#[tokio::test]
async fn timeouts_do_not_open_the_circuit_breaker() {
    let app = TestApp::with(&["--first-token-timeout-seconds", "0.2", "--breaker-failures", "2"]).await;
    app.openai.set(CHAT, Behaviour::default().gate_at(0));
    app.openai.set(TUTOR, Behaviour::default().gate_at(0));
    for _ in 0..3 {
        assert_eq!(ended(&asked(&app).await), ("failed", Some("timeout"), None));
    }
    app.openai.set(CHAT, Behaviour::default());
    assert_eq!(asked(&app).await["state"], "done");
}

#[tokio::test]
async fn the_text_of_a_stalled_answer_is_stored() {
    let app = TestApp::with(&["--idle-timeout-seconds", "0.2"]).await;
    app.openai.set(CHAT, Behaviour::text(["여기까지", " 그 뒤"]).gate_at(1));
    assert_eq!(ended(&asked(&app).await), ("failed", Some("timeout"), Some("여기까지")));
    app.openai.wait_for_disconnects(1).await;
}

#[tokio::test]
async fn the_text_of_a_broken_answer_is_stored() {
    let app = TestApp::start().await;
    app.openai.set(CHAT, Behaviour { cut_after: Some(1), ..Behaviour::text(["여기까지", " 그 뒤"]) });
    let turn = asked(&app).await;
    assert_eq!(ended(&turn), ("failed", Some("broken"), Some("여기까지")));
    assert_eq!(turn["feedback"]["source"], "model");
    assert_eq!(app.calls(CHAT), 1, "after the first word nothing is tried again");
}

#[tokio::test]
async fn an_error_inside_the_stream_ends_it() {
    let app = TestApp::start().await;
    let event = json!({ "error": { "message": "overloaded", "type": "server_error" } });
    app.openai.set(CHAT, Behaviour { error_after: Some(Error { after: 1, event }), ..Behaviour::text(["하나", "둘"]) });
    assert_eq!(ended(&asked(&app).await), ("failed", Some("broken"), Some("하나")));
}

#[tokio::test]
async fn an_answer_at_its_length_limit_is_done_and_says_so() {
    let app = TestApp::start().await;
    app.openai.set(CHAT, Behaviour { finish: Some("length".into()), ..Behaviour::text(["아주 길어서"]) });
    assert_eq!(ended(&asked(&app).await), ("done", Some("length"), Some("아주 길어서")));
}

#[tokio::test]
async fn text_stopped_by_a_content_filter_is_withdrawn() {
    let app = TestApp::start().await;
    let answer = Behaviour { finish: Some("content_filter".into()), ..Behaviour::text(["보이면 안 될 말", ""]) };
    app.openai.set(CHAT, answer.gate_at(1));
    let student = app.student();
    let conversation = student.begin("과학 탐구").await;
    let turn = student.ask(&conversation, QUESTION).await;
    let mut events = student.follow(&turn).await;
    events.story.may_withdraw = true;
    events.until_shown("보이면 안 될 말").await;
    app.openai.release_all(CHAT);
    let story = events.into_story().await;
    assert_eq!((story.html().as_str(), story.reason.as_deref()), ("", Some("content_filter")));
    let stored = student.stored(&conversation).await;
    assert_eq!(ended(&stored), ("failed", Some("content_filter"), None));
    assert!(!student.get(&format!("/api/v1/conversations/{conversation}/export")).await.text().contains("보이면"));
}

#[tokio::test]
async fn a_refusal_is_an_answer() {
    let app = TestApp::start().await;
    app.openai.set(CHAT, Behaviour { refusal: true, ..Behaviour::text(["그건 도와줄 수 없어요."]) });
    assert_eq!(ended(&asked(&app).await), ("done", None, Some("그건 도와줄 수 없어요.")));
}

#[tokio::test]
async fn a_server_is_used_again_after_an_outage() {
    let mut app = TestApp::with(&["--breaker-failures", "2", "--breaker-cooldown-seconds", "0.001"]).await;
    let port = app.openai.port();
    let down = std::mem::replace(&mut app.openai, FakeOpenAi::start().await);
    drop(down);
    let student = app.student();
    let conversation = student.begin("과학 탐구").await;
    let turn = student.ask(&conversation, QUESTION).await;
    let story = student.finish(&turn).await;
    assert_eq!((story.state.as_str(), story.reason.as_deref()), ("failed", Some("unreachable")));
    assert_eq!(student.stored(&conversation).await["feedback"]["source"], "coach");

    app.openai = FakeOpenAi::start_on(port).await;
    // Only the call for the answer tests whether the server is back, so the coach may write this feedback, too.
    student.retry(&turn).await.expect(202);
    assert_eq!(student.finish(&turn).await.state, "done");
    let turn = student.ask(&conversation, "그럼 저녁에는요?").await;
    student.finish(&turn).await;
    assert_eq!(student.stored(&conversation).await["feedback"]["source"], "model");
}

#[tokio::test]
async fn the_circuit_breaker_opens_for_a_failing_server_and_readiness_shows_it() {
    let app = TestApp::with(&["--breaker-failures", "2", "--breaker-cooldown-seconds", "3600"]).await;
    for purpose in [CHAT, TUTOR] {
        app.openai.set(purpose, Behaviour::status(500, "oops"));
    }
    let ready = async || app.student().get("/ready").await.expect(200).json();
    assert_eq!(ready().await["provider"], "ok");
    asked(&app).await;
    assert_eq!(ready().await["provider"], "resting");
    let calls = app.openai.stats().calls;
    assert_eq!(ended(&asked(&app).await), ("failed", Some("unreachable"), None));
    assert_eq!(app.openai.stats().calls, calls, "nobody was asked");
    assert_eq!(ready().await["status"], "ready", "students still get their notes");
}

#[tokio::test]
async fn a_hostile_answer_of_a_model_is_sanitised() {
    let app = TestApp::start().await;
    let hostile = "<script>alert(1)</script> [눌러](javascript:alert(1)) <img src=x onerror=alert(1)> ![그림](https://evil.example/x.png)";
    app.openai.set(CHAT, Behaviour::text([hostile]));
    let turn = asked(&app).await;
    assert_eq!(turn["answer"]["text"], hostile);
    let html = turn["answer"]["html"].as_str().unwrap();
    for active in ["<script", "<img", "onerror=\"", "href=\"javascript:", "src=\"https://evil"] {
        assert!(!html.contains(active), "{active} in {html}");
    }
}

/// A stream with these deltas, in which thoughts may have a separate field.
fn deltas(deltas: &[Value]) -> Behaviour {
    let event = |delta: &Value| format!("data: {}\n\n", json!({ "choices": [{ "delta": delta }] }));
    Behaviour::raw(deltas.iter().map(event).chain(["data: [DONE]\n\n".to_owned()]))
}

#[tokio::test]
async fn thoughts_are_neither_shown_nor_stored_nor_sent_with_the_next_question() {
    for (reply, answer) in [
        (vec!["<think>속마음", "이에요</th", "ink>\n\n답이에요."], "답이에요."),
        (vec!["속마음", "이에요.\n</thi", "nk>\n\n답", "이에요."], "답이에요."),
        (
            vec![
                "<|channel|>analysis<|mess",
                "age|>속마음<|end|><|start|>assistant<|channel|>final<|message|>답이에요.",
            ],
            "답이에요.",
        ),
        (vec!["assistant\n\n답이에요.", "<|im_", "end|>"], "답이에요."),
        (vec!["답이에요.</s>", "[INST] 속마음"], "답이에요."),
    ] {
        let app = TestApp::start().await;
        let deltas = deltas(&reply.iter().map(|text| json!({ "content": text })).collect::<Vec<_>>());
        app.openai.set(CHAT, deltas);
        let student = app.student();
        let conversation = student.begin("과학 탐구").await;
        let turn = student.ask(&conversation, QUESTION).await;
        let mut events = student.follow(&turn).await;
        events.story.may_withdraw = true;
        let story = events.into_story().await;
        assert!(story.html().contains("답이에요.") && !story.html().contains("속마음"), "{}", story.html());
        let stored = student.stored(&conversation).await;
        assert_eq!(ended(&stored), ("done", None, Some(answer)));
        let turn = student.ask(&conversation, "그럼 저녁에는요?").await;
        let mut events = student.follow(&turn).await;
        events.story.may_withdraw = true;
        events.into_story().await;
        for call in app.openai.requests() {
            assert!(!call.body.to_string().contains("속마음"), "{}", call.body);
        }
        let stateless = student.post("/api/v1/chat/chat", json!({ "message": QUESTION })).await.expect(200).json();
        assert_eq!(stateless["response"], answer);
    }
}

#[tokio::test]
async fn followers_see_that_the_model_thinks() {
    let app = TestApp::start().await;
    let thoughts = deltas(&[json!({ "reasoning_content": "속마음" }), json!({ "content": "답" })]);
    app.openai.set(CHAT, thoughts.gate_at(1));
    let student = app.student();
    let conversation = student.begin("과학 탐구").await;
    let turn = student.ask(&conversation, QUESTION).await;
    let mut events = student.follow(&turn).await;
    events.until("a model that thinks", |story| story.thinking).await;
    let mut late = student.follow(&turn).await;
    late.until("a model that thinks", |story| story.thinking).await;
    app.openai.release_all(CHAT);
    for events in [events, late] {
        let story = events.into_story().await;
        assert_eq!((story.thinking, story.state.as_str()), (false, "done"));
        assert!(story.events.iter().all(|event| !event.data.to_string().contains("속마음")));
    }
}

#[tokio::test]
async fn a_tutor_whose_thoughts_use_up_its_tokens_gets_a_higher_limit() {
    for unsaid in [
        Behaviour { finish: Some("length".into()), ..Behaviour::text(["<think>끝나지 않는 생각"]) },
        deltas(&[json!({ "reasoning_content": "끝나지 않는 생각" })]),
    ] {
        let app = TestApp::start().await;
        app.openai.queue(TUTOR, unsaid);
        let student = app.student();
        let conversation = student.begin("과학 탐구").await;
        let turn = student.ask(&conversation, QUESTION).await;
        assert_eq!(student.finish(&turn).await.feedback.unwrap()["source"], "model");
        let turn = student.ask(&conversation, QUESTION).await;
        student.finish(&turn).await;
        let limit = |request: &support::openai::Recorded| request.body["max_tokens"].as_u64().unwrap();
        let limits: Vec<_> = app.openai.requests_for(TUTOR).iter().map(limit).collect();
        assert_eq!(limits, [limits[0], limits[0] + 2048, limits[0] + 2048]);
        let answers: Vec<_> = app.openai.requests_for(CHAT).iter().map(limit).collect();
        assert_eq!(answers[1], answers[0] + 2048, "the answers of a model that thinks get more, too");
    }
}

#[tokio::test]
async fn an_answer_that_consists_of_thoughts_fails() {
    let only = |text: &str| Behaviour::text([text]);
    for reply in [
        Behaviour { finish: Some("length".into()), ..only("") },
        Behaviour { finish: Some("length".into()), ..only("<think>끝나지 않는 생각") },
        only("<think>끝나지 않는 생각"),
        only("생각만 하다 끝나요</think>"),
        deltas(&[json!({ "reasoning_content": "끝나지 않는 생각" })]),
    ] {
        let app = TestApp::start().await;
        app.openai.queue(CHAT, reply);
        let student = app.student();
        let conversation = student.begin("과학 탐구").await;
        let turn = student.ask(&conversation, QUESTION).await;
        let mut events = student.follow(&turn).await;
        events.story.may_withdraw = true;
        let story = events.into_story().await;
        assert_eq!((story.state.as_str(), story.reason.as_deref()), ("failed", Some("no_answer")));
        let stored = student.stored(&conversation).await;
        assert_eq!(ended(&stored), ("failed", Some("no_answer"), None));
        assert!(!stored["reason_text"].as_str().unwrap().contains("reason."));
        assert_eq!(app.calls(CHAT), 1);
        student.retry(&turn).await.expect(202);
        assert_eq!(student.finish(&turn).await.state, "done");
    }
}
