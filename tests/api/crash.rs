//! `kill -9` in the middle of an answer.

use super::*;
use support::{openai::FakeOpenAi, process::Process};

#[tokio::test]
async fn after_a_crash_a_retry_answers_the_stored_question() {
    let openai = FakeOpenAi::start().await;
    openai.queue(CHAT, Behaviour::text(["여기까지 ", "그 뒤"]).gate_at(1));
    openai.queue(TUTOR, Behaviour::default().gate_at(0));
    let (folder, base_url) = (tempfile::tempdir().unwrap(), openai.base_url());
    let environment = [("OPENAI_BASE_URL", base_url.as_str())];

    let program = Process::start(folder.path(), &environment);
    let student = program.student();
    let conversation = student.begin("과학 탐구").await;
    let turn = student.ask(&conversation, QUESTION).await;
    student.follow(&turn).await.until_shown("여기까지").await;
    openai.wait_for_calls(2).await;
    program.kill();
    openai.wait_for_disconnects(2).await;

    let program = Process::start(folder.path(), &environment);
    let student = student.moved_to(program.url.clone());
    let stored = student.stored(&conversation).await;
    assert_eq!((&stored["state"], &stored["message"]), (&json!("interrupted"), &json!(QUESTION)));
    let story = student.finish(&turn).await;
    assert_eq!((story.state.as_str(), story.outline()), ("interrupted", vec!["snapshot", "end"]));

    student.retry(&turn).await.expect(202);
    let story = student.finish(&turn).await;
    assert_eq!(story.state, "done");
    let turns = student.conversation(&conversation).await["turns"].take();
    assert_eq!(turns.as_array().unwrap().len(), 1);
    assert_eq!(turns[0]["answer"]["text"], canned::CHAT.concat());
    assert_eq!(turns[0]["feedback"]["source"], "model");
    assert_eq!(openai.requests_for(CHAT).len(), 2);
}

#[tokio::test]
async fn acknowledged_questions_survive_a_crash() {
    let openai = FakeOpenAi::start().await;
    let (folder, base_url) = (tempfile::tempdir().unwrap(), openai.base_url());
    let environment = [("OPENAI_BASE_URL", base_url.as_str()), ("RATE_LIMIT", "off")];
    let mut acknowledged: Vec<(String, String)> = Vec::new();
    let mut program = Process::start(folder.path(), &environment);
    let mut student = program.student();
    // The student needs a cookie before several conversations are created at once.
    student.begin("과학 탐구").await;
    for round in 0..4 {
        // At the crash, some turns are answered, some are running and some have just been accepted.
        let conversations = futures_util::future::join_all((0..8).map(|_| student.begin("과학 탐구"))).await;
        let messages: Vec<String> = (0..8).map(|n| format!("{round}-{n}번 질문이에요")).collect();
        let asked =
            conversations.iter().zip(&messages).map(|(conversation, message)| student.ask(conversation, message));
        futures_util::future::join_all(asked).await;
        program.kill();
        acknowledged.extend(conversations.into_iter().zip(messages));
        program = Process::start(folder.path(), &environment);
        student = student.moved_to(program.url.clone());
    }
    for (conversation, message) in acknowledged {
        let turns = student.conversation(&conversation).await["turns"].take();
        assert_eq!(turns.as_array().unwrap().len(), 1, "{turns}");
        assert_eq!(turns[0]["message"], message);
        let state = turns[0]["state"].as_str().unwrap();
        assert!(["interrupted", "done"].contains(&state), "stuck as {state}");
        if state == "done" {
            assert_eq!(turns[0]["answer"]["text"], canned::CHAT.concat());
        }
    }
}
