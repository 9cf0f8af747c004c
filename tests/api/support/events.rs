//! The events of a turn, and the state that they add up to.

use std::pin::Pin;

use eventsource_stream::Eventsource;
use futures_util::{Stream, StreamExt};
use serde_json::Value;

use super::soon;

/// An event.
#[derive(Debug, Clone)]
pub struct Event {
    pub id: String,
    pub name: String,
    pub data: Value,
}

/// The stream of a turn's events. Dropping it closes the connection, as a closed tab does.
pub struct Events {
    stream: Pin<Box<dyn Stream<Item = Event> + Send>>,
    /// The events so far.
    pub story: Story,
}

/// The state of a page that applies all events.
#[derive(Debug, Default)]
pub struct Story {
    pub events: Vec<Event>,
    pub blocks: Vec<String>,
    /// The text of all deltas.
    pub text: String,
    pub feedback: Option<Value>,
    /// Whether the model thinks and has written nothing yet.
    pub thinking: bool,
    /// Whether another snapshot may come, which withdraws text.
    pub may_withdraw: bool,
    pub state: String,
    /// Whether only the feedback is missing.
    pub is_answered: bool,
    pub reason: Option<String>,
}

impl Events {
    pub fn new(response: reqwest::Response) -> Self {
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        let stream = response.bytes_stream().eventsource().map(|event| {
            let event = event.expect("the connection holds");
            let data = serde_json::from_str(&event.data).expect("every event's data is JSON");
            Event { id: event.id, name: event.event, data }
        });
        Self { stream: Box::pin(stream), story: Story::default() }
    }

    /// The next event; `None` once the stream is closed.
    pub async fn next(&mut self) -> Option<Event> {
        let event = soon("an event", self.stream.next()).await?;
        self.story.play(&event);
        Some(event)
    }

    /// Reads until the page meets a condition.
    pub async fn until(&mut self, what: &str, wanted: impl Fn(&Story) -> bool) -> &Story {
        while !wanted(&self.story) {
            let next = self.next().await;
            assert!(next.is_some(), "the stream ended before {what}: {:?}", self.story);
        }
        &self.story
    }

    /// Reads until this state.
    pub async fn until_state(&mut self, state: &str) -> &Story {
        self.until(state, |story| story.state == state).await
    }

    /// Reads until the answer contains this text.
    pub async fn until_shown(&mut self, text: &str) -> &Story {
        self.until(text, |story| story.html().contains(text)).await
    }

    /// Reads to the end: after `end` the connection is closed.
    pub async fn into_story(mut self) -> Story {
        while self.next().await.is_some() {}
        assert_eq!(self.story.events.last().map(|event| event.name.as_str()), Some("end"), "{:?}", self.story);
        self.story
    }
}

impl Story {
    fn play(&mut self, event: &Event) {
        let data = &event.data;
        match event.name.as_str() {
            "snapshot" => {
                assert!(self.events.is_empty() || self.may_withdraw, "the snapshot comes first and once");
                self.text.clear();
                self.thinking = data["thinking"].as_bool().unwrap();
                let blocks = data["blocks"].as_array().unwrap();
                self.blocks = blocks.iter().map(|html| html.as_str().unwrap().to_owned()).collect();
                self.feedback = Some(data["feedback"].clone()).filter(|feedback| !feedback.is_null());
                self.set_state(data);
            }
            "block" => {
                let index = usize::try_from(data["index"].as_u64().unwrap()).unwrap();
                if self.blocks.len() <= index {
                    self.blocks.resize(index + 1, String::new());
                }
                self.blocks[index] = data["html"].as_str().unwrap().to_owned();
            }
            "delta" => self.text.push_str(data["text"].as_str().unwrap()),
            "thinking" => self.thinking = data["thinking"].as_bool().unwrap(),
            "feedback" => self.feedback = Some(data.clone()),
            "state" => self.set_state(data),
            "end" => {}
            other => panic!("no event is called {other}"),
        }
        assert!(event.name == "snapshot" || !self.events.is_empty(), "{event:?} came before the snapshot");
        self.events.push(event.clone());
    }

    fn set_state(&mut self, data: &Value) {
        self.state = data["state"].as_str().unwrap().to_owned();
        self.is_answered = data["answered"].as_bool().unwrap();
        self.reason = data["reason"].as_str().map(str::to_owned);
        assert_eq!(self.reason.is_some(), data["reason_text"].is_string(), "{data}");
    }

    /// The answer as the page shows it.
    pub fn html(&self) -> String {
        self.blocks.concat()
    }

    /// The names of the events, without repetitions in a row.
    pub fn outline(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.events.iter().map(|event| event.name.as_str()).collect();
        names.dedup();
        names
    }

    /// The number of events with this name.
    pub fn count(&self, name: &str) -> usize {
        self.events.iter().filter(|event| event.name == name).count()
    }
}
