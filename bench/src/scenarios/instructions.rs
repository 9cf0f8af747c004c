//! Instructions of the hot paths, counted by callgrind: they depend on the code and hardly on what else the machine does.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, ensure};
use serde_json::json;

use super::Setup;
use crate::{
    class::Class,
    load::Load,
    provider::{Pace, Provider},
    report::{Report, Row, digits},
    servers::{Server, root},
    stateless::Call,
    student::Student,
    texts::{ANSWER, SILENT_QUESTION},
};

/// How many times as many instructions as noted are still no regression.
const TOLERANCE: f64 = 1.2;

/// Repetitions of what is counted.
const COUNT: usize = 20;

/// Counts, and fails if a path takes many more instructions than `bench/instructions.json` notes.
pub async fn count(setup: &Setup, report: &mut Report) -> anyhow::Result<()> {
    if !Path::new("/usr/bin/valgrind").exists() {
        report.add(Row::impossible("instructions of the hot paths", "valgrind isn't installed"));
        return Ok(());
    }
    let folder = tempfile::Builder::new().prefix("bench-").tempdir()?;
    let mut counts = vec![("an answer of 600 characters rendered", rendering(folder.path())?)];
    counts.extend(serving(setup, folder.path()).await?);
    let file = root().join("bench/instructions.json");
    let noted: BTreeMap<String, f64> = serde_json::from_str(&fs::read_to_string(&file)?)?;
    let mut more = Vec::new();
    for (name, count) in counts {
        let before = noted.get(name).with_context(|| format!("{} doesn't note {name}", file.display()))?;
        let ratio = count / before;
        report.add(
            Row::new(format!("instructions: {name}"), format!("{} thousand", digits(count / 1e3)))
                .other(format!("noted: {} thousand", digits(before / 1e3)))
                .ratio(digits(ratio))
                .target(format!("≤ {TOLERANCE}"), ratio <= TOLERANCE)
                .values(json!({ "count": count.round() })),
        );
        if ratio > TOLERANCE {
            more.push(name);
        }
    }
    ensure!(more.is_empty(), "more instructions than {} notes: {}", file.display(), more.join(", "));
    Ok(())
}

/// Renders the answer this often, for callgrind.
pub fn render(times: usize) {
    for _ in 0..times {
        std::hint::black_box(markdown::render(std::hint::black_box(ANSWER)));
    }
}

fn rendering(folder: &Path) -> anyhow::Result<f64> {
    let total = |times: usize| {
        let file = folder.join("rendering.out");
        let mut command = callgrind(&file);
        command.arg(std::env::current_exe()?).args(["render", &times.to_string()]).stderr(Stdio::null());
        ensure!(command.status()?.success(), "{command:?}");
        read_total(&file)
    };
    Ok((total(COUNT + 1)? - total(1)?) / COUNT as f64)
}

fn callgrind(file: &Path) -> Command {
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--quiet"]);
    command.arg(format!("--callgrind-out-file={}", file.display()));
    command
}

async fn serving(setup: &Setup, folder: &Path) -> anyhow::Result<Vec<(&'static str, f64)>> {
    let provider = Provider::start(Pace::NO_PAUSES)?;
    let file = folder.join("serving.out");
    let wrap = |command: Command| {
        let mut counted = callgrind(&file);
        counted.arg(command.get_program()).args(command.get_args()).stdout(Stdio::null()).env_clear();
        counted.env("PATH", "/usr/bin:/bin");
        counted.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        counted
    };
    let server = setup.classroom_with(&provider).start_with(wrap).await?;
    let mut dumps = Dumps { file: &file, number: 0, pid: server.process.pid() };
    let run = async |server: &Server, turns| {
        let class = Class { students: 1, turns, has_pages: false };
        class.run(server.address, &server.process, &provider.process).await
    };
    let stream = async |server: &Server, calls| {
        let load = Load { call: Call::ChatStream, clients: 1, calls };
        load.run(server.address, &server.process, &provider.process).await
    };
    // Connections open, and caches fill.
    run(&server, 3).await?;
    stream(&server, 3).await?;
    let mut student = Student::begin(server.address, 0, false).await?;
    student.ask().await?;
    student.page().await?;

    dumps.next()?;
    run(&server, COUNT).await?;
    let turn = dumps.next()? / COUNT as f64;
    stream(&server, COUNT).await?;
    let call = dumps.next()? / COUNT as f64;
    for _ in 0..COUNT {
        student.page().await?;
    }
    let page = dumps.next()? / COUNT as f64;
    let mut students = Vec::new();
    for _ in 0..COUNT {
        students.push(Student::begin(server.address, 0, false).await?);
    }
    dumps.next()?;
    for student in &mut students {
        student.send(SILENT_QUESTION).await?;
    }
    let accepted = dumps.next()? / COUNT as f64;
    // The silent turns never end by themselves.
    drop(server);
    Ok(vec![
        ("a whole turn of 60 and 176 pieces", turn),
        ("a question accepted", accepted),
        ("a call of `chat/chat/stream` with 60 pieces", call),
        ("a view of the chat page", page),
    ])
}

/// The counts that callgrind writes when it's told to.
struct Dumps<'a> {
    file: &'a PathBuf,
    number: u32,
    pid: u32,
}

impl Dumps<'_> {
    /// Instructions since the last call.
    fn next(&mut self) -> anyhow::Result<f64> {
        let output = Command::new("callgrind_control").arg("-d").arg(self.pid.to_string()).output()?;
        ensure!(output.status.success(), "callgrind_control: {}", String::from_utf8_lossy(&output.stderr));
        self.number += 1;
        read_total(Path::new(&format!("{}.{}", self.file.display(), self.number)))
    }
}

fn read_total(file: &Path) -> anyhow::Result<f64> {
    let text = fs::read_to_string(file).with_context(|| file.display().to_string())?;
    let total = text.lines().find_map(|line| line.strip_prefix("totals:").or_else(|| line.strip_prefix("summary:")));
    Ok(total.context("callgrind writes totals")?.trim().parse()?)
}
