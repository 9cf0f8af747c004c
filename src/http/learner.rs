//! Learners: anonymous students, each known by a cookie of their own.

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

/// The cookie's name over plain HTTP, and the one it had over TLS before [`HOST_COOKIE`].
const COOKIE: &str = "llm_classroom_learner";
/// The cookie's name over TLS. Browsers take a name with this prefix from this very host alone, so another host of the
/// school's domain can't plant a learner of its own.
const HOST_COOKIE: &str = "__Host-llm_classroom_learner";
/// Browsers keep a cookie at most 400 days (RFC 6265bis, section 5.5).
const COOKIE_AGE: Duration = Duration::days(400);
/// How long no visit is noted after one could not be.
const VISIT_PAUSE: Millis = 60 * 1000;

/// The learner of a request. As an argument of a handler it lets nobody else in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Learner(pub LearnerId);

impl FromRequestParts<AppState> for Learner {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        // Answers 404 to a request without a learner and to one for another learner's conversation alike.
        known(parts, state).await?.ok_or(ApiError::NotFound)
    }
}

impl OptionalFromRequestParts<AppState> for Learner {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Option<Self>, ApiError> {
        known(parts, state).await
    }
}

/// The learner of a request that needs none. While the database is unavailable, nobody is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LearnerIfKnown(pub Option<LearnerId>);

impl FromRequestParts<AppState> for LearnerIfKnown {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Infallible> {
        Ok(Self(known(parts, state).await.ok().flatten().map(|Learner(learner)| learner)))
    }
}

async fn known(parts: &Parts, state: &AppState) -> Result<Option<Learner>, ApiError> {
    let Some(presented) = Presented::read(&parts.headers, state.config.is_https()) else { return Ok(None) };
    let hash = hash(&presented.token);
    note(&hash);
    // Every request with a cookie comes by here, so this is where none waits in vain for a connection.
    if state.engine.is_without_database() {
        return Err(ApiError::StoreUnavailable);
    }
    let Some((learner, seen_at)) = state.store.find_learner(&hash).await? else { return Ok(None) };
    let is_due = now().saturating_sub(seen_at) >= VISIT_INTERVAL;
    if is_due {
        note_visit(state, learner);
    }
    if (is_due || presented.has_old_name)
        && let Some(RenewedCookie(slot)) = parts.extensions.get()
        && let Ok(cookie) = cookie(&presented.token, state.config.is_https())
    {
        _ = slot.set(cookie);
    }
    Ok(Some(Learner(learner)))
}

/// When visits may be noted again, after one could not be.
#[derive(Debug, Default)]
pub struct VisitPause(AtomicI64);

/// Notes the visit aside from the request, which neither waits for it nor fails with it.
fn note_visit(state: &AppState, learner: LearnerId) {
    if now() < state.visit_pause.0.load(Ordering::Relaxed) {
        return;
    }
    let state = state.clone();
    tokio::spawn(async move {
        if let Err(error) = state.store.touch_learner(learner, now()).await {
            state.visit_pause.0.store(now().saturating_add(VISIT_PAUSE), Ordering::Relaxed);
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "a learner's visit could not be noted; it is tried again in a minute");
        }
    });
}

/// The cookie that a response renews, if its request's learner needs it.
#[derive(Debug, Clone, Default)]
struct RenewedCookie(Arc<OnceLock<HeaderValue>>);

/// Sends the learner's cookie again once a day while it is used, so that it ends 400 days after the last visit, not
/// after the first. Goes around handlers that know their learner.
pub async fn renew_cookie(mut request: Request, next: Next) -> Response {
    let renewed = RenewedCookie::default();
    request.extensions_mut().insert(renewed.clone());
    let mut response = next.run(request).await;
    // A handler that sets the cookie itself knows better.
    if let Some(cookie) = renewed.0.get()
        && !response.headers().contains_key(SET_COOKIE)
    {
        response.headers_mut().insert(SET_COOKIE, cookie.clone());
    }
    response
}

/// A learner who is being made, with the token that their cookie will hold.
pub struct NewLearner {
    token: [u8; 16],
}

impl NewLearner {
    /// A learner with this token, which nobody can guess.
    pub fn with_token(token: [u8; 16]) -> Self {
        Self { token }
    }

    /// What is stored of the token.
    pub fn token_hash(&self) -> [u8; 32] {
        hash(&self.token)
    }

    /// The cookie that will name them.
    ///
    /// # Errors
    /// [`ApiError::Internal`] if it is no valid header.
    pub fn cookie(&self, state: &AppState) -> Result<HeaderValue, ApiError> {
        note(&self.token_hash());
        cookie(&self.token, state.config.is_https()).map_err(|error| ApiError::internal(&error))
    }
}

/// Forgets the learner of a request: the token leads to nobody any more, and the browser drops its cookies. The
/// browser drops them also while the database is away.
pub async fn forget(headers: &HeaderMap, state: &AppState) -> Vec<HeaderValue> {
    let is_https = state.config.is_https();
    if let Some(presented) = Presented::read(headers, is_https) {
        let hash = hash(&presented.token);
        note(&hash);
        if let Err(error) = state.store.revoke_token(&hash).await {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "a learner left, and the token could not be revoked; the browser forgets it");
        }
    }
    let names: &[&str] = if is_https { &[HOST_COOKIE, COOKIE] } else { &[COOKIE] };
    names.iter().filter_map(|name| header_value(name, "", is_https, Duration::ZERO).ok()).collect()
}

/// Whether a request names a learner, known or not.
#[must_use]
pub fn has_token(headers: &HeaderMap, is_https: bool) -> bool {
    Presented::read(headers, is_https).is_some()
}

fn cookie(token: &[u8; 16], is_https: bool) -> Result<HeaderValue, InvalidHeaderValue> {
    let name = if is_https { HOST_COOKIE } else { COOKIE };
    header_value(name, &hex::encode(token), is_https, COOKIE_AGE)
}

fn header_value(name: &str, value: &str, is_https: bool, max_age: Duration) -> Result<HeaderValue, InvalidHeaderValue> {
    let cookie = Cookie::build((name, value)).path("/").http_only(true).same_site(SameSite::Lax);
    HeaderValue::try_from(cookie.secure(is_https).max_age(max_age).to_string())
}

/// The token a request comes with.
struct Presented {
    token: [u8; 16],
    /// It came in a cookie of the old name, which is to be replaced.
    has_old_name: bool,
}

impl Presented {
    fn read(headers: &HeaderMap, is_https: bool) -> Option<Self> {
        let jar = CookieJar::from_headers(headers);
        let token = |name| jar.get(name).and_then(|cookie| parse_token(cookie.value()));
        match is_https.then(|| token(HOST_COOKIE)).flatten() {
            Some(token) => Some(Self { token, has_old_name: false }),
            None => token(COOKIE).map(|token| Self { token, has_old_name: is_https }),
        }
    }
}

/// Says on every line of this request whose it is, so that one learner's can be found together. It's the beginning of
/// what the database knows the learner by, from which nobody gets to the cookie.
fn note(hash: &[u8; 32]) {
    tracing::Span::current().record("learner", hex::encode(&hash[..6]));
}

/// The 128 bits of a cookie's 32 hexadecimal digits.
fn parse_token(text: &str) -> Option<[u8; 16]> {
    let mut token = [0; 16];
    hex::decode_to_slice(text, &mut token).ok().map(|()| token)
}

/// Only this is stored: a stolen database names nobody's cookie. 128 random bits need no slow hash.
fn hash(token: &[u8; 16]) -> [u8; 32] {
    Sha256::digest(token).into()
}
