//! A linear model over the features of a message: one softmax for the level, one for the kind of danger. The weights are
//! whole numbers of one byte, made by `cargo run --release -p safety --example train_care`.
//!
//! Weights for the level stand in a hash table that knows its features by a fingerprint, so that features which the
//! training didn't see weigh nothing. Sharing rows instead cost 7 % of the recall at the same share of false alarms.

/// Levels: none, concern, immediate.
pub const LEVELS: usize = 3;
/// Kinds of danger, in the order of [`super::Kind`].
pub const KINDS: usize = 7;

/// Buckets of the table, a power of two.
const BUCKETS: usize = 1 << 16;
const SLOTS_PER_BUCKET: usize = 4;
/// A fingerprint, then the weights of concern and of immediate danger; those of no danger are zero.
const SLOT: usize = 3;
const TABLE: usize = BUCKETS * SLOTS_PER_BUCKET * SLOT;
/// Rows of weights for the kind. Features share a row when their hashes do.
pub const KIND_ROWS: usize = 1 << 14;
/// The length of the part before the weights: scale and biases of level and kind, as little-endian `f32`.
const HEAD: usize = 4 * (LEVELS + 1 + KINDS);
/// Where the part of the kind begins in the head.
const KIND_HEAD: usize = 4 * LEVELS;

/// Trained weights.
#[derive(Debug, Clone, Copy)]
pub struct Model<'a> {
    bytes: &'a [u8],
}

/// The probabilities of a message.
#[derive(Debug, Clone, Copy)]
pub struct Reading {
    /// Of each level.
    pub levels: [f32; LEVELS],
    /// Of each kind, if there is a danger.
    pub kinds: [f32; KINDS],
}

impl<'a> Model<'a> {
    /// Reads weights in the layout of [`write`]. `None` when the length is another.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Option<Self> {
        (bytes.len() == HEAD + TABLE + KIND_ROWS * KINDS).then_some(Self { bytes })
    }

    /// Weighs the features of a message.
    #[must_use]
    pub fn read(&self, features: &[u32]) -> Reading {
        let (mut known, mut level_sums, mut kind_sums) = (0_usize, [0_i32; LEVELS], [0_i32; KINDS]);
        for &feature in features {
            let Some(slot) = self.slot(feature) else { continue };
            known += 1;
            level_sums[1] += i32::from(slot[1].cast_signed());
            level_sums[2] += i32::from(slot[2].cast_signed());
            let row = HEAD + TABLE + kind_row(feature) * KINDS;
            for (sum, &weight) in kind_sums.iter_mut().zip(&self.bytes[row..row + KINDS]) {
                *sum += i32::from(weight.cast_signed());
            }
        }
        let share = share(known);
        let level_biases = [0.0, self.float(4), self.float(8)];
        let kind_biases = std::array::from_fn(|kind| self.float(KIND_HEAD + 4 + 4 * kind));
        Reading {
            levels: softmax(add(level_biases, level_sums, self.float(0) * share)),
            kinds: softmax(add(kind_biases, kind_sums, self.float(KIND_HEAD) * share)),
        }
    }

    /// The slot of a feature that the training knew.
    fn slot(&self, feature: u32) -> Option<&'a [u8]> {
        let start = HEAD + bucket(feature) * SLOTS_PER_BUCKET * SLOT;
        let bucket = &self.bytes[start..start + SLOTS_PER_BUCKET * SLOT];
        bucket.chunks_exact(SLOT).find(|slot| slot[0] == fingerprint(feature))
    }

    fn float(&self, at: usize) -> f32 {
        self.bytes[at..at + 4].try_into().map_or(0.0, f32::from_le_bytes)
    }
}

fn bucket(feature: u32) -> usize {
    feature as usize % BUCKETS
}

/// Zero marks an empty slot.
fn fingerprint(feature: u32) -> u8 {
    ((feature >> 24) as u8).max(1)
}

/// The row of a feature's weights for the kind.
#[must_use]
pub fn kind_row(feature: u32) -> usize {
    (feature >> 10) as usize % KIND_ROWS
}

fn add<const N: usize>(biases: [f32; N], sums: [i32; N], scale: f32) -> [f32; N] {
    std::array::from_fn(|index| biases[index] + sums[index] as f32 * scale)
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

/// Weights of one softmax: rows of one weight an output, and a bias an output.
#[derive(Debug, Clone)]
pub struct Weights<const N: usize> {
    /// The rows.
    pub rows: Vec<[f32; N]>,
    /// The biases.
    pub biases: [f32; N],
}

/// The bytes of a model, weights rounded to 1/127 of the largest. `vocabulary` holds the feature of each row of `level`;
/// `kind` has [`KIND_ROWS`] rows. Of features that don't fit into their bucket the heaviest stay.
#[must_use]
pub fn write(vocabulary: &[u32], level: &Weights<LEVELS>, kind: &Weights<KINDS>) -> Vec<u8> {
    let against_none = |row: [f32; LEVELS]| [row[1] - row[0], row[2] - row[0]];
    let largest = |weights: &mut dyn Iterator<Item = f32>| weights.fold(1e-9_f32, |most, w| most.max(w.abs()));
    let level_scale = largest(&mut level.rows.iter().flat_map(|&row| against_none(row))) / 127.0;
    let kind_scale = largest(&mut kind.rows.iter().flatten().copied()) / 127.0;
    let round = |weight: f32, scale: f32| ((weight / scale).round() as i8).cast_unsigned();

    let head = [level_scale].into_iter().chain(against_none(level.biases)).chain([kind_scale]).chain(kind.biases);
    let mut bytes: Vec<u8> = head.flat_map(f32::to_le_bytes).collect();
    bytes.resize(HEAD + TABLE, 0);
    let mut rows: Vec<(u32, [f32; 2])> =
        vocabulary.iter().copied().zip(level.rows.iter().map(|&row| against_none(row))).collect();
    let weight = |row: &(u32, [f32; 2])| row.1[0].abs().max(row.1[1].abs());
    rows.sort_by(|a, b| weight(b).total_cmp(&weight(a)).then(a.0.cmp(&b.0)));
    for (feature, weights) in rows {
        let start = HEAD + bucket(feature) * SLOTS_PER_BUCKET * SLOT;
        let mut slots = bytes[start..start + SLOTS_PER_BUCKET * SLOT].chunks_exact_mut(SLOT);
        let free = slots.find(|slot| slot[0] == 0 || slot[0] == fingerprint(feature)).filter(|slot| slot[0] == 0);
        if let Some(slot) = free {
            slot.copy_from_slice(&[
                fingerprint(feature),
                round(weights[0], level_scale),
                round(weights[1], level_scale),
            ]);
        }
    }
    bytes.extend(kind.rows.iter().flatten().map(|&weight| round(weight, kind_scale)));
    bytes
}
