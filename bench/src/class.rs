//! A class that asks at once.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use tokio::{sync::Barrier, task::JoinSet};

use crate::{
    meter::{Busy, Meter},
    process::Process,
    stats::Samples,
    student::{Student, TurnTimes},
};

/// A class: its students send the first question at the same moment, and each next one when the turn before has ended.
#[derive(Debug, Clone, Copy)]
pub struct Class {
    /// How many students there are.
    pub students: usize,
    /// How many questions each asks.
    pub turns: usize,
    /// Whether each opens the page first.
    pub has_pages: bool,
}

/// How a class fared.
pub struct Outcome {
    /// Every turn.
    pub turns: Vec<TurnTimes>,
    /// The time to the page of each student.
    pub pages: Vec<Duration>,
    /// What was used from the first question to the end of the last turn.
    pub busy: Busy,
}

impl Class {
    /// Runs the class at a server. The first failed turn fails it.
    pub async fn run(self, address: SocketAddr, server: &Process, provider: &Process) -> anyhow::Result<Outcome> {
        let start = Arc::new(Barrier::new(self.students + 1));
        let mut class = JoinSet::new();
        for number in 0..self.students {
            class.spawn(study(address, number, self, start.clone()));
        }
        start.wait().await;
        let meter = Meter::start(server, provider);
        let (mut turns, mut pages) = (Vec::new(), Vec::new());
        while let Some(student) = class.join_next().await {
            let (times, page) = student??;
            turns.extend(times);
            pages.extend(page);
        }
        Ok(Outcome { busy: meter.stop(), turns, pages })
    }
}

async fn study(
    address: SocketAddr,
    number: usize,
    class: Class,
    start: Arc<Barrier>,
) -> anyhow::Result<(Vec<TurnTimes>, Option<Duration>)> {
    let begun = Student::begin(address, number, class.has_pages).await;
    // Also after a failure, or the others would wait for ever.
    start.wait().await;
    let mut student = begun?;
    let mut times = Vec::with_capacity(class.turns);
    for _ in 0..class.turns {
        times.push(student.ask().await?);
    }
    Ok((times, student.page_view))
}

impl Outcome {
    /// Microseconds of the server's processor time a turn.
    pub fn cpu_us_a_turn(&self) -> f64 {
        Busy::micros(self.busy.server, self.turns.len())
    }

    /// Milliseconds of a part of each turn.
    pub fn millis(&self, part: impl Fn(&TurnTimes) -> Duration) -> Samples {
        Samples::millis(self.turns.iter().map(part))
    }

    /// How busy the machine was, and what the server refused.
    pub fn note(&self) -> String {
        let refused: usize = self.turns.iter().map(|turn| turn.refused).sum();
        match refused {
            0 => self.busy.note(),
            _ => format!("{}; {refused} streams refused with 503 and requested again", self.busy.note()),
        }
    }

    /// Turns that ended in a second.
    pub fn turns_a_second(&self) -> f64 {
        self.turns.len() as f64 / self.busy.took.as_secs_f64()
    }
}
