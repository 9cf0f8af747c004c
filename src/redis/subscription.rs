//! Subscriptions to channels over the one connection.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use redis::{FromRedisValue, Value, aio::MultiplexedConnection};
use tokio::sync::mpsc;

use super::Inner;

/// Messages that wait for one subscriber. A subscriber that falls behind loses messages and has to detect that.
const QUEUE: usize = 64;

/// The subscribers of each channel.
#[derive(Default)]
pub(super) struct Subscriptions {
    channels: Mutex<HashMap<String, Subscribers>>,
    /// Held during a call to Redis, so that calls have the order of the changes here.
    updating: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Subscribers {
    next: u64,
    senders: HashMap<u64, mpsc::Sender<String>>,
}

/// A subscriber of a channel.
pub struct Subscription {
    inner: Arc<Inner>,
    channel: String,
    number: u64,
    messages: mpsc::Receiver<String>,
}

pub(super) async fn subscribe(inner: &Arc<Inner>, channel: String) -> Subscription {
    let (sender, messages) = mpsc::channel(QUEUE);
    let number = inner.subscriptions.add(&channel, sender);
    let subscription = Subscription { inner: inner.clone(), channel, number, messages };
    update_redis(inner, &subscription.channel).await;
    subscription
}

impl Subscription {
    /// The next message. Pends during an outage of Redis. Cancel-safe.
    pub async fn next(&mut self) -> String {
        match self.messages.recv().await {
            Some(message) => message,
            // The sender is in the table as long as this lives.
            None => std::future::pending().await,
        }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let was_last = self.inner.subscriptions.remove(&self.channel, self.number);
        // Outside a runtime there is no connection.
        if let (true, Ok(runtime)) = (was_last, tokio::runtime::Handle::try_current()) {
            let (inner, channel) = (self.inner.clone(), std::mem::take(&mut self.channel));
            runtime.spawn(async move { update_redis(&inner, &channel).await });
        }
    }
}

/// Subscribes to a channel at Redis, or unsubscribes from it, as there are subscribers here.
async fn update_redis(inner: &Inner, channel: &str) {
    let _updating = inner.subscriptions.updating.lock().await;
    // The next connection subscribes to all channels.
    let Ok(mut connection) = inner.connected() else { return };
    let wanted = inner.subscriptions.lock().contains_key(channel);
    let result = if wanted { connection.subscribe(channel).await } else { connection.unsubscribe(channel).await };
    if let Err(error) = result {
        inner.failed(&error);
    }
}

impl Subscriptions {
    fn add(&self, channel: &str, sender: mpsc::Sender<String>) -> u64 {
        let mut channels = self.lock();
        let subscribers = channels.entry(channel.to_owned()).or_default();
        let number = subscribers.next;
        subscribers.next += 1;
        subscribers.senders.insert(number, sender);
        number
    }

    /// Removes a subscriber; `true` if it was the channel's last.
    fn remove(&self, channel: &str, number: u64) -> bool {
        let mut channels = self.lock();
        let Some(subscribers) = channels.get_mut(channel) else { return false };
        subscribers.senders.remove(&number);
        let was_last = subscribers.senders.is_empty();
        if was_last {
            channels.remove(channel);
        }
        was_last
    }

    /// Subscribes to all channels on a new connection and uses it from then on.
    pub(super) async fn move_to(&self, inner: &Inner, mut connection: MultiplexedConnection) {
        let _updating = self.updating.lock().await;
        let channels: Vec<String> = self.lock().keys().cloned().collect();
        if !channels.is_empty()
            && let Err(error) = connection.subscribe(channels).await
        {
            tracing::warn!(%error, "Redis did not take the subscriptions");
        }
        inner.connection.send_replace(Some(connection));
    }

    /// Passes a message to its subscribers.
    pub(super) fn deliver(&self, message: Vec<Value>) {
        let Ok([channel, text]) = <[Value; 2]>::try_from(message) else { return };
        let (Ok(channel), Ok(text)) = (String::from_redis_value(channel), String::from_redis_value(text)) else {
            return;
        };
        if let Some(subscribers) = self.lock().get(&channel) {
            for sender in subscribers.senders.values() {
                // The subscriber detects a lost message by itself.
                let _ = sender.try_send(text.clone());
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Subscribers>> {
        self.channels.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
