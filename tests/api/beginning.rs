//! Repeated requests that create a conversation, because a response was lost.

use super::*;
use futures_util::future::join_all;
use reqwest::Method;
use sea_orm::ConnectionTrait;
use support::reply::Reply;

const PATH: &str = "/api/v1/conversations";
const KEY: &str = "6f1c2b3a4d5e6f708192a3b4c5d6e7f8";

async fn begin(student: &Student, topic: &str, key: &str) -> Reply {
    let call = student.call(Method::POST, PATH).header("idempotency-key", key);
    call.json(&json!({ "topic": topic })).send().await
}

async fn count(app: &TestApp, table: &str) -> i64 {
    let sql = format!("SELECT COUNT(*) FROM {table}");
    let database = app.database().await;
    let row = database.query_one_raw(sea_orm::Statement::from_string(database.get_database_backend(), sql)).await;
    row.unwrap().unwrap().try_get_by_index(0).unwrap()
}

#[tokio::test]
async fn repeated_requests_of_a_new_learner_create_one_learner_and_one_conversation() {
    let app = TestApp::start().await;
    // Each request has no cookie, because the previous response was lost.
    let lost: Vec<Student> = (0..4).map(|_| app.student()).collect();
    let mut begun = Vec::new();
    for student in &lost {
        let reply = begin(student, "과학 탐구", KEY).await.expect(201);
        assert_eq!(reply.header("location"), format!("{PATH}/{}", reply.json()["id"].as_str().unwrap()));
        begun.push((reply.json(), student.cookie().expect("a cookie")));
    }
    begun.dedup();
    assert_eq!(begun.len(), 1, "{begun:?}");
    assert_eq!((count(&app, "learners").await, count(&app, "conversations").await), (1, 1));
    // With the cookie, the request finds the same conversation, which accepts a question.
    assert_eq!(begin(&lost[0], "과학 탐구", KEY).await.expect(201).json(), begun[0].0);
    let turn = lost[3].ask(begun[0].0["id"].as_str().unwrap(), QUESTION).await;
    assert_eq!(lost[0].finish(&turn).await.state, "done");
    assert!(!app.database_holds(KEY.as_bytes()));
}

#[tokio::test]
async fn twenty_simultaneous_requests_of_a_new_learner_create_one_and_count_once() {
    let app = TestApp::with(&["--rate-limit", "on", "--rate-limit-new-learners-per-minute", "1"]).await;
    let students: Vec<Student> = (0..20).map(|_| app.student()).collect();
    let mut begun: Vec<Value> = Vec::new();
    for reply in join_all(students.iter().map(|student| begin(student, "과학 탐구", KEY))).await {
        begun.push(reply.expect(201).json());
    }
    begun.dedup();
    assert_eq!(begun.len(), 1, "{begun:?}");
    assert_eq!((count(&app, "learners").await, count(&app, "conversations").await), (1, 1));
    begin(&app.student(), "과학 탐구", &KEY.replace('6', "7")).await.problem(429, "too-many");
}

#[tokio::test]
async fn the_same_key_of_two_learners_creates_two_conversations() {
    let app = TestApp::start().await;
    let (one, two) = (app.student(), app.student());
    for student in [&one, &two] {
        student.begin("역사 연구").await;
    }
    let first = begin(&one, "과학 탐구", "k").await.expect(201).json();
    assert_eq!(begin(&one, "과학 탐구", "k").await.expect(201).json(), first);
    begin(&one, "다른 주제", "k").await.problem(422, "key-reused");
    assert_ne!(begin(&two, "과학 탐구", "k").await.expect(201).json()["id"], first["id"]);
    assert_ne!(begin(&one, "과학 탐구", "l").await.expect(201).json()["id"], first["id"]);
    for bad in ["", &"k".repeat(101)] {
        begin(&one, "과학 탐구", bad).await.problem(422, "invalid");
    }
}

#[tokio::test]
async fn a_guessable_key_gives_nobody_the_cookie_of_another() {
    let app = TestApp::start().await;
    for key in ["k", "00000000-0000-0000-0000-000000000000", "1234567890"] {
        let (one, two) = (app.student(), app.student());
        let first = begin(&one, "과학 탐구", key).await.expect(201).json();
        let second = begin(&two, "과학 탐구", key).await.expect(201).json();
        assert_ne!(first["id"], second["id"]);
        assert_ne!(one.cookie(), two.cookie());
    }
}

#[tokio::test]
async fn a_known_learner_with_the_key_of_a_new_one_gets_a_separate_conversation() {
    let app = TestApp::start().await;
    let (newcomer, known) = (app.student(), app.student());
    known.begin("역사 연구").await;
    let cookie = known.cookie();
    let first = begin(&newcomer, "과학 탐구", KEY).await.expect(201).json();
    assert_ne!(begin(&known, "과학 탐구", KEY).await.expect(201).json()["id"], first["id"]);
    assert_eq!(known.cookie(), cookie);
}

#[tokio::test]
async fn a_key_gives_no_cookie_after_ten_minutes_or_after_its_learner_left() {
    let app = TestApp::start().await;
    let newcomer = app.student();
    let first = begin(&newcomer, "과학 탐구", KEY).await.expect(201).json();
    let database = app.database().await;
    database.execute_unprepared("UPDATE conversation_requests SET created_at = created_at - 600001").await.unwrap();
    let late = app.student();
    assert_ne!(begin(&late, "과학 탐구", KEY).await.expect(201).json()["id"], first["id"]);
    assert_ne!(late.cookie(), newcomer.cookie());
    assert_eq!(count(&app, "conversation_requests").await, 1);

    database.execute_unprepared("UPDATE learners SET token_hash = randomblob(32)").await.unwrap();
    let next = app.student();
    begin(&next, "과학 탐구", KEY).await.problem(422, "key-reused");
    assert_eq!(next.cookie(), None);
}

#[tokio::test]
async fn the_key_of_a_deleted_conversation_is_deleted() {
    let app = TestApp::start().await;
    let student = app.student();
    let first = begin(&student, "과학 탐구", KEY).await.expect(201).json();
    student.delete(&format!("{PATH}/{}", first["id"].as_str().unwrap())).await.expect(204);
    assert_eq!(count(&app, "conversation_requests").await, 0);
    assert_ne!(begin(&student, "과학 탐구", KEY).await.expect(201).json()["id"], first["id"]);
}

#[tokio::test]
async fn the_salt_of_an_old_request_is_deleted_without_a_new_conversation() {
    let app = TestApp::start().await;
    begin(&app.student(), "과학 탐구", KEY).await.expect(201);
    let database = app.database().await;
    database.execute_unprepared("UPDATE conversation_requests SET created_at = created_at - 600001").await.unwrap();
    database.close().await.unwrap();
    // The engine purges when it starts and every hour.
    let app = app.restarted().await;
    let purged = async { while count(&app, "conversation_requests").await > 0 {} };
    tokio::time::timeout(std::time::Duration::from_secs(60), purged).await.expect("the request is deleted");
    assert_eq!(count(&app, "conversations").await, 1);
}
