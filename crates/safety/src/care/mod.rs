//! Recognises messages by which a child says that they, or a friend, are in danger.

pub(crate) mod explicit;
pub mod features;
pub mod model;
#[cfg(test)]
mod tests;

use std::sync::LazyLock;

use features::features;
use model::{Model, Reading};

/// How urgent a danger is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Bullying, neglect, an eating disorder, debts, a friend in danger: the lesson goes on, beside a card.
    Concern,
    /// Self-harm, violence, sexual violence, threats: a card takes the place of the answer.
    Immediate,
}

/// What a danger is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Suicide or self-harm.
    SelfHarm,
    /// Being hurt, at home or elsewhere.
    Violence,
    /// Sexual violence or grooming.
    Sexual,
    /// Threats, blackmail, images used as a threat.
    Threat,
    /// Bullying and exclusion.
    Bullying,
    /// Nobody looks after the child.
    Neglect,
    /// Anything else, such as eating disorders, gambling or debts.
    Other,
}

impl Kind {
    /// Every kind, in the order of the model's outputs.
    pub const ALL: [Self; model::KINDS] =
        [Self::SelfHarm, Self::Violence, Self::Sexual, Self::Threat, Self::Bullying, Self::Neglect, Self::Other];

    /// The name in the API and in labelled lines.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::SelfHarm => "self_harm",
            Self::Violence => "violence",
            Self::Sexual => "sexual",
            Self::Threat => "threat",
            Self::Bullying => "bullying",
            Self::Neglect => "neglect",
            Self::Other => "other",
        }
    }
}

/// A danger that a message speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Danger {
    /// How urgent it is.
    pub level: Level,
    /// What it is about.
    pub kind: Kind,
}

/// From this probability of either level on a message counts as danger. In `train_care -- check` half of the hands have
/// false alarms in fewer than 2 % of their lines with it.
pub const DANGER_FROM: f32 = 0.75;
/// The same for a message that says so in plain words: the model has read them in many stories and jokes, too.
pub const EXPLICIT_DANGER_FROM: f32 = 0.4;
/// From this share of a danger's probability on the danger counts as immediate.
pub const IMMEDIATE_FROM: f32 = 0.35;

static MODEL: LazyLock<Model<'static>> =
    LazyLock::new(|| Model::new(include_bytes!("model.bin")).expect("the weights have the model's length"));

/// The danger that a message speaks of, if it speaks of one.
#[must_use]
pub fn find_danger(message: &str) -> Option<Danger> {
    judge(message, &MODEL.read(&features(message)))
}

/// The danger that a model's reading of a message amounts to.
#[must_use]
pub fn judge(message: &str, reading: &Reading) -> Option<Danger> {
    let [_, concern, immediate] = reading.levels;
    let danger = concern + immediate;
    if danger < DANGER_FROM && (danger < EXPLICIT_DANGER_FROM || !explicit::is_explicit(message)) {
        return None;
    }
    let level = if immediate >= IMMEDIATE_FROM * danger { Level::Immediate } else { Level::Concern };
    let (kind, _) = Kind::ALL.into_iter().zip(reading.kinds).max_by(|(_, a), (_, b)| a.total_cmp(b))?;
    Some(Danger { level, kind })
}
