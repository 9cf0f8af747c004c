//! What systemd is told (`Type=notify`): that the program serves, that it lives, that it ends. Nothing is said where
//! nobody listens.

use sd_notify::NotifyState;
use tokio::time::{MissedTickBehavior, interval};

/// Tells that students are served now.
pub fn ready(at: &str) {
    tell(&[NotifyState::Ready, NotifyState::Status(&format!("serving at {at}"))]);
}

/// Tells that the program ends, and waits for answers that still run.
pub fn stopping() {
    tell(&[NotifyState::Stopping, NotifyState::Status("letting running answers finish")]);
}

/// Gives a sign of life as often as the unit wants one (`WatchdogSec=`), three times in its span. It runs among the
/// program's own tasks: when those are stuck, it is, and systemd starts the program anew.
pub async fn live() {
    let Some(span) = sd_notify::watchdog_enabled().filter(|span| !span.is_zero()) else { return };
    let mut beat = interval(span / 3);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        beat.tick().await;
        tell(&[NotifyState::Watchdog]);
    }
}

fn tell(what: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(what) {
        tracing::warn!(%error, "systemd can't be told how the program fares");
    }
}
