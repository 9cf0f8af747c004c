//! How fast the provider writes.

use std::time::Duration;

use super::call::Purpose;

/// How fast the provider writes, and in how many pieces.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct Pace {
    /// Milliseconds until the head of a streamed response. Servers send it at once or with the first piece
    #[arg(long, default_value_t = 0)]
    pub head_ms: u64,
    /// Milliseconds until the first piece
    #[arg(long, default_value_t = 300)]
    pub first_ms: u64,
    /// Microseconds between two pieces of an answer
    #[arg(long, default_value_t = 20_000)]
    pub chat_gap_us: u64,
    /// Microseconds between two pieces of the tutor's reply
    #[arg(long, default_value_t = 7_000)]
    pub tutor_gap_us: u64,
    /// Pieces of an answer
    #[arg(long, default_value_t = 60)]
    pub chat_pieces: usize,
    /// Pieces of the tutor's reply
    #[arg(long, default_value_t = 176)]
    pub tutor_pieces: usize,
}

impl Pace {
    /// That of a model of today: 1.5 s for each call.
    pub const DEFAULT: Self = Self {
        head_ms: 0,
        first_ms: 300,
        chat_gap_us: 20_000,
        tutor_gap_us: 7_000,
        chat_pieces: 60,
        tutor_pieces: 176,
    };

    /// The same replies without any pause.
    pub const NO_PAUSES: Self = Self { first_ms: 0, chat_gap_us: 0, tutor_gap_us: 0, ..Self::DEFAULT };

    /// The same replies, written this many times slower after the first piece.
    pub fn slower(self, times: u64) -> Self {
        Self { chat_gap_us: self.chat_gap_us * times, tutor_gap_us: self.tutor_gap_us * times, ..self }
    }

    /// When the first piece is due.
    pub fn first(self) -> Duration {
        Duration::from_millis(self.first_ms)
    }

    /// Pieces of a reply.
    pub fn pieces(self, purpose: Purpose) -> usize {
        match purpose {
            Purpose::Chat => self.chat_pieces,
            Purpose::Tutor => self.tutor_pieces,
        }
    }

    /// The pause before each piece after the first.
    pub fn gap(self, purpose: Purpose) -> Duration {
        Duration::from_micros(match purpose {
            Purpose::Chat => self.chat_gap_us,
            Purpose::Tutor => self.tutor_gap_us,
        })
    }

    /// How long a whole reply takes.
    pub fn whole(self, purpose: Purpose) -> Duration {
        self.first() + self.gap(purpose) * (self.pieces(purpose) - 1) as u32
    }

    /// The flags that give this pace.
    pub fn arguments(self) -> Vec<String> {
        vec![
            format!("--head-ms={}", self.head_ms),
            format!("--first-ms={}", self.first_ms),
            format!("--chat-gap-us={}", self.chat_gap_us),
            format!("--tutor-gap-us={}", self.tutor_gap_us),
            format!("--chat-pieces={}", self.chat_pieces),
            format!("--tutor-pieces={}", self.tutor_pieces),
        ]
    }
}
