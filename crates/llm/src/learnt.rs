//! What was learnt of a server and of its models, for the life of the client, which is the life of the process.
//!
//! A deviation is remembered when a request that respects it is answered. Everything learnt of a server is forgotten
//! - when it could not be reached: who comes back may be another,
//! - when its replies carry a `Server` header that was never seen from it.
//!
//! What was learnt of a model is forgotten
//! - after [`LIFETIME`], so that a deviation that is no longer needed is found out,
//! - when the server refuses the form that was learnt.
//!
//! The next call then asks as if nothing were known, which costs one refused request for each deviation that is still
//! there. Windows, thinking and slots (`window`), replies in prose (`reply_form`) and the path (`endpoint`) are forgotten
//! together with what was learnt of a server.

use super::quirks::Quirks;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// How long what was learnt of a model is taken for granted.
pub(super) const LIFETIME: Duration = Duration::from_secs(3600);

/// A server behind a balancer may have a few `Server` headers. One that has more tells nothing by them.
const MOST_SERVERS: usize = 8;

/// The longest `Server` header that is kept, in bytes.
const MAX_SERVER: usize = 200;

/// What is known of one server.
#[derive(Debug, Default)]
pub(super) struct Learnt(Mutex<Facts>);

#[derive(Debug, Default)]
struct Facts {
    /// By model. Models come from the settings or an allow-list, so the map stays small.
    models: HashMap<String, (Quirks, Instant)>,
    /// The `Server` headers seen.
    servers: Vec<String>,
}

impl Learnt {
    /// What a model takes, as far as it is known.
    pub(super) fn quirks(&self, model: &str) -> Quirks {
        let mut facts = self.lock();
        let known = facts.models.get(model).copied();
        match known {
            Some((quirks, learnt_at)) if learnt_at.elapsed() < LIFETIME => quirks,
            Some((quirks, _)) => {
                tracing::debug!(model, ?quirks, "what was learnt of the model is old; asking anew");
                facts.models.remove(model);
                Quirks::default()
            }
            None => Quirks::default(),
        }
    }

    /// Remembers what a model takes, since it answered a request in the form `after`. The negotiation began with the form
    /// `before`. Only what differs is changed: another call may have learnt something else in the meantime.
    pub(super) fn learn_quirks(&self, model: &str, before: Quirks, after: Quirks) {
        let mut facts = self.lock();
        let known = facts.models.get(model).map_or_else(Quirks::default, |(quirks, _)| *quirks);
        let quirks = known.with_changes(before, after);
        if quirks == known {
            return;
        }
        if quirks == Quirks::default() {
            facts.models.remove(model);
            tracing::info!(model, "the model takes everything again");
        } else {
            facts.models.insert(model.to_owned(), (quirks, Instant::now()));
            tracing::info!(model, ?quirks, "the model does not take everything; remembering what");
        }
    }

    /// Forgets what was learnt of every model; another server may have taken the place of the one that was asked.
    pub(super) fn forget(&self) {
        let mut facts = self.lock();
        if !facts.models.is_empty() {
            tracing::debug!("the model server was away or is another one; forgetting what was learnt of it");
            facts.models.clear();
        }
    }

    /// Looks at a reply's `Server` header. `true` if it is a new one beside another.
    pub(super) fn see_server(&self, server: &[u8]) -> bool {
        let server = String::from_utf8_lossy(&server[..server.len().min(MAX_SERVER)]);
        let mut facts = self.lock();
        if facts.servers.len() >= MOST_SERVERS || facts.servers.iter().any(|seen| *seen == server) {
            return false;
        }
        let is_first = facts.servers.is_empty();
        facts.servers.push(server.clone().into_owned());
        if is_first {
            return false;
        }
        tracing::debug!(%server, "another model server answers");
        true
    }

    fn lock(&self) -> MutexGuard<'_, Facts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole() -> Quirks {
        Quirks { stream: false, ..Quirks::default() }
    }

    #[tokio::test(start_paused = true)]
    async fn deviations_are_remembered_for_an_hour() {
        let learnt = Learnt::default();
        learnt.learn_quirks("m", Quirks::default(), whole());
        tokio::time::advance(LIFETIME - Duration::from_secs(1)).await;
        learnt.learn_quirks("m", Quirks::default(), whole());
        assert_eq!(learnt.quirks("m"), whole());
        assert_eq!(learnt.quirks("other"), Quirks::default());
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(learnt.quirks("m"), Quirks::default(), "using them does not make them younger");
    }

    #[test]
    fn two_calls_at_once_do_not_erase_what_the_other_learnt() {
        let learnt = Learnt::default();
        let before = Quirks::default();
        learnt.learn_quirks("m", before, whole());
        learnt.learn_quirks("m", before, Quirks { temperature: false, ..before });
        assert_eq!(learnt.quirks("m"), Quirks { temperature: false, ..whole() });
        learnt.learn_quirks("m", whole(), before);
        assert_eq!(learnt.quirks("m"), Quirks { temperature: false, ..before }, "one is not needed any longer");
    }

    #[test]
    fn a_new_server_header_forgets_and_one_that_was_seen_does_not() {
        let learnt = Learnt::default();
        assert!(!learnt.see_server(b"llama.cpp"));
        learnt.learn_quirks("m", Quirks::default(), whole());
        assert!(!learnt.see_server(b"llama.cpp"));
        assert_eq!(learnt.quirks("m"), whole());
        assert!(learnt.see_server(b"uvicorn"));
        learnt.forget();
        assert_eq!(learnt.quirks("m"), Quirks::default());
        learnt.learn_quirks("m", Quirks::default(), whole());
        assert!(!learnt.see_server(b"llama.cpp"));
        for number in 0..100 {
            learnt.see_server(number.to_string().as_bytes());
        }
        learnt.learn_quirks("m", Quirks::default(), whole());
        assert!(!learnt.see_server(b"one more"), "a server that changes its header all the time says nothing by it");
        assert_eq!(learnt.quirks("m"), whole());
    }
}
