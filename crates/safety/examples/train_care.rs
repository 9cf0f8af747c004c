//! Trains the model that recognises a child in danger from the labelled lines in `lines/care/train`, and writes
//! `src/care/model.bin`. The same lines give the same bytes.
//!
//! `cargo run --release -p safety --example train_care` trains; `-- check` leaves each file of lines out in turn and
//! prints how well the others recognise it.

use std::path::Path;

use fastrand::Rng;
use safety::care::{
    Kind,
    features::features,
    model::{self, KIND_ROWS, KINDS, LEVEL_ROWS, LEVELS},
};

const EPOCHS: usize = 24;
const RATE: f32 = 0.5;
/// The share of features that each pass leaves out, so that no single run of letters decides.
const LEFT_OUT: f32 = 0.4;
/// How fast weights shrink that no line asks for.
const SHRINK: f32 = 2e-5;
/// How much a missed danger counts beside a false alarm, by level.
const COSTS: [f32; LEVELS] = [1.0, 1.0, 1.0];

struct Line {
    file: usize,
    level: usize,
    kind: Option<usize>,
    text: String,
    features: Vec<u64>,
}

fn main() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (names, lines) = read(&folder.join("lines/care/train"));
    println!("{} lines of {} files", lines.len(), names.len());
    if std::env::args().nth(1).as_deref() == Some("check") {
        return check(&names, &lines);
    }
    let all: Vec<&Line> = lines.iter().collect();
    let bytes = train(&all);
    std::fs::write(folder.join("src/care/model.bin"), &bytes).expect("the model can be written");
    println!("{} bytes", bytes.len());
}

fn train(lines: &[&Line]) -> Vec<u8> {
    let levels: Vec<(usize, &[u64])> = lines.iter().map(|line| (line.level, &line.features[..])).collect();
    let kinds: Vec<(usize, &[u64])> = lines.iter().filter_map(|line| Some((line.kind?, &line.features[..]))).collect();
    let level = fit::<LEVELS>(&levels, LEVEL_ROWS, COSTS);
    let kind = fit::<KINDS>(&kinds, KIND_ROWS, [1.0; KINDS]);
    model::write((&level.0, level.1), (&kind.0, kind.1))
}

/// Softmax regression by AdaGrad (Duchi, Hazan, Singer 2011) with features left out at random.
fn fit<const N: usize>(lines: &[(usize, &[u64])], rows: usize, costs: [f32; N]) -> (Vec<f32>, [f32; N]) {
    let mut random = Rng::with_seed(1);
    let (mut weights, mut squares) = (vec![0.0_f32; rows * N], vec![1e-3_f32; rows * N]);
    let (mut biases, mut bias_squares) = ([0.0_f32; N], [1e-3_f32; N]);
    let mut order: Vec<usize> = (0..lines.len()).collect();
    for _ in 0..EPOCHS {
        random.shuffle(&mut order);
        for &index in &order {
            let (class, features) = lines[index];
            let used: Vec<usize> = features
                .iter()
                .filter(|_| random.f32() >= LEFT_OUT)
                .map(|&feature| model::row(feature, rows) * N)
                .collect();
            let share = model::share(features.len()) / (1.0 - LEFT_OUT);
            let mut scores = biases;
            for &row in &used {
                for (score, weight) in scores.iter_mut().zip(&weights[row..row + N]) {
                    *score += weight * share;
                }
            }
            let mut gradient = model::softmax(scores);
            gradient[class] -= 1.0;
            let gradient = gradient.map(|g| g * costs[class]);
            for (output, g) in gradient.into_iter().enumerate() {
                bias_squares[output] += g * g;
                biases[output] -= 0.1 * RATE * g / bias_squares[output].sqrt();
            }
            for &row in &used {
                for (output, g) in gradient.into_iter().enumerate() {
                    let g = g * share + SHRINK * weights[row + output];
                    squares[row + output] += g * g;
                    weights[row + output] -= RATE * g / squares[row + output].sqrt();
                }
            }
        }
    }
    (weights, biases)
}

/// Leaves each file out in turn.
fn check(names: &[String], lines: &[Line]) {
    let mut all = Vec::new();
    for (file, name) in names.iter().enumerate() {
        let (held, rest): (Vec<&Line>, Vec<&Line>) = lines.iter().partition(|line| line.file == file);
        let bytes = train(&rest);
        let model = model::Model::new(&bytes).expect("a model");
        let scored: Vec<(&Line, [f32; LEVELS], usize)> = held
            .iter()
            .map(|line| {
                let kinds = model.kinds(&line.features);
                let kind = (0..KINDS).max_by(|&a, &b| kinds[a].total_cmp(&kinds[b])).unwrap_or(0);
                (*line, model.levels(&line.features), kind)
            })
            .collect();
        print!("{name:24}");
        report(&scored);
        all.extend(scored);
    }
    print!("{:24}", "all");
    report(&all);
    if std::env::args().nth(2).is_some() {
        for (line, [none, concern, immediate], _) in &all {
            let is_wrong = match line.level {
                0 => *none < 0.6,
                1 => *none > 0.6,
                _ => *none > 0.6 || *immediate < 0.3,
            };
            if is_wrong {
                println!("{} none {none:.2} concern {concern:.2} immediate {immediate:.2}: {}", line.level, line.text);
            }
        }
    }
}

/// Prints, for thresholds of danger: immediate heard as immediate / at all, concern heard, false alarms.
fn report(scored: &[(&Line, [f32; LEVELS], usize)]) {
    let share = |level: usize, hears: &dyn Fn(&[f32; LEVELS]) -> bool| {
        let of: Vec<_> = scored.iter().filter(|(line, ..)| line.level == level).collect();
        let heard = of.iter().filter(|(_, levels, _)| hears(levels)).count();
        100.0 * heard as f32 / of.len().max(1) as f32
    };
    for threshold in [0.2, 0.3, 0.4, 0.5] {
        print!(
            " | {threshold}: {:5.1} ({:5.1}) {:5.1} {:4.1}",
            share(2, &|l| l[1] + l[2] >= threshold),
            share(2, &|l| l[2] >= threshold),
            share(1, &|l| l[1] + l[2] >= threshold),
            share(0, &|l| l[1] + l[2] >= threshold),
        );
    }
    let dangers: Vec<_> = scored.iter().filter(|(line, ..)| line.kind.is_some()).collect();
    let right = dangers.iter().filter(|(line, _, kind)| line.kind == Some(*kind)).count();
    println!(" | kind {:.1}", 100.0 * right as f32 / dangers.len().max(1) as f32);
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
