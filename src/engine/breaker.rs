//! Shares the state of the circuit breaker between instances, so that not each of them has to see the failures of the
//! model server itself. After the cooldown each instance may try once, and publishes what it finds.

use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::redis::{Redis, Unavailable};
use llm::{BreakerChange, Client};

const CLOSED: &str = "closed";

/// Publishes the state of this instance's circuit breaker to the instances that call the same `server`, and applies theirs.
pub async fn share(client: Client, server: String, redis: Redis) {
    // A digest, because an address may contain a password.
    let name = format!("breaker:{}", hex::encode(&Sha256::digest(&server)[..8]));
    let mut own = client.breaker_changes();
    let mut others = redis.subscribe(&name).await;
    if let Ok(Some(left)) = redis.locked_for(&name).await {
        client.apply_breaker_change(BreakerChange::Opened(left));
    }
    loop {
        tokio::select! {
            message = others.next() => {
                // This instance receives its own messages too, which change nothing.
                if let Some(change) = read(&message) {
                    client.apply_breaker_change(change);
                }
            }
            changed = own.changed() => {
                let Some(change) = changed.ok().and_then(|()| *own.borrow_and_update()) else { return };
                // Without Redis each instance has to see the failures itself.
                let _ = publish(&redis, &name, change).await;
            }
        }
    }
}

/// Publishes a change, and stores it for instances that start later.
async fn publish(redis: &Redis, name: &str, change: BreakerChange) -> Result<(), Unavailable> {
    let message = match change {
        BreakerChange::Opened(cooldown) => {
            redis.try_lock(name, cooldown).await?;
            cooldown.as_millis().to_string()
        }
        BreakerChange::Closed => {
            redis.unlock(name).await?;
            CLOSED.to_owned()
        }
    };
    redis.publish(name, &message).await
}

fn read(message: &str) -> Option<BreakerChange> {
    match message {
        CLOSED => Some(BreakerChange::Closed),
        millis => Some(BreakerChange::Opened(Duration::from_millis(millis.parse().ok()?))),
    }
}
