//! Who may have the model answer a stateless call.
//!
//! With `STATELESS_API=token` that is a program with a token of the operator, or a page of this server. A program can send
//! any header of a browser, so the headers alone prove nothing: they only keep pages of other sites away, whose scripts
//! can't set them. A page must also have a learner's cookie, which this server issued when a conversation began, at most
//! `RATE_LIMIT_NEW_LEARNERS_PER_MINUTE` to one address. A program that begins a conversation gets a cookie as well; it may
//! then ask as a learner anyway, within a learner's limits, and the calls here have the smaller budget.

use axum::{
    extract::FromRequestParts,
    http::{
        HeaderMap,
        header::{AUTHORIZATION, HOST, ORIGIN},
        request::Parts,
    },
};

use super::{
    AppState,
    error::ApiError,
    learner::{Learner, OptionalLearner},
};
use crate::{
    api_token,
    config::{Config, StatelessApi, origin},
};
use domain::LearnerId;

/// The caller of a stateless call that the model may answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatelessCaller {
    /// The learner of the request's cookie.
    pub learner: Option<LearnerId>,
}

impl FromRequestParts<AppState> for StatelessCaller {
    type Rejection = ApiError;

    /// Refuses a caller that the setting doesn't allow, before the body is read.
    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        match state.config.stateless_api() {
            StatelessApi::Off => Err(ApiError::StatelessOff),
            StatelessApi::On => {
                let Ok(OptionalLearner(learner)) = OptionalLearner::from_request_parts(parts, state).await;
                Ok(Self { learner })
            }
            StatelessApi::Token => identify(parts, state).await?.ok_or(ApiError::Unauthorized),
        }
    }
}

/// A guide's caller: whoever else asks gets guides that need no call of the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GuideCaller {
    /// The learner of the request's cookie.
    pub learner: Option<LearnerId>,
    /// Whether the model may be called for a topic of the caller's own.
    pub access: GuideAccess,
}

/// Whether the model may be called for a caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GuideAccess {
    /// It may.
    Allowed,
    /// It may not, and the caller is a page, which shows the built-in guide.
    BuiltIn,
    /// It may not: a token is missing.
    Unauthorized,
    /// It may not: the switch is off.
    Off,
}

impl FromRequestParts<AppState> for GuideCaller {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Self::Rejection> {
        let Ok(OptionalLearner(learner)) = OptionalLearner::from_request_parts(parts, state).await;
        let is_page = is_own_page(&parts.headers, &state.config);
        // Pages need guides, so the switch doesn't concern a learner's.
        let is_page_of_learner = is_page && learner.is_some();
        let access = match state.config.stateless_api() {
            _ if is_page_of_learner => GuideAccess::Allowed,
            StatelessApi::On => GuideAccess::Allowed,
            StatelessApi::Token if has_token(&parts.headers, state).await.is_ok_and(|has| has) => GuideAccess::Allowed,
            _ if is_page => GuideAccess::BuiltIn,
            StatelessApi::Token => GuideAccess::Unauthorized,
            StatelessApi::Off => GuideAccess::Off,
        };
        Ok(Self { learner, access })
    }
}

/// The caller with a token, or the learner at a page of this server.
async fn identify(parts: &mut Parts, state: &AppState) -> Result<Option<StatelessCaller>, ApiError> {
    if has_token(&parts.headers, state).await? {
        return Ok(Some(StatelessCaller { learner: None }));
    }
    if !is_own_page(&parts.headers, &state.config) {
        return Ok(None);
    }
    let learner = <Option<Learner> as FromRequestParts<AppState>>::from_request_parts(parts, state).await?;
    Ok(learner.map(|Learner(learner)| StatelessCaller { learner: Some(learner) }))
}

/// Whether the request has a valid token.
async fn has_token(headers: &HeaderMap, state: &AppState) -> Result<bool, ApiError> {
    let Some(token) = bearer(headers) else { return Ok(false) };
    if state.lease.is_failing() {
        return Err(ApiError::StoreUnavailable);
    }
    Ok(state.store.has_api_token(&api_token::hash(token)).await?)
}

/// The token in `Authorization: Bearer …` (RFC 6750, section 2.1).
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// Whether a browser says that a page of this origin sent the request.
///
/// `Sec-Fetch-Site` is decisive. Older browsers, and all browsers without TLS, do not send it; then `Origin`, which every
/// browser sends with a POST, must be the public address or match `Host`.
fn is_own_page(headers: &HeaderMap, config: &Config) -> bool {
    if let Some(site) = headers.get("sec-fetch-site") {
        return site == "same-origin";
    }
    let Some(from) = headers.get(ORIGIN).and_then(|from| from.to_str().ok()) else { return false };
    let is_public = config.public_url().and_then(|url| origin(&url)).is_some_and(|own| own == from);
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    is_public || from.split_once("://").map(|(_, host)| host).is_some_and(|from| host == Some(from))
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::config::Cli;

    fn headers(list: &[(&'static str, &'static str)]) -> HeaderMap {
        list.iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect::<Vec<_>>()
            .into_iter()
            .collect()
    }

    #[test]
    fn a_page_of_this_origin_is_told_from_others() {
        let flags = ["llm-classroom", "--app-base-url", "https://class.example.kr"];
        let config = Cli::try_parse_from(flags).unwrap().config;
        let own = |list: &[_]| is_own_page(&headers(list), &config);
        assert!(own(&[("sec-fetch-site", "same-origin")]));
        assert!(own(&[("origin", "https://class.example.kr")]));
        assert!(own(&[("origin", "http://10.0.0.7:8000"), ("host", "10.0.0.7:8000")]));
        for list in [
            &[][..],
            &[("host", "class.example.kr")],
            &[("sec-fetch-site", "cross-site"), ("origin", "https://class.example.kr")],
            &[("sec-fetch-site", "same-site")],
            &[("sec-fetch-site", "none")],
            &[("origin", "null")],
            &[("origin", "https://class.example.kr.evil.example"), ("host", "class.example.kr")],
        ] {
            assert!(!own(list), "{list:?}");
        }
    }

    #[test]
    fn a_token_is_read_from_its_header() {
        assert_eq!(bearer(&headers(&[("authorization", "Bearer lct_1")])), Some("lct_1"));
        assert_eq!(bearer(&headers(&[("authorization", "bearer  lct_1 ")])), Some("lct_1"));
        for other in ["Basic lct_1", "lct_1", "Bearer"] {
            assert_eq!(bearer(&headers(&[("authorization", other)])), None, "{other}");
        }
    }
}
