//! The main use case with PostgreSQL.

use super::{lost_requests::send, *};
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use support::eventually;

#[tokio::test]
async fn a_turn_is_asked_fails_is_retried_and_deleted() {
    let app = TestApp::on_postgresql().await;
    app.openai.queue(CHAT, Behaviour { cut_after: Some(1), ..Behaviour::text(["여기까지", "그 뒤"]) });
    let student = app.student();
    let conversation = student.begin("과학 탐구").await;
    let turn = student.ask(&conversation, QUESTION).await;
    assert_eq!(student.finish(&turn).await.state, "failed");
    student.retry(&turn).await.expect(202);
    let story = student.finish(&turn).await;
    let stored = student.stored(&conversation).await;
    assert_eq!((&stored["state"], &stored["answer"]["html"]), (&json!("done"), &json!(story.html())));
    assert_eq!(stored["answer"]["text"], canned::CHAT.concat());
    assert_eq!(student.get("/api/v1/conversations").await.json()["items"][0]["first_message"], QUESTION);
    student.delete(&format!("/api/v1/conversations/{conversation}")).await.expect(204);
    student.get(&format!("/api/v1/conversations/{conversation}")).await.problem(404, "not-found");
}

#[tokio::test]
async fn twenty_simultaneous_requests_with_one_key_create_one_turn() {
    let app = TestApp::on_postgresql().await;
    app.openai.set(CHAT, Behaviour::default().gate_at(0));
    let student = app.student();
    let conversation = student.begin("과학 탐구").await;
    let sends = (0..20).map(|_| student.send(&conversation, QUESTION, Some("k")));
    let mut turns: Vec<Value> = Vec::new();
    for reply in futures_util::future::join_all(sends).await {
        turns.push(reply.expect(202).json());
    }
    turns.dedup();
    assert_eq!(turns.len(), 1, "{turns:?}");
    app.openai.release_all(CHAT);
    student.finish(turns[0]["turn_id"].as_str().unwrap()).await;
    assert_eq!((app.calls(CHAT), app.calls(TUTOR)), (1, 1));
}

#[tokio::test]
async fn a_question_whose_client_disconnects_during_the_commit_is_answered() {
    let app = TestApp::on_postgresql().await;
    let student = app.student();
    let conversation = student.begin("과학 탐구").await;
    let database = app.database().await;
    // No new turn can be committed while this lock is held.
    database
        .execute_unprepared(
            "CREATE FUNCTION wait() RETURNS trigger AS 'BEGIN PERFORM pg_advisory_xact_lock(1); RETURN NULL; END' LANGUAGE plpgsql;
             CREATE CONSTRAINT TRIGGER wait AFTER INSERT ON turns DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION wait();
             SELECT pg_advisory_lock(1);",
        )
        .await
        .unwrap();
    let socket = send(&app, &student, &conversation, "key").await;
    let waiting = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted";
    eventually("the commit", async || {
        database.query_one_raw(Statement::from_string(DbBackend::Postgres, waiting)).await.unwrap()
    })
    .await;
    drop(socket);
    // After answering these, the program has noticed the closed connection.
    for _ in 0..20 {
        student.get("/health").await.expect(200);
    }
    database.execute_unprepared("SELECT pg_advisory_unlock(1)").await.unwrap();
    eventually("the turn's end", async || {
        let turns = student.conversation(&conversation).await["turns"].take();
        (turns[0]["state"] == "done").then_some(())
    })
    .await;
    assert_eq!(app.calls(CHAT), 1);
}
