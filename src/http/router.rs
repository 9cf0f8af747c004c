//! Every route.

use axum::{
    Router, middleware,
    routing::{delete, get, post},
};

use super::{
    AppState,
    api::{chat, conversations, docs, events, export, guide, probe, status, turns},
    assets, layers, learner, metrics, pages,
};

/// The whole program as one service.
pub fn router(state: AppState) -> Router {
    let config = &state.config;

    // Anyone, any origin, no cookie: what clients of the first version call.
    let stateless = Router::new()
        .route("/api/v1/chat/chat", post(chat::chat))
        .route("/api/v1/chat/initial-message", post(guide::initial_message))
        .route("/api/v1/chat/initial-guide", post(guide::initial_guide))
        .layer(layers::time_limit(config))
        .route("/api/v1/chat/chat/stream", post(chat::stream))
        .layer(layers::cors(config))
        .layer(layers::private());

    // A learner's own, for our pages only.
    let own = Router::new()
        .route("/api/v1/conversations", get(conversations::list).post(conversations::create))
        .route("/api/v1/conversations/{id}", get(conversations::show).merge(delete(conversations::delete)))
        .route("/api/v1/conversations/{id}/turns", post(turns::ask))
        .route("/api/v1/conversations/{id}/export", get(export::export))
        .route("/api/v1/turns/{id}/cancel", post(turns::cancel))
        .route("/api/v1/turns/{id}/retry", post(turns::retry))
        .layer(layers::time_limit(config))
        .route("/api/v1/turns/{id}/events", get(events::follow))
        .layer(layers::same_site(config))
        .layer(middleware::from_fn(learner::renew_cookie))
        .layer(layers::private());

    let pages = Router::new()
        .route("/", get(pages::root))
        .route("/topic-selection.html", get(pages::topics))
        .route("/index.html", get(pages::resume))
        .route("/chat.html", get(pages::resume))
        .route("/own-topic.html", get(pages::choose_again).post(pages::choose))
        .route("/conversations.html", get(pages::conversations))
        .route("/help.html", get(pages::help))
        .route("/mode-selection.html", get(pages::mode_selection))
        .route(pages::LEAVE_PATH, get(pages::confirm_leave).merge(post(pages::leave).layer(layers::same_site(config))))
        .layer(middleware::from_fn(learner::renew_cookie));

    let program = Router::new()
        .route("/api", get(status::greeting))
        .route("/health", get(status::health))
        .route("/ready", get(status::ready))
        .route(probe::PATH, get(probe::stream))
        .route("/metrics", get(metrics::show));

    let routes = stateless.merge(own).merge(pages).merge(program).merge(docs::routes()).merge(assets::router());
    let routes = layers::around(routes, &state.config.clone()).with_state(state);
    Router::new().fallback_service(routes).layer(middleware::from_fn(layers::options))
}
