//! Metrics of this process, as the kernel counts them.

use std::{fs, path::Path};

use metrics::{describe_gauge, gauge};
use metrics_process::collector::{self, Metrics};

use super::fractional::FractionalCounter;

pub(super) fn describe() {
    describe_gauge!("process_open_fds", "Open files and connections");
    describe_gauge!("process_max_fds", "Most open files and connections (LimitNOFILE)");
    describe_gauge!("process_virtual_memory_bytes", "Address space, in bytes");
    describe_gauge!("process_resident_memory_bytes", "Memory in use, in bytes");
    describe_gauge!(
        "process_memory_limit_bytes",
        "Memory that may be in use, in bytes: MemoryMax, or all that the machine has"
    );
    describe_gauge!("process_start_time_seconds", "When the process started, in seconds since 1970");
    describe_gauge!("process_threads", "Threads");
}

/// Sets the gauges and returns the counter of processor time.
#[expect(clippy::cast_precision_loss, reason = "bytes of memory stay below 2^53")]
pub(super) fn read() -> Option<FractionalCounter> {
    let Metrics {
        cpu_seconds_total,
        open_fds,
        max_fds,
        virtual_memory_bytes,
        resident_memory_bytes,
        start_time_seconds,
        threads,
        ..
    } = collector::collect();
    for (name, value) in [
        ("process_open_fds", open_fds),
        ("process_max_fds", max_fds),
        ("process_virtual_memory_bytes", virtual_memory_bytes),
        ("process_resident_memory_bytes", resident_memory_bytes),
        ("process_memory_limit_bytes", memory_limit()),
        ("process_start_time_seconds", start_time_seconds),
        ("process_threads", threads),
    ] {
        if let Some(value) = value {
            gauge!(name).set(value as f64);
        }
    }
    Some(FractionalCounter {
        name: "process_cpu_seconds_total",
        help: "Processor time used, in seconds",
        series: vec![(Vec::new(), cpu_seconds_total?)],
    })
}

/// What the control group allows (systemd's `MemoryMax`, or a container's limit), or what the machine has.
fn memory_limit() -> Option<u64> {
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let machine = fs::read_to_string("/proc/meminfo").ok().and_then(|text| total_of(&text));
    limit_of(Path::new("/sys/fs/cgroup"), &groups).into_iter().chain(machine).min()
}

/// The machine's memory, as `/proc/meminfo` reports it.
fn total_of(text: &str) -> Option<u64> {
    let kibibytes = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?.trim().strip_suffix(" kB")?;
    Some(kibibytes.parse::<u64>().ok()? * 1024)
}

/// The tightest limit of a group of version 2 and those above it; none in a file is `max`.
fn limit_of(root: &Path, groups: &str) -> Option<u64> {
    let own = groups.lines().find_map(|line| line.strip_prefix("0::/"))?;
    let limit = |group: &Path| fs::read_to_string(root.join(group).join("memory.max")).ok()?.trim().parse::<u64>().ok();
    Path::new(own).ancestors().filter_map(limit).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tightest_limit_above_counts() {
        let root = tempfile::tempdir().unwrap();
        let service = root.path().join("system.slice/llm-classroom.service");
        fs::create_dir_all(&service).unwrap();
        let groups = "1:name=systemd:/x\n0::/system.slice/llm-classroom.service\n";
        assert_eq!(limit_of(root.path(), groups), None);
        fs::write(service.join("memory.max"), "max\n").unwrap();
        assert_eq!(limit_of(root.path(), groups), None);
        fs::write(service.join("memory.max"), "734003200\n").unwrap();
        fs::write(root.path().join("system.slice/memory.max"), "1073741824\n").unwrap();
        assert_eq!(limit_of(root.path(), groups), Some(734_003_200));
        assert_eq!(limit_of(root.path(), "0::/\n"), None);
        fs::write(root.path().join("memory.max"), "5\n").unwrap();
        assert_eq!(limit_of(root.path(), "0::/\n"), Some(5));
        assert_eq!(limit_of(root.path(), "7:memory:/old\n"), None);
    }

    #[test]
    fn the_machines_memory_is_read() {
        assert_eq!(total_of("MemTotal:         999620 kB\nMemFree:  1 kB\n"), Some(1_023_610_880));
        assert_eq!(total_of("MemFree:  1 kB\n"), None);
        assert!(memory_limit().is_some());
    }
}
