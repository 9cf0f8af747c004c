//! Redis: messages, short-lived values, locks and counters that instances share beside the database.
//!
//! Redis may be unreachable, may have been restarted empty, or may have evicted a key. Callers work without it then; the
//! database is authoritative. During an outage every call fails at once with [`Unavailable`].

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

/// The prefix of every key and channel, so that other programs may use the same Redis.
const PREFIX: &str = "llm-classroom:";

/// A connection to Redis that reconnects by itself. Cheap to clone: clones share it.
#[derive(Clone)]
pub struct Redis(Arc<Inner>);

struct Inner {
    /// The connection while there is one.
    connection: watch::Sender<Option<MultiplexedConnection>>,
    subscriptions: Subscriptions,
    /// A call failed, so the connection is checked now.
    check_now: Notify,
    /// The server's address, without the password.
    address: String,
}

/// Describes this module's metrics; call once, when the recorder is installed.
pub fn describe_metrics() {
    metrics::describe_gauge!("redis_up", "1 while Redis answers, 0 while it is away");
    metrics::describe_counter!("redis_failures_total", "Calls to Redis that failed");
    metrics::counter!("redis_failures_total").increment(0);
}

/// Redis can't be reached, or did not answer in time. The only error of calls to Redis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Redis is away")]
pub struct Unavailable;

/// An invalid Redis URL. The text doesn't repeat the URL, because it may contain a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("it is no Redis URL, such as redis://127.0.0.1:6379 or rediss://:password@host:6379")]
pub struct UrlError;

impl Redis {
    /// Connects to `redis://…` or, over TLS, `rediss://…`. Returns after the first try, whether or not it succeeded. A task
    /// reconnects as long as a clone of this lives.
    ///
    /// # Errors
    /// [`UrlError`] for an invalid URL.
    pub async fn connect(url: &str) -> Result<Self, UrlError> {
        let client = connection::client(url)?;
        let address = connection::describe(&client);
        let inner = Arc::new(Inner {
            connection: watch::Sender::new(None),
            subscriptions: Subscriptions::default(),
            check_now: Notify::new(),
            address,
        });
        metrics::gauge!("redis_up").set(0.0);
        connection::start(&inner, client).await;
        Ok(Self(inner))
    }

    /// The server's address for the operator, without the password.
    #[must_use]
    pub fn describe(&self) -> &str {
        &self.0.address
    }

    /// Whether Redis is connected.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.0.connection.borrow().is_some()
    }

    /// The reconnections after outages of Redis, during which messages may have been missed.
    #[must_use]
    pub fn reconnects(&self) -> Reconnects {
        Reconnects(self.0.connection.subscribe())
    }

    /// Publishes a message to all subscribers of the channel, those of this instance included.
    pub async fn publish(&self, channel: &str, message: &str) -> Result<(), Unavailable> {
        let mut pipe = redis::pipe();
        pipe.publish(key(channel), message).ignore();
        self.run(&pipe).await
    }

    /// Subscribes to a channel until dropped. Messages that are published after this returns are received, or during an
    /// outage those that are published after the reconnection.
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

    /// Has the connection checked. A command that Redis refuses is a bug and is logged.
    fn failed(&self, error: &redis::RedisError) -> Unavailable {
        if error.is_io_error() {
            tracing::debug!(%error, "a call to Redis failed");
        } else {
            tracing::warn!(%error, "Redis refused a command");
        }
        metrics::counter!("redis_failures_total").increment(1);
        self.check_now.notify_one();
        Unavailable
    }
}

/// See [`Redis::reconnects`].
pub struct Reconnects(watch::Receiver<Option<MultiplexedConnection>>);

impl Reconnects {
    /// Waits for the next reconnection.
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

/// Checks a URL without connecting.
///
/// # Errors
/// [`UrlError`] for an invalid URL.
pub fn check_url(url: &str) -> Result<(), UrlError> {
    connection::client(url).map(|_: Client| ())
}
