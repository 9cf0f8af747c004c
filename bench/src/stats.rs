//! Medians, percentiles, and fits.

use std::time::Duration;

use serde::Serialize;

/// Sorted samples.
#[derive(Debug, Clone, Default)]
pub struct Samples(Vec<f64>);

impl Samples {
    /// Of times, in milliseconds.
    pub fn millis(times: impl IntoIterator<Item = Duration>) -> Self {
        times.into_iter().map(|time| time.as_secs_f64() * 1000.0).collect()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The value that this share of the samples, from 0 to 1, doesn't exceed; 0 without samples.
    pub fn at(&self, share: f64) -> f64 {
        let index = (self.0.len() as f64 * share).ceil() as usize;
        self.0.get(index.saturating_sub(1)).copied().unwrap_or_default()
    }

    /// The middle one; between two, their mean.
    pub fn median(&self) -> f64 {
        let middle = self.0.len() / 2;
        match self.0.len() {
            0 => 0.0,
            even if even % 2 == 0 => f64::midpoint(self.0[middle - 1], self.0[middle]),
            _ => self.0[middle],
        }
    }

    /// The 99th percentile.
    pub fn p99(&self) -> f64 {
        self.at(0.99)
    }

    /// Smallest, median and largest.
    pub fn spread(&self) -> Spread {
        Spread { min: self.at(0.0), median: self.median(), max: self.at(1.0) }
    }
}

impl FromIterator<f64> for Samples {
    fn from_iter<I: IntoIterator<Item = f64>>(samples: I) -> Self {
        let mut samples: Vec<f64> = samples.into_iter().collect();
        samples.sort_by(f64::total_cmp);
        Self(samples)
    }
}

/// Smallest, median and largest of some rounds.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Spread {
    /// The smallest.
    pub min: f64,
    /// The median.
    pub median: f64,
    /// The largest.
    pub max: f64,
}

/// The exponent of the power of `x` that fits `y` best.
pub fn exponent(points: &[(f64, f64)]) -> f64 {
    let logs: Vec<(f64, f64)> = points.iter().map(|(x, y)| (x.ln(), y.max(f64::MIN_POSITIVE).ln())).collect();
    let count = logs.len() as f64;
    let mean = |part: fn(&(f64, f64)) -> f64| logs.iter().map(part).sum::<f64>() / count;
    let (x, y) = (mean(|point| point.0), mean(|point| point.1));
    let slope: f64 = logs.iter().map(|point| (point.0 - x) * (point.1 - y)).sum();
    slope / logs.iter().map(|point| (point.0 - x).powi(2)).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_samples_and_the_median_lies_in_the_middle() {
        let samples: Samples = (1..=200).rev().map(f64::from).collect();
        assert_eq!((samples.at(0.0), samples.median(), samples.p99(), samples.at(1.0)), (1.0, 100.5, 198.0, 200.0));
        assert_eq!(Samples::default().p99(), 0.0);
    }

    #[test]
    fn a_square_has_the_exponent_two() {
        let points: Vec<(f64, f64)> = [1.0, 10.0, 300.0].map(|x: f64| (x, 5.0 * x * x)).into();
        assert!((exponent(&points) - 2.0).abs() < 1e-9);
    }
}
