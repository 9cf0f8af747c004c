//! What server, model server and driver used during a measurement.

use std::time::{Duration, Instant};

use crate::process::{Process, Usage};

/// A measurement that is under way.
pub struct Meter<'a> {
    server: &'a Process,
    provider: &'a Process,
    began: Instant,
    before: [Usage; 3],
}

/// What was used.
#[derive(Debug, Clone, Copy)]
pub struct Busy {
    /// How long it took.
    pub took: Duration,
    /// What the server used.
    pub server: Usage,
    /// What the model server used.
    pub provider: Usage,
    /// What the driver used.
    pub driver: Usage,
}

impl<'a> Meter<'a> {
    /// Begins a measurement.
    pub fn start(server: &'a Process, provider: &'a Process) -> Self {
        let before = [server.usage(), provider.usage(), Usage::own()];
        Self { server, provider, began: Instant::now(), before }
    }

    /// Ends it.
    pub fn stop(self) -> Busy {
        let took = self.began.elapsed();
        let [server, provider, driver] = [self.server.usage(), self.provider.usage(), Usage::own()];
        Busy {
            took,
            server: server.since(self.before[0]),
            provider: provider.since(self.before[1]),
            driver: driver.since(self.before[2]),
        }
    }
}

impl Busy {
    /// How many processors each kept busy.
    pub fn note(&self) -> String {
        let share = |usage: Usage| usage.cpu.as_secs_f64() / self.took.as_secs_f64();
        format!(
            "busy processors: server {:.2}, model server {:.2}, driver {:.2}",
            share(self.server),
            share(self.provider),
            share(self.driver)
        )
    }

    /// Microseconds of processor time for each of this many.
    pub fn micros(usage: Usage, count: usize) -> f64 {
        usage.cpu.as_secs_f64() * 1e6 / count as f64
    }
}
