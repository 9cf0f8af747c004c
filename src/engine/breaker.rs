//! What one instance finds out about the model server, all know: thirty instances needn't each run into it.
//!
//! Each may still try once when the cooldown is over; the first to learn more tells the others.

use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;

use crate::redis::{Redis, Unavailable};
use llm::{BreakerChange, Client};

const CLOSED: &str = "closed";

/// Publishes to other instances that call the same `server` the state of this instance's circuit breaker, and applies theirs, until
/// `stop`.
pub async fn share(client: Client, server: &str, shared: Redis, stop: CancellationToken) {
    // A digest, since an address may hold a password.
    let digest: String = Sha256::digest(server).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let name = format!("breaker:{digest}");
    let mut own = client.breaker_changes();
    let mut others = shared.subscribe(&name).await;
    if let Ok(Some(left)) = shared.locked_for(&name).await {
        client.apply_breaker_change(BreakerChange::Opened(left));
    }
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            message = others.next() => {
                // One hears oneself, too, which says nothing new.
                if let Some(news) = read(&message) {
                    client.apply_breaker_change(news);
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
async fn tell(shared: &Redis, name: &str, news: BreakerChange) -> Result<(), Unavailable> {
    let message = match news {
        BreakerChange::Opened(cooldown) => {
            shared.try_lock(name, cooldown).await?;
            cooldown.as_millis().to_string()
        }
        BreakerChange::Closed => {
            shared.unlock(name).await?;
            CLOSED.to_owned()
        }
    };
    shared.publish(name, &message).await
}

fn read(message: &str) -> Option<BreakerChange> {
    match message {
        CLOSED => Some(BreakerChange::Closed),
        millis => Some(BreakerChange::Opened(Duration::from_millis(millis.parse().ok()?))),
    }
}
