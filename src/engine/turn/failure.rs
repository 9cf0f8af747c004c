//! The reason that a student is shown for a failed answer.

use domain::turn::Reason;

/// Why an answer failed. `began` says whether a part of it was shown, since only then it broke off.
#[must_use]
pub fn failure_reason(error: &llm::Error, began: bool) -> Reason {
    match error {
        // The server is busy: it accepted a request and did not answer it in time.
        llm::Error::RateLimited { .. } | llm::Error::BreakerOpen { cause: llm::OpenCause::Busy, .. } => {
            Reason::RateLimited
        }
        llm::Error::Connect | llm::Error::BreakerOpen { .. } => Reason::Unreachable,
        llm::Error::Timeout(_) => Reason::Timeout,
        llm::Error::Quota => Reason::Quota,
        llm::Error::Unauthorized
        | llm::Error::ModelMissing
        | llm::Error::PathMissing
        | llm::Error::BadRequest { .. } => Reason::Misconfigured,
        llm::Error::ContentFilter => Reason::ContentFilter,
        llm::Error::NoAnswer => Reason::NoAnswer,
        llm::Error::ContextFull { .. } => Reason::TooLong,
        llm::Error::Server { .. } | llm::Error::Broken if began => Reason::Broken,
        llm::Error::Server { .. } | llm::Error::Broken => Reason::Unavailable,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn an_open_breaker_after_time_outs_says_busy_and_not_unreachable() {
        let reason = |cause| failure_reason(&llm::Error::BreakerOpen { retry_in: Duration::ZERO, cause }, false);
        assert_eq!(reason(llm::OpenCause::Busy), Reason::RateLimited);
        assert_eq!(reason(llm::OpenCause::Failing), Reason::Unreachable);
        assert_eq!(reason(llm::OpenCause::Unreachable), Reason::Unreachable);
    }
}
