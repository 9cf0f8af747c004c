use domain::{
    TurnId,
    turn::{Purpose, Usage},
};
use sea_orm::ConnectionTrait as _;
use store::{DayTokens, UsageAccount};

use crate::database::{Database, NOW, ask, on_both_engines, one_conversation, usage};

on_both_engines!(
    tokens_are_summed_from_a_time_on,
    the_tokens_of_a_day_are_those_of_all_instances_at_every_moment_and_begin_anew_at_midnight,
    the_largest_counts_do_not_overflow,
    usage_is_booked_for_a_turn_that_is_there_and_one_that_is_gone,
    the_account_of_the_stateless_api_is_apart_from_that_of_students,
);

async fn tokens_are_summed_from_a_time_on(database: Database) {
    let store = database.open().await;
    assert_eq!(store.tokens_since(0).await.unwrap(), 0);
    for (n, purpose) in (0..).zip([Purpose::Chat, Purpose::Tutor, Purpose::Guide]) {
        let estimate = Usage { estimated: n == 1, ..usage(purpose, 10, 1) };
        store.add_usage(None, &estimate, NOW + n).await.unwrap();
    }
    for (since, tokens) in [(0, 33), (NOW, 33), (NOW + 1, 22), (NOW + 2, 11), (NOW + 3, 0)] {
        assert_eq!(store.tokens_since(since).await.unwrap(), tokens);
    }
}

async fn the_tokens_of_a_day_are_those_of_all_instances_at_every_moment_and_begin_anew_at_midnight(database: Database) {
    const MINUTE: i64 = 60_000;
    const DAY: i64 = 24 * 60 * MINUTE;
    let [store, other] = [database.open().await, database.open().await];
    let mut day = DayTokens::default();
    for step in 0..100 {
        // Two days in steps of half an hour; the other instance commits what is five minutes old.
        let at = NOW + step * 30 * MINUTE;
        let day_start = at - at.rem_euclid(DAY);
        store.add_usage(None, &usage(Purpose::Chat, 10, 1), at).await.unwrap();
        let read = day.read(&store, day_start, at).await.unwrap();
        assert_eq!(read, store.tokens_since(day_start).await.unwrap(), "step {step}");
        other.add_usage(None, &usage(Purpose::Tutor, 100, 1), at - 5 * MINUTE).await.unwrap();
        let read = day.read(&store, day_start, at + MINUTE).await.unwrap();
        assert_eq!(read, store.tokens_since(day_start).await.unwrap(), "step {step}");
    }
    // Rows that were summed already are not summed again.
    database.raw().await.execute_unprepared("DELETE FROM usage").await.unwrap();
    let at = NOW + 99 * 30 * MINUTE;
    assert!(day.read(&store, at - at.rem_euclid(DAY), at).await.unwrap() > 0);
}

async fn the_largest_counts_do_not_overflow(database: Database) {
    let store = database.open().await;
    for _ in 0..3 {
        store.add_usage(None, &usage(Purpose::Chat, u32::MAX, u32::MAX), NOW).await.unwrap();
    }
    assert_eq!(store.tokens_since(0).await.unwrap(), 6 * u64::from(u32::MAX));
}

async fn usage_is_booked_for_a_turn_that_is_there_and_one_that_is_gone(database: Database) {
    let store = database.open().await;
    let (me, mine) = one_conversation(&store).await;
    let turn = ask(&store, me, mine, "질문").await;
    for turn in [turn.id, TurnId::new()] {
        store.add_usage(Some(turn), &usage(Purpose::Chat, 3, 4), NOW).await.unwrap();
    }
    assert_eq!(store.tokens_since(0).await.unwrap(), 14);
}

async fn the_account_of_the_stateless_api_is_apart_from_that_of_students(database: Database) {
    let store = database.open().await;
    store.add_usage(None, &usage(Purpose::Chat, 10, 1), NOW).await.unwrap();
    store.add_stateless_usage(&usage(Purpose::Chat, 100, 2), NOW).await.unwrap();
    store.add_stateless_usage(&usage(Purpose::Tutor, 1000, 3), NOW).await.unwrap();
    assert_eq!(store.tokens_since(0).await.unwrap(), 1116);
    for (account, tokens) in [(UsageAccount::Students, 11), (UsageAccount::Stateless, 1105)] {
        assert_eq!(store.account_tokens_since(account, NOW).await.unwrap(), tokens);
        assert_eq!(store.account_tokens_since(account, NOW + 1).await.unwrap(), 0);
        assert_eq!(DayTokens::of(account).read(&store, 0, NOW + 60 * 60_000).await.unwrap(), tokens);
    }
}
