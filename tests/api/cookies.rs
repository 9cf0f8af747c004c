//! The learner's cookie.

use super::*;
use reqwest::Method;

async fn cookie(app: &TestApp) -> String {
    let reply = app.student().post("/api/v1/conversations", json!({ "topic": "과학 탐구" })).await.expect(201);
    reply.header("set-cookie").to_owned()
}

#[tokio::test]
async fn the_cookie_is_http_only_and_same_site() {
    let app = TestApp::start().await;
    let cookie = cookie(&app).await;
    let (pair, attributes) = cookie.split_once("; ").unwrap();
    let token = pair.strip_prefix("llm_classroom_learner=").unwrap();
    assert!(token.len() == 32 && token.bytes().all(|digit| digit.is_ascii_hexdigit()), "{token}");
    let attributes: Vec<&str> = attributes.split("; ").collect();
    for attribute in ["HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=34560000"] {
        assert!(attributes.contains(&attribute), "{attributes:?}");
    }
    assert!(!attributes.contains(&"Secure"), "else http://localhost would not work");
    assert!(!attributes.iter().any(|attribute| attribute.starts_with("Domain")));
}

#[tokio::test]
async fn the_cookie_is_secure_behind_https() {
    let app = TestApp::with(&["--app-base-url", "https://class.example.kr"]).await;
    assert!(cookie(&app).await.split("; ").any(|attribute| attribute == "Secure"));
}

#[tokio::test]
async fn each_learner_gets_a_different_cookie_once() {
    let app = TestApp::start().await;
    assert_ne!(cookie(&app).await, cookie(&app).await);
    let student = app.student();
    student.begin("과학 탐구").await;
    let again = student.post("/api/v1/conversations", json!({ "topic": "역사 연구" })).await.expect(201);
    assert_eq!(again.header("set-cookie"), "");
}

#[tokio::test]
async fn an_unknown_or_invalid_cookie_counts_as_none() {
    let app = TestApp::start().await;
    for value in ["0".repeat(32), "x".repeat(32), "0".repeat(31), String::new(), "0".repeat(33)] {
        let student = app.student();
        let call = student.call(Method::POST, "/api/v1/conversations");
        let call = call.header("cookie", format!("llm_classroom_learner={value}"));
        let reply = call.json(&json!({ "topic": "과학 탐구" })).send().await.expect(201);
        assert!(reply.header("set-cookie").starts_with("llm_classroom_learner="));
        assert!(!reply.header("set-cookie").contains(&format!("={value};")));
    }
}

#[tokio::test]
async fn the_token_is_not_in_the_database() {
    let app = TestApp::start().await;
    let student = app.student();
    student.asked_and_answered("찾을 수 있는 질문").await;
    let cookie = student.cookie().unwrap();
    let token = cookie.split_once('=').unwrap().1;
    assert!(app.database_holds("찾을 수 있는 질문".as_bytes()), "else nothing would be shown");
    let bytes = u128::from_str_radix(token, 16).unwrap().to_be_bytes();
    assert!(!app.database_holds(token.as_bytes()) && !app.database_holds(&bytes));
}

/// The `set-cookie` headers of a reply.
fn cookies(reply: &support::reply::Reply) -> Vec<String> {
    reply.headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap().to_owned()).collect()
}

/// Sets the learners' last visit two days back.
async fn let_two_days_pass(app: &TestApp) {
    let statement = "UPDATE learners SET seen_at = seen_at - 172800000";
    sea_orm::ConnectionTrait::execute_unprepared(&app.database().await, statement).await.unwrap();
}

const TLS: [&str; 2] = ["--app-base-url", "https://class.example.kr"];

#[tokio::test]
async fn with_tls_the_name_of_the_cookie_has_the_host_prefix() {
    let app = TestApp::with(&TLS).await;
    let cookie = cookie(&app).await;
    assert!(cookie.starts_with("__Host-llm_classroom_learner="), "{cookie}");
    // Browsers require these attributes for the prefix.
    let attributes: Vec<&str> = cookie.split("; ").collect();
    assert!(attributes.contains(&"Secure") && attributes.contains(&"Path=/"), "{cookie}");
    assert!(!cookie.contains("Domain"), "{cookie}");

    let (mine, planted) = (app.student(), app.student());
    let (conversation, other) = (mine.begin("과학 탐구").await, planted.begin("역사 연구").await);
    let both = format!("{}; {}", planted.cookie().unwrap().trim_start_matches("__Host-"), mine.cookie().unwrap());
    let ask = async |id: &str| {
        let call = app.student().call(Method::GET, &format!("/api/v1/conversations/{id}"));
        call.header("cookie", &both).send().await.status.as_u16()
    };
    assert_eq!((ask(&conversation).await, ask(&other).await), (200, 404), "the planted one is ignored");
}

#[tokio::test]
async fn with_tls_a_cookie_of_the_old_name_is_accepted_and_replaced() {
    let app = TestApp::with(&TLS).await;
    let student = app.student();
    let conversation = student.begin("과학 탐구").await;
    let cookie = student.cookie().unwrap();
    let old = cookie.trim_start_matches("__Host-");
    let call = app.student().call(Method::GET, &format!("/api/v1/conversations/{conversation}"));
    let reply = call.header("cookie", old).send().await.expect(200);
    assert_eq!(cookies(&reply).len(), 1);
    assert!(cookies(&reply)[0].starts_with(&format!("{cookie}; ")), "{:?}", cookies(&reply));
    let again = student.get(&format!("/api/v1/conversations/{conversation}")).await.expect(200);
    assert_eq!(again.header("set-cookie"), "", "the new name needs no replacement");
}

#[tokio::test]
async fn the_cookie_is_renewed_once_a_day() {
    for flags in [&[][..], &TLS] {
        let app = TestApp::with(flags).await;
        let student = app.student();
        let conversation = student.begin("과학 탐구").await;
        let paths = ["/api/v1/conversations".to_owned(), format!("/api/v1/conversations/{conversation}")];
        for path in &paths {
            assert_eq!(student.get(path).await.expect(200).header("set-cookie"), "");
        }
        for path in paths.into_iter().chain([format!("/chat.html?c={conversation}")]) {
            let_two_days_pass(&app).await;
            let cookie = student.cookie().unwrap();
            let renewed = student.get(&path).await.expect(200);
            assert!(cookies(&renewed)[0].starts_with(&cookie), "{path}: {:?}", cookies(&renewed));
            assert!(cookies(&renewed)[0].contains("Max-Age=34560000"), "{path}");
            support::eventually("the visit", async || {
                student.get(&path).await.headers.get("set-cookie").is_none().then_some(())
            })
            .await;
        }
    }
}

#[tokio::test]
async fn a_request_succeeds_if_the_visit_cannot_be_stored() {
    let app = TestApp::start().await;
    let student = app.student();
    student.asked_and_answered(QUESTION).await;
    let full = "CREATE TRIGGER full BEFORE UPDATE OF seen_at ON learners BEGIN SELECT RAISE(FAIL, 'disk full'); END";
    sea_orm::ConnectionTrait::execute_unprepared(&app.database().await, full).await.unwrap();
    let_two_days_pass_by_insert(&app).await;
    for _ in 0..3 {
        let list = student.get("/api/v1/conversations").await.expect(200).json();
        assert_eq!(list["items"].as_array().unwrap().len(), 1);
    }
    student.asked_and_answered("그럼 노을은요?").await;
}

/// As [`let_two_days_pass`], where an update would be refused.
async fn let_two_days_pass_by_insert(app: &TestApp) {
    let database = app.database().await;
    for statement in [
        "PRAGMA foreign_keys = OFF",
        "REPLACE INTO learners (id, token_hash, created_at, seen_at) \
         SELECT id, token_hash, created_at, seen_at - 172800000 FROM learners",
    ] {
        sea_orm::ConnectionTrait::execute_unprepared(&database, statement).await.unwrap();
    }
}

#[tokio::test]
async fn leaving_revokes_the_token_and_deletes_the_cookies() {
    for flags in [&[][..], &TLS] {
        let app = TestApp::with(flags).await;
        let student = app.student();
        let conversation = student.begin("과학 탐구").await;
        let token = student.cookie().unwrap();
        let page = student.get("/leave.html").await.expect(200).text();
        assert!(page.contains("method=\"post\""), "leaving is confirmed first");
        student.get(&format!("/api/v1/conversations/{conversation}")).await.expect(200);

        let left = student.post("/leave.html", json!({})).await;
        assert_eq!((left.status.as_u16(), &*left.header("location")), (303, "/leave.html"));
        assert_eq!(left.header("clear-site-data"), "\"cache\", \"storage\"");
        let dropped = cookies(&left);
        let names: &[&str] = if flags.is_empty() { &[""] } else { &["__Host-", ""] };
        assert_eq!(dropped.len(), names.len());
        for (cookie, prefix) in dropped.iter().zip(names) {
            assert!(cookie.starts_with(&format!("{prefix}llm_classroom_learner=; ")), "{cookie}");
            assert!(cookie.ends_with("Max-Age=0"), "{cookie}");
        }
        assert_eq!(student.cookie(), None);
        assert!(!student.get("/leave.html").await.expect(200).text().contains("<form"));

        // A copy of the token is invalid, too.
        let call = app.student().call(Method::GET, &format!("/api/v1/conversations/{conversation}"));
        call.header("cookie", &token).send().await.problem(404, "not-found");
        // The next conversation belongs to a new learner.
        student.begin("과학 탐구").await;
        student.get(&format!("/api/v1/conversations/{conversation}")).await.problem(404, "not-found");
    }
}

#[tokio::test]
async fn a_page_of_another_site_cannot_make_a_student_leave() {
    let app = TestApp::start().await;
    let student = app.student();
    let conversation = student.begin("과학 탐구").await;
    for (name, value) in [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")] {
        let reply = student.call(Method::POST, "/leave.html").header(name, value).send().await;
        assert_eq!((reply.status.as_u16(), &*reply.header("set-cookie")), (403, ""));
    }
    student.get(&format!("/api/v1/conversations/{conversation}")).await.expect(200);
}
