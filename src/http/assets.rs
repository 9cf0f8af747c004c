//! Styles, scripts and images, embedded in the program.
//!
//! Every file is served under `/static/<hash>/`. The hash covers all files: scripts import each other by relative paths, so
//! one changed file must change the URL of all.

use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::extract::{Path, Request};
use axum::http::{HeaderValue, header};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use memory_serve::CacheControl;
use sha2::{Digest, Sha256};

/// `Cache-Control` for the URL with the current hash: its content never changes.
const IMMUTABLE: &str = "public, max-age=31536000, immutable";
/// `Cache-Control` for the hash of an earlier version, requested by a page that was loaded before an update, and for
/// development builds, which read the files from disk.
const REVALIDATE: &str = "no-cache";

/// 16 hexadecimal digits over the names and contents of all files.
static HASH: LazyLock<String> = LazyLock::new(|| {
    let manifest = memory_serve::load!().enable_hashed_routes(true).manifest();
    let mut routes: Vec<_> = manifest.iter().map(|(_, hashed)| hashed).collect();
    routes.sort_unstable();
    let digest = Sha256::digest(routes.join("\n"));
    hex::encode(&digest[..8])
});

/// The path of the files: `/static/<hash>`, without a slash at the end.
pub fn base_path() -> Arc<str> {
    static BASE: LazyLock<Arc<str>> = LazyLock::new(|| format!("/static/{}", *HASH).into());
    Arc::clone(&BASE)
}

/// Serves `/static/` with `ETag`, brotli, gzip and `HEAD`. Call it once at startup: the served bytes are never freed.
pub fn router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    let files =
        memory_serve::load!().index_file(None).cache_control(CacheControl::Custom(IMMUTABLE)).into_router::<S>();
    Router::new().nest("/static/{version}", files).route_layer(from_fn(set_cache_control))
}

async fn set_cache_control(Path(version): Path<String>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    if cfg!(debug_assertions) || version != *HASH {
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static(REVALIDATE));
    }
    response
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::{Method, StatusCode};
    use tower::ServiceExt;

    use super::*;

    async fn request(method: Method, path: &str) -> Response {
        let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
        router::<()>().oneshot(request).await.unwrap()
    }

    #[tokio::test]
    async fn a_file_is_served_under_the_hash_of_all_files() {
        let response = request(Method::GET, &format!("{}/css/base.css", base_path())).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()[header::CONTENT_TYPE], "text/css");
        assert!(response.headers().contains_key(header::ETAG));
        assert_eq!(request(Method::HEAD, &format!("{}/js/chat.js", base_path())).await.status(), StatusCode::OK);
        assert_eq!(
            request(Method::GET, &format!("{}/css/none.css", base_path())).await.status(),
            StatusCode::NOT_FOUND
        );
    }

    #[tokio::test]
    async fn the_hash_of_an_earlier_version_is_served_but_not_cached() {
        let response = request(Method::GET, "/static/0123456789abcdef/css/base.css").await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()[header::CACHE_CONTROL], REVALIDATE);
    }
}
