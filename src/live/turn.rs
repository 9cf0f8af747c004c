//! One turn that can be followed: who changes its view, and who follows it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{
    Event, Inner, Key, LiveEvents, Status,
    view::{Seen, View},
};

/// One live turn. It lives as long as its publisher or a follower does.
pub(super) struct Live {
    view: Mutex<View>,
    pub(super) changed: watch::Sender<()>,
    /// Of a turn that runs elsewhere.
    mirror: Option<Mirror>,
}

struct Mirror {
    key: Key,
    bus: Weak<Inner>,
    /// Ends the task that feeds it.
    _fed: DropGuard,
}

impl Live {
    /// A turn that runs here.
    pub(super) fn here(status: Status) -> Self {
        Self { view: Mutex::new(View::new(status)), changed: watch::Sender::new(()), mirror: None }
    }

    /// A turn that runs elsewhere, about which nothing is known yet.
    pub(super) fn elsewhere(bus: &LiveEvents, key: Key, fed: DropGuard) -> Self {
        let mirror = Mirror { key, bus: Arc::downgrade(&bus.0), _fed: fed };
        Self { view: Mutex::default(), changed: watch::Sender::new(()), mirror: Some(mirror) }
    }

    pub(super) fn is_mirror(&self) -> bool {
        self.mirror.is_some()
    }

    /// A view is only ever changed by whole assignments, so a panic elsewhere leaves nothing half-done in it.
    pub(super) fn view(&self) -> MutexGuard<'_, View> {
        self.view.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn change(&self, change: impl FnOnce(&mut View)) {
        change(&mut self.view());
        self.changed.send_replace(());
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        if let Some((bus, key)) = self.mirror.as_ref().and_then(|mirror| Some((mirror.bus.upgrade()?, mirror.key))) {
            bus.forget(key, self);
        }
    }
}

/// The one who changes a turn's view. Dropping it ends every follower's stream.
pub struct Publisher {
    pub(super) key: Key,
    pub(super) live: Arc<Live>,
    pub(super) bus: LiveEvents,
}

impl Publisher {
    /// Adds text of the answer, together with the blocks it changed: `(index, html)` each.
    pub fn text(&self, text: &str, blocks: impl IntoIterator<Item = (usize, Arc<str>)>) {
        self.live.change(|view| view.add(text, blocks));
    }

    /// Takes all text of the answer back.
    pub fn withdraw(&self) {
        self.live.change(View::withdraw);
    }

    /// Sets whether the model thinks.
    pub fn thinking(&self, thinking: bool) {
        self.live.change(|view| view.set_thinking(thinking));
    }

    /// Sets the feedback, as JSON text.
    pub fn feedback(&self, json: Arc<str>) {
        self.live.change(|view| view.set_feedback(json));
    }

    /// Sets where the turn stands.
    pub fn status(&self, status: Status) {
        self.live.change(|view| view.set_status(status));
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.bus.0.forget(self.key, &self.live);
        self.live.change(View::end);
    }
}

/// One subscriber of a turn.
pub struct Follower {
    live: Arc<Live>,
    changed: watch::Receiver<()>,
    seen: Seen,
    ended: bool,
    /// Cancelled when followers of turns that run elsewhere should go there.
    leaving: Option<CancellationToken>,
}

impl Follower {
    pub(super) fn new(live: Arc<Live>, leaving: &CancellationToken) -> Self {
        let leaving = live.is_mirror().then(|| leaving.clone());
        Self { changed: live.changed.subscribe(), live, seen: Seen::default(), ended: false, leaving }
    }

    /// What is new: first a snapshot, later the changes since the call before, joined. Waits until there is
    /// something; `None` after [`Event::End`], or without one when this instance ends and the turn goes on at another.
    /// Cancel-safe.
    pub async fn next(&mut self) -> Option<Vec<Event>> {
        if self.ended {
            return None;
        }
        loop {
            self.changed.mark_unchanged();
            let news = self.live.view().since(&self.seen);
            if let Some((change, seen)) = news {
                self.ended = change.ended;
                self.seen = seen;
                let events = change.into_events();
                // A mirror may have read anew what it had.
                if !events.is_empty() {
                    return Some(events);
                }
            }
            // The sender lives in `self.live`, so waiting can't fail.
            match &self.leaving {
                Some(leaving) => tokio::select! {
                    changed = self.changed.changed() => changed.ok()?,
                    () = leaving.cancelled() => return None,
                },
                None => self.changed.changed().await.ok()?,
            }
        }
    }
}
