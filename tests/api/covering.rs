//! Personal data is covered before it is stored or sent.

use super::*;
use reqwest::Method;

const PHONE: &str = "010-2345-6789";
const ASKED: &str = "제 번호는 010-2345-6789예요. 전화는 누가 만들었어요?";
const COVERED: &str = "제 번호는 [전화번호]예요. 전화는 누가 만들었어요?";

#[tokio::test]
async fn a_covered_number_is_neither_stored_nor_sent_nor_shown() {
    for app in [TestApp::start().await, TestApp::on_postgresql().await] {
        let student = app.student();
        let conversation = student.begin(&format!("전화 {PHONE}")).await;
        let accepted = student.send(&conversation, ASKED, Some("k")).await.expect(202).json();
        assert_eq!((&accepted["covered"], &accepted["message"]), (&json!([{ "kind": "phone" }]), &json!(COVERED)));
        student.finish(accepted["turn_id"].as_str().unwrap()).await;
        assert_eq!(
            student.send(&conversation, ASKED, Some("k")).await.expect(202).json(),
            accepted,
            "a repeated request"
        );

        let stored = student.stored(&conversation).await;
        assert_eq!(stored["message"], COVERED);
        for format in ["md", "json"] {
            let file = student.get(&format!("/api/v1/conversations/{conversation}/export?format={format}")).await;
            let text = file.expect(200).text();
            assert!(text.contains("[전화번호]") && !text.contains(PHONE), "{text}");
        }
        let page = student.get(&format!("/index.html?c={conversation}")).await.expect(200).text();
        assert!(page.contains("[전화번호]") && !page.contains(PHONE));
        for call in app.openai.requests() {
            assert!(!call.body.to_string().contains(PHONE), "{}", call.body);
        }
        assert!(!app.database_holds(PHONE.as_bytes()), "in a file of the database");
    }
}

#[tokio::test]
async fn a_clean_message_stays_as_it_is() {
    let app = TestApp::start().await;
    let student = app.student();
    let conversation = student.begin("과학 탐구").await;
    let accepted = student.send(&conversation, QUESTION, None).await.expect(202).json();
    assert_eq!((&accepted["covered"], &accepted["message"]), (&json!([]), &json!(QUESTION)));
}

#[tokio::test]
async fn what_a_client_sends_along_is_covered_too() {
    let app = TestApp::start().await;
    let body = json!({
        "topic": format!("전화 {PHONE}"),
        "message": ASKED,
        "conversation_history": [
            { "role": "user", "content": ASKED },
            { "role": "assistant", "content": format!("{PHONE}로 전화할게요.") },
        ],
    });
    let student = app.student();
    let answer = student.post("/api/v1/chat/chat", body.clone()).await.expect(200).json();
    assert_eq!(answer["covered"], json!([{ "kind": "phone" }]));
    student.call(Method::POST, "/api/v1/chat/chat/stream").json(&body).send().await.expect(200);
    for path in ["/api/v1/chat/initial-guide", "/api/v1/chat/initial-message"] {
        let reply = student.post(path, json!({ "topic": format!("전화 {PHONE}") })).await.expect(200).text();
        assert!(!reply.contains(PHONE), "{reply}");
    }
    for call in app.openai.requests() {
        let sent = call.body.to_string();
        assert!(sent.contains("전화번호]") && !sent.contains(PHONE), "{sent}");
    }
}

#[tokio::test]
async fn a_number_that_a_model_writes_is_covered_while_it_arrives() {
    let app = TestApp::start().await;
    let pieces = ["전화는 0", "10-2345", "-6789로 하고\n\n", "돈은 110-234-", "567890 ", "신한은행 계좌로"];
    app.openai.set(CHAT, Behaviour::text(pieces));
    let student = app.student();
    let conversation = student.begin("과학 탐구").await;
    let turn = student.ask(&conversation, QUESTION).await;
    let story = student.finish(&turn).await;
    let stored = student.stored(&conversation).await;
    let text = stored["answer"]["text"].as_str().unwrap();
    assert_eq!(text, "전화는 [전화번호]로 하고\n\n돈은 [계좌번호] 신한은행 계좌로");
    assert_eq!(story.html(), stored["answer"]["html"].as_str().unwrap());

    let answer = student.post("/api/v1/chat/chat", json!({ "message": QUESTION })).await.expect(200).json();
    assert_eq!(answer["response"], text);
    assert!(!app.database_holds(PHONE.as_bytes()), "in a file of the database");
}

#[tokio::test]
async fn what_was_written_of_a_cancelled_answer_is_covered_when_it_is_stored() {
    let app = TestApp::start().await;
    app.openai.queue(CHAT, Behaviour::text(["돈은 신한은행 계좌 110-234-567890", " 으로"]).gate_at(1));
    let student = app.student();
    let conversation = student.begin("과학 탐구").await;
    let turn = student.ask(&conversation, QUESTION).await;
    app.openai.wait_for_waiting(1).await;
    student.cancel(&turn).await.expect(204);
    let stored = student.stored(&conversation).await;
    assert!(!stored.to_string().contains("110-234"), "{stored}");
}
