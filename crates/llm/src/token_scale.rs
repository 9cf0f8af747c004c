//! How many tokens a server counts for one token of the estimate.

/// The steps of [`ModelLimits::token_scale`].
const SCALES: [f32; 11] = [1.0, 1.25, 1.5, 1.75, 2.0, 2.25, 2.5, 2.75, 3.0, 3.5, 4.0];
/// Counts from which the scale is made.
pub(super) const RECENT_COUNTS: usize = 8;

/// The last requests: the estimate of each, and the tokens the server counted. Empty entries are zero.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct RecentCounts {
    counts: [(u32, u32); RECENT_COUNTS],
    next: usize,
}

impl RecentCounts {
    pub(super) fn push(&mut self, estimate: u32, counted: u32) {
        if let Some(count) = self.counts.get_mut(self.next) {
            *count = (estimate, counted);
        }
        self.next = (self.next + 1) % RECENT_COUNTS;
    }

    /// The highest ratio of counted to estimated tokens among the large requests. A gateway's own system prompt adds the
    /// same number to every request, which makes the ratio of a small one too high.
    pub(super) fn ratio(&self) -> f32 {
        let largest = self.counts.iter().map(|(estimate, _)| *estimate).max().unwrap_or_default();
        self.counts
            .iter()
            .filter(|(estimate, _)| *estimate > largest / 2)
            .map(|(estimate, counted)| *counted as f32 / *estimate as f32)
            .fold(0.0, f32::max)
    }
}

/// The tokens of the server for an estimate.
pub(super) fn scaled(tokens: u32, scale: f32) -> u32 {
    (tokens as f32 * scale).ceil() as u32
}

/// The smallest step that is at least `scale`.
pub(super) fn step_at_least(scale: f32) -> f32 {
    SCALES.into_iter().find(|step| *step >= scale).unwrap_or(SCALES[SCALES.len() - 1])
}

/// The smallest step above `scale`.
pub(super) fn step_above(scale: f32) -> f32 {
    SCALES.into_iter().find(|step| *step > scale).unwrap_or(SCALES[SCALES.len() - 1])
}
