//! Models with a small context window, with few slots, and without JSON.

use super::*;
use sea_orm::{ConnectionTrait, Statement};
use support::openai::window::{Full, Window};

/// A long answer of about 300 Hangul syllables.
fn long_answer() -> Behaviour {
    let sentence = "식물은 햇빛과 물과 공기 속의 이산화탄소로 양분을 만들어요. ";
    Behaviour { chunks: Some(vec![sentence.repeat(12)]), gap_ms: 0, ..Behaviour::default() }
}

fn is_refused(window: &Window, request: &support::openai::Recorded) -> bool {
    let answer = request.body["max_tokens"].as_u64().unwrap_or_default() as usize;
    window.prompt_tokens(&request.body) + answer > window.tokens
}

#[tokio::test]
async fn a_long_conversation_fits_a_context_window_of_4096_tokens() {
    for full in [Full::RefuseStated, Full::Refuse] {
        // SmolLM2 has 2.7 tokens per Hangul syllable.
        for per_syllable in [1.0, 2.7] {
            let app = TestApp::start().await;
            app.openai.set(CHAT, long_answer());
            let window = Window { per_syllable, ..Window::new(4096, full) };
            app.openai.set_window(window.clone());
            let student = app.student();
            let conversation = student.begin("과학 탐구").await;
            for n in 1..=20 {
                let turn =
                    student.ask(&conversation, &format!("{n}번째 질문이에요. 잎은 왜 초록색으로 보이나요?")).await;
                let story = student.finish(&turn).await;
                assert_eq!(
                    (story.state.as_str(), story.reason.as_deref()),
                    ("done", None),
                    "{full:?} {per_syllable} {n}"
                );
                assert_eq!(story.feedback.unwrap()["source"], "model", "{full:?} {per_syllable} {n}");
            }
            let requests = app.openai.requests();
            let refused = requests.iter().filter(|request| is_refused(&window, request)).count();
            assert!(refused <= 6, "{full:?} {per_syllable}: {refused} requests were too large");
            let late = &requests[requests.len() - 10..];
            assert!(late.iter().all(|request| !is_refused(&window, request)), "what was learnt is remembered");
            let chats = late.iter().filter(|request| request.purpose == CHAT);
            let counts: Vec<_> = chats.map(|chat| chat.body["messages"].as_array().unwrap().len()).collect();
            assert!(counts.iter().all(|count| *count >= 4), "{full:?} {per_syllable} {counts:?}");
        }
    }
}

#[tokio::test]
async fn the_last_turn_is_sent_whenever_it_fits_the_context_window() {
    // With 2.7 tokens per syllable, the long question and its answer have 1,500 tokens.
    let long = format!("{}왜 그런지 자세히 알려 주세요.", "식물의 잎이 초록색으로 보이는 까닭이 궁금해요. ".repeat(12));
    for (tokens, per_syllable) in [(2048, 1.0), (4096, 1.0), (4096, 2.7), (8192, 2.7), (16_384, 2.7)] {
        for full in [Full::RefuseStated, Full::DropOldest] {
            let case = format!("{tokens} {per_syllable} {full:?}");
            let app = TestApp::with(&["--model-context-tokens", &tokens.to_string()]).await;
            app.openai.set(CHAT, long_answer());
            let window = Window { per_syllable, ..Window::new(tokens, full) };
            app.openai.set_window(window.clone());
            let student = app.student();
            let conversation = student.begin("과학 탐구").await;
            for n in 0..20 {
                let question = if n % 2 == 0 { long.as_str() } else { "왜요?" };
                let turn = student.ask(&conversation, question).await;
                assert_eq!(student.finish(&turn).await.state, "done", "{case} {n}");
            }
            let chats = app.openai.requests_for(CHAT);
            let answered: Vec<_> = chats.iter().filter(|chat| !is_refused(&window, chat)).collect();
            // The program may still learn from the first two turns how the server counts tokens.
            for chat in &answered[answered.len() - 18..] {
                let messages = chat.body["messages"].as_array().unwrap();
                assert!(messages.len() >= 4, "{case}: {messages:?}");
                assert!(chat.body["max_tokens"].as_u64().unwrap() >= 256, "{case}");
            }
            assert_eq!(answered.len(), 20, "{case}");
        }
    }
}

#[tokio::test]
async fn a_context_window_in_the_settings_applies_from_the_first_question() {
    let app = TestApp::with(&["--model-context-tokens", "4096"]).await;
    let window = Window::new(4096, Full::RefuseStated);
    app.openai.set_window(window.clone());
    app.student().asked_and_answered(QUESTION).await;
    assert!(app.openai.requests().iter().all(|request| !is_refused(&window, request)));
    let system = app.openai.requests_for(CHAT)[0].body["messages"][0]["content"].as_str().unwrap().chars().count();
    assert!(system < 900, "the short form: {system} characters");
}

#[tokio::test]
async fn a_question_that_does_not_fit_fails_and_the_conversation_continues() {
    let app = TestApp::start().await;
    app.openai.set_window(Window { per_syllable: 2.7, ..Window::new(4096, Full::RefuseStated) });
    let student = app.student();
    let conversation = student.begin("과학 탐구").await;
    let turn = student.ask(&conversation, &"긴".repeat(2000)).await;
    let story = student.finish(&turn).await;
    assert_eq!((story.state.as_str(), story.reason.as_deref()), ("failed", Some("too_long")));
    let stored = student.stored(&conversation).await;
    assert_eq!(stored["reason"], "too_long");
    assert!(stored["reason_text"].as_str().unwrap().contains("질문이 너무 길어요"), "{stored}");
    let turn = student.ask(&conversation, QUESTION).await;
    assert_eq!(student.finish(&turn).await.state, "done");
}

#[tokio::test]
async fn an_unexplained_refusal_changes_nothing_for_other_students() {
    let app = TestApp::start().await;
    app.openai.set(CHAT, long_answer());
    let (student, other) = (app.student(), app.student());
    let (conversation, other_conversation) = (student.begin("과학 탐구").await, other.begin("과학 탐구").await);
    let ask = async |student: &Student, conversation: &str| {
        let turn = student.ask(conversation, QUESTION).await;
        assert_eq!(student.finish(&turn).await.state, "done");
    };
    let form = |chat: support::openai::Recorded| {
        let messages = chat.body["messages"].as_array().unwrap().clone();
        (messages.len(), messages[0].clone(), chat.body["max_tokens"].clone())
    };
    ask(&other, &other_conversation).await;
    ask(&student, &conversation).await;
    // Both calls of a turn are refused, and the same in the next turn.
    for _ in 0..2 {
        for purpose in [CHAT, TUTOR] {
            app.openai.queue(purpose, Behaviour::error(400, "", "Upstream request failed"));
        }
        ask(&student, &conversation).await;
    }
    ask(&other, &other_conversation).await;
    let chats = app.openai.requests_for(CHAT);
    let (first, last) = (form(chats[0].clone()), form(chats.last().unwrap().clone()));
    assert_eq!(last, (4, first.1, first.2), "the second question goes with the first and its answer");
}

#[tokio::test]
async fn a_window_that_is_refused_without_a_cause_is_learned_from_two_conversations() {
    let app = TestApp::start().await;
    app.openai.set(CHAT, long_answer());
    let window = Window::new(4096, Full::RefuseUnexplained);
    app.openai.set_window(window.clone());
    let mut refused = Vec::new();
    for _ in 0..3 {
        let student = app.student();
        let conversation = student.begin("과학 탐구").await;
        for n in 1..=12 {
            let turn = student.ask(&conversation, &format!("{n}번째 질문이에요. 잎은 왜 초록색으로 보이나요?")).await;
            assert_eq!(student.finish(&turn).await.state, "done", "{n}");
        }
        let requests = app.openai.requests();
        let chat = requests.iter().rfind(|request| request.purpose == CHAT).unwrap();
        assert!(chat.body["messages"].as_array().unwrap().len() >= 4, "the last turn is sent along");
        refused.push(requests.iter().filter(|request| is_refused(&window, request)).count());
    }
    assert!(refused[0] <= 6 && refused[1] > refused[0], "{refused:?}: each of two conversations meets the window");
    assert_eq!(refused[2], refused[1], "the third one knows it");
}

#[tokio::test]
async fn a_server_that_truncates_the_prompt_gets_shorter_ones_with_the_topic() {
    let app = TestApp::start().await;
    app.openai.set(CHAT, long_answer());
    let window = Window::new(4096, Full::DropOldest);
    app.openai.set_window(window.clone());
    let student = app.student();
    let conversation = student.begin("과학 탐구").await;
    for n in 1..=24 {
        let turn = student.ask(&conversation, &format!("{n}번째 질문이에요.")).await;
        assert_eq!(student.finish(&turn).await.state, "done");
    }
    let chats = app.openai.requests_for(CHAT);
    assert!(chats.iter().all(|chat| chat.last_message().starts_with("주제: \"과학 탐구\"\n\n")));
    let overflows = |chat: &support::openai::Recorded| window.prompt_tokens(&chat.body) > window.tokens;
    assert!(chats.iter().any(overflows), "it was not full");
    assert!(!overflows(chats.last().unwrap()), "less is sent once the server was seen to drop messages");
}

#[tokio::test]
async fn the_chat_request_is_sent_before_the_tutor_request() {
    let app = TestApp::start().await;
    app.openai.set_slots(1);
    let student = app.student();
    let conversation = student.begin("과학 탐구").await;
    for _ in 0..10 {
        let turn = student.ask(&conversation, QUESTION).await;
        student.finish(&turn).await;
    }
    let order: Vec<_> = app.openai.requests().iter().map(|request| request.purpose).collect();
    assert!(order.chunks(2).all(|turn| turn == [CHAT, TUTOR]), "{order:?}");
}

#[tokio::test]
async fn for_many_simultaneous_questions_each_chat_request_arrives_before_its_tutor_request() {
    let app = TestApp::start().await;
    let questions: Vec<String> = (10..50).map(|n| format!("{n}번 학생이 물어요.")).collect();
    futures_util::future::join_all(questions.iter().map(|question| async {
        app.student().asked_and_answered(question).await;
    }))
    .await;
    let requests = app.openai.requests();
    for question in &questions {
        let about = requests.iter().filter(|request| request.last_message().contains(question));
        let order: Vec<_> = about.map(|request| request.purpose).collect();
        assert_eq!(order, [CHAT, TUTOR], "{question}");
    }
}

#[tokio::test]
async fn on_a_server_with_few_slots_the_tutor_request_follows_the_first_word() {
    let app = TestApp::with(&["--model-slots", "1"]).await;
    app.openai.set(CHAT, Behaviour::text(["하나 ", "둘"]).gate_at(0));
    let student = app.student();
    let conversation = student.begin("과학 탐구").await;
    let turn = student.ask(&conversation, QUESTION).await;
    app.openai.wait_for_waiting(1).await;
    assert_eq!((app.calls(CHAT), app.calls(TUTOR)), (1, 0));
    app.openai.release(CHAT, 1);
    assert_eq!(student.finish(&turn).await.feedback.unwrap()["source"], "model");
    // A failing chat call does not delay the tutor.
    app.openai.set(CHAT, Behaviour::error(401, "invalid_api_key", "no"));
    let turn = student.ask(&conversation, QUESTION).await;
    assert_eq!(student.finish(&turn).await.state, "failed");
}

#[tokio::test]
async fn a_model_that_never_writes_json_is_asked_for_prose_once_per_turn() {
    let app = TestApp::start().await;
    app.openai.set(TUTOR, Behaviour::text(["참 좋은 질문이에요!"]));
    let student = app.student();
    let conversation = student.begin("과학 탐구").await;
    let mut calls = Vec::new();
    for _ in 0..4 {
        let turn = student.ask(&conversation, QUESTION).await;
        assert_eq!(student.finish(&turn).await.feedback.unwrap()["source"], "coach");
        calls.push(app.calls(TUTOR));
    }
    assert_eq!(calls, [2, 4, 5, 6]);
    assert!(app.openai.requests_for(TUTOR).last().unwrap().body.get("response_format").is_none());
    let prose = "## 잘한 점\n까닭을 물었어요.\n## 개선할 점\n어디에서 봤는지 더해 보세요.\n## 다음 단계\n예를 하나 들어 보세요.\n\
                 ## 추천 질문\n- 잎은 왜 초록색인가요?\n- 가을에는 왜 빨개지나요?\n- 물은 왜 ___ 하나요?";
    app.openai.set(TUTOR, Behaviour::text([prose]));
    let turn = student.ask(&conversation, QUESTION).await;
    let feedback = student.finish(&turn).await.feedback.unwrap();
    assert_eq!((&feedback["source"], &feedback["strengths"]), (&json!("model"), &json!("까닭을 물었어요.")));
}

#[tokio::test]
async fn estimated_tokens_are_counted_for_the_model() {
    let app = TestApp::with(&["--openai-model", "main"]).await;
    app.openai.set(CHAT, Behaviour::default().gate_at(0));
    app.openai.set(TUTOR, Behaviour::default().gate_at(0));
    let student = app.student();
    let conversation = student.begin("과학 탐구").await;
    let turn = student.ask(&conversation, QUESTION).await;
    app.openai.wait_for_waiting(2).await;
    student.post(&format!("/api/v1/turns/{turn}/cancel"), json!(null)).await.expect(204);
    let database = app.database().await;
    let models = Statement::from_string(database.get_database_backend(), "SELECT DISTINCT model FROM usage");
    let rows = database.query_all_raw(models).await.unwrap();
    let names: Vec<String> = rows.iter().map(|row| row.try_get("", "model").unwrap()).collect();
    assert_eq!(names, ["main"]);
}
