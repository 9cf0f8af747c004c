//! A student's browser: it stores the learner's cookie and sends it.

use std::sync::{Arc, Mutex};

use reqwest::{
    Body, Client, Method, RequestBuilder, Response,
    header::{CONTENT_TYPE, COOKIE, HeaderName, HeaderValue, SET_COOKIE},
    redirect::Policy,
};
use serde_json::{Value, json};

use super::{
    events::{Events, Story},
    reply::Reply,
    soon,
};

/// A client without a cookie store.
pub fn http_client() -> Client {
    // Plain connections need no certificates, which take long to load.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().no_proxy().redirect(Policy::none()).tls_certs_only([]).build().unwrap()
}

/// A student with a browser.
pub struct Student {
    http: Client,
    url: String,
    cookie: Arc<Mutex<Option<String>>>,
}

/// A builder of a request.
pub struct Call {
    cookie: Arc<Mutex<Option<String>>>,
    request: RequestBuilder,
}

impl Student {
    pub fn new(http: Client, url: String) -> Self {
        Self { http, url, cookie: Arc::default() }
    }

    /// The same student, with the same cookie, at another base URL.
    pub fn moved_to(&self, url: String) -> Self {
        Self { http: self.http.clone(), url, cookie: self.cookie.clone() }
    }

    /// The cookie as `name=value`, if there is one.
    pub fn cookie(&self) -> Option<String> {
        self.cookie.lock().unwrap().clone()
    }

    pub fn call(&self, method: Method, path: &str) -> Call {
        let mut request = self.http.request(method, format!("{}{path}", self.url));
        if let Some(cookie) = self.cookie() {
            request = request.header(COOKIE, cookie);
        }
        Call { cookie: self.cookie.clone(), request }
    }

    pub async fn get(&self, path: &str) -> Reply {
        self.call(Method::GET, path).send().await
    }

    pub async fn post(&self, path: &str, body: Value) -> Reply {
        self.call(Method::POST, path).json(&body).send().await
    }

    pub async fn delete(&self, path: &str) -> Reply {
        self.call(Method::DELETE, path).send().await
    }

    /// Creates a conversation and returns its id.
    pub async fn begin(&self, topic: &str) -> String {
        let reply = self.post("/api/v1/conversations", json!({ "topic": topic })).await.expect(201);
        id(&reply.json()["id"])
    }

    /// Asks a question and returns the id of the turn.
    pub async fn ask(&self, conversation: &str, message: &str) -> String {
        id(&self.send(conversation, message, None).await.expect(202).json()["turn_id"])
    }

    /// Sends a question and returns the response, which may be a refusal.
    pub async fn send(&self, conversation: &str, message: &str, key: Option<&str>) -> Reply {
        let path = format!("/api/v1/conversations/{conversation}/turns");
        let mut call = self.call(Method::POST, &path).json(&json!({ "message": message }));
        if let Some(key) = key {
            call = call.header("idempotency-key", key);
        }
        call.send().await
    }

    /// Follows a turn.
    pub async fn follow(&self, turn: &str) -> Events {
        let response = self.call(Method::GET, &format!("/api/v1/turns/{turn}/events")).open().await;
        assert_eq!(response.status(), 200);
        Events::new(response)
    }

    /// Follows a turn to its end.
    pub async fn finish(&self, turn: &str) -> Story {
        self.follow(turn).await.into_story().await
    }

    /// Creates a conversation about science, asks a question, waits for the end and returns the stored turn.
    pub async fn asked_and_answered(&self, message: &str) -> Value {
        let conversation = self.begin("과학 탐구").await;
        let turn = self.ask(&conversation, message).await;
        self.finish(&turn).await;
        self.stored(&conversation).await
    }

    /// The stored conversation.
    pub async fn conversation(&self, conversation: &str) -> Value {
        self.get(&format!("/api/v1/conversations/{conversation}")).await.expect(200).json()
    }

    /// The last stored turn of the conversation.
    pub async fn stored(&self, conversation: &str) -> Value {
        let turns = self.conversation(conversation).await["turns"].take();
        turns.as_array().unwrap().last().expect("a turn").clone()
    }

    pub async fn cancel(&self, turn: &str) -> Reply {
        self.call(Method::POST, &format!("/api/v1/turns/{turn}/cancel")).send().await
    }

    pub async fn retry(&self, turn: &str) -> Reply {
        self.call(Method::POST, &format!("/api/v1/turns/{turn}/retry")).send().await
    }
}

impl Call {
    /// Adds a header with any valid bytes.
    pub fn header(self, name: &str, value: impl AsRef<[u8]>) -> Self {
        let name = HeaderName::try_from(name).unwrap();
        let value = HeaderValue::from_bytes(value.as_ref()).unwrap();
        Self { request: self.request.header(name, value), ..self }
    }

    pub fn json(self, body: &Value) -> Self {
        self.body(body.to_string()).header(CONTENT_TYPE.as_str(), "application/json")
    }

    pub fn body(self, body: impl Into<Body>) -> Self {
        Self { request: self.request.body(body), ..self }
    }

    /// Sends the request and reads the whole response.
    pub async fn send(self) -> Reply {
        Reply::of(self.open().await).await
    }

    /// Sends the request and returns the response without reading its body.
    pub async fn open(self) -> Response {
        let response = soon("a response", self.request.send()).await.unwrap();
        for cookie in response.headers().get_all(SET_COOKIE) {
            let pair = cookie.to_str().unwrap().split(';').next().unwrap_or_default();
            if pair.trim_start_matches("__Host-").starts_with("llm_classroom_learner=") {
                // An empty value deletes the cookie.
                *self.cookie.lock().unwrap() = Some(pair.to_owned()).filter(|pair| !pair.ends_with('='));
            }
        }
        response
    }
}

fn id(value: &Value) -> String {
    value.as_str().expect("an id").to_owned()
}
