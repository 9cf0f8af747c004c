//! Learners: anonymous students, each identified by a cookie.

use std::{
    convert::Infallible,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicI64, Ordering},
    },
};

use axum::{
    extract::{FromRequestParts, OptionalFromRequestParts, Request},
    http::{
        HeaderMap, HeaderValue,
        header::{InvalidHeaderValue, SET_COOKIE},
        request::Parts,
    },
    middleware::Next,
    response::Response,
};
use axum_extra::extract::cookie::{Cookie, CookieJar, SameSite};
use sha2::{Digest, Sha256};
use time::Duration;

use super::{AppState, error::ApiError};
use domain::{LearnerId, conversation::Millis};
use store::{VISIT_INTERVAL, now};

/// The name of the cookie without TLS, and its earlier name with TLS.
const COOKIE: &str = "llm_classroom_learner";
/// The name of the cookie with TLS. Browsers accept a name with this prefix only from this host, so another host of the
/// school's domain cannot set it.
const HOST_COOKIE: &str = "__Host-llm_classroom_learner";
/// The maximum age that browsers accept (RFC 6265bis, section 5.5).
const COOKIE_AGE: Duration = Duration::days(400);
/// The pause after a visit could not be stored.
const VISIT_PAUSE: Millis = 60 * 1000;

/// The learner of a request. A handler with this argument answers 404 to requests without a learner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Learner(pub LearnerId);

impl FromRequestParts<AppState> for Learner {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        // A request for another learner's conversation gets the same answer.
        find_learner(parts, state).await?.ok_or(ApiError::NotFound)
    }
}

impl OptionalFromRequestParts<AppState> for Learner {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Option<Self>, ApiError> {
        find_learner(parts, state).await
    }
}

/// The learner of a request that may come without one. `None` also while the database is unavailable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OptionalLearner(pub Option<LearnerId>);

impl FromRequestParts<AppState> for OptionalLearner {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Infallible> {
        Ok(Self(find_learner(parts, state).await.ok().flatten().map(|Learner(learner)| learner)))
    }
}

async fn find_learner(parts: &Parts, state: &AppState) -> Result<Option<Learner>, ApiError> {
    let Some(cookie) = LearnerCookie::read(&parts.headers, state.config.is_https()) else { return Ok(None) };
    let hash = hash_token(&cookie.token);
    record_learner(&hash);
    // Every request with a cookie comes here, so none waits for a connection to a database that is known to fail.
    if state.lease.is_failing() {
        return Err(ApiError::StoreUnavailable);
    }
    let Some((learner, seen_at)) = state.store.find_learner(&hash).await? else { return Ok(None) };
    let is_due = now().saturating_sub(seen_at) >= VISIT_INTERVAL;
    if is_due {
        store_visit(state, learner);
    }
    if (is_due || cookie.has_old_name)
        && let Some(RenewedCookie(slot)) = parts.extensions.get()
        && let Ok(renewed) = set_learner_cookie(&cookie.token, state.config.is_https())
    {
        _ = slot.set(renewed);
    }
    Ok(Some(Learner(learner)))
}

/// The time until which no visit is stored, after one could not be stored.
#[derive(Debug, Default)]
pub struct VisitPause(AtomicI64);

/// Stores the visit in a task, so that the request neither waits for it nor fails with it.
fn store_visit(state: &AppState, learner: LearnerId) {
    if now() < state.visit_pause.0.load(Ordering::Relaxed) {
        return;
    }
    let state = state.clone();
    tokio::spawn(async move {
        if let Err(error) = state.store.touch_learner(learner, now()).await {
            state.visit_pause.0.store(now().saturating_add(VISIT_PAUSE), Ordering::Relaxed);
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "a learner's visit could not be stored; retrying in a minute");
        }
    });
}

/// The cookie that the response renews, if the extractor of the learner sets it.
#[derive(Debug, Clone, Default)]
struct RenewedCookie(Arc<OnceLock<HeaderValue>>);

/// Renews the learner's cookie once a day, so that it expires 400 days after the last visit, not after the first.
pub async fn renew_cookie(mut request: Request, next: Next) -> Response {
    let renewed = RenewedCookie::default();
    request.extensions_mut().insert(renewed.clone());
    let mut response = next.run(request).await;
    // A cookie that the handler sets takes precedence.
    if let Some(cookie) = renewed.0.get()
        && !response.headers().contains_key(SET_COOKIE)
    {
        response.headers_mut().insert(SET_COOKIE, cookie.clone());
    }
    response
}

/// A learner that is being created, with the token of the cookie.
pub struct NewLearner {
    token: [u8; 16],
}

impl NewLearner {
    /// Creates a learner with this token, which must be random.
    pub fn with_token(token: [u8; 16]) -> Self {
        Self { token }
    }

    /// The stored hash of the token.
    pub fn token_hash(&self) -> [u8; 32] {
        hash_token(&self.token)
    }

    /// The `Set-Cookie` header.
    ///
    /// # Errors
    /// [`ApiError::Internal`] if the header is invalid.
    pub fn cookie(&self, state: &AppState) -> Result<HeaderValue, ApiError> {
        record_learner(&self.token_hash());
        set_learner_cookie(&self.token, state.config.is_https()).map_err(|error| ApiError::internal(&error))
    }
}

/// Revokes the token of a request and returns the headers that delete the cookies of the browser. While the database is
/// unavailable, only the cookies are deleted.
pub async fn revoke_cookie(headers: &HeaderMap, state: &AppState) -> Vec<HeaderValue> {
    let is_https = state.config.is_https();
    if let Some(cookie) = LearnerCookie::read(headers, is_https) {
        let hash = hash_token(&cookie.token);
        record_learner(&hash);
        if let Err(error) = state.store.revoke_token(&hash).await {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(
                error,
                "the token of a learner who left could not be revoked; the browser deletes its cookie"
            );
        }
    }
    let names: &[&str] = if is_https { &[HOST_COOKIE, COOKIE] } else { &[COOKIE] };
    names.iter().filter_map(|name| set_cookie(name, "", is_https, Duration::ZERO).ok()).collect()
}

/// Whether a request has a learner's cookie, valid or not.
#[must_use]
pub fn has_cookie(headers: &HeaderMap, is_https: bool) -> bool {
    LearnerCookie::read(headers, is_https).is_some()
}

fn set_learner_cookie(token: &[u8; 16], is_https: bool) -> Result<HeaderValue, InvalidHeaderValue> {
    let name = if is_https { HOST_COOKIE } else { COOKIE };
    set_cookie(name, &hex::encode(token), is_https, COOKIE_AGE)
}

fn set_cookie(name: &str, value: &str, is_https: bool, max_age: Duration) -> Result<HeaderValue, InvalidHeaderValue> {
    let cookie = Cookie::build((name, value)).path("/").http_only(true).same_site(SameSite::Lax);
    HeaderValue::try_from(cookie.secure(is_https).max_age(max_age).to_string())
}

/// The cookie of a request.
struct LearnerCookie {
    token: [u8; 16],
    /// Whether it has the name from before TLS and is to be replaced.
    has_old_name: bool,
}

impl LearnerCookie {
    fn read(headers: &HeaderMap, is_https: bool) -> Option<Self> {
        let jar = CookieJar::from_headers(headers);
        let token = |name| jar.get(name).and_then(|cookie| parse_token(cookie.value()));
        match is_https.then(|| token(HOST_COOKIE)).flatten() {
            Some(token) => Some(Self { token, has_old_name: false }),
            None => token(COOKIE).map(|token| Self { token, has_old_name: is_https }),
        }
    }
}

/// Adds the learner to the log lines of this request, as the first bytes of the hash in the database. The cookie cannot be
/// derived from them.
fn record_learner(hash: &[u8; 32]) {
    tracing::Span::current().record("learner", hex::encode(&hash[..6]));
}

/// Parses the 32 hexadecimal digits of a cookie.
fn parse_token(text: &str) -> Option<[u8; 16]> {
    let mut token = [0; 16];
    hex::decode_to_slice(text, &mut token).ok().map(|()| token)
}

/// Hashes a token for the database, from which no cookie can then be stolen. 128 random bits need no slow hash.
fn hash_token(token: &[u8; 16]) -> [u8; 32] {
    Sha256::digest(token).into()
}
