//! What one instance finds out about the model server, all know: thirty instances needn't each run into it.
//!
//! Each may still try once when the cooldown is over; the first to learn more tells the others.

use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;

use crate::redis::{Redis, Unavailable};
use llm::{BreakerNews, Client};

const CLOSED: &str = "closed";

/// Publishes to other instances that call the same `server` the state of this instance's circuit breaker, and applies theirs, until
/// `stop`.
pub async fn share(client: Client, server: &str, shared: Redis, stop: CancellationToken) {
    // A digest, since an address may hold a password.
    let digest: String = Sha256::digest(server).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let name = format!("breaker:{digest}");
    let mut own = client.breaker_news();
    let mut others = shared.subscribe(&name).await;
    if let Ok(Some(left)) = shared.locked_for(&name).await {
        client.apply_breaker_news(BreakerNews::Opened(left));
    }
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            message = others.next() => {
                // One hears oneself, too, which says nothing new.
                if let Some(news) = read(&message) {
                    client.apply_breaker_news(news);
                }
            }
            changed = own.changed() => {
                let Some(news) = changed.ok().and_then(|()| *own.borrow_and_update()) else { return };
                // While Redis is away each instance finds out by itself.
                let _ = tell(&shared, &name, news).await;
            }
        }
    }
}

/// Tells it, and leaves a note for instances that start later.
async fn tell(shared: &Redis, name: &str, news: BreakerNews) -> Result<(), Unavailable> {
    let message = match news {
        BreakerNews::Opened(cooldown) => {
            shared.try_lock(name, cooldown).await?;
            cooldown.as_millis().to_string()
        }
        BreakerNews::Closed => {
            shared.unlock(name).await?;
            CLOSED.to_owned()
        }
    };
    shared.publish(name, &message).await
}

fn read(message: &str) -> Option<BreakerNews> {
    match message {
        CLOSED => Some(BreakerNews::Closed),
        millis => Some(BreakerNews::Opened(Duration::from_millis(millis.parse().ok()?))),
    }
}
