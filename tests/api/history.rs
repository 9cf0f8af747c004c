//! Reading the turns of a conversation page by page.

use super::*;
use sea_orm::ConnectionTrait;

/// A conversation with this number of turns, of which all but the first are copies.
async fn long_conversation(app: &TestApp, student: &Student, turns: u32) -> String {
    let conversation = student.begin("과학 탐구").await;
    let first = student.ask(&conversation, QUESTION).await;
    student.finish(&first).await;
    let copies = format!(
        "WITH RECURSIVE place(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM place WHERE n < {turns})
         INSERT INTO turns (id, conversation_id, seq, message, state, attempt, answer, created_at)
         SELECT randomblob(16), conversation_id, n, n || '번째 질문', state, attempt, answer, created_at
         FROM turns, place WHERE id = x'{}' AND n > 1",
        first.replace('-', "")
    );
    app.database().await.execute_unprepared(&copies).await.unwrap();
    conversation
}

fn places(page: &Value) -> Vec<u64> {
    page["turns"].as_array().unwrap().iter().map(|turn| turn["seq"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn a_conversation_is_read_page_by_page_newest_page_first() {
    let app = TestApp::start().await;
    let student = app.student();
    let conversation = long_conversation(&app, &student, 120).await;
    let path = format!("/api/v1/conversations/{conversation}");

    let newest = student.conversation(&conversation).await;
    assert_eq!(places(&newest), (71..=120).collect::<Vec<_>>());
    assert!(newest["turns"][0]["answer"]["html"].as_str().unwrap().contains("<p>"), "{}", newest["turns"][0]);

    let (mut seen, mut next) = (Vec::new(), None);
    loop {
        let before = next.map(|next: u64| format!("&before={next}")).unwrap_or_default();
        let page = student.get(&format!("{path}?limit=50{before}")).await.expect(200).json();
        assert_eq!((&page["id"], &page["topic"]), (&json!(conversation), &json!("과학 탐구")));
        seen.splice(0..0, places(&page));
        next = page["next"].as_u64();
        if next.is_none() {
            break;
        }
    }
    assert_eq!(seen, (1..=120).collect::<Vec<_>>());
    assert_eq!(places(&student.get(&format!("{path}?before=1")).await.expect(200).json()), Vec::<u64>::new());
    assert_eq!(places(&student.get(&format!("{path}?before=4294967295&limit=1")).await.expect(200).json()), [120]);
    for query in ["before=x", "before=-1", "before=4294967296", "limit=x", "limit=0", "limit=101"] {
        student.get(&format!("{path}?{query}")).await.problem(400, "unreadable");
    }
}

#[tokio::test]
async fn an_export_holds_every_turn_of_a_long_conversation() {
    let app = TestApp::start().await;
    let student = app.student();
    let conversation = long_conversation(&app, &student, 300).await;
    let path = format!("/api/v1/conversations/{conversation}/export");
    let file = student.get(&format!("{path}?format=json")).await.expect(200).json();
    assert_eq!(places(&file), (1..=300).collect::<Vec<_>>());
    assert!(student.get(&path).await.expect(200).text().contains("## 300. "));
}

#[tokio::test]
async fn a_retry_shows_its_own_answer_and_not_the_rendered_earlier_one() {
    let app = TestApp::start().await;
    app.openai.queue(CHAT, Behaviour { cut_after: Some(1), ..Behaviour::text(["첫 답의 앞부분", "그 뒤"]) });
    app.openai.queue(CHAT, Behaviour::text(["둘째 답"]));
    let student = app.student();
    let conversation = student.begin("과학 탐구").await;
    let turn = student.ask(&conversation, QUESTION).await;
    assert_eq!(student.finish(&turn).await.state, "failed");
    for _ in 0..2 {
        let html = student.stored(&conversation).await["answer"]["html"].take();
        assert!(html.as_str().unwrap().contains("첫 답의 앞부분"), "{html}");
        assert!(student.finish(&turn).await.html().contains("첫 답의 앞부분"));
    }
    student.retry(&turn).await.expect(202);
    assert_eq!(student.finish(&turn).await.state, "done");
    let html = student.stored(&conversation).await["answer"]["html"].take();
    assert!(html.as_str().unwrap().contains("둘째 답"), "{html}");
    assert!(student.finish(&turn).await.html().contains("둘째 답"));
}

#[tokio::test]
async fn many_reads_of_one_learner_do_not_delay_another_learner() {
    // The cache is off, so that every read renders the answers.
    let app = TestApp::with(&["--answer-cache-mb", "0"]).await;
    let (many, other) = (app.student(), app.student());
    let long = long_conversation(&app, &many, 400).await;
    let short = long_conversation(&app, &other, 1).await;
    let readers = futures_util::future::join_all((0..40).map(async |_| {
        many.get(&format!("/api/v1/conversations/{long}?limit=100")).await.expect(200);
    }));
    let mut readers = Box::pin(readers);
    let reading = async {
        for _ in 0..20 {
            other.conversation(&short).await;
        }
    };
    tokio::select! {
        biased;
        _ = &mut readers => panic!("forty reads of a hundred turns were over before twenty of one"),
        () = reading => {}
    }
    readers.await;
}
