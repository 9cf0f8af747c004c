//! Live events, in one process and over Redis, and what else instances share in Redis.

#![allow(clippy::unwrap_used, reason = "everything here is a test")]

mod contract;
mod following;
mod losses;
#[path = "../support/redis.rs"]
mod redis_server;
mod shared;

use std::time::Duration;

use llm_classroom::{
    live::{PayloadChecks, Status},
    redis::Redis,
};
use redis_server::RedisServer;

const ANSWERING: Status = Status::new("answering", None);
const DONE: Status = Status::new("done", None);

/// Accepts HTML without sanitising it.
const UNCHECKED: PayloadChecks =
    PayloadChecks { html: str::to_owned, feedback: |json| Some(json.to_owned()), status: |_| true };

/// Awaits a future with a time limit.
async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), future).await.expect("it comes soon")
}

async fn connect(server: &RedisServer) -> Redis {
    let shared = Redis::connect(&server.url()).await.unwrap();
    assert!(shared.is_up());
    shared
}

/// Waits until Redis is available, or unavailable.
async fn until_up(shared: &Redis, up: bool) {
    until("Redis comes or goes", || shared.is_up() == up).await;
}

/// Polls until a condition is true, for changes without an event.
async fn until(what: &str, is_so: impl Fn() -> bool) {
    let looking = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), looking).await.unwrap_or_else(|_| panic!("waited in vain: {what}"));
}
