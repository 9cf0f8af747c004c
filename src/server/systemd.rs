//! Notifies systemd (`Type=notify`) that the program is ready, alive or stopping. Does nothing without systemd.

use sd_notify::NotifyState;
use tokio::time::{MissedTickBehavior, interval};

/// Notifies systemd that the program serves at an address.
pub fn ready(at: &str) {
    notify(&[NotifyState::Ready, NotifyState::Status(&format!("serving at {at}"))]);
}

/// Notifies systemd that the program is stopping and lets running answers finish.
pub fn stopping() {
    notify(&[NotifyState::Stopping, NotifyState::Status("letting running answers finish")]);
}

/// Pings the watchdog three times in each interval of the unit (`WatchdogSec=`). It runs in the same runtime as the
/// program's tasks: if these are stuck, the pings stop and systemd restarts the program.
pub async fn live() {
    let Some(span) = sd_notify::watchdog_enabled().filter(|span| !span.is_zero()) else { return };
    let mut ticks = interval(span / 3);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        notify(&[NotifyState::Watchdog]);
    }
}

fn notify(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "systemd can't be notified");
    }
}
