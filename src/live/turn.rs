//! A turn that can be followed: its publisher, its followers, and the registry of all such turns.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};
use uuid::Uuid;

use super::{
    event::{Event, Status},
    view::{Seen, View},
};

/// A turn and its attempt. Each attempt has a view of its own.
pub type Key = (Uuid, u32);

/// The turns that can be followed here.
#[derive(Default)]
pub(super) struct Registry(Mutex<HashMap<Key, Weak<LiveTurn>>>);

impl Registry {
    pub(super) fn lock(&self) -> MutexGuard<'_, HashMap<Key, Weak<LiveTurn>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The turn of this key, if it can be followed.
    pub(super) fn get(&self, key: Key) -> Option<Arc<LiveTurn>> {
        self.lock().get(&key)?.upgrade()
    }

    /// Removes a turn, unless another has its key by now.
    fn remove(&self, key: Key, turn: &LiveTurn) {
        let mut turns = self.lock();
        if turns.get(&key).is_some_and(|registered| std::ptr::eq(registered.as_ptr(), turn)) {
            turns.remove(&key);
        }
    }
}

/// A turn that can be followed. It lives as long as its publisher or a follower does.
pub(super) struct LiveTurn {
    view: Mutex<View>,
    pub(super) changed: watch::Sender<()>,
    /// For a turn that runs at another instance.
    mirror: Option<Mirror>,
}

struct Mirror {
    key: Key,
    registry: Weak<Registry>,
    /// Ends the task that updates the mirror.
    _feed: DropGuard,
}

impl LiveTurn {
    /// A turn that runs here.
    pub(super) fn here(status: Status) -> Self {
        Self { view: Mutex::new(View::new(status)), changed: watch::Sender::new(()), mirror: None }
    }

    /// A turn that runs at another instance, with an empty view.
    pub(super) fn elsewhere(registry: &Arc<Registry>, key: Key, feed: DropGuard) -> Self {
        let mirror = Mirror { key, registry: Arc::downgrade(registry), _feed: feed };
        Self { view: Mutex::default(), changed: watch::Sender::new(()), mirror: Some(mirror) }
    }

    pub(super) fn is_mirror(&self) -> bool {
        self.mirror.is_some()
    }

    /// A view is changed by whole assignments only, so a panic in another task leaves it consistent.
    pub(super) fn view(&self) -> MutexGuard<'_, View> {
        self.view.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn change(&self, change: impl FnOnce(&mut View)) {
        change(&mut self.view());
        self.changed.send_replace(());
    }
}

impl Drop for LiveTurn {
    fn drop(&mut self) {
        if let Some(Mirror { key, registry, .. }) = &self.mirror
            && let Some(registry) = registry.upgrade()
        {
            registry.remove(*key, self);
        }
    }
}

/// Changes the view of a turn. Dropping it ends the streams of all followers.
pub struct Publisher {
    pub(super) key: Key,
    pub(super) turn: Arc<LiveTurn>,
    pub(super) registry: Arc<Registry>,
}

impl Publisher {
    /// Adds text of the answer, together with the blocks it changed: `(index, html)` each.
    pub fn text(&self, text: &str, blocks: impl IntoIterator<Item = (usize, Arc<str>)>) {
        self.turn.change(|view| view.add(text, blocks));
    }

    /// Withdraws all text of the answer.
    pub fn withdraw(&self) {
        self.turn.change(View::withdraw);
    }

    /// Sets whether the model thinks.
    pub fn thinking(&self, thinking: bool) {
        self.turn.change(|view| view.set_thinking(thinking));
    }

    /// Sets the feedback, as JSON text.
    pub fn feedback(&self, json: Arc<str>) {
        self.turn.change(|view| view.set_feedback(json));
    }

    /// Sets the status of the turn.
    pub fn status(&self, status: Status) {
        self.turn.change(|view| view.set_status(status));
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.registry.remove(self.key, &self.turn);
        self.turn.change(View::end);
    }
}

/// One subscriber of a turn.
pub struct Follower {
    turn: Arc<LiveTurn>,
    changed: watch::Receiver<()>,
    seen: Seen,
    ended: bool,
    /// Cancelled when followers of turns at other instances have to reconnect there.
    leaving: Option<CancellationToken>,
}

impl Follower {
    pub(super) fn new(turn: Arc<LiveTurn>, leaving: &CancellationToken) -> Self {
        let leaving = turn.is_mirror().then(|| leaving.clone());
        Self { changed: turn.changed.subscribe(), turn, seen: Seen::default(), ended: false, leaving }
    }

    /// Waits for the next events: first a snapshot, later the joined changes since the previous call. `None` after
    /// [`Event::End`], or without one if this instance shuts down while the turn runs at another. Cancel-safe.
    pub async fn next(&mut self) -> Option<Vec<Event>> {
        if self.ended {
            return None;
        }
        loop {
            self.changed.mark_unchanged();
            let news = self.turn.view().since(&self.seen);
            if let Some((change, seen)) = news {
                self.ended = change.ended;
                self.seen = seen;
                let events = change.into_events();
                // A mirror may have read a view that it has already.
                if !events.is_empty() {
                    return Some(events);
                }
            }
            // The sender lives in `self.turn`, so waiting can't fail.
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
