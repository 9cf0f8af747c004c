//! Prints how well danger and personal data are recognised, by kind, on the lines that the rules and the training may use
//! and on those that they may not: `make safety`.
//!
//! `-- missed` prints the lines that were read wrongly, too.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Instant,
};

use safety::{
    care::{Level, find_danger},
    personal::{PersonalData, PersonalKind, find_personal_data},
};

/// How many of how many.
#[derive(Default, Clone, Copy)]
struct Share {
    hits: usize,
    of: usize,
}

impl Share {
    fn count(&mut self, is_hit: bool) {
        self.of += 1;
        self.hits += usize::from(is_hit);
    }
}

impl std::fmt::Display for Share {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let percent = 100.0 * self.hits as f64 / self.of.max(1) as f64;
        write!(f, "{percent:5.1} % ({} of {})", self.hits, self.of)
    }
}

fn main() {
    let shows_missed = std::env::args().any(|argument| argument == "missed");
    let lines = Path::new(env!("CARGO_MANIFEST_DIR")).join("lines");
    // The training lines are read by `train_care -- check`: the model knows them by heart.
    println!("## A child in danger: kept");
    danger(&files(&lines.join("care/kept")), shows_missed);
    for part in ["open", "kept"] {
        println!("## Personal data: {part}");
        personal_data(&files(&lines.join("personal").join(part)), shows_missed);
    }
}

fn danger(paths: &[PathBuf], shows_missed: bool) {
    let mut shares: BTreeMap<String, Share> = BTreeMap::new();
    for line in lines(paths) {
        let mut parts = line.splitn(3, '\t');
        let (Some(level), Some(kind), Some(text)) = (parts.next(), parts.next(), parts.next()) else { continue };
        let found = find_danger(text);
        let mut add = |name: &str, is_hit| shares.entry(name.to_owned()).or_default().count(is_hit);
        let is_right = match level {
            "none" => {
                add("none: false alarms", found.is_some());
                add(
                    "none: false alarms that stop the answer",
                    found.is_some_and(|found| found.level == Level::Immediate),
                );
                found.is_none()
            }
            "immediate" => {
                let is_heard = found.is_some_and(|found| found.level == Level::Immediate);
                add("immediate: heard as immediate", is_heard);
                add("immediate: heard", found.is_some());
                add(&format!("immediate: {kind}"), is_heard);
                is_heard
            }
            _ => {
                add("concern: heard", found.is_some());
                add(&format!("concern: {kind}"), found.is_some());
                found.is_some()
            }
        };
        if let Some(found) = found.filter(|_| level != "none") {
            add("kind: as labelled", found.kind.name() == kind);
        }
        if shows_missed && !is_right {
            println!("   {level} {kind} read as {found:?}: {text}");
        }
    }
    print(
        &shares,
        microseconds(paths, |line| {
            let _ = find_danger(line);
        }),
    );
}

/// Lines mark personal data as `{kind:data}`; a line without marks is clean.
fn personal_data(paths: &[PathBuf], shows_missed: bool) {
    let mut shares: BTreeMap<String, Share> = BTreeMap::new();
    for line in lines(paths) {
        let (text, marked) = read_marks(&line);
        let found = find_personal_data(&text);
        let mut is_right = true;
        for mark in &marked {
            let is_covered = (mark.range.clone()).all(|byte| found.iter().any(|data| data.range.contains(&byte)));
            shares.entry(format!("{}: covered", mark.kind.name())).or_default().count(is_covered);
            shares.entry("all: covered".to_owned()).or_default().count(is_covered);
            is_right &= is_covered;
        }
        let overlaps = |data: &PersonalData| {
            marked.iter().any(|mark| mark.range.start < data.range.end && data.range.start < mark.range.end)
        };
        let is_wrong_cover = found.iter().any(|data| !overlaps(data));
        let name =
            if marked.is_empty() { "clean lines: covered wrongly" } else { "marked lines: something else covered" };
        shares.entry(name.to_owned()).or_default().count(is_wrong_cover);
        for kind in PersonalKind::ALL {
            let is_taken = found.iter().any(|data| data.kind == kind && !overlaps(data));
            shares.entry(format!("taken for {}, wrongly", kind.name())).or_default().count(is_taken);
        }
        if shows_missed && (!is_right || is_wrong_cover) {
            println!("   {line}\n     -> {}", safety::personal::cover(&text).text);
        }
    }
    print(&shares, microseconds(paths, |line| drop(find_personal_data(line))));
}

/// The time that a message of 2,000 characters takes, made of the lines, in microseconds: the shortest of many runs.
fn microseconds(paths: &[PathBuf], read: impl Fn(&str)) -> f64 {
    const RUNS: u32 = 100;
    let text: String = lines(paths).join(" ").chars().take(2_000).collect();
    let run = |_| {
        let started = Instant::now();
        read(&text);
        started.elapsed().as_secs_f64() * 1e6
    };
    (0..RUNS).map(run).fold(f64::INFINITY, f64::min)
}

fn read_marks(line: &str) -> (String, Vec<PersonalData>) {
    let (mut text, mut marked, mut rest) = (String::new(), Vec::new(), line);
    while let Some(open) = rest.find('{') {
        let kind =
            PersonalKind::ALL.into_iter().find(|kind| rest[open + 1..].starts_with(&format!("{}:", kind.name())));
        let close = rest[open..].find('}').map(|at| open + at);
        let (Some(kind), Some(close)) = (kind, close) else {
            text.push_str(&rest[..=open]);
            rest = &rest[open + 1..];
            continue;
        };
        text.push_str(&rest[..open]);
        let start = text.len();
        text.push_str(&rest[open + kind.name().len() + 2..close]);
        marked.push(PersonalData { range: start..text.len(), kind });
        rest = &rest[close + 1..];
    }
    text.push_str(rest);
    (text, marked)
}

fn print(shares: &BTreeMap<String, Share>, microseconds: f64) {
    for (name, share) in shares {
        println!("{name:44} {share}");
    }
    println!("{:44} {microseconds:5.0} µs\n", "2,000 characters");
}

fn lines(paths: &[PathBuf]) -> Vec<String> {
    let read = |path: &PathBuf| std::fs::read_to_string(path).expect("lines in UTF-8");
    paths.iter().flat_map(|path| read(path).lines().map(str::to_owned).collect::<Vec<_>>()).collect()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<_> =
        std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    paths.sort();
    paths
}
