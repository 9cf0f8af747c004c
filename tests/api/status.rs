//! Health, readiness and metrics.

use super::*;
use reqwest::Method;

#[tokio::test]
async fn health_and_the_name_of_the_api_are_answered() {
    let app = TestApp::start().await;
    let student = app.student();
    let health = student.get("/health").await.expect(200).json();
    assert_eq!((&health["status"], &health["version"]), (&json!("healthy"), &json!(env!("CARGO_PKG_VERSION"))));
    assert!(health["uptime_seconds"].is_u64());
    assert!(student.get("/api").await.expect(200).json()["message"].is_string());
}

#[tokio::test]
async fn readiness_shows_every_part() {
    let app = TestApp::start().await;
    let ready = app.student().get("/ready").await.expect(200).json();
    let wanted = json!({
        "status": "ready", "store": "ok", "bus": "in-process", "instances": "one", "provider": "ok", "turns_running": 0,
    });
    assert_eq!(ready, wanted);
}

#[tokio::test]
async fn metrics_are_served_only_to_this_machine() {
    let app = TestApp::start().await;
    let student = app.student();
    student.asked_and_answered(QUESTION).await;
    let figures = student.get("/metrics").await.expect(200);
    assert!(figures.header("content-type").starts_with("text/plain"));
    for name in [
        "turns_total{outcome=\"done\"}",
        "turn_seconds",
        "first_piece_seconds",
        "http_requests_total",
        "http_request_seconds",
    ] {
        assert!(figures.text().contains(name), "{name} in {}", figures.text());
    }
    // Each id would create a series.
    assert!(figures.text().contains("route=\"/api/v1/conversations/{id}\""));
    for header in ["x-forwarded-for", "forwarded", "x-real-ip"] {
        let reply = student.call(Method::GET, "/metrics").header(header, "127.0.0.1").send().await;
        reply.problem(404, "not-found");
    }
}

#[tokio::test]
async fn metrics_can_have_a_separate_listener() {
    let app = TestApp::with(&["--metrics-addr", "127.0.0.1:0"]).await;
    app.student().get("/metrics").await.problem(404, "not-found");
}

#[tokio::test]
async fn metrics_contain_no_student_and_no_text() {
    let app = TestApp::start().await;
    let student = app.student();
    let conversation = student.begin("비밀스러운 주제").await;
    let turn = student.ask(&conversation, "비밀스러운 질문").await;
    student.finish(&turn).await;
    let figures = student.get("/metrics").await.expect(200).text();
    for secret in ["비밀", &conversation, &turn] {
        assert!(!figures.contains(secret));
    }
}

#[tokio::test]
async fn invented_methods_create_no_metric_series() {
    let app = TestApp::start().await;
    let student = app.student();
    for n in 0..5 {
        let method = Method::from_bytes(format!("MADEUP{n}").as_bytes()).unwrap();
        student.call(method, "/health").send().await;
    }
    let figures = student.get("/metrics").await.expect(200).text();
    assert!(!figures.contains("MADEUP"), "a stranger can fill the memory with series");
}

#[tokio::test]
async fn the_metrics_listener_serves_only_metrics() {
    let folder = tempfile::tempdir().unwrap();
    let _program = support::process::Process::start(folder.path(), &[("METRICS_ADDR", "127.0.0.1:0")]);
    let address = support::eventually("the listener", async || {
        let log = std::fs::read_to_string(folder.path().join("log")).unwrap();
        let address = log.split("metrics.address=").nth(1)?.split_whitespace().next()?.to_owned();
        Some(address)
    })
    .await;
    let operator = Student::new(support::student::http_client(), format!("http://{address}"));
    assert!(operator.get("/metrics").await.expect(200).header("content-type").starts_with("text/plain"));
    assert_eq!(operator.get("/health").await.status, 404);
}
