//! A page that follows a turn to its end, whatever happens to its connection.

use std::{cell::Cell, sync::Arc};

use eventsource_stream::Eventsource;
use futures_util::StreamExt;
use reqwest::{StatusCode, header::COOKIE};
use serde_json::Value;
use tokio::sync::Semaphore;

use crate::support::{
    eventually, soon,
    student::{Student, http_client},
};

/// What a page has seen of a turn.
#[derive(Debug, Default)]
pub struct Seen {
    pub blocks: Vec<String>,
    /// The deltas joined; the whole text only for who followed from before the first piece without a break.
    pub text: String,
    pub state: String,
    pub connections: usize,
    /// Connections that broke without being cut here.
    pub broken: usize,
}

impl Seen {
    pub fn html(&self) -> String {
        self.blocks.concat()
    }
}

/// Where a page connects, one connection after the other, and after how many events it cuts each.
#[derive(Debug, Clone)]
pub struct Plan {
    pub urls: Vec<String>,
    pub cuts: Vec<usize>,
    /// A permit for each page that has seen its turn's beginning.
    begun: Arc<Semaphore>,
}

impl Plan {
    /// One address, no cuts.
    pub fn stay(url: String) -> Self {
        Self::hop(vec![url], Vec::new())
    }

    /// From one address to the next.
    pub fn hop(urls: Vec<String>, cuts: Vec<usize>) -> Self {
        Self { urls, cuts, begun: Arc::new(Semaphore::new(0)) }
    }

    /// Waits until so many pages have seen their turn's beginning.
    pub async fn until_begun(&self, pages: usize) {
        let pages = u32::try_from(pages).unwrap();
        soon("the pages' first snapshot", self.begun.acquire_many(pages)).await.unwrap().forget();
    }
}

/// Follows a turn to its end. A connection that breaks, or is refused with a 503, is made anew, as the page does.
pub async fn follow(student: &Student, turn: &str, plan: &Plan) -> Seen {
    let cookie = student.cookie().expect("a learner");
    let mut seen = Seen::default();
    let http = http_client();
    let attempts = Cell::new(0);
    let connect = async || {
        let attempt = attempts.replace(attempts.get() + 1);
        let url = &plan.urls[attempt % plan.urls.len()];
        let path = format!("{url}/api/v1/turns/{turn}/events");
        // An error is an instance that is gone.
        let response = http.get(path).header(COOKIE, &cookie).send().await.ok()?;
        if response.status() == StatusCode::OK {
            return Some((attempt, response));
        }
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE, "{turn}");
        None
    };
    let following = async {
        loop {
            let (attempt, response) = eventually("an instance that answers", connect).await;
            seen.connections = attempt + 1;
            let cut = plan.cuts.get(attempt).copied().unwrap_or(usize::MAX);
            match play(&mut seen, response, cut, plan).await {
                Ended::Whole => return,
                Ended::Cut => {}
                Ended::Broken => seen.broken += 1,
            }
        }
    };
    soon("a turn's end", following).await;
    seen
}

enum Ended {
    Whole,
    Cut,
    Broken,
}

async fn play(seen: &mut Seen, response: reqwest::Response, cut: usize, plan: &Plan) -> Ended {
    let mut events = response.bytes_stream().eventsource();
    let mut count = 0;
    while let Some(Ok(event)) = events.next().await {
        count += 1;
        let data: Value = serde_json::from_str(&event.data).expect("every event's data is JSON");
        if let Some(state) = data["state"].as_str() {
            state.clone_into(&mut seen.state);
        }
        match event.event.as_str() {
            "snapshot" => {
                assert_eq!(count, 1, "the snapshot comes first");
                if seen.connections == 1 {
                    plan.begun.add_permits(1);
                }
                let blocks = data["blocks"].as_array().unwrap();
                seen.blocks = blocks.iter().map(|html| html.as_str().unwrap().to_owned()).collect();
            }
            "block" => {
                let index = usize::try_from(data["index"].as_u64().unwrap()).unwrap();
                if seen.blocks.len() <= index {
                    seen.blocks.resize(index + 1, String::new());
                }
                seen.blocks[index] = data["html"].as_str().unwrap().to_owned();
            }
            "delta" => seen.text += data["text"].as_str().unwrap(),
            "end" => return Ended::Whole,
            _ => {}
        }
        if count > cut {
            return Ended::Cut;
        }
    }
    Ended::Broken
}
