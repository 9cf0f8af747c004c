//! Pauses between retries.

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use reqwest::header::{HeaderMap, RETRY_AFTER};
use std::time::{Duration, SystemTime};

/// The longest pause that the client chooses itself, without its random part.
const MAX_DELAY: Duration = Duration::from_secs(8);

/// The pauses before each retry.
pub(super) fn pauses(retries: u32, first: Duration) -> ExponentialBackoff {
    let retries = usize::try_from(retries).unwrap_or(usize::MAX);
    ExponentialBuilder::new()
        .with_min_delay(first)
        .with_max_delay(MAX_DELAY.max(first))
        .with_max_times(retries)
        .with_jitter()
        .build()
}

/// The pause a server asks for: `retry-after-ms`, or `Retry-After` in seconds or as an HTTP date (RFC 9110, 10.2.3).
pub(super) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    let number = |text: &str| text.parse::<f64>().ok();
    if let Some(ms) = text("retry-after-ms").and_then(number) {
        return Duration::try_from_secs_f64(ms / 1000.0).ok();
    }
    let value = text(RETRY_AFTER.as_str())?;
    match number(value) {
        Some(seconds) => Duration::try_from_secs_f64(seconds).ok(),
        None => httpdate::parse_http_date(value).ok().map(|at| at.duration_since(now).unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_may_ask_in_three_ways() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        let read = |pairs: &[(&'static str, &'static str)]| {
            let headers = pairs.iter().map(|(name, value)| {
                (reqwest::header::HeaderName::from_static(name), reqwest::header::HeaderValue::from_static(value))
            });
            retry_after(&headers.collect(), now)
        };
        assert_eq!(read(&[]), None);
        assert_eq!(read(&[("retry-after", "7")]), Some(Duration::from_secs(7)));
        assert_eq!(read(&[("retry-after", " 0.5 ")]), Some(Duration::from_millis(500)));
        assert_eq!(read(&[("retry-after", "9"), ("retry-after-ms", "20")]), Some(Duration::from_millis(20)));
        assert_eq!(read(&[("retry-after", "Sun, 06 Nov 1994 08:49:40 GMT")]), Some(Duration::from_secs(3)));
        assert_eq!(read(&[("retry-after", "Sun, 06 Nov 1994 08:49:30 GMT")]), Some(Duration::ZERO));
        for nonsense in ["-1", "soon", "NaN", "1e300", "inf"] {
            assert_eq!(read(&[("retry-after", nonsense)]), None, "{nonsense}");
        }
    }

    #[test]
    fn pauses_double_up_to_a_bound() {
        let pauses: Vec<_> = pauses(8, Duration::from_millis(250)).collect();
        assert_eq!(pauses.len(), 8);
        for (pause, base) in pauses.iter().zip([250, 500, 1000, 2000, 4000, 8000, 8000, 8000]) {
            assert!((base..=2 * base).contains(&pause.as_millis()), "{pause:?} for {base}");
        }
        assert_eq!(super::pauses(0, Duration::from_millis(250)).count(), 0);
    }
}
