//! A learner gets 404 for the data of another, as for unknown data.

use super::*;
use reqwest::Method;

#[tokio::test]
async fn another_learner_gets_404_for_everything_of_mine() {
    let app = TestApp::start().await;
    app.openai.set(CHAT, Behaviour::default().gate_at(1));
    let me = app.student();
    let conversation = me.begin("과학 탐구").await;
    let turn = me.ask(&conversation, QUESTION).await;
    app.openai.wait_for_waiting(1).await;

    let other = app.student();
    other.begin("과학 탐구").await;
    let nobody = app.student();
    let forger = app.student();
    for stranger in [&other, &nobody, &forger] {
        for (method, path) in [
            (Method::GET, format!("/api/v1/conversations/{conversation}")),
            (Method::DELETE, format!("/api/v1/conversations/{conversation}")),
            (Method::GET, format!("/api/v1/conversations/{conversation}/export")),
            (Method::GET, format!("/api/v1/conversations/{conversation}/export?format=json")),
            (Method::GET, format!("/api/v1/turns/{turn}/events")),
            (Method::POST, format!("/api/v1/turns/{turn}/cancel")),
            (Method::POST, format!("/api/v1/turns/{turn}/retry")),
        ] {
            let mut call = stranger.call(method, &path);
            if std::ptr::eq(stranger, &raw const forger) {
                call = call.header("cookie", format!("llm_classroom_learner={}", "0".repeat(32)));
            }
            let problem = call.send().await.problem(404, "not-found");
            assert!(!problem.to_string().contains(&conversation));
        }
        stranger.send(&conversation, "끼어들기", None).await.problem(404, "not-found");
    }
    // None of the requests has affected my turn.
    app.openai.release_all(CHAT);
    assert_eq!(me.finish(&turn).await.state, "done");
    assert_eq!(me.conversation(&conversation).await["turns"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn each_learner_gets_their_own_list() {
    let app = TestApp::start().await;
    let (one, two) = (app.student(), app.student());
    let mine = one.begin("과학 탐구").await;
    two.begin("역사 연구").await;
    let list = one.get("/api/v1/conversations").await.expect(200).json();
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
    assert_eq!(list["items"][0]["id"], mine);
    let nobody = app.student().get("/api/v1/conversations").await.expect(200);
    assert_eq!(nobody.json(), json!({ "items": [], "next": null }));
    assert_eq!(nobody.header("set-cookie"), "", "who only looks gets no cookie");
}
