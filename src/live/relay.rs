//! From the instance that runs a turn to Redis: the relay is one more follower of the turn's view, so it too holds no
//! queue, and joins what changes while Redis is slow.

use std::{sync::Arc, time::Duration};

use super::{
    turn::Live,
    view::{Change, Seen},
};
use crate::redis::{Reconnects, Redis, Unavailable, Update};

/// How long Redis keeps a turn of which nothing new is heard.
const LIFETIME: Duration = Duration::from_secs(60);
/// How often an unchanged turn is kept on, and found again should Redis have lost it.
const REFRESH: Duration = Duration::from_secs(3);

/// Brings every change of a view to Redis until it has ended.
pub(super) async fn relay(live: Arc<Live>, name: String, shared: Redis) {
    let mut changed = live.changed.subscribe();
    let mut reconnects = shared.reconnects();
    // What Redis has. Nothing is always safe to assume: everything is sent then.
    let mut sent = Seen::default();
    loop {
        changed.mark_unchanged();
        let news = live.view().since(&sent);
        let Some((change, seen)) = news else {
            tokio::select! {
                _ = changed.changed() => {}
                () = reconnects.next() => sent = Seen::default(),
                () = tokio::time::sleep(REFRESH) => {
                    if shared.extend_lifetime(&name, LIFETIME).await == Ok(false) {
                        sent = Seen::default();
                    }
                }
            }
            continue;
        };
        match send(&shared, &name, &change).await {
            Ok(true) => sent = seen,
            Ok(false) => {
                sent = Seen::default();
                continue;
            }
            Err(Unavailable) => {
                metrics::counter!("bus_relay_failures_total").increment(1);
                sent = Seen::default();
                if !worth_another_try(&live, &mut reconnects).await {
                    return;
                }
                continue;
            }
        }
        if change.ended {
            return;
        }
    }
}

/// `false` if Redis had lost what the change builds upon.
async fn send(shared: &Redis, name: &str, change: &Change) -> Result<bool, Unavailable> {
    let whole = change.from == 0;
    let update = Update { fields: super::hash::fields(change), text: change.text.clone(), whole };
    let Ok(message) = serde_json::to_string(change) else { return Ok(true) };
    Ok(shared.set(name, &update, &message, LIFETIME).await? || whole)
}

/// Waits until Redis is back, or for a while should it only have refused (it may be out of memory); `false` if the turn
/// ended first. Then the database has all there is.
async fn worth_another_try(live: &Live, reconnects: &mut Reconnects) -> bool {
    let mut changed = live.changed.subscribe();
    let waited = tokio::time::sleep(REFRESH);
    tokio::pin!(waited);
    loop {
        if live.view().has_ended() {
            return false;
        }
        tokio::select! {
            () = reconnects.next() => return true,
            () = &mut waited => return true,
            _ = changed.changed() => {}
        }
    }
}
