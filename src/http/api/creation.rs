//! Creation of a conversation, at most once per idempotency key.

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

/// Who creates a conversation.
enum Creator {
    /// A learner with a cookie.
    Known(LearnerId),
    /// A new learner, with the key of the request if it cannot be guessed.
    New(Option<SecretKey>),
}

/// A conversation, created now or by an earlier request with the same key, and the cookie of a new learner.
pub(super) type Created = (Conversation, Option<HeaderValue>);

/// Creates a conversation, or finds the one of an earlier request with the same key.
pub(super) async fn create_once(
    state: &AppState,
    learner: Option<Learner>,
    key: Option<String>,
    topic: Topic,
    address: IpAddr,
) -> Result<Created, ApiError> {
    let secret = key.as_deref().and_then(SecretKey::parse);
    let (creator, key_hash) = match learner {
        Some(Learner(learner)) => {
            let key_hash = key.as_deref().map(|key| hash_of(learner, key));
            // The browser received the cookie of the first response, but not the rest of it.
            if let Some(secret) = &secret
                && let Some((conversation, _)) = find_conversation(state, &secret.hash()).await?
                && conversation.learner == learner
            {
                return require_topic(conversation, &topic).map(|conversation| (conversation, None));
            }
            (Creator::Known(learner), key_hash)
        }
        None => {
            let key_hash = secret.as_ref().map(SecretKey::hash);
            (Creator::New(secret), key_hash)
        }
    };
    let Some(key_hash) = key_hash else { return create(state, &creator, None, &topic, address).await };
    // One of several simultaneous requests creates the conversation, and the others find it.
    let _guard = state.creations.lock(key_hash).await;
    if let Some(created) = find_repeated(state, &creator, &key_hash, &topic).await? {
        return Ok(created);
    }
    match create(state, &creator, Some(key_hash), &topic, address).await {
        // Another instance was faster.
        Err(ApiError::KeyReused) => find_repeated(state, &creator, &key_hash, &topic).await?.ok_or(ApiError::KeyReused),
        created => created,
    }
}

async fn find_conversation(
    state: &AppState,
    key_hash: &[u8; 32],
) -> Result<Option<(Conversation, [u8; 32])>, ApiError> {
    Ok(state.store.conversation_by_request(key_hash, now() - REPEATABLE).await?)
}

/// Returns the conversation if it has this topic.
fn require_topic(conversation: Conversation, topic: &Topic) -> Result<Conversation, ApiError> {
    if conversation.topic == *topic { Ok(conversation) } else { Err(ApiError::KeyReused) }
}

/// Finds the conversation of an earlier request with this key.
async fn find_repeated(
    state: &AppState,
    creator: &Creator,
    key_hash: &[u8; 32],
    topic: &Topic,
) -> Result<Option<Created>, ApiError> {
    let Some((conversation, salt)) = find_conversation(state, key_hash).await? else { return Ok(None) };
    let cookie = match creator {
        Creator::New(Some(secret)) => {
            let learner = NewLearner::with_token(secret.token(&salt));
            // The learner has left since then, which a repeated request must not undo.
            if state.store.learner_by_token(&learner.token_hash()).await? != Some(conversation.learner) {
                return Err(ApiError::KeyReused);
            }
            Some(learner.cookie(state)?)
        }
        _ => None,
    };
    require_topic(conversation, topic).map(|conversation| Some((conversation, cookie)))
}

async fn create(
    state: &AppState,
    creator: &Creator,
    key_hash: Option<[u8; 32]>,
    topic: &Topic,
    address: IpAddr,
) -> Result<Created, ApiError> {
    match creator {
        Creator::Known(learner) => state.limits.check(Some(*learner), address).await?,
        Creator::New(_) => state.limits.check_new_learner(address).await?,
    }
    let salt: [u8; 32] = random_bytes()?;
    let (learner, new_learner) = match creator {
        Creator::Known(learner) => (*learner, None),
        Creator::New(secret) => {
            let token = match secret {
                Some(secret) => secret.token(&salt),
                None => random_bytes()?,
            };
            (LearnerId::new(), Some(NewLearner::with_token(token)))
        }
    };
    let created_at = now();
    let conversation = Conversation { id: ConversationId::new(), learner, topic: topic.clone(), created_at };
    let token_hash = new_learner.as_ref().map(NewLearner::token_hash);
    let request = key_hash.map(|key_hash| ConversationRequest { key_hash, salt });
    let stored =
        state.store.begin_conversation(&conversation, token_hash.as_ref(), request, created_at - REPEATABLE).await;
    match stored {
        Err(StoreError::Conflict(Constraint::ConversationRequest, _)) => Err(ApiError::KeyReused),
        stored => {
            stored?;
            let cookie = new_learner.map(|learner| learner.cookie(state)).transpose()?;
            Ok((conversation, cookie))
        }
    }
}

fn random_bytes<const BYTES: usize>() -> Result<[u8; BYTES], ApiError> {
    let mut bytes = [0; BYTES];
    getrandom::fill(&mut bytes).map_err(|error| ApiError::internal(&error))?;
    Ok(bytes)
}
