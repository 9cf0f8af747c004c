//! Listening to channels over the one connection.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use redis::{FromRedisValue, Value, aio::MultiplexedConnection};
use tokio::sync::mpsc;

use super::Inner;

/// Messages that wait for one listener. One that falls behind loses messages, never memory; it has to notice by itself.
const QUEUE: usize = 64;

/// Who listens to what.
#[derive(Default)]
pub(super) struct Subscriptions {
    channels: Mutex<HashMap<String, Listeners>>,
    /// Held while Redis is told, so that it's told in the order in which things happened here.
    telling: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Listeners {
    next: u64,
    senders: HashMap<u64, mpsc::Sender<String>>,
}

/// One listener of a channel.
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
    tell(inner, &subscription.channel).await;
    subscription
}

impl Subscription {
    /// The next message. Pends while Redis is away. Cancel-safe.
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
        // Outside a runtime there is no connection to tell by.
        if let (true, Ok(runtime)) = (was_last, tokio::runtime::Handle::try_current()) {
            let (inner, channel) = (self.inner.clone(), std::mem::take(&mut self.channel));
            runtime.spawn(async move { tell(&inner, &channel).await });
        }
    }
}

/// Brings what Redis knows of a channel in line with what is wanted here now.
async fn tell(inner: &Inner, channel: &str) {
    let _telling = inner.subscriptions.telling.lock().await;
    // Without a connection there is nobody to tell; the next one is told everything.
    let Ok(mut connection) = inner.connected() else { return };
    let wanted = inner.subscriptions.lock().contains_key(channel);
    let told = if wanted { connection.subscribe(channel).await } else { connection.unsubscribe(channel).await };
    if let Err(error) = told {
        inner.failed(&error);
    }
}

impl Subscriptions {
    fn add(&self, channel: &str, sender: mpsc::Sender<String>) -> u64 {
        let mut channels = self.lock();
        let listeners = channels.entry(channel.to_owned()).or_default();
        let number = listeners.next;
        listeners.next += 1;
        listeners.senders.insert(number, sender);
        number
    }

    /// Whether that was the channel's last listener.
    fn remove(&self, channel: &str, number: u64) -> bool {
        let mut channels = self.lock();
        let Some(listeners) = channels.get_mut(channel) else { return false };
        listeners.senders.remove(&number);
        let was_last = listeners.senders.is_empty();
        if was_last {
            channels.remove(channel);
        }
        was_last
    }

    /// Tells a new connection of all channels and makes it the one in use.
    pub(super) async fn move_to(&self, inner: &Inner, mut connection: MultiplexedConnection) {
        let _telling = self.telling.lock().await;
        let channels: Vec<String> = self.lock().keys().cloned().collect();
        if !channels.is_empty()
            && let Err(error) = connection.subscribe(channels).await
        {
            tracing::warn!(%error, "Redis did not take the subscriptions");
        }
        inner.connection.send_replace(Some(connection));
    }

    /// Hands a message to its listeners.
    pub(super) fn deliver(&self, message: Vec<Value>) {
        let Ok([channel, text]) = <[Value; 2]>::try_from(message) else { return };
        let (Ok(channel), Ok(text)) = (String::from_redis_value(channel), String::from_redis_value(text)) else {
            return;
        };
        if let Some(listeners) = self.lock().get(&channel) {
            for sender in listeners.senders.values() {
                // A full queue is the listener's to notice.
                let _ = sender.try_send(text.clone());
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Listeners>> {
        self.channels.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
