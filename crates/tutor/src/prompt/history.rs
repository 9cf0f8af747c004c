//! How much of a conversation a model is told.

/// The newest turns (oldest first, as given) whose costs add up to no more than `budget`.
///
/// Turns stay whole and in order, and none is skipped: the first that doesn't fit ends the walk back, since an answer
/// to words the model cannot see only confuses it.
pub fn fit_history<T>(turns: &[T], cost: impl Fn(&T) -> usize, budget: usize) -> &[T] {
    let mut left = budget;
    let mut start = turns.len();
    for (i, turn) in turns.iter().enumerate().rev() {
        match left.checked_sub(cost(turn)) {
            Some(rest) => (left, start) = (rest, i),
            None => break,
        }
    }
    &turns[start..]
}

/// Percent of the budget that is left after a cut.
const KEPT_PERCENT: usize = 60;

/// The newest turns of a conversation (oldest first) within `budget`, cut in blocks: when the turns outgrow the budget,
/// as many of the oldest go as leave 60 % of it.
///
/// What is sent then begins with the same words for many turns, which model servers keep in their cache; cutting off a
/// turn at each question would change the beginning each time. The cuts follow from the turns alone, walked from the
/// first, so that every instance makes the same.
pub fn fit_in_blocks<T>(turns: &[T], cost: impl Fn(&T) -> usize, budget: usize) -> &[T] {
    let costs: Vec<usize> = turns.iter().map(cost).collect();
    let (mut start, mut sum) = (0, 0);
    for (newest, cost) in costs.iter().enumerate() {
        sum += cost;
        if sum > budget {
            let kept = budget / 100 * KEPT_PERCENT + budget % 100 * KEPT_PERCENT / 100;
            // The newest stays as long as it fits by itself.
            while sum > kept && start < newest || sum > budget {
                sum -= costs[start];
                start += 1;
            }
        }
    }
    &turns[start..]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_newest_turn_larger_than_the_budget_leaves_nothing() {
        assert_eq!(fit_history(&[1, 9], |&n| n, 5), &[] as &[usize]);
    }

    #[test]
    fn the_beginning_stays_the_same_for_many_turns() {
        let turns: Vec<usize> = (0..60).collect();
        let starts: Vec<usize> = (1..=60)
            .map(|asked| fit_in_blocks(&turns[..asked], |_| 10, 200).first().copied().unwrap_or_default())
            .collect();
        // Twenty turns fit; a cut leaves twelve, so that the next eight change nothing at the beginning.
        assert_eq!(starts.chunk_by(|a, b| a == b).map(<[usize]>::len).collect::<Vec<_>>(), [20, 9, 9, 9, 9, 4]);
    }

    #[test]
    fn a_newest_turn_that_fits_by_itself_is_kept() {
        assert_eq!(fit_in_blocks(&[5, 8], |&n| n, 10), &[8]);
        assert_eq!(fit_in_blocks(&[5, 11], |&n| n, 10), &[] as &[usize]);
    }

    proptest! {
        #[test]
        fn the_kept_turns_are_the_newest_that_fit(
            turns in prop::collection::vec(0_usize..50, 0..30), budget in 0_usize..400
        ) {
            let kept = fit_history(&turns, |&n| n, budget);
            prop_assert!(kept.iter().sum::<usize>() <= budget);
            prop_assert!(turns.ends_with(kept));
            // One more would be too many.
            if kept.len() < turns.len() {
                let more = &turns[turns.len() - kept.len() - 1..];
                prop_assert!(more.iter().sum::<usize>() > budget);
            }
        }

        #[test]
        fn blocks_never_exceed_the_budget_and_never_skip_a_turn(
            turns in prop::collection::vec(0_usize..50, 0..40), budget in 0_usize..400
        ) {
            let kept = fit_in_blocks(&turns, |&n| n, budget);
            prop_assert!(kept.iter().sum::<usize>() <= budget);
            prop_assert!(turns.ends_with(kept));
            prop_assert!(turns.iter().sum::<usize>() > budget || kept.len() == turns.len());
        }
    }
}
