//! The list of conversations, and the export of one.

use super::*;
use sea_orm::ConnectionTrait;

#[tokio::test]
async fn the_list_is_read_page_by_page_newest_activity_first() {
    let app = TestApp::start().await;
    let student = app.student();
    let mut begun = Vec::new();
    for n in 0..5 {
        begun.push(student.begin(&format!("{n}번째 주제")).await);
    }
    // The oldest conversation gets the latest activity.
    let turn = student.ask(&begun[0], QUESTION).await;
    student.finish(&turn).await;
    let wanted: Vec<_> = [0, 4, 3, 2, 1].iter().map(|&n: &usize| begun[n].clone()).collect();

    let (mut seen, mut next) = (Vec::new(), Value::Null);
    for page in 1.. {
        let before = next.as_str().map(|cursor| format!("&before={cursor}")).unwrap_or_default();
        let list = student.get(&format!("/api/v1/conversations?limit=2{before}")).await.expect(200).json();
        seen.extend(list["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()));
        next = list["next"].clone();
        if next.is_null() {
            assert_eq!(page, 3);
            break;
        }
    }
    assert_eq!(seen, wanted);

    let list = student.get("/api/v1/conversations").await.json();
    assert_eq!(list["next"], Value::Null);
    let first = &list["items"][0];
    assert_eq!((&first["turns"], &first["first_message"]), (&json!(1), &json!(QUESTION)));
    assert_eq!((&list["items"][1]["turns"], &list["items"][1]["first_message"]), (&json!(0), &Value::Null));
}

#[tokio::test]
async fn an_invalid_cursor_is_refused() {
    let app = TestApp::start().await;
    let student = app.student();
    student.begin("과학 탐구").await;
    for mark in ["x", "", "1", "%00", "-1.-1"] {
        student.get(&format!("/api/v1/conversations?before={mark}")).await.problem(422, "invalid");
    }
    for limit in ["x", "-1", "1.5", "0", "101", "18446744073709551615", "99999999999999999999"] {
        student.get(&format!("/api/v1/conversations?limit={limit}")).await.problem(400, "unreadable");
    }
    for limit in ["1", "100"] {
        student.get(&format!("/api/v1/conversations?limit={limit}")).await.expect(200);
    }
}

#[tokio::test]
async fn a_conversation_is_exported_as_markdown() {
    let app = TestApp::start().await;
    let student = app.student();
    let conversation = student.begin("과학 탐구").await;
    let turn = student.ask(&conversation, "하늘은 왜 파래요?\n# 제목 아님").await;
    student.finish(&turn).await;
    let path = format!("/api/v1/conversations/{conversation}/export");
    let file = student.get(&path).await.expect(200);
    assert_eq!(file.header("content-type"), "text/markdown; charset=utf-8");
    let name = format!("attachment; filename=\"llm-classroom-{conversation}.md\"");
    assert_eq!(file.header("content-disposition"), name);
    let text = file.text();
    for part in ["# 과학 탐구\n", "> 하늘은 왜 파래요?\n> # 제목 아님\n", canned::CHAT[5], "AI가 쓴 글이에요"]
    {
        assert!(text.contains(part), "{part:?} is not in {text}");
    }
    let english = student.get(&format!("{path}?lang=en")).await.text();
    assert!(english.contains("Question") && !english.contains("export."), "{english}");
}

#[tokio::test]
async fn a_conversation_is_exported_as_json() {
    let app = TestApp::start().await;
    let student = app.student();
    let conversation = student.begin("과학 탐구").await;
    let turn = student.ask(&conversation, QUESTION).await;
    student.finish(&turn).await;
    let path = format!("/api/v1/conversations/{conversation}/export");
    let file = student.get(&format!("{path}?format=json")).await.expect(200);
    assert_eq!(file.header("content-type"), "application/json");
    assert!(file.header("content-disposition").ends_with(".json\""));
    let file = file.json();
    assert_eq!((&file["id"], &file["topic"]), (&json!(conversation), &json!("과학 탐구")));
    let turn = &file["turns"][0];
    assert_eq!((&turn["message"], &turn["state"]), (&json!(QUESTION), &json!("done")));
    assert_eq!(turn["answer"], canned::CHAT.concat());
    assert_eq!(turn["feedback"]["source"], "model");
    student.get(&format!("{path}?format=pdf")).await.problem(400, "unreadable");
}

#[tokio::test]
async fn each_preset_has_its_own_greeting_and_every_topic_has_one() {
    let app = TestApp::start().await;
    let student = app.student();
    let mut greetings = std::collections::BTreeSet::new();
    for topic in
        ["사회 문제해결", "과학 탐구", "역사 연구", "문학 창작", "기술과 미래", "예술과 문화", "우리 동네 하천"]
    {
        for lang in ["ko", "en"] {
            let call = student.call(reqwest::Method::POST, &format!("/api/v1/conversations?lang={lang}"));
            let greeting = call.json(&json!({ "topic": topic })).send().await.expect(201).json()["greeting"].take();
            greetings.insert(greeting.as_str().unwrap().to_owned());
        }
    }
    assert_eq!(greetings.len(), 14, "{greetings:?}");
}

#[tokio::test]
async fn damaged_feedback_counts_as_missing() {
    let app = TestApp::start().await;
    let student = app.student();
    let conversation = student.begin("과학 탐구").await;
    let turn = student.ask(&conversation, QUESTION).await;
    student.finish(&turn).await;
    let database = app.database().await;
    let kinds = ["'{\"strengths\": '", "'[]'", "''", "'null'", "x'ff00ff'", "CAST(x'ff22' AS TEXT)"];
    for (n, body) in kinds.iter().enumerate() {
        database.execute_unprepared(&format!("UPDATE feedback SET body = {body}")).await.unwrap();
        let turns = student.conversation(&conversation).await["turns"].take();
        assert!(turns.as_array().unwrap().iter().all(|turn| turn["feedback"].is_null()), "{body}: {turns}");
        assert_eq!(turns[0]["answer"]["text"], canned::CHAT.concat());
        for format in ["md", "json"] {
            student.get(&format!("/api/v1/conversations/{conversation}/export?format={format}")).await.expect(200);
        }
        assert_eq!(student.finish(&turn).await.feedback, None, "{body}");
        let next = student.ask(&conversation, &format!("{n}번째로 더 물어요")).await;
        assert_eq!(student.finish(&next).await.state, "done", "{body}");
    }
}

#[tokio::test]
async fn the_list_can_leave_out_conversations_without_a_question() {
    let app = TestApp::start().await;
    let student = app.student();
    let mut asked = Vec::new();
    for n in 0..3 {
        student.begin("빈 대화").await;
        let conversation = student.begin(&format!("{n}번째 주제")).await;
        student.finish(&student.ask(&conversation, QUESTION).await).await;
        asked.insert(0, conversation);
    }
    let ids = async |query: &str| {
        let list = student.get(&format!("/api/v1/conversations?{query}")).await.expect(200).json();
        let items: Vec<String> =
            list["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect();
        (items, list["next"].as_str().map(str::to_owned))
    };
    let (first, next) = ids("asked=true&limit=2").await;
    let (second, end) = ids(&format!("asked=true&limit=2&before={}", next.unwrap())).await;
    assert_eq!(([first, second].concat(), end), (asked, None));
    assert_eq!(ids("asked=false").await.0.len(), 6);
    student.get("/api/v1/conversations?asked=maybe").await.problem(400, "unreadable");
}
