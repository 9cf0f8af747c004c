//! Processes that the bench starts and measures.

use std::{
    fs, io,
    os::unix::process::CommandExt,
    process::{Child, ChildStdout, Command},
    time::{Duration, Instant},
};

use anyhow::Context;
use rustix::process::{Pid, Signal, kill_process_group};

/// The kernel's clock of processor time, the same on every Linux that Rust runs on.
const TICKS_PER_SECOND: f64 = 100.0;

/// How long a process may take to end when it is asked to.
const STOP_LIMIT: Duration = Duration::from_secs(15);

/// A process that is killed when this value is dropped, with those it started.
pub struct Process(Child);

impl Process {
    /// Starts a process.
    pub fn start(command: &mut Command) -> anyhow::Result<Self> {
        Ok(Self(command.process_group(0).spawn().with_context(|| format!("{command:?}"))?))
    }

    /// Its number.
    pub fn pid(&self) -> u32 {
        self.0.id()
    }

    /// Its output, if that is piped and wasn't taken.
    pub fn take_stdout(&mut self) -> Option<ChildStdout> {
        self.0.stdout.take()
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        matches!(self.0.try_wait(), Ok(None))
    }

    /// Asks it to end, and waits until it has.
    pub async fn stop(mut self) -> io::Result<()> {
        self.signal(Signal::TERM);
        let asked = Instant::now();
        while self.0.try_wait()?.is_none() {
            if asked.elapsed() > STOP_LIMIT {
                self.signal(Signal::KILL);
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(())
    }

    /// Sends a signal to it and those it started, which are a process group of their own.
    fn signal(&self, signal: Signal) {
        if let Some(group) = i32::try_from(self.pid()).ok().and_then(Pid::from_raw) {
            // All may have ended already.
            let _ = kill_process_group(group, signal);
        }
    }

    /// What it and those it started have used.
    pub fn usage(&self) -> Usage {
        Usage::of(self.pid())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Workers of a server outlive a parent that is killed.
        if self.is_running() {
            self.signal(Signal::KILL);
            let _ = self.0.wait();
        }
    }
}

/// What a process and those it started have used.
#[derive(Debug, Clone, Copy, Default)]
pub struct Usage {
    /// Processor time in user and in kernel mode.
    pub cpu: Duration,
    /// Resident memory in bytes.
    pub resident: u64,
    /// Resident memory in bytes that isn't a file's.
    pub anonymous: u64,
}

impl Usage {
    /// What a process and those it started have used.
    pub fn of(pid: u32) -> Self {
        let mut sum = Self::default();
        for pid in family(pid) {
            sum.cpu += processor_time(pid);
            let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
            sum.resident += kib(&status, "VmRSS:") * 1024;
            sum.anonymous += kib(&status, "RssAnon:") * 1024;
        }
        sum
    }

    /// What was used since, with the memory of now.
    pub fn since(self, before: Self) -> Self {
        Self { cpu: self.cpu.saturating_sub(before.cpu), ..self }
    }

    /// What this process itself has used.
    pub fn own() -> Self {
        // Those it started are measured apart.
        Self { cpu: processor_time(std::process::id()), ..Self::default() }
    }
}

fn kib(status: &str, name: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
    line.split_whitespace().next().and_then(|kib| kib.parse().ok()).unwrap_or_default()
}

/// The fields of `/proc/PID/stat` behind the name, which may contain spaces.
fn stat(pid: u32) -> Option<Vec<u64>> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    Some(stat.rsplit(')').next()?.split_whitespace().map(|field| field.parse().unwrap_or_default()).collect())
}

fn processor_time(pid: u32) -> Duration {
    let ticks = stat(pid).map_or(0, |fields| fields[11] + fields[12]);
    Duration::from_secs_f64(ticks as f64 / TICKS_PER_SECOND)
}

/// A process, its children, theirs, and so on.
fn family(pid: u32) -> Vec<u32> {
    let mut family = vec![pid];
    let mut seen = 0;
    while let Some(&parent) = family.get(seen) {
        seen += 1;
        for task in fs::read_dir(format!("/proc/{parent}/task")).into_iter().flatten().flatten() {
            let children = fs::read_to_string(task.path().join("children")).unwrap_or_default();
            family.extend(children.split_whitespace().filter_map(|child| child.parse::<u32>().ok()));
        }
    }
    family
}
