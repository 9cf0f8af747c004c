//! What instances share beside the database, through Redis: messages, short-lived values, claims and counts.
//!
//! Everything here may be gone at any moment. Redis may be away, may have been restarted empty, or may have evicted a
//! key: the callers do without then, each in its own way, and the database stays the truth. While Redis is away every
//! call says so at once and waits for nothing.

mod connection;
mod inspect;
mod lock;
mod rate;
mod subscription;
mod values;

use std::sync::Arc;

use redis::{Client, FromRedisValue, Pipeline, aio::MultiplexedConnection};
use tokio::sync::{Notify, watch};

pub use inspect::Inspected;
pub use lock::LockAttempt;
pub use rate::Quota;
pub use subscription::Subscription;
use subscription::Subscriptions;
pub use values::{Fields, Update};

/// In front of every key and channel, so that other programs may use the same Redis.
const PREFIX: &str = "llm-classroom:";

/// A connection to Redis that reconnects by itself. Cheap to clone: clones share it.
#[derive(Clone)]
pub struct Redis(Arc<Inner>);

struct Inner {
    /// The connection while there is one.
    connection: watch::Sender<Option<MultiplexedConnection>>,
    subscriptions: Subscriptions,
    /// Someone met a failure; the connection is to be looked at now.
    suspicion: Notify,
    /// Where Redis is, without its password.
    place: String,
}

/// Describes this module's metrics; call once, when the recorder is installed.
pub fn describe_metrics() {
    metrics::describe_gauge!("redis_up", "1 while Redis answers, 0 while it is away");
    metrics::describe_counter!("redis_failures_total", "Calls to Redis that failed");
    metrics::counter!("redis_failures_total").increment(0);
}

/// Redis is away, or was too slow to answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Redis is away")]
pub struct Unavailable;

/// A Redis URL that can't be used. The text doesn't repeat it, since it may hold a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("it is no Redis URL, such as redis://127.0.0.1:6379 or rediss://:password@host:6379")]
pub struct UrlError;

impl Redis {
    /// Connects to Redis by `redis://…` or, over TLS, `rediss://…`. Comes back when connected or when the first try has
    /// failed; then, and whenever the connection is lost, it is tried again for as long as a clone of this lives.
    ///
    /// # Errors
    /// [`UrlError`] for a URL that can't be used.
    pub async fn connect(url: &str) -> Result<Self, UrlError> {
        let client = connection::client(url)?;
        let place = connection::describe(&client);
        let inner = Arc::new(Inner {
            connection: watch::Sender::new(None),
            subscriptions: Subscriptions::default(),
            suspicion: Notify::new(),
            place,
        });
        metrics::gauge!("redis_up").set(0.0);
        connection::keep(&inner, client).await;
        Ok(Self(inner))
    }

    /// Where Redis is, for the operator: never a password.
    #[must_use]
    pub fn describe(&self) -> &str {
        &self.0.place
    }

    /// Whether Redis answers.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.0.connection.borrow().is_some()
    }

    /// Waits for reconnections after an outage of Redis. Messages may have been missed meanwhile.
    #[must_use]
    pub fn reconnects(&self) -> Reconnects {
        Reconnects(self.0.connection.subscribe())
    }

    /// Sends a message to all who listen to the channel, this instance among them.
    ///
    /// # Errors
    /// [`Unavailable`]; then nobody got it.
    pub async fn publish(&self, channel: &str, message: &str) -> Result<(), Unavailable> {
        let mut pipe = redis::pipe();
        pipe.publish(key(channel), message).ignore();
        self.run(&pipe).await
    }

    /// Listens to a channel until dropped. What is published after this returns is heard, unless Redis is away: then
    /// what is published after it's back.
    pub async fn subscribe(&self, channel: &str) -> Subscription {
        subscription::subscribe(&self.0, key(channel)).await
    }

    /// Runs commands in one round trip.
    async fn run<T: FromRedisValue>(&self, commands: &Pipeline) -> Result<T, Unavailable> {
        let mut connection = self.0.connected()?;
        commands.query_async(&mut connection).await.map_err(|error| self.0.failed(&error))
    }
}

impl Inner {
    fn connected(&self) -> Result<MultiplexedConnection, Unavailable> {
        self.connection.borrow().clone().ok_or(Unavailable)
    }

    /// Has the connection looked at. A command that Redis refuses is a defect of ours and told to the log.
    fn failed(&self, error: &redis::RedisError) -> Unavailable {
        if error.is_io_error() {
            tracing::debug!(%error, "a call to Redis failed");
        } else {
            tracing::warn!(%error, "Redis refused a command");
        }
        metrics::counter!("redis_failures_total").increment(1);
        self.suspicion.notify_one();
        Unavailable
    }
}

/// See [`Redis::reconnects`].
pub struct Reconnects(watch::Receiver<Option<MultiplexedConnection>>);

impl Reconnects {
    /// Waits until Redis is back once more.
    pub async fn next(&mut self) {
        loop {
            if self.0.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
            if self.0.borrow_and_update().is_some() {
                return;
            }
        }
    }
}

fn key(name: &str) -> String {
    format!("{PREFIX}{name}")
}

/// The client behind a URL, to check settings before anything connects.
///
/// # Errors
/// [`UrlError`] for a URL that can't be used.
pub fn check_url(url: &str) -> Result<(), UrlError> {
    connection::client(url).map(|_: Client| ())
}
