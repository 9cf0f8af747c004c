//! Every route. Those of the API are listed with their part of the OpenAPI document.

use axum::{
    Router, middleware,
    routing::{get, post},
};
use tower_http::compression::CompressionLayer;
use utoipa::openapi::OpenApi;
use utoipa_axum::{router::OpenApiRouter, routes};
use utoipa_swagger_ui::SwaggerUi;

use super::{
    AppState,
    api::{chat, conversations, docs, events, export, guide, probe, status, turns},
    assets, layers, learner, metrics, pages,
};

/// Stateless calls, which contain their conversation: any origin, no cookie.
fn stateless() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(chat::chat))
        .routes(routes!(guide::initial_message))
        .routes(routes!(guide::initial_guide))
}

fn stateless_streams() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(chat::stream))
}

/// The data of a learner, for pages of this origin only.
fn personal() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(conversations::list, conversations::create))
        .routes(routes!(conversations::show, conversations::delete))
        .routes(routes!(export::export))
        .routes(routes!(turns::ask))
        .routes(routes!(turns::cancel))
        .routes(routes!(turns::retry))
}

fn personal_streams() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(events::follow))
}

/// The state of the program.
fn status() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(status::greeting))
        .routes(routes!(status::health))
        .routes(routes!(status::ready))
        .routes(routes!(probe::stream))
}

fn pages() -> Router<AppState> {
    Router::new()
        .route("/", get(pages::root))
        .route("/topic-selection.html", get(pages::topics))
        .route("/index.html", get(pages::resume))
        .route("/chat.html", get(pages::resume))
        .route("/own-topic.html", get(pages::redirect_to_topics).post(pages::submit_topic))
        .route("/conversations.html", get(pages::conversations))
        .route("/help.html", get(pages::help))
        .route("/mode-selection.html", get(pages::mode_selection))
}

/// The OpenAPI document of all routes of the API.
#[must_use]
pub fn openapi() -> OpenApi {
    let groups = [stateless(), stateless_streams(), personal(), personal_streams(), status()];
    docs::complete(groups.into_iter().fold(OpenApiRouter::new(), OpenApiRouter::merge).into_openapi())
}

/// All routes with their layers as one service.
pub fn router(state: AppState) -> Router {
    let config = &state.config;

    let stateless = stateless()
        .layer(layers::whole_response(config))
        .merge(stateless_streams())
        .layer(layers::cors(config))
        .layer(layers::no_store());

    let personal = personal()
        .layer(layers::whole_response(config))
        .merge(personal_streams())
        .layer(layers::same_site(config))
        .layer(middleware::from_fn(learner::renew_cookie))
        .layer(layers::no_store());

    let leave = get(pages::confirm_leave).merge(post(pages::leave).layer(layers::same_site(config)));
    let pages = pages()
        .route(pages::LEAVE_PATH, leave)
        .layer(layers::whole_response(config))
        .layer(middleware::from_fn(learner::renew_cookie));

    let docs = Router::from(SwaggerUi::new("/docs").url("/openapi.json", openapi()))
        .layer((CompressionLayer::new(), layers::docs_csp()))
        .layer(layers::docs_cache());

    let routes = Router::from(stateless.merge(personal).merge(status()))
        .route("/metrics", get(metrics::metrics).layer(CompressionLayer::new()))
        .merge(pages)
        .merge(docs)
        .merge(assets::router().layer(CompressionLayer::new()));
    let routes = layers::add_common(routes, &state.config.clone()).with_state(state);
    Router::new().fallback_service(routes).layer(middleware::from_fn(layers::answer_options))
}
