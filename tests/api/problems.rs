//! Bodies of failed responses.

use super::*;
use reqwest::Method;

#[tokio::test]
async fn a_problem_is_in_the_language_of_the_request() {
    let app = TestApp::start().await;
    let student = app.student();
    let detail = async |path: &str, language: &str| {
        let call = student.call(Method::POST, path).header("accept-language", language);
        call.json(&json!({ "topic": "" })).send().await.problem(422, "invalid")
    };
    let korean = detail("/api/v1/conversations", "ko-KR,ko;q=0.9,en;q=0.8").await;
    assert_eq!((&korean["title"], &korean["detail"]), (&json!("고칠 곳이 있어요"), &json!("주제를 적어 주세요.")));
    assert_eq!(korean["errors"], json!([{ "field": "topic", "message": "주제를 적어 주세요." }]));
    let english = detail("/api/v1/conversations", "en-US,en;q=0.9").await;
    assert_eq!(
        (&english["title"], &english["detail"]),
        (&json!("Something is not right"), &json!("Please write a topic."))
    );
    // Korean is the default; the query overrides the header.
    assert_eq!(detail("/api/v1/conversations", "fr").await["detail"], korean["detail"]);
    assert_eq!(detail("/api/v1/conversations?lang=en", "ko").await["detail"], english["detail"]);
    let vary = student.get("/api/v1/nothing").await;
    assert!(vary.header("vary").contains("accept-language"));
}

#[tokio::test]
async fn the_reason_of_a_failed_turn_is_in_the_language_of_the_request() {
    let app = TestApp::start().await;
    app.openai.set(CHAT, Behaviour::status(500, "oops"));
    let student = app.student();
    let conversation = student.begin("과학 탐구").await;
    let turn = student.ask(&conversation, QUESTION).await;
    student.finish(&turn).await;
    let text = async |lang: &str| {
        let reply = student.get(&format!("/api/v1/conversations/{conversation}?lang={lang}")).await;
        reply.json()["turns"][0]["reason_text"].as_str().unwrap().to_owned()
    };
    assert!(text("ko").await.contains("다시 답하기"));
    assert!(text("en").await.contains("Answer again"));
}

#[tokio::test]
async fn every_response_has_a_request_id_of_the_server() {
    let app = TestApp::start().await;
    let student = app.student();
    let mut seen = std::collections::BTreeSet::new();
    for path in ["/health", "/topic-selection.html", "/api/v1/conversations", "/api/v1/nothing", "/nothing", "/docs/"] {
        let call = student.call(Method::GET, path).header("x-request-id", "mine").header("accept", "application/json");
        let reply = call.send().await;
        let id = reply.header("x-request-id").to_owned();
        assert!(id.len() >= 32 && id != "mine", "{path}: {id:?}");
        if !reply.status.is_success() {
            assert_eq!(reply.problem(404, "not-found")["request_id"], id.as_str());
        }
        assert!(seen.insert(id), "ids are not used twice");
    }
}

#[tokio::test]
async fn a_browser_that_opens_an_unknown_url_gets_an_error_page() {
    let app = TestApp::start().await;
    let student = app.student();
    let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
    for path in ["/nothing", "/static/nothing", "/chat.htm", "/docs/nothing"] {
        for (language, word) in [("ko", "공책에 없어요"), ("en", "in the notebook")] {
            let call = student.call(Method::GET, path).header("accept", browser).header("accept-language", language);
            let page = call.send().await.expect(404);
            assert!(page.header("content-type").starts_with("text/html"), "{path}");
            assert!(page.text().contains(&format!("lang=\"{language}\"")), "{path}");
            assert!(page.text().contains(word), "{path}: {}", page.text());
            assert!(page.text().contains(&page.header("x-request-id")));
        }
    }
    // The API returns JSON, whatever the client accepts.
    let call = student.call(Method::GET, "/api/v1/nothing").header("accept", browser);
    call.send().await.problem(404, "not-found");
    student.get("/nothing").await.problem(404, "not-found");
}

#[tokio::test]
async fn an_invalid_field_is_named_without_internals_of_the_server() {
    let app = TestApp::start().await;
    for body in [json!({ "topic": 5 }), json!({}), json!([1])] {
        let reply = app.student().post("/api/v1/conversations", body).await;
        let problem = reply.problem(422, "invalid");
        assert_eq!(problem["errors"][0]["field"], "body");
        for inside in ["src/", "serde", "axum", "TopicRequest", "panicked"] {
            assert!(!reply.text().contains(inside), "{}", reply.text());
        }
    }
}

#[tokio::test]
async fn a_missing_database_is_reported_without_internals() {
    let app = TestApp::start().await;
    let student = app.student();
    let conversation = student.begin("과학 탐구").await;
    app.break_database().await;
    for reply in [
        student.get("/api/v1/conversations").await,
        student.get(&format!("/api/v1/conversations/{conversation}")).await,
        student.send(&conversation, QUESTION, None).await,
        app.student().post("/api/v1/conversations", json!({ "topic": "과학 탐구" })).await,
    ] {
        assert!(reply.status.is_server_error(), "{} {}", reply.status, reply.text());
        let kind = if reply.status == 503 { "store-unavailable" } else { "internal" };
        reply.problem(reply.status.as_u16(), kind);
        let text = reply.text().to_lowercase();
        for inside in ["sql", "select", "insert", "table", "test.db", "/tmp", "sqlx", "learners", "panic", ".rs"] {
            assert!(!text.contains(inside), "{inside} in {text}");
        }
    }
    assert_eq!(app.calls(CHAT), 0, "nothing is asked for a message that isn't stored");
}
