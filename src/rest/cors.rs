//! Which pages may call from a browser: those of the origins that are configured.

use std::time::Duration;

use http::{HeaderName, Method};
use tower_http::cors::CorsLayer;

use crate::config::WebArgs;

/// What a page may send, and what it may see of the answer.
const SENT: [&str; 8] = [
    "authorization",
    "content-type",
    "grpc-timeout",
    "request-timeout",
    "traceparent",
    "x-grpc-web",
    "x-tenant-id",
    "x-user-agent",
];
const SEEN: [&str; 5] = [
    "grpc-message",
    "grpc-status",
    "grpc-status-details-bin",
    "retry-after",
    "www-authenticate",
];
const METHODS: [Method; 5] = [
    Method::GET,
    Method::POST,
    Method::PATCH,
    Method::PUT,
    Method::DELETE,
];
/// How long a browser may remember it.
const AGE: Duration = Duration::from_mins(10);

/// Answers browsers that ask first, and names the origin in answers; `None` without origins. No
/// cookie is understood here, so none is allowed.
#[must_use]
pub fn layer(web: &WebArgs) -> Option<CorsLayer> {
    let layer = CorsLayer::new()
        .allow_origin(web.cors_origins.clone())
        .allow_methods(METHODS)
        .allow_headers(SENT.map(HeaderName::from_static))
        .expose_headers(SEEN.map(HeaderName::from_static))
        .max_age(AGE);
    (!web.cors_origins.is_empty()).then_some(layer)
}
