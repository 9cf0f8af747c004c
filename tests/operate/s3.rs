//! A real S3 server over a socket, which checks signatures and keeps its objects in a folder.

use std::{fs, path::PathBuf};

use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto::Builder,
};
use s3s::{auth::SimpleAuth, service::S3ServiceBuilder};
use s3s_fs::FileSystem;
use tempfile::TempDir;
use tokio::{net::TcpListener, task::JoinHandle};

pub const KEY: &str = "test-key";
pub const SECRET: &str = "test-secret";

/// A running server with the bucket `school`. Dropping it ends it.
pub struct S3 {
    folder: TempDir,
    pub endpoint: String,
    serving: JoinHandle<()>,
}

impl S3 {
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("school")).unwrap();
        let mut service = S3ServiceBuilder::new(FileSystem::new(folder.path()).unwrap());
        service.set_auth(SimpleAuth::from_single(KEY, SECRET));
        let service = service.build();
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let serving = tokio::spawn(async move {
            loop {
                let (socket, _) = listener.accept().await.unwrap();
                let service = service.clone();
                tokio::spawn(async move {
                    let builder = Builder::new(TokioExecutor::new());
                    _ = builder.serve_connection(TokioIo::new(socket), service).await;
                });
            }
        });
        Self { folder, endpoint, serving }
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
}

impl Drop for S3 {
    fn drop(&mut self) {
        self.serving.abort();
    }
}
