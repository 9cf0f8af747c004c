//! A linear model over the features of a message: one softmax for the level, one for the kind of danger. The weights are
//! whole numbers of one byte, made by `cargo run --release -p safety --example train_care`.

/// Levels: none, concern, immediate.
pub const LEVELS: usize = 3;
/// Kinds of danger, in the order of [`super::Kind`].
pub const KINDS: usize = 7;
/// Rows of weights for the level. Features share a row when their hashes do.
pub const LEVEL_ROWS: usize = 1 << 16;
/// Rows of weights for the kind.
pub const KIND_ROWS: usize = 1 << 13;

/// The length of the part before the weights: scale and biases of level and kind, as little-endian `f32`.
const HEAD: usize = 4 * (1 + LEVELS + 1 + KINDS);

/// Trained weights.
#[derive(Debug, Clone, Copy)]
pub struct Model<'a> {
    bytes: &'a [u8],
}

impl<'a> Model<'a> {
    /// Reads weights in the layout of [`write`]. `None` when the length is another.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Option<Self> {
        (bytes.len() == HEAD + LEVEL_ROWS * LEVELS + KIND_ROWS * KINDS).then_some(Self { bytes })
    }

    /// The probability of each level.
    #[must_use]
    pub fn levels(&self, features: &[u64]) -> [f32; LEVELS] {
        self.probabilities(features, 0, HEAD, LEVEL_ROWS)
    }

    /// The probability of each kind, if there is a danger.
    #[must_use]
    pub fn kinds(&self, features: &[u64]) -> [f32; KINDS] {
        self.probabilities(features, 4 * (1 + LEVELS), HEAD + LEVEL_ROWS * LEVELS, KIND_ROWS)
    }

    fn probabilities<const N: usize>(&self, features: &[u64], head: usize, start: usize, rows: usize) -> [f32; N] {
        let mut sums = [0_i32; N];
        for feature in features {
            let row = start + row(*feature, rows) * N;
            for (sum, &weight) in sums.iter_mut().zip(&self.bytes[row..row + N]) {
                *sum += i32::from(weight.cast_signed());
            }
        }
        let scale = self.float(head) * share(features.len());
        let mut scores = [0.0; N];
        for (index, score) in scores.iter_mut().enumerate() {
            *score = self.float(head + 4 + 4 * index) + sums[index] as f32 * scale;
        }
        softmax(scores)
    }

    fn float(&self, at: usize) -> f32 {
        self.bytes[at..at + 4].try_into().map_or(0.0, f32::from_le_bytes)
    }
}

/// The row of a feature.
#[must_use]
pub fn row(feature: u64, rows: usize) -> usize {
    (feature % rows as u64) as usize
}

/// How much one of `count` features weighs: the features of a long message weigh less each.
#[must_use]
pub fn share(count: usize) -> f32 {
    1.0 / (count.max(1) as f32).sqrt()
}

/// Scores as probabilities.
#[must_use]
pub fn softmax<const N: usize>(scores: [f32; N]) -> [f32; N] {
    let highest = scores.iter().copied().fold(f32::MIN, f32::max);
    let powers = scores.map(|score| (score - highest).exp());
    let sum: f32 = powers.iter().sum();
    powers.map(|power| power / sum)
}

/// The bytes of a model: weights are rounded to 1/127 of the largest, biases kept.
#[must_use]
pub fn write(level: (&[f32], [f32; LEVELS]), kind: (&[f32], [f32; KINDS])) -> Vec<u8> {
    let scale = |weights: &[f32]| weights.iter().fold(1e-9_f32, |most, weight| most.max(weight.abs())) / 127.0;
    let (level_scale, kind_scale) = (scale(level.0), scale(kind.0));
    let head = [level_scale].into_iter().chain(level.1).chain([kind_scale]).chain(kind.1);
    let mut bytes: Vec<u8> = head.flat_map(f32::to_le_bytes).collect();
    bytes.extend(level.0.iter().map(|weight| ((weight / level_scale).round() as i8).cast_unsigned()));
    bytes.extend(kind.0.iter().map(|weight| ((weight / kind_scale).round() as i8).cast_unsigned()));
    bytes
}
