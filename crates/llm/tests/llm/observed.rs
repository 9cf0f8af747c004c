//! What the metrics say.

use super::*;
use llm::Price;
use metrics_exporter_prometheus::PrometheusBuilder;
use openai::Behaviour;

#[tokio::test]
async fn calls_are_counted_by_what_became_of_them() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let _guard = metrics::set_default_local_recorder(&recorder);
    llm::describe_metrics();
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
        r#"llm_retries_total{purpose="chat",model="main-model",reason="server"} 1"#,
        r#"llm_fallbacks_total{purpose="chat",model="second"} 1"#,
        r#"llm_tokens_total{purpose="chat",model="second",kind="prompt"} 100"#,
        r#"llm_tokens_total{purpose="chat",model="second",kind="completion"} 12"#,
        r#"llm_tokens_total{purpose="chat",model="second",kind="cached"} 0"#,
        r#"llm_call_seconds_count{purpose="chat",model="main-model",outcome="ok"} 1"#,
        r#"llm_call_seconds_count{purpose="chat",model="main-model",outcome="cancelled"} 1"#,
        r#"llm_call_seconds_count{purpose="chat",model="main-model",outcome="failed"} 2"#,
        r#"llm_first_token_seconds_count{purpose="chat",model="second"} 1"#,
        "llm_breaker_open 1",
        "# HELP llm_breaker_open",
    ] {
        assert!(page.contains(line), "{line} is not in\n{page}");
    }
}

#[tokio::test]
async fn what_was_paid_for_is_counted_however_a_call_ends() {
    let price = Price { input: 1.0, cached: 0.5, output: 10.0 };
    let server = FakeOpenAi::start().await;
    let prices = vec![("main-model".to_owned(), price)];
    let client = client(Settings { prices, fallbacks: vec!["second".into()], retries: 0, ..settings(&server) });
    let spent = || {
        let [(model, dollars)] = &client.spending()[..] else { panic!("one of the models has a price") };
        assert_eq!(model, "main-model");
        (dollars * 1e6).round() as u64
    };
    assert_eq!(spent(), 0);
    // A hundred tokens in, twelve out.
    client.complete(chat()).await.unwrap();
    assert_eq!(spent(), 220);
    // As the server counts, with the part it remembered.
    let event = r#"data: {"choices":[{"delta":{"content":"x"},"finish_reason":"stop"}],"usage":{"prompt_tokens":100,"completion_tokens":1,"prompt_tokens_details":{"cached_tokens":60}}}"#;
    server.queue(CHAT, Behaviour::raw([format!("{event}\n\ndata: [DONE]\n\n")]));
    client.complete(chat()).await.unwrap();
    assert_eq!(spent(), 220 + 40 + 30 + 10);
    // A refused request cost nothing; what the fallback cost has no price.
    server.queue(CHAT, Behaviour::status(503, ""));
    client.complete(chat()).await.unwrap();
    assert_eq!(spent(), 300);
    // Hung up after the first piece, and broken off: an estimate of what was read and heard.
    drop(client.stream(chat()).await.unwrap());
    let hung_up = spent();
    assert!(hung_up > 300, "{hung_up}");
    server.queue(CHAT, Behaviour { cut_after: Some(1), ..Behaviour::default() });
    client.complete(chat()).await.unwrap_err();
    let broken = spent();
    assert!(broken > hung_up, "{broken}");
    // Hung up before the first piece: the request was read by then.
    server.queue(CHAT, Behaviour::default().gate_at(0));
    {
        let call = client.stream(chat());
        tokio::pin!(call);
        tokio::select! {
            _ = &mut call => panic!("the gate is shut"),
            () = server.wait_for_waiting(1) => {}
        }
    }
    assert!(spent() > broken);
}
