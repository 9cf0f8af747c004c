//! Learners: anonymous students, each known by a cookie of their own.

use axum::{
    extract::{FromRequestParts, OptionalFromRequestParts},
    http::{HeaderValue, request::Parts},
};
use axum_extra::extract::cookie::{Cookie, CookieJar, SameSite};
use sha2::{Digest, Sha256};

use super::{AppState, error::ApiError};
use crate::domain::{LearnerId, conversation::now};

const COOKIE: &str = "llm_classroom_learner";
/// Browsers keep a cookie at most 400 days (RFC 6265bis, section 5.5).
const COOKIE_SECONDS: u32 = 400 * 24 * 60 * 60;

/// The learner of a request. As an argument of a handler it lets nobody else in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Learner(pub LearnerId);

impl FromRequestParts<AppState> for Learner {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        // What nobody owns can't be told from what another owns.
        known(parts, state).await?.ok_or(ApiError::NotFound)
    }
}

impl OptionalFromRequestParts<AppState> for Learner {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Option<Self>, ApiError> {
        known(parts, state).await
    }
}

async fn known(parts: &Parts, state: &AppState) -> Result<Option<Learner>, ApiError> {
    let jar = CookieJar::from_headers(&parts.headers);
    let Some(hash) = jar.get(COOKIE).and_then(|cookie| parse_token(cookie.value())).map(|token| hash(&token)) else {
        return Ok(None);
    };
    note(&hash);
    // Every request with a cookie comes by here, so this is where none waits in vain for a connection.
    if state.engine.is_without_database() {
        return Err(ApiError::StoreUnavailable);
    }
    let learner = state.store.learner_by_token(&hash).await?;
    if let Some(learner) = learner {
        state.store.touch_learner(learner, now()).await?;
    }
    Ok(learner.map(Learner))
}

/// Makes a learner and the cookie that will name them.
///
/// # Errors
/// [`ApiError`] when the store fails.
pub async fn welcome(state: &AppState) -> Result<(Learner, HeaderValue), ApiError> {
    let mut token = [0; 16];
    getrandom::fill(&mut token).map_err(|error| ApiError::internal(&error))?;
    let hash = hash(&token);
    note(&hash);
    let learner = state.store.add_learner(&hash, now()).await?;
    let text: String = token.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut cookie = Cookie::new(COOKIE, text);
    cookie.set_path("/");
    cookie.set_http_only(true);
    cookie.set_same_site(SameSite::Lax);
    cookie.set_secure(state.config.is_https());
    let value = format!("{cookie}; Max-Age={COOKIE_SECONDS}");
    let value = HeaderValue::from_str(&value).map_err(|error| ApiError::internal(&error))?;
    Ok((Learner(learner), value))
}

/// Says on every line of this request whose it is, so that one learner's can be found together. It's the beginning of
/// what the database knows the learner by, from which nobody gets to the cookie.
fn note(hash: &[u8; 32]) {
    let learner: String = hash[..6].iter().map(|byte| format!("{byte:02x}")).collect();
    tracing::Span::current().record("learner", learner);
}

/// The 128 bits of a cookie's 32 hexadecimal digits.
fn parse_token(text: &str) -> Option<[u8; 16]> {
    let bits = (text.len() == 32 && text.bytes().all(|digit| digit.is_ascii_hexdigit())).then_some(text)?;
    u128::from_str_radix(bits, 16).ok().map(u128::to_be_bytes)
}

/// Only this is stored: a stolen database names nobody's cookie. 128 random bits need no slow hash.
fn hash(token: &[u8; 16]) -> [u8; 32] {
    Sha256::digest(token).into()
}
