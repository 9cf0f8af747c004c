//! Beginning a conversation, once however often the request for it is sent.

use std::net::IpAddr;

use axum::http::HeaderValue;

use crate::{
    engine::request_key::{REPEATABLE, SecretKey, hash_of},
    http::{
        AppState,
        error::ApiError,
        learner::{Learner, NewLearner},
    },
};
use domain::{Conversation, ConversationId, LearnerId, Topic};
use store::{Constraint, ConversationRequest, StoreError, now};

/// Who begins a conversation.
enum Beginner {
    /// A learner.
    Known(LearnerId),
    /// Somebody without a cookie, with the request's key if nobody can guess it.
    Unknown(Option<SecretKey>),
}

/// A conversation that was begun, now or by an earlier request with the same key, and the cookie of its learner if the
/// request came without one.
pub(super) type Begun = (Conversation, Option<HeaderValue>);

/// Begins a conversation, or finds the one that a request with the same key began.
pub(super) async fn begin(
    state: &AppState,
    learner: Option<Learner>,
    key: Option<String>,
    topic: Topic,
    address: IpAddr,
) -> Result<Begun, ApiError> {
    let secret = key.as_deref().and_then(SecretKey::parse);
    let (beginner, key_hash) = match learner {
        Some(Learner(learner)) => {
            let key_hash = key.as_deref().map(|key| hash_of(learner, key));
            // The answer that set the cookie came, and only its rest was lost.
            if let Some(secret) = &secret
                && let Some((conversation, _)) = find(state, &secret.hash()).await?
                && conversation.learner == learner
            {
                return same(conversation, &topic).map(|conversation| (conversation, None));
            }
            (Beginner::Known(learner), key_hash)
        }
        None => {
            let key_hash = secret.as_ref().map(SecretKey::hash);
            (Beginner::Unknown(secret), key_hash)
        }
    };
    let Some(key_hash) = key_hash else { return new(state, &beginner, None, &topic, address).await };
    // Of several at once one begins the conversation, and the others find it.
    let _guard = state.beginnings.lock(key_hash).await;
    if let Some(begun) = repeated(state, &beginner, &key_hash, &topic).await? {
        return Ok(begun);
    }
    match new(state, &beginner, Some(key_hash), &topic, address).await {
        // Another instance was faster.
        Err(ApiError::KeyReused) => repeated(state, &beginner, &key_hash, &topic).await?.ok_or(ApiError::KeyReused),
        begun => begun,
    }
}

async fn find(state: &AppState, key_hash: &[u8; 32]) -> Result<Option<(Conversation, [u8; 32])>, ApiError> {
    Ok(state.store.conversation_by_request(key_hash, now() - REPEATABLE).await?)
}

/// The conversation, if the earlier request was for the same one.
fn same(conversation: Conversation, topic: &Topic) -> Result<Conversation, ApiError> {
    if conversation.topic == *topic { Ok(conversation) } else { Err(ApiError::KeyReused) }
}

/// What an earlier request with this key began.
async fn repeated(
    state: &AppState,
    beginner: &Beginner,
    key_hash: &[u8; 32],
    topic: &Topic,
) -> Result<Option<Begun>, ApiError> {
    let Some((conversation, salt)) = find(state, key_hash).await? else { return Ok(None) };
    let cookie = match beginner {
        Beginner::Unknown(Some(secret)) => {
            let learner = NewLearner::with_token(secret.token(&salt));
            // A learner who left since then is not called back.
            if state.store.learner_by_token(&learner.token_hash()).await? != Some(conversation.learner) {
                return Err(ApiError::KeyReused);
            }
            Some(learner.cookie(state)?)
        }
        _ => None,
    };
    same(conversation, topic).map(|conversation| Some((conversation, cookie)))
}

async fn new(
    state: &AppState,
    beginner: &Beginner,
    key_hash: Option<[u8; 32]>,
    topic: &Topic,
    address: IpAddr,
) -> Result<Begun, ApiError> {
    match beginner {
        Beginner::Known(learner) => state.limits.check(Some(*learner), address).await?,
        Beginner::Unknown(_) => state.limits.check_new_learner(address).await?,
    }
    let salt: [u8; 32] = random()?;
    let (learner, made) = match beginner {
        Beginner::Known(learner) => (*learner, None),
        Beginner::Unknown(secret) => {
            let token = match secret {
                Some(secret) => secret.token(&salt),
                None => random()?,
            };
            (LearnerId::new(), Some(NewLearner::with_token(token)))
        }
    };
    let created_at = now();
    let conversation = Conversation { id: ConversationId::new(), learner, topic: topic.clone(), created_at };
    let token_hash = made.as_ref().map(NewLearner::token_hash);
    let request = key_hash.map(|key_hash| ConversationRequest { key_hash, salt });
    let stored =
        state.store.begin_conversation(&conversation, token_hash.as_ref(), request, created_at - REPEATABLE).await;
    match stored {
        Err(StoreError::Conflict(Constraint::ConversationRequest, _)) => Err(ApiError::KeyReused),
        stored => {
            stored?;
            let cookie = made.map(|learner| learner.cookie(state)).transpose()?;
            Ok((conversation, cookie))
        }
    }
}

fn random<const BYTES: usize>() -> Result<[u8; BYTES], ApiError> {
    let mut bytes = [0; BYTES];
    getrandom::fill(&mut bytes).map_err(|error| ApiError::internal(&error))?;
    Ok(bytes)
}
