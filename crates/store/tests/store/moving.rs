//! Copying all data from one database to another, for every pair of engines.

use std::cell::RefCell;

use domain::{
    Conversation, ConversationId, LearnerId, Topic,
    turn::{Outcome, Purpose, Reason, TurnState},
};
use sea_orm::{ConnectionTrait, DbBackend};
use store::{CopyError, CopyProgress, CopySummary, Store};
use uuid::Uuid;

use crate::{
    database::{
        Database, NOW, ask_and_end, conversation, done, ended, fencing_token, learner, message, one_conversation, read,
        retry, usage,
    },
    dump::{dump, unknown_columns},
};

/// Makes of each function a test for each way between the engines.
macro_rules! every_way {
    (@$way:ident, $from:ident, $to:ident, $($test:ident),*) => {
        mod $way {
            use crate::database::Database;
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $test() {
                super::$test(Database::$from(), Database::$to()).await;
            })*
        }
    };
    ($($test:ident),* $(,)?) => {
        every_way!(@sqlite_to_postgres, sqlite, postgres, $($test),*);
        every_way!(@postgres_to_sqlite, postgres, sqlite, $($test),*);
        every_way!(@sqlite_to_sqlite, sqlite, sqlite, $($test),*);
        every_way!(@postgres_to_postgres, postgres, postgres, $($test),*);
    };
}

every_way!(
    everything_arrives,
    more_rows_than_a_page_arrive,
    a_move_broken_off_anywhere_goes_on,
    a_repeated_move_brings_what_happened_since,
    a_move_broken_off_goes_on_after_the_source_deleted_learners_and_guides,
);

/// Moves; gives the result, and each table with its rows, those written and those removed.
async fn moved(source: &Store, target: &Store) -> (CopySummary, Vec<(&'static str, u64, u64, u64)>) {
    let mut steps = Vec::new();
    let moved = target.copy_from(source, |step| steps.push(*step)).await.unwrap();
    (moved, steps.iter().filter(|step| step.done).map(counts).collect())
}

fn counts(step: &CopyProgress) -> (&'static str, u64, u64, u64) {
    (step.table, step.rows, step.written, step.removed)
}

async fn assert_same(source: &Database, target: &Database) {
    let [one, other] = [dump(&source.raw().await).await, dump(&target.raw().await).await];
    assert!(!one.is_empty());
    let differ: Vec<_> = one.iter().zip(&other).filter(|(one, other)| one != other).take(1).collect();
    assert!(differ.is_empty() && one.len() == other.len(), "{} rows, {} rows, {differ:?}", one.len(), other.len());
}

/// Turns in every state, and rows in every other table.
async fn fill(store: &Store) -> (LearnerId, ConversationId) {
    let (me, mine) = one_conversation(store).await;
    let hard = "하늘은 왜 파래요? 👩‍🔬 café cafe\u{301} \"'\\ \n\t<b>&amp;</b> \u{10FFFF}";
    ask_and_end(store, me, mine, hard, &done(hard)).await;
    let failed = Outcome { reason: Some(Reason::ALL[0]), ..ended(TurnState::Failed) };
    ask_and_end(store, me, mine, "실패", &failed).await;
    let partial = Outcome { answer: "앞부분만".to_owned(), ..ended(TurnState::Cancelled) };
    ask_and_end(store, me, mine, "중지", &partial).await;
    let tried = ask_and_end(store, me, mine, "다시", &ended(TurnState::Failed)).await;
    retry(store, me, tried.id).await;
    assert!(store.finish_turn(fencing_token(tried.id, 2), &done("이번에는"), NOW + 1).await.unwrap());
    let keyed = store.accept_turn(me, mine, &message("열쇠"), Some("열쇠 🔑"), crate::database::LEASE, NOW).await;
    let _running = keyed.unwrap();
    let other = learner(store).await;
    let topic = Topic::parse("ẞ ß İ 조선 시대").unwrap();
    let empty = Conversation { id: ConversationId::new(), learner: other, topic, created_at: -1 };
    store.add_conversation(&empty).await.unwrap();
    // Databases order these differently.
    for topic in ["a", "A", "ä", "Z", "z z", "zz", "가", "😀", "-a", "", "a ", "한글", "\u{ffff}"] {
        for version in ["1", "10", "2"] {
            store.put_guide(topic, "ko", version, "모델", &format!("{{\"주제\":\"{topic}\"}}"), NOW).await.unwrap();
        }
    }
    store.add_usage(None, &usage(Purpose::Guide, u32::MAX, 0), NOW).await.unwrap();
    let estimated = domain::turn::Usage { estimated: true, ..usage(Purpose::Chat, 1, 2) };
    store.add_usage(Some(tried.id), &estimated, NOW).await.unwrap();
    (me, mine)
}

async fn everything_arrives(from: Database, to: Database) {
    let [source, target] = [from.open().await, to.open().await];
    let (me, mine) = fill(&source).await;
    // A lease is a number of its own database, whatever the turn's state.
    from.raw().await.execute_unprepared("UPDATE turns SET lease = 99").await.unwrap();
    let (result, tables) = moved(&source, &target).await;
    assert_same(&from, &to).await;
    assert_eq!(result.interrupted, 1);
    let expected = [
        ("learners", 2, 2, 0),
        ("conversations", 2, 2, 0),
        ("turns", 5, 5, 0),
        ("feedback", 2, 2, 0),
        ("guides", 39, 39, 0),
        ("usage", 6, 6, 0),
    ];
    assert_eq!(tables, expected);
    let sums: Vec<_> = result.tables.iter().map(|(table, sum)| (*table, sum.rows)).collect();
    assert_eq!(sums, expected.map(|(table, rows, ..)| (table, rows)));
    assert_eq!(target.turns(me, mine).await.unwrap(), source.turns(me, mine).await.unwrap());
    let raw = to.raw().await;
    let held = raw.query_one_raw(sea_orm::Statement::from_string(
        raw.get_database_backend(),
        "SELECT 1 FROM turns WHERE lease IS NOT NULL",
    ));
    assert!(held.await.unwrap().is_none());
    assert!(!target.was_ever_served().await.unwrap());
    assert_eq!(unknown_columns(&raw).await, Vec::<String>::new(), "these columns have to be copied, or to stay");
    assert_eq!(unknown_columns(&from.raw().await).await, Vec::<String>::new());

    let (again, tables) = moved(&source, &target).await;
    assert_eq!((again.tables, again.interrupted), (result.tables, 0));
    assert_eq!(tables, expected.map(|(table, rows, ..)| (table, rows, 0, 0)));
}

/// Learners beyond two pages, as many conversations, and guides, whose keys have three parts.
async fn fill_pages(database: &Database) {
    let raw = database.raw().await;
    let id = |n: u64| Uuid::from_u64_pair(n.wrapping_mul(0x9E37_79B9_7F4A_7C15), n).simple().to_string();
    let bytes = |hex: String| match raw.get_database_backend() {
        DbBackend::Postgres => format!("'\\x{hex}'"),
        _ => format!("x'{hex}'"),
    };
    let uuid = |hex: String| match raw.get_database_backend() {
        DbBackend::Postgres => format!("'{hex}'"),
        _ => format!("x'{hex}'"),
    };
    let all = |row: &dyn Fn(u64) -> String| (0..1_203).map(row).collect::<Vec<_>>().join(", ");
    for sql in [
        format!("INSERT INTO learners VALUES {}", all(&|n| format!("({}, {}, {n}, 0)", uuid(id(n)), bytes(id(n))))),
        format!(
            "INSERT INTO conversations VALUES {}",
            all(&|n| format!("({}, {}, '주제 {n}', {n}, {n})", uuid(id(n + 5_000)), uuid(id(n))))
        ),
        format!(
            "INSERT INTO guides (topic, locale, version, body, model, created_at) VALUES {}",
            all(&|n| format!("('{}', '{}', '{}', '{{}}', 'm', {n})", ["가", "A", "a"][n as usize % 3], n % 7, n))
        ),
    ] {
        raw.execute_unprepared(&sql).await.unwrap();
    }
}

async fn more_rows_than_a_page_arrive(from: Database, to: Database) {
    let [source, target] = [from.open().await, to.open().await];
    fill_pages(&from).await;
    let (_, tables) = moved(&source, &target).await;
    assert_same(&from, &to).await;
    let rows: Vec<u64> = tables.iter().map(|(_, rows, ..)| *rows).collect();
    assert_eq!(rows, [1_203, 1_203, 0, 0, 1_203, 0]);
    from.raw().await.execute_unprepared("DELETE FROM conversations WHERE created_at % 2 = 0").await.unwrap();
    from.raw().await.execute_unprepared("DELETE FROM guides WHERE created_at >= 1000").await.unwrap();
    let (_, tables) = moved(&source, &target).await;
    assert_same(&from, &to).await;
    assert_eq!(tables[1], ("conversations", 601, 0, 602));
    assert_eq!(tables[4], ("guides", 1_000, 0, 203));
}

async fn a_move_broken_off_anywhere_goes_on(from: Database, to: Database) {
    let source = from.open().await;
    fill(&source).await;
    fill_pages(&from).await;
    // Each run is broken off a few pages later than the one before, in some tables in the middle.
    let mut pages = 1;
    loop {
        let target = to.open().await;
        let seen = RefCell::new(Vec::<CopyProgress>::new());
        let broken = tokio::sync::Notify::new();
        let copying = target.copy_from(&source, |step| {
            seen.borrow_mut().push(*step);
            if seen.borrow().len() == pages {
                broken.notify_one();
            }
        });
        let ended = tokio::select! {
            biased;
            () = broken.notified() => None,
            ended = copying => Some(ended.unwrap()),
        };
        target.close().await.unwrap();
        let written: u64 = seen.borrow().iter().filter(|step| step.done).map(|step| step.written).sum();
        if let Some(result) = ended {
            assert!(written < 1_203, "what was there was written again: {seen:?}");
            assert_eq!(result.tables[0].1.rows, 1_205);
            break;
        }
        pages += 2;
    }
    assert!(pages > 10, "a run ended before it was broken off: {pages}");
    assert_same(&from, &to).await;
}

async fn a_repeated_move_brings_what_happened_since(from: Database, to: Database) {
    let [source, target] = [from.open().await, to.open().await];
    let (me, mine) = fill(&source).await;
    let (you, yours) = one_conversation(&source).await;
    let deleted = ask_and_end(&source, you, yours, "지울 질문", &done("지울 답")).await;
    let failed = ask_and_end(&source, me, conversation(&source, me).await.id, "실패", &ended(TurnState::Failed)).await;
    moved(&source, &target).await;
    assert_eq!(read(&target, you, deleted.id).await, deleted);

    assert!(source.delete_conversation(you, yours).await.unwrap());
    retry(&source, me, failed.id).await;
    assert!(source.finish_turn(fencing_token(failed.id, 2), &done("이번에는 답"), NOW + 9).await.unwrap());
    let new = ask_and_end(&source, me, mine, "새 질문", &done("새 답")).await;
    source.put_guide("가", "ko", "1", "새 모델", "{}", NOW + 9).await.unwrap();
    one_conversation(&source).await;

    let (_, tables) = moved(&source, &target).await;
    assert_same(&from, &to).await;
    let expected = [
        ("learners", 4, 1, 0),
        ("conversations", 4, 1, 1),
        ("turns", 7, 2, 0),
        ("feedback", 4, 2, 0),
        ("guides", 39, 1, 0),
        ("usage", 12, 4, 0),
    ];
    assert_eq!(tables, expected);
    assert_eq!(target.turn(you, deleted.id).await.unwrap(), None);
    assert_eq!(read(&target, me, new.id).await, new);
    assert_eq!(target.tokens_since(0).await.unwrap(), source.tokens_since(0).await.unwrap());
}

async fn a_move_broken_off_goes_on_after_the_source_deleted_learners_and_guides(from: Database, to: Database) {
    let source = from.open().await;
    fill_pages(&from).await;
    {
        let target = to.open().await;
        let broken = tokio::sync::Notify::new();
        let copying = target.copy_from(&source, |step| {
            if step.table == "guides" && step.rows >= 1_000 {
                broken.notify_one();
            }
        });
        tokio::select! {
            biased;
            () = broken.notified() => {}
            ended = copying => panic!("it ended before it was broken off: {ended:?}"),
        }
        target.close().await.unwrap();
    }
    // It was served in between, and deleted all but one that had been copied: the one whose id is nil.
    assert!(source.purge_unused(i64::MAX / 2).await.unwrap() > 2_000);
    fill(&source).await;
    let target = to.open().await;
    let (_, tables) = moved(&source, &target).await;
    assert_same(&from, &to).await;
    assert_eq!(tables[0], ("learners", 3, 2, 1_202));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn databases_that_order_text_differently_hold_the_same() {
    for (from, to) in [(Database::sqlite(), Database::postgres()), (Database::postgres(), Database::sqlite())] {
        let [source, target] = [from.open().await, to.open().await];
        for database in [&from, &to] {
            let raw = database.raw().await;
            if raw.get_database_backend() == DbBackend::Postgres {
                // a, A, 가 where bytes say A, a, 가.
                let order = r#"ALTER TABLE guides ALTER COLUMN topic TYPE text COLLATE "und-x-icu""#;
                raw.execute_unprepared(order).await.unwrap();
            }
        }
        fill_pages(&from).await;
        moved(&source, &target).await;
        assert_same(&from, &to).await;
        from.raw().await.execute_unprepared("DELETE FROM guides WHERE topic = 'a'").await.unwrap();
        assert_eq!(moved(&source, &target).await.1[4], ("guides", 802, 0, 401));
        assert_same(&from, &to).await;
    }
}

/// What a column of text, of a number or of bytes becomes when one byte of it changes on the way.
const DAMAGES: [(&str, &str); 7] = [
    ("learners", "token_hash := set_byte(NEW.token_hash, 31, get_byte(NEW.token_hash, 31) # 1)"),
    ("conversations", "topic := overlay(NEW.topic placing '.' from 2 for 1)"),
    ("turns", "answer := NEW.answer || ' '"),
    ("turns", "finished_at := NEW.finished_at + 1"),
    ("feedback", "body := replace(NEW.body, '저녁', '아침')"),
    ("guides", "created_at := NEW.created_at - 1"),
    ("usage", "turn_id := NULL"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_single_changed_byte_is_noticed_and_mended() {
    let from = Database::sqlite();
    let source = from.open().await;
    fill(&source).await;
    for (table, damage) in DAMAGES {
        let to = Database::postgres();
        let target = to.open().await;
        let raw = to.raw().await;
        raw.execute_unprepared(&format!(
            "CREATE FUNCTION damage() RETURNS trigger AS 'BEGIN NEW.{}; RETURN NEW; END' LANGUAGE plpgsql;
             CREATE TRIGGER damage BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION damage();",
            damage.replace('\'', "''")
        ))
        .await
        .unwrap();
        let error = target.copy_from(&source, |_| ()).await.unwrap_err();
        let said = error.to_string();
        match error {
            CopyError::Differs { table: named, source_side, target_side } => {
                assert_eq!((named, source_side.rows), (table, target_side.rows));
                assert_ne!(source_side.checksum, target_side.checksum);
                assert!(said.contains(table) && said.contains(&format!("{source_side}")), "{said}");
            }
            other => panic!("{damage}: {other:?}"),
        }
        raw.execute_unprepared(&format!("DROP TRIGGER damage ON {table}")).await.unwrap();
        moved(&source, &target).await;
        assert_same(&from, &to).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_row_that_gets_lost_is_noticed_with_both_counts() {
    let [from, to] = [Database::sqlite(), Database::postgres()];
    let [source, target] = [from.open().await, to.open().await];
    fill(&source).await;
    to.raw()
        .await
        .execute_unprepared(
            "CREATE FUNCTION lose() RETURNS trigger AS 'BEGIN RETURN NULL; END' LANGUAGE plpgsql;
             CREATE TRIGGER lose BEFORE INSERT ON guides FOR EACH ROW WHEN (NEW.topic = '가') EXECUTE FUNCTION lose();",
        )
        .await
        .unwrap();
    let said = target.copy_from(&source, |_| ()).await.unwrap_err().to_string();
    assert!(said.contains("guides") && said.contains("39 rows") && said.contains("36 rows"), "{said}");
}
