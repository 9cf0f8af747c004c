//! Conversations that were not used for a long time are deleted, and nothing of their text is left.

use super::*;
use redis::AsyncCommands as _;
use sea_orm::{ConnectionTrait as _, DbBackend, Statement};
use support::{eventually, postgres::fresh_database, redis_server::RedisServer};

const TOPIC: &str = "주제비밀표식";
const QUESTION_MARKER: &str = "질문비밀표식";
const ANSWER: &str = "답변비밀표식";
const MARKERS: [&str; 3] = [TOPIC, QUESTION_MARKER, ANSWER];

/// Stores a conversation with the markers in all of its texts, the guide to its topic included. Returns its id.
async fn store_secrets(app: &TestApp) -> (Student, String) {
    app.openai.set(CHAT, Behaviour::text([ANSWER.repeat(400).as_str()]));
    let student = app.student();
    let wait = student.call(reqwest::Method::POST, "/api/v1/chat/initial-guide").header("prefer", "wait=20");
    wait.json(&json!({ "topic": TOPIC })).send().await.expect(200);
    let conversation = student.begin(TOPIC).await;
    let turn = student.ask(&conversation, &format!("{QUESTION_MARKER} 왜 그래요?")).await;
    assert_eq!(student.finish(&turn).await.state, "done");
    (student, conversation)
}

/// Sets back the clock of all stored conversations and learners by this number of days.
async fn age(app: &TestApp, days: i64) {
    let database = app.database().await;
    let millis = days * 24 * 60 * 60 * 1000;
    for (table, column) in [("conversations", "active_at"), ("learners", "seen_at")] {
        let sql = format!("UPDATE {table} SET {column} = {column} - {millis}");
        database.execute_unprepared(&sql).await.unwrap();
    }
}

/// Every value of every table, as text.
async fn all_text(app: &TestApp) -> String {
    let database = app.database().await;
    let rows =
        async |sql: String| database.query_all_raw(Statement::from_string(DbBackend::Postgres, sql)).await.unwrap();
    let tables = "SELECT tablename::text FROM pg_tables WHERE schemaname = current_schema()";
    let mut text = String::new();
    for table in rows(tables.to_owned()).await {
        let table: String = table.try_get_by_index(0).unwrap();
        for row in rows(format!("SELECT t::text FROM \"{table}\" t")).await {
            text += &row.try_get_by_index::<String>(0).unwrap();
        }
    }
    text
}

#[tokio::test]
async fn after_its_time_nothing_of_a_conversation_is_left_in_the_files() {
    let app = TestApp::start().await;
    let (student, conversation) = store_secrets(&app).await;
    for marker in MARKERS {
        assert!(app.database_holds(marker.as_bytes()), "{marker} was stored");
    }
    age(&app, 2).await;
    app.openai.set(CHAT, Behaviour::default());
    let neighbour = app.student();
    let kept = neighbour.begin("과학 탐구").await;
    let turn = neighbour.ask(&kept, QUESTION).await;
    neighbour.finish(&turn).await;
    age(&app, 364).await;
    let app = app.restarted().await;
    for marker in MARKERS {
        eventually("the text is gone", async || (!app.database_holds(marker.as_bytes())).then_some(())).await;
    }
    // The learner without a conversation is gone as well. No request comes before: a visit would keep the learner.
    eventually("the learner is gone", async || {
        let learners = "SELECT COUNT(*) FROM learners";
        let rows = app.database().await.query_one_raw(Statement::from_string(DbBackend::Sqlite, learners)).await;
        (rows.unwrap().unwrap().try_get_by_index::<i64>(0).unwrap() == 1).then_some(())
    })
    .await;
    let path = format!("/api/v1/conversations/{conversation}");
    student.moved_to(app.url()).get(&path).await.problem(404, "not-found");
    let neighbour = neighbour.moved_to(app.url());
    assert_eq!(neighbour.conversation(&kept).await["turns"].as_array().unwrap().len(), 1);
    // What was spent stays in the books.
    assert!(app.store().await.tokens_since(0).await.unwrap() > 0);
}

#[tokio::test]
async fn a_retention_of_0_keeps_everything() {
    let app = TestApp::with(&["--retention-days", "0"]).await;
    let (student, conversation) = store_secrets(&app).await;
    age(&app, 4_000).await;
    let app = app.restarted().await;
    let student = student.moved_to(app.url());
    // The deletion at the start, if there were one, would come before the metric.
    eventually("the conversations are examined", async || {
        let metrics = student.get("/metrics").await.text();
        metrics.contains("\noldest_conversation_timestamp_seconds ").then_some(())
    })
    .await;
    student.get(&format!("/api/v1/conversations/{conversation}")).await.expect(200);
    assert!(student.get("/help.html").await.text().contains("지울 때까지 보관해요"));
}

#[tokio::test]
async fn after_its_time_nothing_of_a_conversation_is_left_in_postgresql_and_redis() {
    let (database, server) = tokio::task::spawn_blocking(|| (fresh_database(), RedisServer::start())).await.unwrap();
    let flags = ["--database-url", &database, "--redis-url", &server.url(), "--retention-days", "30"];
    let app = TestApp::with(&flags).await;
    store_secrets(&app).await;
    let stored = all_text(&app).await;
    assert!(MARKERS.iter().all(|marker| stored.contains(marker)), "{stored}");
    age(&app, 31).await;
    let app = app.restarted().await;
    eventually("the text is gone", async || {
        let stored = all_text(&app).await;
        (!MARKERS.iter().any(|marker| stored.contains(marker))).then_some(())
    })
    .await;
    // Redis has the view of a turn for a minute after its end, and nothing without an end.
    let mut redis = redis::Client::open(server.url()).unwrap().get_multiplexed_async_connection().await.unwrap();
    let keys: Vec<String> = redis.keys("*").await.unwrap();
    assert!(!keys.is_empty());
    for key in keys {
        assert!(!MARKERS.iter().any(|marker| key.contains(marker)), "{key}");
        let left: i64 = redis.pttl(&key).await.unwrap();
        // A key that has just expired has none.
        assert!(left == -2 || (0..=60_000).contains(&left), "{key} stays for {left} ms");
    }
    assert!(app.student().get("/help.html").await.text().contains("30일이 지난 대화"));
}
