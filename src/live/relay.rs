//! Sends the view of a turn that runs here to Redis. The relay is one more follower of the view, so it needs no queue, and
//! it joins the changes that arrive while Redis is slow.

use std::{sync::Arc, time::Duration};

use super::{
    hash,
    turn::LiveTurn,
    view::{Change, Seen},
};
use crate::redis::{Reconnects, Redis, Unavailable, Update};

/// The lifetime of a view in Redis without a renewal.
const LIFETIME: Duration = Duration::from_secs(60);
/// How often the lifetime of an unchanged view is renewed, and a view that Redis lost is sent anew.
const REFRESH: Duration = Duration::from_secs(3);

/// Sends every change of a view to Redis until the turn has ended.
pub(super) async fn relay(turn: Arc<LiveTurn>, name: String, redis: Redis) {
    let mut changed = turn.changed.subscribe();
    let mut reconnects = redis.reconnects();
    // The version that Redis has. The default is always safe: then the whole view is sent.
    let mut sent = Seen::default();
    loop {
        changed.mark_unchanged();
        let news = turn.view().since(&sent);
        let Some((change, seen)) = news else {
            tokio::select! {
                _ = changed.changed() => {}
                () = reconnects.next() => sent = Seen::default(),
                () = tokio::time::sleep(REFRESH) => {
                    if redis.extend_lifetime(&name, LIFETIME).await == Ok(false) {
                        sent = Seen::default();
                    }
                }
            }
            continue;
        };
        match send(&redis, &name, &change).await {
            Ok(true) => sent = seen,
            Ok(false) => {
                sent = Seen::default();
                continue;
            }
            Err(Unavailable) => {
                metrics::counter!("bus_relay_failures_total").increment(1);
                sent = Seen::default();
                if !wait_before_retry(&turn, &mut reconnects).await {
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

/// Sends a change; `false` if Redis had lost the version before it.
async fn send(redis: &Redis, name: &str, change: &Change) -> Result<bool, Unavailable> {
    let whole = change.from == 0;
    let update = Update { fields: hash::fields(change), text: change.text.clone(), whole };
    let Ok(message) = serde_json::to_string(change) else { return Ok(true) };
    Ok(redis.set(name, &update, &message, LIFETIME).await? || whole)
}

/// Waits until Redis is connected again, or for [`REFRESH`] in case it only refused the change (it may be out of memory).
/// `false` if the turn ended first; followers then read it from the database.
async fn wait_before_retry(turn: &LiveTurn, reconnects: &mut Reconnects) -> bool {
    let mut changed = turn.changed.subscribe();
    let waited = tokio::time::sleep(REFRESH);
    tokio::pin!(waited);
    loop {
        if turn.view().has_ended() {
            return false;
        }
        tokio::select! {
            () = reconnects.next() => return true,
            () = &mut waited => return true,
            _ = changed.changed() => {}
        }
    }
}
