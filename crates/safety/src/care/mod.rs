//! Recognises messages by which a child says that they, or a friend, are in danger.

pub mod features;
mod lexicon;
pub mod model;

use std::sync::LazyLock;

use features::features;
use model::Model;

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

/// From this probability on a message counts as immediate danger. Chosen on lines apart from the training.
pub const IMMEDIATE_FROM: f32 = 0.35;
/// From this probability of either level on a message counts as a concern.
pub const CONCERN_FROM: f32 = 0.35;

static MODEL: LazyLock<Model<'static>> =
    LazyLock::new(|| Model::new(include_bytes!("model.bin")).expect("the weights have the model's length"));

/// The danger that a message speaks of, if it speaks of one.
#[must_use]
pub fn find_danger(message: &str) -> Option<Danger> {
    let features = features(message);
    let [_, concern, immediate] = MODEL.levels(&features);
    let level = if immediate >= IMMEDIATE_FROM {
        Level::Immediate
    } else if concern + immediate >= CONCERN_FROM {
        Level::Concern
    } else {
        return None;
    };
    let kinds = MODEL.kinds(&features);
    let (kind, _) = Kind::ALL.into_iter().zip(kinds).max_by(|(_, a), (_, b)| a.total_cmp(b))?;
    Some(Danger { level, kind })
}
