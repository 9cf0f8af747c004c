//! The main use case: a student chooses a topic, asks, and reads the streamed answer and the tutor's feedback.

use super::*;

#[tokio::test]
async fn a_student_asks_and_gets_an_answer_and_feedback() {
    let app = TestApp::start().await;
    app.openai.set(CHAT, Behaviour { gap_ms: 60, ..Behaviour::default() }.gate_at(0));
    let student = app.student();

    let begun = student.post("/api/v1/conversations", json!({ "topic": "과학 탐구" })).await.expect(201);
    let conversation = begun.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(begun.header("location"), format!("/api/v1/conversations/{conversation}"));
    assert_eq!(begun.json()["topic"], "과학 탐구");
    assert!(!begun.json()["greeting"].as_str().unwrap().is_empty());

    let accepted = student.send(&conversation, QUESTION, None).await.expect(202).json();
    assert_eq!(accepted["seq"], 1);
    let turn = accepted["turn_id"].as_str().unwrap();
    let mut events = student.follow(turn).await;
    events.until_state("answering").await;
    app.openai.release_all(CHAT);
    let story = events.into_story().await;

    // Every part of the answer arrived in order, and a page that applies the events shows the stored answer.
    assert_eq!(story.text, canned::CHAT.concat());
    assert!(story.count("delta") > 2, "{:?}", story.outline());
    assert_eq!(story.state, "done");
    assert_eq!(story.reason, None);
    let names = story.outline();
    assert_eq!(names[0], "snapshot");
    assert!(names.contains(&"block") && names.contains(&"feedback"));
    assert_eq!(names[names.len() - 2..], ["state", "end"]);

    let stored = student.stored(&conversation).await;
    assert_eq!(stored["id"], turn);
    assert_eq!(stored["seq"], 1);
    assert_eq!(stored["message"], QUESTION);
    assert_eq!(stored["state"], "done");
    assert_eq!(stored["reason"], Value::Null);
    assert_eq!(stored["answer"]["text"], story.text);
    assert_eq!(stored["answer"]["html"], story.html());
    assert_eq!(stored["feedback"], story.feedback.unwrap());
    assert!(stored["answer"]["html"].as_str().unwrap().contains("<strong>무엇을 알고 있는지</strong>"));
}

#[tokio::test]
async fn the_feedback_has_the_documented_fields() {
    let app = TestApp::start().await;
    let message = "하늘은 왜 파랗고 저녁에는 왜 빨개요?";
    let feedback = app.student().asked_and_answered(message).await["feedback"].take();
    for part in ["strengths", "improvements", "next_steps", "raw_feedback"] {
        assert!(!feedback[part].as_str().unwrap().is_empty(), "{part}");
    }
    assert_eq!(feedback["source"], "model");
    assert_eq!(feedback["topic"], "on");
    assert_eq!(feedback["suggested_questions"].as_array().unwrap().len(), 3);
    let dims = feedback["dims"].as_array().unwrap();
    let ids: Vec<_> = dims.iter().map(|dim| dim["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["relevance", "clarity", "context", "goal", "structure", "followup"]);
    for dim in dims {
        let quote = dim["quote"].as_str().unwrap();
        assert!(message.contains(quote), "{dim}");
        assert!(dim["level"].is_null() || dim["level"] == 0 || !quote.is_empty(), "no level without words: {dim}");
    }
}

#[tokio::test]
async fn a_second_question_is_sent_with_the_first_one() {
    let app = TestApp::start().await;
    let student = app.student();
    let conversation = student.begin("과학 탐구").await;
    for (seq, message) in [(1, QUESTION), (2, "그럼 저녁에는 왜 빨개져요?")] {
        let accepted = student.send(&conversation, message, None).await.expect(202).json();
        assert_eq!(accepted["seq"], seq);
        student.finish(accepted["turn_id"].as_str().unwrap()).await;
    }
    let second = &app.openai.requests_for(CHAT)[1].body["messages"];
    let messages = second.as_array().unwrap();
    let contents: Vec<_> = messages.iter().map(|message| message["content"].as_str().unwrap()).collect();
    assert_eq!(contents.len(), 4);
    assert!(contents[1].contains(QUESTION));
    assert_eq!(contents[2], canned::CHAT.concat());
    assert_eq!(contents[3], "주제: \"과학 탐구\"\n\n그럼 저녁에는 왜 빨개져요?");

    let turns = student.conversation(&conversation).await["turns"].take();
    let seqs: Vec<_> = turns.as_array().unwrap().iter().map(|turn| turn["seq"].as_u64().unwrap()).collect();
    assert_eq!(seqs, [1, 2]);
}

#[tokio::test]
async fn the_token_usage_of_a_turn_is_stored() {
    let app = TestApp::start().await;
    app.openai.set(CHAT, Behaviour::text(["하나", "둘", "셋"]));
    app.openai.set(TUTOR, Behaviour { plain: true, ..Behaviour::default() });
    app.student().asked_and_answered(QUESTION).await;
    // The fake server counts a hundred tokens for each request, and one for each piece.
    let pieces = canned::chunks(TUTOR, &app.openai.requests_for(TUTOR)[0].body).len() as u64;
    assert_eq!(app.store().await.tokens_since(0).await.unwrap(), 100 + 3 + 100 + pieces);
}

#[tokio::test]
async fn no_response_contains_the_api_key() {
    let app = TestApp::start().await;
    app.openai.set(CHAT, Behaviour::error(401, "invalid_api_key", support::app::KEY));
    let student = app.student();
    let turn = student.asked_and_answered(QUESTION).await;
    assert_eq!((&turn["state"], &turn["reason"]), (&json!("failed"), &json!("misconfigured")));
    assert!(!turn.to_string().contains(support::app::KEY));
    let asked = student.post("/api/v1/chat/chat", json!({ "message": QUESTION })).await;
    asked.problem(502, "model");
    assert!(!asked.text().contains(support::app::KEY));
    assert_eq!(app.openai.requests_for(CHAT)[0].headers["authorization"], format!("Bearer {}", support::app::KEY));
}
