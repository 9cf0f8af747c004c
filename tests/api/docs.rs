//! The OpenAPI document and the interactive docs.

use std::io::Read as _;

use super::*;
use flate2::read::GzDecoder;
use reqwest::Method;

#[tokio::test]
async fn the_openapi_document_matches_the_snapshot() {
    let app = TestApp::start().await;
    let reply = app.student().get("/openapi.json").await.expect(200);
    assert!(reply.header("content-type").starts_with("application/json"));
    let mut document = reply.json();
    assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
    document["info"]["version"] = json!("(of the program)");
    insta::assert_json_snapshot!("openapi", document);
}

#[tokio::test]
async fn every_documented_operation_exists() {
    let app = TestApp::start().await;
    app.openai.set(CHAT, Behaviour::default().gate_at(0));
    let student = app.student();
    let document = student.get("/openapi.json").await.json();
    let mut calls = 0;
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            // Each call gets a new conversation, because one deletes it.
            let conversation = student.begin("과학 탐구").await;
            let turn = student.ask(&conversation, QUESTION).await;
            let id = if path.contains("/turns/{id}") { &turn } else { &conversation };
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            let call = student.call(method.clone(), &path.replace("{id}", id)).json(&json!({}));
            let response = call.open().await;
            let status = response.status().as_u16();
            assert!(![404, 405].contains(&status) && status < 500, "{method} {path}: {status}");
            let documented = operation["responses"].as_object().unwrap();
            assert!(
                documented.contains_key(&status.to_string()),
                "{method} {path} answers {status}, which isn't described"
            );
            calls += 1;
        }
    }
    assert!(calls >= 16, "{calls}");
}

#[tokio::test]
async fn every_reference_in_the_document_resolves() {
    fn references(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(map) => {
                found.extend(map.get("$ref").and_then(Value::as_str).map(str::to_owned));
                map.values().for_each(|value| references(value, found));
            }
            Value::Array(list) => list.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }
    let app = TestApp::start().await;
    let document = app.student().get("/openapi.json").await.json();
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(found.len() > 10);
    for reference in found {
        assert!(document.pointer(reference.strip_prefix('#').unwrap()).is_some(), "{reference}");
    }
}

#[tokio::test]
async fn the_interactive_docs_are_complete_without_other_origins() {
    let app = TestApp::start().await;
    let student = app.student();
    let first = student.get("/docs").await;
    let page =
        if first.status.is_redirection() { student.get(&first.header("location")).await } else { first }.expect(200);
    assert!(page.header("content-type").starts_with("text/html"));
    let mut html = String::new();
    GzDecoder::new(&*page.bytes).read_to_string(&mut html).unwrap();
    assert_eq!(page.header("cache-control"), "public, max-age=3600");
    let mut named = 0;
    for attribute in ["src=\"", "href=\""] {
        for rest in html.split(attribute).skip(1) {
            let path = rest.split('"').next().unwrap();
            assert!(!path.contains("//"), "{path} is not ours");
            student.get(&format!("/docs/{}", path.trim_start_matches("./"))).await.expect(200);
            named += 1;
        }
    }
    assert!(named >= 3, "{html}");
    // Inline scripts would not run under the content security policy.
    assert!(!html.split("<script").skip(1).any(|script| !script.split('>').next().unwrap().contains("src=")), "{html}");
}

#[tokio::test]
async fn the_program_prints_the_same_document() {
    let app = TestApp::start().await;
    let served = app.student().get("/openapi.json").await.json();
    let printed = std::process::Command::new(env!("CARGO_BIN_EXE_llm-classroom")).arg("openapi").output().unwrap();
    assert!(printed.status.success());
    assert_eq!(serde_json::from_slice::<Value>(&printed.stdout).unwrap(), served);
}

#[tokio::test]
async fn the_document_names_the_content_types_of_the_responses() {
    let app = TestApp::start().await;
    let student = app.student();
    let document = student.get("/openapi.json").await.json();
    let mut wrong = Vec::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            for (status, response) in operation["responses"].as_object().unwrap() {
                let Some(content) = response["content"].as_object() else { continue };
                // A 503 of readiness has its own body.
                let is_problem = (status.starts_with('4') || status.starts_with('5')) && path != "/ready";
                if is_problem && !content.contains_key("application/problem+json") {
                    wrong.push(format!("{method} {path} {status}: {:?}", content.keys()));
                }
            }
        }
    }
    let conversation = student.begin("과학 탐구").await;
    let export = student.get(&format!("/api/v1/conversations/{conversation}/export")).await.expect(200);
    let kind = export.header("content-type");
    let kind = kind.split(';').next().unwrap();
    let described = &document["paths"]["/api/v1/conversations/{id}/export"]["get"]["responses"]["200"]["content"];
    if described.get(kind).is_none() {
        wrong.push(format!("an export is {kind}, not {described}"));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test]
async fn the_document_has_the_place_of_each_parameter_and_the_problems_of_each_operation() {
    let app = TestApp::start().await;
    let document = app.student().get("/openapi.json").await.json();
    let mut in_query = std::collections::BTreeSet::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                let name = parameter["name"].as_str().unwrap();
                let in_path = path.contains(&format!("{{{name}}}"));
                assert_eq!(parameter["in"] == "path", in_path, "{method} {path} {name}");
                if parameter["in"] == "query" {
                    in_query.insert(name);
                }
            }
            let responses = operation["responses"].as_object().unwrap();
            let mut expected = vec!["400", "405", "421", "500", "503"];
            if operation["requestBody"].is_object() {
                expected.extend(["413", "415", "422"]);
            }
            if method != "get" && !path.starts_with("/api/v1/chat/") {
                expected.push("403");
            }
            for status in expected {
                assert!(responses.contains_key(status), "{method} {path} {status}");
            }
            for (status, response) in responses {
                let is_problem = status.starts_with(['4', '5']) && path != "/ready";
                if is_problem {
                    assert_eq!(response["$ref"], "#/components/responses/Problem", "{method} {path} {status}");
                }
            }
        }
    }
    assert_eq!(in_query, ["asked", "before", "format", "limit"].into());
    let streams =
        ["/api/v1/turns/{id}/events", "/api/v1/turns/probe/events"].map(|path| &document["paths"][path]["get"]);
    for stream in streams.into_iter().chain([&document["paths"]["/api/v1/chat/chat/stream"]["post"]]) {
        let schema = &stream["responses"]["200"]["content"]["text/event-stream"]["schema"]["$ref"];
        let event = document.pointer(schema.as_str().unwrap().trim_start_matches('#')).unwrap();
        assert_eq!(event["properties"]["data"]["type"], "string", "{schema}");
    }
}
