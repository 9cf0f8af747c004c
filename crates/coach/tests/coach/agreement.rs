//! How far the coach agrees with the labels.

use coach::assess;

use crate::labelled::{Labelled, questions, rubric};

const NAMES: [&str; 6] = ["relevance", "clarity", "context", "goal", "structure", "followup"];

/// Cohen's kappa with quadratic weights (J. Cohen, "Weighted kappa", Psychological Bulletin 70, 1968), over the levels
/// 0 to 3. Pairs where the dimension doesn't apply are left out; those must match exactly.
fn kappa(pairs: &[(u8, u8)]) -> f64 {
    let count = pairs.len() as f64;
    let share =
        |of: &dyn Fn(&(u8, u8)) -> u8, level: u8| pairs.iter().filter(|pair| of(pair) == level).count() as f64 / count;
    let weight = |a: u8, b: u8| f64::from(a.abs_diff(b)).powi(2);
    let seen: f64 = pairs.iter().map(|&(a, b)| weight(a, b)).sum::<f64>() / count;
    let chance: f64 = (0..4)
        .flat_map(|a| (0..4).map(move |b| (a, b)))
        .map(|(a, b)| weight(a, b) * share(&|p| p.0, a) * share(&|p| p.1, b))
        .sum();
    1.0 - seen / chance
}

fn levels(question: &Labelled) -> [Option<u8>; 6] {
    let assessment = assess(&question.asked());
    std::array::from_fn(|i| assessment.dims[i].level)
}

fn kappas(split: &str) -> [f64; 6] {
    let all: Vec<_> = questions().into_iter().filter(|q| q.split == split).map(|q| (q.levels, levels(&q))).collect();
    let kappas = std::array::from_fn(|dim| {
        let pairs = all.iter().filter_map(|(label, read)| Some((label[dim]?, read[dim]?)));
        kappa(&pairs.collect::<Vec<_>>())
    });
    println!("quadratic weighted kappa, {split} split, {} questions:", all.len());
    for (name, kappa) in NAMES.iter().zip(kappas) {
        println!("  {name:10} {kappa:.2}");
    }
    kappas
}

#[test]
fn the_examples_of_the_rubric_read_exactly_as_the_rubric_says() {
    for question in rubric() {
        assert_eq!(levels(&question), question.levels, "{}", question.message);
    }
}

#[test]
fn the_coach_agrees_with_the_labels_it_was_tuned_on() {
    for (name, kappa) in NAMES.iter().zip(kappas("dev")) {
        assert!(kappa >= 0.6, "{name}: {kappa:.2}");
    }
}

#[test]
fn the_coach_agrees_with_labels_that_were_held_out() {
    for (name, kappa) in NAMES.iter().zip(kappas("test")) {
        assert!(kappa >= 0.6, "{name}: {kappa:.2}");
    }
}

#[test]
fn the_coach_agrees_with_labels_written_after_its_rules() {
    for (name, kappa) in NAMES.iter().zip(kappas("fresh")) {
        assert!(kappa >= 0.4, "{name}: {kappa:.2}");
    }
}

#[test]
fn a_dimension_applies_to_the_same_questions_as_in_the_labels() {
    for question in questions() {
        let applies = levels(&question).map(|level| level.is_some());
        assert_eq!(applies, question.levels.map(|level| level.is_some()), "{}", question.message);
    }
}

#[test]
fn kappa_is_one_for_the_same_and_nought_for_chance() {
    let same = [(0, 0), (1, 1), (2, 2), (3, 3)];
    assert!((kappa(&same) - 1.0).abs() < 1e-9);
    let chance = [(0, 0), (0, 3), (3, 0), (3, 3)];
    assert!(kappa(&chance).abs() < 1e-9);
}
