//! What the metrics say.

use super::*;
use metrics_exporter_prometheus::PrometheusBuilder;
use openai::Behaviour;

#[tokio::test]
async fn calls_are_counted_by_what_became_of_them() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let _guard = metrics::set_default_local_recorder(&recorder);
    llm_classroom::llm::describe_metrics();
    let server = FakeOpenAi::start().await;
    let client =
        client(Settings { fallbacks: vec!["second".into()], retries: 1, breaker_failures: 1, ..settings(&server) });
    client.complete(chat()).await.unwrap();
    client.complete(tutor()).await.unwrap();
    server.queue(CHAT, Behaviour::status(503, ""));
    server.queue(CHAT, Behaviour::status(503, ""));
    client.complete(chat()).await.unwrap();
    drop(client.stream(chat()).await.unwrap());
    server.set(CHAT, Behaviour { cut_after: Some(1), ..Behaviour::default() });
    client.complete(chat()).await.unwrap_err();
    client.complete(chat()).await.unwrap_err();

    let page = recorder.handle().render();
    for line in [
        r#"llm_calls_total{purpose="chat",model="main-model",outcome="ok"} 1"#,
        r#"llm_calls_total{purpose="tutor",model="main-model",outcome="ok"} 1"#,
        r#"llm_calls_total{purpose="chat",model="second",outcome="ok"} 1"#,
        r#"llm_calls_total{purpose="chat",model="main-model",outcome="cancelled"} 1"#,
        r#"llm_calls_total{purpose="chat",model="main-model",outcome="broken"} 1"#,
        r#"llm_calls_total{purpose="chat",model="main-model",outcome="breaker_open"} 1"#,
        r#"llm_retries_total{purpose="chat",model="main-model"} 1"#,
        r#"llm_fallbacks_total{purpose="chat",model="second"} 1"#,
        r#"llm_tokens_total{purpose="chat",model="second",kind="prompt"} 100"#,
        r#"llm_tokens_total{purpose="chat",model="second",kind="completion"} 12"#,
        r#"llm_first_token_seconds_count{purpose="chat",model="second"} 1"#,
        "llm_breaker_open 1",
        "# HELP llm_breaker_open",
    ] {
        assert!(page.contains(line), "{line} is not in\n{page}");
    }
}
