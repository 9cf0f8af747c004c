//! Trains the model that recognises a child in danger from the labelled lines in `lines/care/train`, and writes
//! `src/care/model.bin`. The same lines give the same bytes.
//!
//! `cargo run --release -p safety --example train_care` trains; `-- check` leaves each file of lines out in turn and
//! prints how well the others recognise it, `-- check FILE` writes these readings to a file, too.

use std::{
    collections::HashMap,
    fmt::Write,
    path::Path,
    sync::atomic::{AtomicUsize, Ordering},
};

use fastrand::Rng;
use safety::care::{
    Kind, Level,
    features::features,
    judge,
    model::{self, KIND_ROWS, KINDS, LEVELS, Model, Reading, Weights},
};

const EPOCHS: usize = 16;
const RATE: f32 = 0.2;
/// The share of features that each pass leaves out, so that no single run of letters decides.
const LEFT_OUT: f32 = 0.2;
/// How fast weights shrink that no line asks for.
const SHRINK: f32 = 3e-3;
/// How often a line is joined with another one that speaks of no danger: a cry may stand before or behind a question.
const JOINED: f32 = 0.3;
/// Features in fewer lines than these are left out.
const FEWEST_LINES: usize = 2;
/// Models trained in different orders, of which the mean is kept.
const MODELS: u64 = 2;

struct Line {
    file: usize,
    level: usize,
    kind: Option<usize>,
    text: String,
    features: Vec<u32>,
}

/// What a softmax learns from: the rows of a line's features, and the right output.
struct Example {
    rows: Vec<u32>,
    class: usize,
}

fn main() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (names, lines) = read(&folder.join("lines/care/train"));
    println!("{} lines of {} files", lines.len(), names.len());
    if std::env::args().nth(1).as_deref() == Some("check") {
        return check(&names, &lines, std::env::args().nth(2).as_deref());
    }
    let all: Vec<&Line> = lines.iter().collect();
    let bytes = train(&all);
    std::fs::write(folder.join("src/care/model.bin"), &bytes).expect("the model can be written");
    println!("{} bytes", bytes.len());
}

fn train(lines: &[&Line]) -> Vec<u8> {
    let vocabulary = vocabulary(lines);
    let row_of: HashMap<u32, u32> = vocabulary.iter().copied().zip(0..).collect();
    let known = |line: &Line| -> Vec<u32> {
        line.features.iter().copied().filter(|feature| row_of.contains_key(feature)).collect()
    };
    let levels: Vec<Example> = lines
        .iter()
        .map(|line| Example { rows: known(line).iter().map(|feature| row_of[feature]).collect(), class: line.level })
        .collect();
    let kinds: Vec<Example> = lines
        .iter()
        .filter_map(|line| {
            let rows = known(line).iter().map(|&feature| model::kind_row(feature) as u32).collect();
            Some(Example { rows, class: line.kind? })
        })
        .collect();
    let calm: Vec<usize> = (0..levels.len()).filter(|&index| levels[index].class == 0).collect();
    model::write(
        &vocabulary,
        &fit_several::<LEVELS>(&levels, vocabulary.len(), &calm),
        &fit_several::<KINDS>(&kinds, KIND_ROWS, &[]),
    )
}

/// The features of at least [`FEWEST_LINES`] lines, in ascending order.
fn vocabulary(lines: &[&Line]) -> Vec<u32> {
    let mut all: Vec<u32> = Vec::new();
    for line in lines {
        let mut features = line.features.clone();
        features.sort_unstable();
        features.dedup();
        all.extend(features);
    }
    all.sort_unstable();
    all.chunk_by(|a, b| a == b).filter(|same| same.len() >= FEWEST_LINES).map(|same| same[0]).collect()
}

fn fit_several<const N: usize>(examples: &[Example], rows: usize, calm: &[usize]) -> Weights<N> {
    let mut mean = Weights { rows: vec![[0.0; N]; rows], biases: [0.0; N] };
    for seed in 1..=MODELS {
        let one = fit::<N>(examples, rows, calm, seed);
        let outputs = std::iter::once(&one.biases).chain(&one.rows).flatten();
        let means = std::iter::once(&mut mean.biases).chain(&mut mean.rows).flatten();
        means.zip(outputs).for_each(|(mean, weight)| *mean += weight / MODELS as f32);
    }
    mean
}

/// Softmax regression by AdaGrad (Duchi, Hazan, Singer 2011) with features left out at random. Some lines are joined
/// with one of `calm`.
fn fit<const N: usize>(examples: &[Example], rows: usize, calm: &[usize], seed: u64) -> Weights<N> {
    let mut random = Rng::with_seed(seed);
    let mut weights = Weights { rows: vec![[0.0_f32; N]; rows], biases: [0.0_f32; N] };
    let (mut squares, mut bias_squares) = (vec![[1e-3_f32; N]; rows], [1e-3_f32; N]);
    let mut order: Vec<usize> = (0..examples.len()).collect();
    let mut used: Vec<usize> = Vec::new();
    for epoch in 0..EPOCHS {
        let rate = RATE * (1.0 - epoch as f32 / EPOCHS as f32).max(0.1);
        random.shuffle(&mut order);
        for &index in &order {
            let example = &examples[index];
            let joined =
                (!calm.is_empty() && random.f32() < JOINED).then(|| &examples[calm[random.usize(..calm.len())]]);
            let all = example.rows.iter().chain(joined.into_iter().flat_map(|joined| &joined.rows));
            used.clear();
            used.extend(all.filter(|_| random.f32() >= LEFT_OUT).map(|&row| row as usize));
            let share = model::share(used.len()) / (1.0 - LEFT_OUT).sqrt();
            let mut scores = weights.biases;
            for &row in &used {
                scores.iter_mut().zip(weights.rows[row]).for_each(|(score, weight)| *score += weight * share);
            }
            let mut gradient = model::softmax(scores);
            gradient[example.class] -= 1.0;
            for (output, g) in gradient.into_iter().enumerate() {
                bias_squares[output] += g * g;
                weights.biases[output] -= 0.1 * rate * g / bias_squares[output].sqrt();
            }
            for &row in &used {
                for (output, g) in gradient.into_iter().enumerate() {
                    let g = g * share + SHRINK * weights.rows[row][output];
                    squares[row][output] += g * g;
                    weights.rows[row][output] -= rate * g / squares[row][output].sqrt();
                }
            }
        }
    }
    weights
}

/// Leaves each file out in turn, on as many threads as there are processors.
fn check(names: &[String], lines: &[Line], path: Option<&str>) {
    let next = AtomicUsize::new(0);
    let read_files = || {
        let mut read = Vec::new();
        loop {
            let file = next.fetch_add(1, Ordering::Relaxed);
            if file >= names.len() {
                return read;
            }
            let (held, rest): (Vec<&Line>, Vec<&Line>) = lines.iter().partition(|line| line.file == file);
            let bytes = train(&rest);
            let model = Model::new(&bytes).expect("a model");
            read.extend(held.into_iter().map(|line| (line, model.read(&line.features))));
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, Into::into);
    let mut all: Vec<(&Line, Reading)> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(read_files)).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("a thread")).collect()
    });
    all.sort_by_key(|(line, _)| line.file);
    for (file, name) in names.iter().enumerate() {
        report(name, all.iter().filter(|(line, _)| line.file == file));
    }
    report("all", all.iter());
    println!();
    for kind in Kind::ALL {
        let share = |level: usize| {
            let is_of_kind = |line: &Line| line.level == level && line.kind.is_some_and(|k| Kind::ALL[k] == kind);
            let of = all.iter().filter(|(line, _)| is_of_kind(line));
            let heard = of.clone().filter(|(line, reading)| judge(&line.text, reading).is_some());
            percent_of(heard.count(), of.count())
        };
        println!("{:10} immediate {:5.1} concern {:5.1}", kind.name(), share(2), share(1));
    }
    println!("\nfalse alarms, from which probability: immediate and concern heard");
    let mut calm: Vec<f32> = all.iter().filter(|(line, _)| line.level == 0).map(|(_, r)| 1.0 - r.levels[0]).collect();
    calm.sort_by(|a, b| b.total_cmp(a));
    for percent in [1, 2, 3, 5, 10] {
        let from = calm.get(calm.len() * percent / 100).copied().unwrap_or(1.0);
        let share = |level: usize| {
            let of = all.iter().filter(|(line, _)| line.level == level);
            percent_of(of.clone().filter(|(_, r)| 1.0 - r.levels[0] > from).count(), of.count())
        };
        println!("{percent:3} %, from {from:.3}: {:5.1} {:5.1}", share(2), share(1));
    }
    if let Some(path) = path {
        let mut text = String::new();
        for (line, Reading { levels: [none, concern, immediate], .. }) in &all {
            let (name, level) = (&names[line.file], line.level);
            writeln!(text, "{name}\t{level}\t{none:.4}\t{concern:.4}\t{immediate:.4}\t{}", line.text).expect("memory");
        }
        std::fs::write(path, text).expect("the readings can be written");
    }
}

/// Prints what the crate's thresholds make of the readings.
fn report<'a>(name: &str, read: impl Iterator<Item = &'a (&'a Line, Reading)>) {
    let (mut of, mut heard, mut immediate, mut right_kinds) = ([0; LEVELS], [0; LEVELS], [0; LEVELS], 0);
    for (line, reading) in read {
        let danger = judge(&line.text, reading);
        of[line.level] += 1;
        heard[line.level] += usize::from(danger.is_some());
        immediate[line.level] += usize::from(danger.is_some_and(|danger| danger.level == Level::Immediate));
        right_kinds +=
            usize::from(danger.is_some_and(|danger| line.kind.is_some_and(|kind| danger.kind == Kind::ALL[kind])));
    }
    println!(
        "{name:4} immediate {:5.1} (as such {:5.1}) concern {:5.1} false alarms {:4.1} (stop the answer {:4.1}) kind {:5.1}",
        percent_of(heard[2], of[2]),
        percent_of(immediate[2], of[2]),
        percent_of(heard[1], of[1]),
        percent_of(heard[0], of[0]),
        percent_of(immediate[0], of[0]),
        percent_of(right_kinds, heard[1] + heard[2]),
    );
}

fn percent_of(part: usize, whole: usize) -> f32 {
    100.0 * part as f32 / whole.max(1) as f32
}

fn read(folder: &Path) -> (Vec<String>, Vec<Line>) {
    let mut paths: Vec<_> =
        std::fs::read_dir(folder).expect("lines").map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    let mut lines = Vec::new();
    for (file, path) in paths.iter().enumerate() {
        for (number, line) in std::fs::read_to_string(path).expect("UTF-8").lines().enumerate() {
            let mut parts = line.splitn(3, '\t');
            let (level, kind, text) = (parts.next(), parts.next(), parts.next());
            let level = match level {
                Some("none") => 0,
                Some("concern") => 1,
                Some("immediate") => 2,
                _ => panic!("{}:{}: no level: {line}", path.display(), number + 1),
            };
            let (kind, text) = (kind.unwrap_or_default(), text.unwrap_or_default());
            let kind = Kind::ALL.iter().position(|known| known.name() == kind);
            assert!(kind.is_some() == (level > 0) && !text.is_empty(), "{}:{}: {line}", path.display(), number + 1);
            lines.push(Line { file, level, kind, text: text.to_owned(), features: features(text) });
        }
    }
    (paths.iter().map(|path| path.file_stem().unwrap_or_default().to_string_lossy().into_owned()).collect(), lines)
}
