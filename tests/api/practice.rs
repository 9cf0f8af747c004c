//! Without a model, the practice partner answers and the coach writes the feedback.

use super::*;
use reqwest::Method;

#[tokio::test]
async fn the_practice_partner_answers_and_the_coach_writes_feedback() {
    let app = TestApp::practice().await;
    let student = app.student();
    let conversation = student.begin("과학 탐구").await;
    let turn = student.ask(&conversation, QUESTION).await;
    let story = student.finish(&turn).await;
    assert_eq!(story.state, "done");
    let stored = student.stored(&conversation).await;
    assert_eq!(stored["answer"]["html"], story.html());
    assert_eq!(stored["feedback"]["source"], "coach");
    assert_eq!(stored["feedback"], story.feedback.unwrap());
    assert_eq!(app.openai.stats().calls, 0);
    assert_eq!(app.store().await.tokens_since(0).await.unwrap(), 0, "nothing was paid for");
}

#[tokio::test]
async fn a_practice_answer_can_be_cancelled_and_retried() {
    let app = TestApp::practice().await;
    let student = app.student();
    let conversation = student.begin("과학 탐구").await;
    let turn = student.ask(&conversation, QUESTION).await;
    student.cancel(&turn).await.expect(204);
    let state = student.stored(&conversation).await["state"].take();
    if state == "cancelled" {
        student.retry(&turn).await.expect(202);
    }
    assert_eq!(student.finish(&turn).await.state, "done");
}

#[tokio::test]
async fn an_exported_practice_conversation_names_the_practice_partner() {
    let app = TestApp::practice().await;
    let student = app.student();
    let conversation = student.begin("과학 탐구").await;
    let turn = student.ask(&conversation, QUESTION).await;
    student.finish(&turn).await;
    let path = format!("/api/v1/conversations/{conversation}/export");
    for (query, heading, notice, absent) in [
        ("", "### 연습 짝꿍의 답\n", "\n연습 짝꿍이 쓴 글이에요.", "AI가 쓴 글"),
        ("?lang=en", "### The practice partner's answer\n", "\nWritten by the practice partner.", "by an AI"),
    ] {
        let text = student.get(&format!("{path}{query}")).await.expect(200).text();
        assert!(text.contains(heading) && text.contains(notice) && !text.contains(absent), "{text}");
    }
}

#[tokio::test]
async fn a_practice_page_says_that_the_practice_partner_writes() {
    let app = TestApp::practice().await;
    let student = app.student();
    let conversation = student.begin("과학 탐구").await;
    let turn = student.ask(&conversation, QUESTION).await;
    for (language, texts) in [
        ("ko", ["연습 짝꿍이 생각하고 있어요", "연습 짝꿍이 답을 쓰고 있어요"]),
        ("en", ["The practice partner is thinking", "The practice partner is writing"]),
    ] {
        let page =
            student.get(&format!("/chat.html?topic=x&c={conversation}&lang={language}")).await.expect(200).text();
        for text in texts {
            assert!(page.contains(&format!("&#34;{text}&#34;")), "{text} is not among the texts of {page}");
        }
        assert!(!page.contains("AI가") && !page.contains("The AI is"), "{page}");
    }
    student.cancel(&turn).await.expect(204);
}

#[tokio::test]
async fn stateless_calls_work_in_practice_mode() {
    let app = TestApp::practice().await;
    let student = app.student();
    let call = student.call(Method::POST, "/api/v1/chat/chat").header("content-type", "application/json");
    let body = r#"{"message":"테스트","topic":"테스트","conversation_history":[]}"#;
    let answer = call.body(body).send().await.expect(200).json();
    assert!(!answer["response"].as_str().unwrap().is_empty());
    assert_eq!(answer["model"], "practice");
    assert_eq!(answer["tutor_feedback"]["source"], "coach");
    assert_eq!(answer["tutor_feedback"]["suggested_questions"].as_array().unwrap().len(), 3);

    let stream = student.post("/api/v1/chat/chat/stream", json!({ "message": "테스트" })).await.expect(200);
    assert!(stream.text().starts_with("data: {\"content\":\""));
    assert!(stream.text().ends_with("data: {\"content\":\"[DONE]\"}\n\n"));
    assert_eq!(app.openai.stats().calls, 0);
}

#[tokio::test]
async fn in_practice_mode_the_guide_is_the_built_in_one_and_not_pending() {
    let app = TestApp::practice().await;
    let student = app.student();
    for topic in ["과학 탐구", "우리 동네 하천"] {
        let guide = student.post("/api/v1/chat/initial-guide", json!({ "topic": topic })).await.expect(200).json();
        assert_eq!((&guide["source"], &guide["pending"]), (&json!("preset"), &json!(false)));
        assert_eq!(guide["starter_questions"].as_array().unwrap().len(), 3);
    }
}

#[tokio::test]
async fn pages_and_readiness_show_practice_mode() {
    let practice = TestApp::practice().await;
    let model = TestApp::start().await;
    assert_eq!(practice.student().get("/ready").await.expect(200).json()["provider"], "practice");
    for page in
        ["/topic-selection.html", "/index.html?topic=x", "/chat.html?topic=x", "/conversations.html", "/help.html"]
    {
        let says = async |app: &TestApp, lang, words: &str| {
            let call = app.student().call(Method::GET, page).header("accept-language", lang);
            let html = call.send().await.expect(200).text();
            html.contains(&format!("<aside class=\"strip practice\" aria-label=\"{words}\">"))
        };
        assert!(says(&practice, "ko", "연습 모드").await, "{page}");
        assert!(says(&practice, "en", "Practice mode").await, "{page}");
        assert!(!says(&model, "ko", "연습 모드").await, "{page}");
    }
}

#[tokio::test]
async fn the_start_output_says_how_to_connect_a_model() {
    let folder = tempfile::tempdir().unwrap();
    let banner =
        |environment: &[(&str, &str)]| support::process::Process::start(folder.path(), environment).banner.clone();
    let practice = banner(&[]);
    for word in ["practice partner", "data/llm-classroom.db", "http://127.0.0.1:"] {
        assert!(practice.contains(word), "{practice}");
    }
    let model = banner(&[("OPENAI_BASE_URL", "http://127.0.0.1:9/v1"), ("OPENAI_API_KEY", "sk-secret")]);
    assert!(model.contains("gpt-4o-mini at http://127.0.0.1:9/v1"), "{model}");
    assert!(!model.contains("sk-secret"));
}
