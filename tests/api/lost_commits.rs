//! The connection to PostgreSQL breaks after a commit and before its acknowledgement.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use super::*;
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use support::postgres::fresh_database;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, UnixStream},
};

/// A proxy between the program and PostgreSQL. It forwards the commit of a transaction that contains certain words, and then
/// closes the connection instead of forwarding the response.
struct Between {
    url: String,
    cuts: Arc<AtomicUsize>,
}

impl Between {
    async fn start(words: &'static str) -> Self {
        let url = tokio::task::spawn_blocking(fresh_database).await.unwrap();
        let (server, folder) = url.split_once("?host=").unwrap();
        let socket = format!("{folder}/.s.PGSQL.5432");
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = server.replace("localhost", &listener.local_addr().unwrap().to_string());
        let cuts = Arc::new(AtomicUsize::new(0));
        let counted = cuts.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = UnixStream::connect(&socket).await.unwrap();
                tokio::spawn(pass(client, server, words, counted.clone()));
            }
        });
        Self { url, cuts }
    }
}

/// Forwards everything until the first commit of the words.
async fn pass(mut client: TcpStream, mut server: UnixStream, words: &'static str, cuts: Arc<AtomicUsize>) {
    let (mut asked, mut answered) = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
    let mut transaction = Vec::new();
    let has = |text: &[u8], part: &str| text.windows(part.len()).any(|window| window == part.as_bytes());
    loop {
        tokio::select! {
            read = client.read(&mut asked) => {
                let Ok(read @ 1..) = read else { return };
                let request = &asked[..read];
                if has(request, "BEGIN") {
                    transaction.clear();
                }
                transaction.extend_from_slice(request);
                if server.write_all(request).await.is_err() {
                    return;
                }
                let is_commit = has(request, "COMMIT") && has(&transaction, words);
                if is_commit && cuts.fetch_add(1, Ordering::SeqCst) == 0 {
                    // The response acknowledges the commit. It is not forwarded, and both connections close.
                    let _ = server.read(&mut answered).await;
                    return;
                }
            }
            read = server.read(&mut answered) => {
                let Ok(read @ 1..) = read else { return };
                if client.write_all(&answered[..read]).await.is_err() {
                    return;
                }
            }
        }
    }
}

#[tokio::test]
async fn a_stored_answer_is_done_although_the_commit_acknowledgement_was_lost() {
    let last_words = canned::CHAT[canned::CHAT.len() - 1];
    let between = Between::start(last_words).await;
    let app = TestApp::with(&["--database-url", &between.url]).await;
    let student = app.student();
    let conversation = student.begin("과학 탐구").await;
    let turn = student.ask(&conversation, QUESTION).await;
    let story = student.finish(&turn).await;
    assert!(between.cuts.load(Ordering::SeqCst) > 0, "the acknowledgement was kept back");
    assert_eq!(story.state, "done");
    let stored = student.stored(&conversation).await;
    assert_eq!((&stored["state"], &stored["answer"]["text"]), (&json!("done"), &json!(canned::CHAT.concat())));
    let usage = Statement::from_string(DbBackend::Postgres, "SELECT 1 FROM usage");
    let booked = app.database().await.query_all_raw(usage).await.unwrap().len();
    assert_eq!(booked, 2, "each call is booked once");
}

#[tokio::test]
async fn a_stored_question_is_answered_once_although_the_commit_acknowledgement_was_lost() {
    let words = "왜 하필 지금 끊길까요?";
    let between = Between::start(words).await;
    let app = TestApp::with(&["--database-url", &between.url]).await;
    let student = app.student();
    let conversation = student.begin("과학 탐구").await;
    student.send(&conversation, words, Some("k")).await.problem(503, "store-unavailable");
    assert_eq!(between.cuts.load(Ordering::SeqCst), 1, "the acknowledgement was kept back");
    // The page repeats the request and gets the stored turn.
    let again = student.send(&conversation, words, Some("k")).await.expect(202).json();
    let turns = student.conversation(&conversation).await["turns"].take();
    assert_eq!(turns.as_array().unwrap().len(), 1);
    assert_eq!(turns[0]["id"], again["turn_id"]);
    // No task runs the turn, which the next renewal of the lease finds.
    let story = student.finish(again["turn_id"].as_str().unwrap()).await;
    assert_eq!(story.state, "interrupted");
    student.retry(again["turn_id"].as_str().unwrap()).await.expect(202);
    assert_eq!(student.finish(again["turn_id"].as_str().unwrap()).await.state, "done");
    assert_eq!(app.calls(CHAT), 1);
}
