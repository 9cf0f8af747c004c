//! A student who behaves: opens the page, begins a conversation, asks, follows the answer to its end, and asks on.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use serde::Deserialize;
use serde_json::json;

use crate::{
    http::Connection,
    sse::Events,
    texts::{TOPIC, question, shows_answer},
};

/// The chat page of [`TOPIC`].
pub const PAGE: &str = "/chat.html?topic=%EA%B3%BC%ED%95%99%20%ED%83%90%EA%B5%AC";

/// How often a refused stream is requested again, and the pause before.
const RETRIES: usize = 20;
const RETRY_PAUSE: Duration = Duration::from_millis(500);

/// How one turn went.
#[derive(Debug, Clone, Copy)]
pub struct TurnTimes {
    /// From sending the question until it was accepted.
    pub accepted: Duration,
    /// From sending the question until the first text of the answer was there.
    pub first_text: Duration,
    /// From sending the question until the turn had ended.
    pub whole: Duration,
    /// How often the stream was refused with 503 and requested again.
    pub refused: usize,
}

/// A student with a conversation.
pub struct Student {
    connection: Connection,
    conversation: String,
    asked: usize,
    /// How long the page took.
    pub page_view: Option<Duration>,
}

#[derive(Deserialize)]
struct Created {
    id: String,
}

#[derive(Deserialize)]
struct Accepted {
    turn_id: String,
}

#[derive(Deserialize)]
struct Block {
    html: String,
}

#[derive(Deserialize)]
struct Delta {
    text: String,
}

#[derive(Deserialize)]
struct Feedback {
    source: String,
    suggested_questions: Vec<String>,
}

/// A snapshot, or a change of the state.
#[derive(Deserialize)]
struct State {
    state: String,
    #[serde(default)]
    blocks: Vec<String>,
    feedback: Option<Feedback>,
}

impl Student {
    /// Opens the page, if the server has pages, and begins a conversation.
    pub async fn begin(address: SocketAddr, number: usize, has_pages: bool) -> anyhow::Result<Self> {
        let mut connection = Connection::open(address, number).await?;
        let began = Instant::now();
        if has_pages {
            connection.call("GET", PAGE, None, 200).await?;
        }
        let page_view = has_pages.then(|| began.elapsed());
        let topic = json!({ "topic": TOPIC }).to_string();
        let status = connection.send("POST", "/api/v1/conversations", Some(&topic)).await?;
        let body = connection.read_body().await?;
        ensure!((200..300).contains(&status), "{status}: {}", String::from_utf8_lossy(&body));
        let conversation = serde_json::from_slice::<Created>(&body)?.id;
        Ok(Self { connection, conversation, asked: 0, page_view })
    }

    /// Asks the next question and follows the turn to its end. Fails unless answer and notes are whole.
    pub async fn ask(&mut self) -> anyhow::Result<TurnTimes> {
        let sent = Instant::now();
        let turn = self.send(&question(self.asked)).await?;
        let accepted = sent.elapsed();
        let mut refused = 0;
        loop {
            let status = self.connection.send("GET", &events_path(&turn), None).await?;
            if status == 200 {
                break;
            }
            ensure!(status == 503 && refused < RETRIES, "the events: {status}");
            // As the page does.
            refused += 1;
            self.connection.read_body().await?;
            tokio::time::sleep(RETRY_PAUSE).await;
        }
        let view = TurnView::follow(&mut self.connection, sent).await?;
        view.check()?;
        let first_text = view.first_text.context("a whole answer has a first text")?;
        Ok(TurnTimes { accepted, first_text, whole: view.ended.context("the turn has ended")?, refused })
    }

    /// Sends a question; the turn that was accepted.
    pub async fn send(&mut self, question: &str) -> anyhow::Result<String> {
        let path = format!("/api/v1/conversations/{}/turns", self.conversation);
        let message = json!({ "message": question }).to_string();
        let accepted = self.connection.call("POST", &path, Some(&message), 202).await?;
        self.asked += 1;
        Ok(serde_json::from_slice::<Accepted>(&accepted)?.turn_id)
    }

    /// Opens another stream of a turn, reads what there is so far, and keeps it open.
    pub async fn open_stream(&self, number: usize, turn: &str) -> anyhow::Result<Connection> {
        let mut connection =
            Connection::open(self.connection.address(), number).await?.with_cookie_of(&self.connection);
        let status = connection.send("GET", &events_path(turn), None).await?;
        ensure!(status == 200, "the events: {status}");
        let snapshot = Events::default().next(&mut connection).await?.is_some_and(|event| event.name == "snapshot");
        ensure!(snapshot, "a stream begins without a snapshot");
        Ok(connection)
    }

    /// Opens the page of a new conversation.
    pub async fn page(&mut self) -> anyhow::Result<()> {
        self.get(PAGE).await.map(drop)
    }

    /// Fetches a path with this student's cookie.
    pub async fn get(&mut self, path: &str) -> anyhow::Result<Vec<u8>> {
        self.connection.call("GET", path, None, 200).await
    }

    /// The conversation.
    pub fn conversation(&self) -> &str {
        &self.conversation
    }
}

fn events_path(turn: &str) -> String {
    format!("/api/v1/turns/{turn}/events")
}

/// What the student's page has got of a turn.
#[derive(Default)]
struct TurnView {
    first_text: Option<Duration>,
    ended: Option<Duration>,
    state: String,
    feedback: Option<Feedback>,
    /// Whole blocks by their index; those that came as events are parsed at the end only.
    blocks: Vec<Html>,
    text: String,
}

enum Html {
    Event(String),
    Text(String),
}

impl TurnView {
    async fn follow(connection: &mut Connection, sent: Instant) -> anyhow::Result<Self> {
        let mut view = Self::default();
        let mut events = Events::default();
        while let Some(event) = events.next(connection).await? {
            match event.name {
                "snapshot" | "state" => {
                    let state: State = serde_json::from_str(event.data)?;
                    view.state = state.state;
                    if event.name == "snapshot" {
                        view.feedback = state.feedback;
                        view.blocks = state.blocks.into_iter().map(Html::Text).collect();
                    }
                }
                "block" => {
                    let index = block_index(event.data).context("a block has an index")?;
                    let block = Html::Event(event.data.to_owned());
                    match view.blocks.get_mut(index) {
                        Some(earlier) => *earlier = block,
                        None => view.blocks.push(block),
                    }
                }
                "delta" => view.text.push_str(&serde_json::from_str::<Delta>(event.data)?.text),
                "feedback" => view.feedback = Some(serde_json::from_str(event.data)?),
                "end" => view.ended = Some(sent.elapsed()),
                _ => {}
            }
            if view.first_text.is_none() && !(view.blocks.is_empty() && view.text.is_empty()) {
                view.first_text = Some(sent.elapsed());
            }
        }
        Ok(view)
    }

    fn check(&self) -> anyhow::Result<()> {
        ensure!(self.state == "done" && self.ended.is_some(), "a turn ended as {:?}", self.state);
        let feedback = self.feedback.as_ref().context("a turn ended without notes")?;
        ensure!(
            feedback.source == "model" && feedback.suggested_questions.len() == 3,
            "the notes are those of {:?}",
            feedback.source
        );
        let html: Vec<String> = self.blocks.iter().map(Html::read).collect::<anyhow::Result<_>>()?;
        let shown = if html.is_empty() { &self.text } else { &html.concat() };
        ensure!(shows_answer(shown), "an answer isn't whole: {shown}");
        Ok(())
    }
}

impl Html {
    fn read(&self) -> anyhow::Result<String> {
        match self {
            Self::Text(html) => Ok(html.clone()),
            Self::Event(data) => Ok(serde_json::from_str::<Block>(data)?.html),
        }
    }
}

/// The index of a block, which all servers here write first.
fn block_index(data: &str) -> Option<usize> {
    let digits = data.split_once(':')?.1.trim_start();
    digits[..digits.find(|character: char| !character.is_ascii_digit())?].parse().ok()
}
