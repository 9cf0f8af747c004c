//! Styles, scripts and pictures, embedded in the program.
//!
//! Every file lives under `/static/<hash>/`, where the hash is over all of them: scripts import each other by relative
//! paths, so one changed file must give the whole tree a new address.

use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::extract::{Path, Request};
use axum::http::{HeaderValue, header};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use memory_serve::CacheControl;
use sha2::{Digest, Sha256};

/// For the address that names the present content: it can never change.
const FOREVER: &str = "public, max-age=31536000, immutable";
/// For the address of an earlier version, asked for by a page loaded before an update, and for files read from the
/// disk while developing: served, never kept.
const ASK_AGAIN: &str = "no-cache";

/// 16 hexadecimal digits over the names and contents of all files.
static HASH: LazyLock<String> = LazyLock::new(|| {
    let manifest = memory_serve::load!().enable_hashed_routes(true).manifest();
    let mut routes: Vec<_> = manifest.iter().map(|(_, hashed)| hashed).collect();
    routes.sort_unstable();
    let digest = Sha256::digest(routes.join("\n"));
    hex::encode(&digest[..8])
});

/// Where the files are: `/static/<hash>`, without a slash at the end.
pub fn base() -> Arc<str> {
    static BASE: LazyLock<Arc<str>> = LazyLock::new(|| format!("/static/{}", *HASH).into());
    Arc::clone(&BASE)
}

/// Serves everything under `/static/`, with ETag, brotli and gzip, HEAD. Call it once, at start-up: the served bytes
/// live as long as the program.
pub fn router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    let files = memory_serve::load!().index_file(None).cache_control(CacheControl::Custom(FOREVER)).into_router::<S>();
    Router::new().nest("/static/{version}", files).route_layer(from_fn(keep_only_the_present))
}

async fn keep_only_the_present(Path(version): Path<String>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    if cfg!(debug_assertions) || version != *HASH {
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static(ASK_AGAIN));
    }
    response
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::{Method, StatusCode};
    use tower::ServiceExt;

    use super::*;

    async fn ask(method: Method, path: &str) -> Response {
        let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
        router::<()>().oneshot(request).await.unwrap()
    }

    #[tokio::test]
    async fn a_file_is_served_under_the_content_hash() {
        let response = ask(Method::GET, &format!("{}/css/base.css", base())).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()[header::CONTENT_TYPE], "text/css");
        assert!(response.headers().contains_key(header::ETAG));
        assert_eq!(ask(Method::HEAD, &format!("{}/js/chat.js", base())).await.status(), StatusCode::OK);
        assert_eq!(ask(Method::GET, &format!("{}/css/none.css", base())).await.status(), StatusCode::NOT_FOUND);
    }

    #[tokio::test]
    async fn an_old_address_still_works_but_is_not_kept() {
        let response = ask(Method::GET, "/static/0123456789abcdef/css/base.css").await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()[header::CACHE_CONTROL], ASK_AGAIN);
    }
}
