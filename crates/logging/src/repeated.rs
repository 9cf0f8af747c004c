//! Log lines that would come many times a second while something is broken.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// One line of a kind in this time.
const PAUSE: Duration = Duration::from_secs(60);

/// A kind of log line that is written once a minute at most, with the number of lines left out since the last one.
pub struct RepeatedLine(Mutex<Option<Last>>);

struct Last {
    at: Instant,
    left_out: u64,
}

impl RepeatedLine {
    /// A kind of line that was not written yet.
    #[expect(clippy::new_without_default, reason = "one is a static of its own")]
    #[must_use]
    pub const fn new() -> Self {
        Self(Mutex::new(None))
    }

    /// `Some` if the line is to be written now, with how many were left out since the last one; `None` to leave it out.
    pub fn due(&self) -> Option<u64> {
        self.due_at(Instant::now())
    }

    fn due_at(&self, now: Instant) -> Option<u64> {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *last {
            Some(last) if now.saturating_duration_since(last.at) < PAUSE => {
                last.left_out += 1;
                None
            }
            earlier => {
                let left_out = earlier.as_ref().map_or(0, |last| last.left_out);
                *earlier = Some(Last { at: now, left_out: 0 });
                Some(left_out)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeated_line_is_written_once_a_minute_with_the_number_of_those_left_out() {
        let (line, begin) = (RepeatedLine::new(), Instant::now());
        let after = |seconds| line.due_at(begin + Duration::from_secs(seconds));
        assert_eq!([after(0), after(1), after(59)], [Some(0), None, None]);
        assert_eq!([after(60), after(61)], [Some(2), None]);
        assert_eq!(after(1000), Some(1));
    }
}
