//! Another program writes to the database at the same time, as a backup does.

use super::*;
use sea_orm::ConnectionTrait;

#[tokio::test]
async fn a_message_waits_until_it_can_be_stored() {
    let app = TestApp::start().await;
    let student = app.student();
    let conversation = student.begin("과학 탐구").await;
    let other = app.database().await;
    other.execute_unprepared("BEGIN IMMEDIATE").await.unwrap();
    let sending = student.send(&conversation, QUESTION, None);
    let freeing = async {
        // Reads are answered while the write waits.
        for _ in 0..5 {
            student.conversation(&conversation).await;
        }
        assert_eq!(app.calls(CHAT), 0, "nothing is asked for a message that isn't stored");
        other.execute_unprepared("ROLLBACK").await.unwrap();
    };
    let (accepted, ()) = tokio::join!(sending, freeing);
    let turn = accepted.expect(202).json()["turn_id"].take();
    assert_eq!(student.finish(turn.as_str().unwrap()).await.state, "done");
}

#[tokio::test]
async fn a_finished_answer_waits_until_it_can_be_stored() {
    let app = TestApp::start().await;
    app.openai.set(CHAT, Behaviour::default().gate_at(0));
    let student = app.student();
    let conversation = student.begin("과학 탐구").await;
    let turn = student.ask(&conversation, QUESTION).await;
    let mut events = student.follow(&turn).await;
    events.until("the notes", |story| story.feedback.is_some()).await;
    let other = app.database().await;
    other.execute_unprepared("BEGIN IMMEDIATE").await.unwrap();
    app.openai.release_all(CHAT);
    events.until_shown("어느 것부터 해 보고 싶나요?").await;
    assert_eq!(events.story.state, "answering", "done is only what is stored");
    other.execute_unprepared("ROLLBACK").await.unwrap();
    assert_eq!(events.into_story().await.state, "done");
    assert_eq!(student.stored(&conversation).await["answer"]["text"], canned::CHAT.concat());
}
