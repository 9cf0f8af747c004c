//! HTTP: pages, the JSON API and event streams.

mod address;
pub mod api;
pub mod assets;
mod error;
mod followers;
mod host;
mod layers;
mod learner;
pub mod locale;
mod metrics;
pub mod pages;
mod problem;
mod rate_limit;
mod request_id;
mod router;
pub mod state;
mod stateless_access;

pub use followers::Followers;
pub use learner::VisitPause;
pub use metrics::{describe as describe_metrics, serve as serve_metrics};
pub use rate_limit::RateLimits;
pub use router::{openapi, router};
pub use state::AppState;
