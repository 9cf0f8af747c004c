//! The contract of live events: for followers at the instance that runs a turn, and at another one.

use std::sync::Arc;

use llm_classroom::live::{Key, LiveEvents, Publisher};
use uuid::Uuid;

use crate::{ANSWERING, DONE, RedisServer, UNCHECKED, connect, following::Page, until};

/// Where a turn runs, and where it's followed.
pub struct World {
    pub here: LiveEvents,
    pub there: LiveEvents,
    _redis: Option<RedisServer>,
}

impl World {
    async fn in_process() -> Self {
        let live_events = LiveEvents::new(None, UNCHECKED);
        Self { here: live_events.clone(), there: live_events, _redis: None }
    }

    async fn redis() -> Self {
        let server = RedisServer::start();
        let [here, there] = [
            LiveEvents::new(Some(connect(&server).await), UNCHECKED),
            LiveEvents::new(Some(connect(&server).await), UNCHECKED),
        ];
        Self { here, there, _redis: Some(server) }
    }

    pub fn follow(&self, key: Key) -> Page {
        Page::new(self.there.follow(key).unwrap_or_else(|| self.there.follow_elsewhere(key, ANSWERING)))
    }
}

macro_rules! on_both_buses {
    ($($test:ident),* $(,)?) => {
        mod in_process {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                super::$test(super::World::in_process().await).await;
            })*
        }

        mod redis {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                super::$test(super::World::redis().await).await;
            })*
        }
    };
}

on_both_buses!(
    a_follower_sees_everything_until_the_end,
    a_follower_who_comes_later_begins_with_all_there_is,
    followers_from_the_beginning_get_the_text_whole,
    blocks_that_are_taken_back_are_taken_back,
    text_that_is_withdrawn_is_replaced_by_a_snapshot,
    whether_the_model_thinks_is_told,
    turns_and_tries_are_not_mixed_up,
    many_turns_at_once_all_arrive,
);

pub fn key() -> Key {
    (Uuid::now_v7(), 1)
}

pub fn add(publisher: &Publisher, text: &str, index: usize, html: &str) {
    publisher.text(text, [(index, Arc::from(html))]);
}

async fn a_follower_sees_everything_until_the_end(world: World) {
    let key = key();
    let publisher = world.here.publish(key, ANSWERING);
    let mut page = world.follow(key);
    add(&publisher, "하나 ", 0, "<p>하나</p>");
    page.until(|page| page.blocks == ["<p>하나</p>"]).await;
    add(&publisher, "둘\n\n", 0, "<p>하나 둘</p>");
    add(&publisher, "셋", 1, "<p>셋 🎈</p>");
    page.until(|page| page.blocks == ["<p>하나 둘</p>", "<p>셋 🎈</p>"]).await;
    publisher.feedback("{\"a\":1}".into());
    page.until(|page| page.feedback.as_deref() == Some("{\"a\":1}")).await;
    publisher.status(DONE);
    drop(publisher);
    page.until_the_end().await;
    assert_eq!(page.status, Some(DONE));
}

async fn a_follower_who_comes_later_begins_with_all_there_is(world: World) {
    let key = key();
    let publisher = world.here.publish(key, ANSWERING);
    let mut first = world.follow(key);
    for index in 0..12 {
        add(&publisher, "글", index, &format!("<p>{index}</p>"));
    }
    publisher.feedback("{}".into());
    first.until(|page| page.blocks.len() == 12 && page.feedback.is_some()).await;

    let mut second = world.follow(key);
    second.step().await;
    let wanted: Vec<String> = (0..12).map(|index| format!("<p>{index}</p>")).collect();
    assert_eq!((second.blocks.as_slice(), second.feedback.as_deref()), (wanted.as_slice(), Some("{}")));
    assert_eq!(second.text, "", "what was before the snapshot is not told again");
    drop(publisher);
    second.until_the_end().await;
    first.until_the_end().await;
}

async fn followers_from_the_beginning_get_the_text_whole(world: World) {
    let key = key();
    let publisher = world.here.publish(key, ANSWERING);
    let mut page = world.follow(key);
    page.step().await;
    let mut whole = String::new();
    for n in 0..200 {
        let piece = format!("{n}번째 조각 🧩\n");
        whole += &piece;
        add(&publisher, &piece, n / 20, &format!("<p>{n}</p>"));
        if n % 37 == 0 {
            page.step().await;
        }
    }
    drop(publisher);
    page.until_the_end().await;
    assert_eq!(page.text, whole);
    assert_eq!(page.blocks[9], "<p>199</p>");
}

async fn blocks_that_are_taken_back_are_taken_back(world: World) {
    let key = key();
    let publisher = world.here.publish(key, ANSWERING);
    let mut page = world.follow(key);
    add(&publisher, "a", 0, "<p>a</p>");
    add(&publisher, "b", 1, "<p>b</p>");
    page.until(|page| page.blocks.len() == 2).await;
    publisher.text("", [(0, Arc::from("")), (1, Arc::from(""))]);
    page.until(|page| page.blocks == ["", ""]).await;
    drop(publisher);
    page.until_the_end().await;
}

async fn turns_and_tries_are_not_mixed_up(world: World) {
    let first = key();
    let second = (first.0, 2);
    let early = world.here.publish(first, ANSWERING);
    let late = world.here.publish(second, ANSWERING);
    let (mut one, mut two) = (world.follow(first), world.follow(second));
    add(&early, "alt", 0, "<p>old</p>");
    add(&late, "neu", 0, "<p>new</p>");
    one.until(|page| page.blocks == ["<p>old</p>"]).await;
    two.until(|page| page.blocks == ["<p>new</p>"]).await;
    drop(early);
    one.until_the_end().await;
    late.status(DONE);
    drop(late);
    two.until_the_end().await;
    assert_eq!((two.status, two.blocks), (Some(DONE), vec!["<p>new</p>".to_owned()]));
}

async fn many_turns_at_once_all_arrive(world: World) {
    let turns: Vec<_> = (0..60).map(|_| key()).map(|key| (key, world.here.publish(key, ANSWERING))).collect();
    let mut pages: Vec<Page> = turns.iter().map(|(key, _)| world.follow(*key)).collect();
    for round in 0..20 {
        for (number, (_, publisher)) in turns.iter().enumerate() {
            add(publisher, "글", round, &format!("<p>{number}:{round}</p>"));
        }
    }
    drop(turns);
    for (number, page) in pages.iter_mut().enumerate() {
        page.until_the_end().await;
        let wanted: Vec<String> = (0..20).map(|round| format!("<p>{number}:{round}</p>")).collect();
        assert_eq!(page.blocks, wanted);
    }
    drop(pages);
    // A feed may hold its last mirror for a moment.
    until("nothing is kept", || world.here.count() + world.there.count() == 0).await;
}

async fn text_that_is_withdrawn_is_replaced_by_a_snapshot(world: World) {
    let key = (Uuid::now_v7(), 1);
    let publisher = world.here.publish(key, ANSWERING);
    publisher.text("음, 그러니까", [(0, Arc::from("<p>음</p>")), (1, Arc::from("<p>그러니까</p>"))]);
    let mut page = world.follow(key);
    page.may_withdraw = true;
    page.until(|page| page.blocks.len() == 2).await;
    publisher.withdraw();
    publisher.text("답", [(0, Arc::from("<p>답</p>"))]);
    page.until(|page| page.blocks == ["<p>답</p>"]).await;
    let mut late = world.follow(key);
    late.may_withdraw = true;
    late.until(|page| page.blocks == ["<p>답</p>"]).await;
    publisher.text("이에요", [(0, Arc::from("<p>답이에요</p>"))]);
    publisher.status(DONE);
    drop(publisher);
    for mut page in [page, late] {
        page.until_the_end().await;
        assert_eq!(page.blocks, ["<p>답이에요</p>"]);
        assert!(!page.text.contains('음'), "{}", page.text);
    }
}

async fn whether_the_model_thinks_is_told(world: World) {
    let key = (Uuid::now_v7(), 1);
    let publisher = world.here.publish(key, ANSWERING);
    let mut page = world.follow(key);
    publisher.thinking(true);
    page.until(|page| page.thinking).await;
    let mut late = world.follow(key);
    late.until(|page| page.thinking).await;
    publisher.thinking(false);
    publisher.text("답", [(0, Arc::from("<p>답</p>"))]);
    for page in [&mut page, &mut late] {
        page.until(|page| !page.thinking && page.blocks == ["<p>답</p>"]).await;
    }
}
