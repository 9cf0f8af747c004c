//! A real S3 server over a socket, which checks signatures, stores its objects in a folder and misbehaves on demand.

use std::{
    fs,
    path::PathBuf,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{Method, StatusCode},
    response::{IntoResponse as _, Response},
};
use s3s::{
    auth::SimpleAuth,
    service::{S3Service, S3ServiceBuilder},
};
use s3s_fs::FileSystem;
use tempfile::TempDir;
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};
use tower::ServiceExt as _;

pub const KEY: &str = "test-key";
pub const SECRET: &str = "test-secret";

/// What it does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    None,
    /// It answers 500 to everything.
    Fails,
    /// A bit of every database that it gives out is turned.
    Corrupts,
    /// It holds each upload until the fault changes.
    Holds,
}

/// A running server with the bucket `school`. Dropping it ends it.
pub struct S3 {
    folder: TempDir,
    pub endpoint: String,
    front: Arc<Front>,
    serving: JoinHandle<()>,
}

struct Front {
    service: S3Service,
    fault: watch::Sender<Fault>,
    held: watch::Sender<usize>,
    asked: Mutex<usize>,
}

impl S3 {
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("school")).unwrap();
        let mut service = S3ServiceBuilder::new(FileSystem::new(folder.path()).unwrap());
        service.set_auth(SimpleAuth::from_single(KEY, SECRET));
        let front = Arc::new(Front {
            service: service.build(),
            fault: watch::Sender::new(Fault::None),
            held: watch::Sender::new(0),
            asked: Mutex::new(0),
        });
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(answer).with_state(front.clone());
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { folder, endpoint, front, serving }
    }

    /// The settings that lead to it.
    pub fn settings(&self) -> [(&str, &str); 5] {
        [
            ("BACKUP_URL", "s3://school/deep/er"),
            ("AWS_ENDPOINT_URL", &self.endpoint),
            ("AWS_REGION", "ap-northeast-2"),
            ("AWS_ACCESS_KEY_ID", KEY),
            ("AWS_SECRET_ACCESS_KEY", SECRET),
        ]
    }

    /// The folder with the objects.
    pub fn objects(&self) -> PathBuf {
        self.folder.path().join("school/deep/er")
    }

    pub fn misbehave(&self, fault: Fault) {
        self.front.fault.send_replace(fault);
    }

    /// Waits until this many things are being held up.
    pub async fn wait_for_held(&self, count: usize) {
        let mut held = self.front.held.subscribe();
        super::support::soon("what S3 holds up", held.wait_for(|held| *held >= count)).await.unwrap();
    }

    /// How often it was asked for anything.
    pub fn asked(&self) -> usize {
        *self.front.asked.lock().unwrap()
    }
}

async fn answer(State(front): State<Arc<Front>>, request: Request) -> Response {
    *front.asked.lock().unwrap() += 1;
    let fault = *front.fault.borrow();
    let is_database = request.method() == Method::GET && request.uri().path().contains(".db.zst");
    match fault {
        Fault::Fails => return StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        // This server would make one.
        _ if !request.uri().path().starts_with("/school/") && request.uri().path() != "/school" => {
            let body = "<Error><Code>NoSuchBucket</Code><Message>The specified bucket does not exist</Message></Error>";
            return (StatusCode::NOT_FOUND, body).into_response();
        }
        Fault::Holds if request.method() == Method::PUT => {
            front.held.send_modify(|held| *held += 1);
            front.fault.subscribe().wait_for(|fault| *fault != Fault::Holds).await.unwrap();
        }
        _ => {}
    }
    let response = front.service.clone().oneshot(request).await.expect("S3 answers failures, too").map(Body::new);
    if fault == Fault::Corrupts && is_database { with_a_bit_turned(response).await } else { response }
}

async fn with_a_bit_turned(response: Response) -> Response {
    let (head, body) = response.into_parts();
    let mut bytes = to_bytes(body, usize::MAX).await.unwrap().to_vec();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    Response::from_parts(head, Body::from(bytes))
}

impl Drop for S3 {
    fn drop(&mut self) {
        self.serving.abort();
    }
}
