//! What the figures were measured on.

use std::{fs, process::Command};

use crate::report::Report;

/// Adds the machine and the versions of what was compared.
pub fn describe(report: &mut Report, binary: &std::path::Path) {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split(": ").nth(1)).unwrap_or("unknown");
    let processors = std::thread::available_parallelism().map_or(0, usize::from);
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kib = memory.split_whitespace().nth(1).and_then(|kib| kib.parse::<f64>().ok()).unwrap_or_default();
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    report.describe(
        "machine",
        format!("{processors} × {model}, {:.0} GB of memory, Linux {}", kib * 1024.0 / 1e9, kernel.trim()),
    );
    let version = |program: &std::path::Path, argument: &str| {
        let output = Command::new(program).arg(argument).output().ok()?;
        // nginx writes it to the other output.
        let text = [output.stdout, output.stderr].concat();
        String::from_utf8(text).ok()?.lines().next().map(str::to_owned)
    };
    let classroom = version(binary, "--version").unwrap_or_default();
    let nginx = version("/usr/sbin/nginx".as_ref(), "-v").unwrap_or_else(|| "no nginx".to_owned());
    let requirements = fs::read_to_string(crate::servers::root().join("bench/fastapi/requirements.txt"));
    let python: Vec<String> = requirements
        .unwrap_or_default()
        .lines()
        .filter(|line| ["fastapi=", "uvicorn=", "openai=", "SQLAlchemy="].iter().any(|name| line.starts_with(name)))
        .map(|line| line.replace("==", " "))
        .collect();
    report.describe("versions", format!("{classroom}; {nginx}; {}", python.join(", ")));
    report.describe(
        "times",
        "absolute times and rates depend on this machine and on what else it does; ratios were measured in turns",
    );
}
