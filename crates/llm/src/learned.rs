//! What the client learned about a server and its models. It is kept in memory while the process runs.
//!
//! A deviation is stored when a request that respects it is answered. Everything about a server is forgotten
//! - when the server cannot be reached, because another one may take its place,
//! - when a reply has a `Server` header that this server has not sent before.
//!
//! Everything about a model is forgotten
//! - after [`LIFETIME`], so that a deviation that no longer exists is noticed,
//! - when the server refuses the learned form of a request.
//!
//! The next call then assumes no deviations, which costs one refused request for each that still exists. Context windows,
//! thinking and slots (`window`), replies in prose (`reply_format`) and the path (`endpoint`) are forgotten together with
//! the server.

use super::quirks::Quirks;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// How long what was learned about a model is used.
pub(super) const LIFETIME: Duration = Duration::from_secs(3600);

/// Servers behind a load balancer may have a few `Server` headers. More headers carry no information.
const MAX_SERVERS: usize = 8;

/// The longest prefix of a `Server` header that is stored, in bytes.
const MAX_SERVER: usize = 200;

/// What is known about one server.
#[derive(Debug, Default)]
pub(super) struct LearnedQuirks(Mutex<Facts>);

#[derive(Debug, Default)]
struct Facts {
    /// By model. Models come from the settings or an allow-list, so the map stays small.
    models: HashMap<String, (Quirks, Instant)>,
    /// The `Server` headers seen.
    servers: Vec<String>,
}

impl LearnedQuirks {
    /// The parameters that a model accepts, as far as they are known.
    pub(super) fn quirks(&self, model: &str) -> Quirks {
        let mut facts = self.lock();
        let known = facts.models.get(model).copied();
        match known {
            Some((quirks, learned_at)) if learned_at.elapsed() < LIFETIME => quirks,
            Some((quirks, _)) => {
                tracing::debug!(model, ?quirks, "what was learned about the model is old; assuming no deviations");
                facts.models.remove(model);
                Quirks::default()
            }
            None => Quirks::default(),
        }
    }

    /// Stores what a model accepts, since it answered a request in the form `after`. The negotiation began with the form
    /// `before`. Only the differences are stored: another call may have learned something else in the meantime.
    pub(super) fn learn_quirks(&self, model: &str, before: Quirks, after: Quirks) {
        let mut facts = self.lock();
        let known = facts.models.get(model).map_or_else(Quirks::default, |(quirks, _)| *quirks);
        let quirks = known.with_changes(before, after);
        if quirks == known {
            return;
        }
        if quirks == Quirks::default() {
            facts.models.remove(model);
            tracing::info!(model, "the model accepts all parameters again");
        } else {
            facts.models.insert(model.to_owned(), (quirks, Instant::now()));
            tracing::info!(model, ?quirks, "the model does not accept all parameters");
        }
    }

    /// Forgets what was learned about every model, because another server may have taken the place of this one.
    pub(super) fn forget(&self) {
        let mut facts = self.lock();
        if !facts.models.is_empty() {
            tracing::debug!("the model server was unreachable or was replaced; forgetting what was learned about it");
            facts.models.clear();
        }
    }

    /// Records the `Server` header of a reply. Returns whether it is a second, new one.
    pub(super) fn record_server(&self, server: &[u8]) -> bool {
        let server = String::from_utf8_lossy(&server[..server.len().min(MAX_SERVER)]);
        let mut facts = self.lock();
        if facts.servers.len() >= MAX_SERVERS || facts.servers.iter().any(|seen| *seen == server) {
            return false;
        }
        let is_first = facts.servers.is_empty();
        facts.servers.push(server.clone().into_owned());
        if is_first {
            return false;
        }
        tracing::debug!(%server, "a reply with a new Server header");
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
        let learned = LearnedQuirks::default();
        learned.learn_quirks("m", Quirks::default(), whole());
        tokio::time::advance(LIFETIME - Duration::from_secs(1)).await;
        learned.learn_quirks("m", Quirks::default(), whole());
        assert_eq!(learned.quirks("m"), whole());
        assert_eq!(learned.quirks("other"), Quirks::default());
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(learned.quirks("m"), Quirks::default(), "using them does not make them younger");
    }

    #[test]
    fn two_concurrent_calls_do_not_erase_what_the_other_learned() {
        let learned = LearnedQuirks::default();
        let before = Quirks::default();
        learned.learn_quirks("m", before, whole());
        learned.learn_quirks("m", before, Quirks { temperature: false, ..before });
        assert_eq!(learned.quirks("m"), Quirks { temperature: false, ..whole() });
        learned.learn_quirks("m", whole(), before);
        assert_eq!(learned.quirks("m"), Quirks { temperature: false, ..before }, "one is not needed any longer");
    }

    #[test]
    fn a_new_server_header_forgets_and_one_that_was_seen_does_not() {
        let learned = LearnedQuirks::default();
        assert!(!learned.record_server(b"llama.cpp"));
        learned.learn_quirks("m", Quirks::default(), whole());
        assert!(!learned.record_server(b"llama.cpp"));
        assert_eq!(learned.quirks("m"), whole());
        assert!(learned.record_server(b"uvicorn"));
        learned.forget();
        assert_eq!(learned.quirks("m"), Quirks::default());
        learned.learn_quirks("m", Quirks::default(), whole());
        assert!(!learned.record_server(b"llama.cpp"));
        for number in 0..100 {
            learned.record_server(number.to_string().as_bytes());
        }
        learned.learn_quirks("m", Quirks::default(), whole());
        assert!(
            !learned.record_server(b"one more"),
            "a server that changes its header all the time says nothing by it"
        );
        assert_eq!(learned.quirks("m"), whole());
    }
}
