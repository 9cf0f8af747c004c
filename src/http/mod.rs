//! HTTP: routes, pages, API.
