//! Headers of requests, and what becomes of them.

use std::{net::IpAddr, time::Duration};

use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Version, header, uri::Authority};
use tonic::{Status, body::Body};

use super::{
    refusal::Refusal,
    routes::{Payload, Route},
};
use crate::domain::rejection::Rejection;

pub const JSON: &str = "application/json";
pub const JSON_LINES: &str = "application/x-ndjson";
const GRPC: &str = "application/grpc";
const GRPC_TIMEOUT: &str = "grpc-timeout";
/// Seconds that the caller gives a call.
const REQUEST_TIMEOUT: &str = "request-timeout";
/// What is of the HTTP message and not of the call, or says how a gRPC message is packed.
const NOT_METADATA: [&str; 10] = [
    "connection",
    "content-encoding",
    "content-length",
    "expect",
    "grpc-accept-encoding",
    "grpc-encoding",
    "request-timeout",
    "te",
    "transfer-encoding",
    "upgrade",
];

/// Whether a request is a call of gRPC, or of gRPC-Web where that is understood. gRPC itself is
/// spoken over HTTP/2 only.
pub fn is_grpc(request: &Request<Body>, grpc_web: bool) -> bool {
    let media_type = request.headers().get(header::CONTENT_TYPE);
    let kind = media_type.and_then(|media_type| media_type.to_str().ok()?.strip_prefix(GRPC));
    match kind {
        Some(kind) if kind.starts_with("-web") => grpc_web,
        Some(_) => request.version() == Version::HTTP_2,
        // A preflight of gRPC-Web has no type; CORS has answered it.
        None => false,
    }
}

/// Whether a request is sent to an address, or to this machine by its own name: a page that has
/// another name resolve to this machine (DNS rebinding) is not.
pub fn is_to_own_machine(request: &Request<Body>) -> bool {
    let named = request.headers().get(header::HOST);
    let named = named.and_then(|host| host.to_str().ok()?.parse::<Authority>().ok());
    let Some(host) = request.uri().authority().or(named.as_ref()) else {
        return true;
    };
    let host = host.host().trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok()
}

/// Bytes of a request before its body, as HTTP/2 counts them (RFC 9113, 6.5.2).
pub fn size(request: &Request<Body>) -> usize {
    let target = request.uri().path_and_query();
    let headers = request.headers().iter();
    let size = |(name, value): (&HeaderName, &HeaderValue)| name.as_str().len() + value.len() + 32;
    target.map_or(0, |target| target.as_str().len()) + headers.map(size).sum::<usize>()
}

/// Whether a body is of a kind that is read.
pub fn check_body(route: &Route, headers: &HeaderMap) -> Result<(), Refusal> {
    if matches!(route.payload, Payload::None) {
        return Err(Refusal::no_body());
    }
    let media_type = headers.get(header::CONTENT_TYPE);
    let essence = media_type
        .and_then(|media_type| media_type.to_str().ok()?.split(';').next())
        .map(|essence| essence.trim().to_ascii_lowercase());
    let wanted = if route.takes_stream { JSON_LINES } else { JSON };
    let is_wanted = essence.is_some_and(|essence| essence == wanted);
    if !is_wanted || headers.contains_key(header::CONTENT_ENCODING) {
        return Err(Refusal::media_type(wanted));
    }
    Ok(())
}

/// The caller's time for the call.
pub fn timeout(headers: &HeaderMap) -> Result<Option<Duration>, Status> {
    let Some(value) = headers.get(REQUEST_TIMEOUT) else {
        return Ok(None);
    };
    let text = value.to_str().ok();
    let seconds = text.and_then(|text| text.parse::<f64>().ok());
    let time = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    time.map(Some).ok_or_else(|| {
        let rule = "must be a number of seconds, such as 2.5";
        Rejection::invalid("Request-Timeout", rule).into()
    })
}

pub fn set_timeout(headers: &mut HeaderMap, timeout: Option<Duration>) {
    // As gRPC writes it, in at most eight digits.
    let millis = timeout.map(|timeout| timeout.as_millis().min(99_999_999));
    let value = millis.and_then(|millis| HeaderValue::try_from(format!("{millis}m")).ok());
    if let Some(value) = value {
        headers.insert(GRPC_TIMEOUT, value);
    }
}

/// Leaves the metadata of a call.
pub fn make_grpc(headers: &mut HeaderMap) {
    for name in NOT_METADATA {
        headers.remove(name);
    }
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(GRPC));
}

/// Says which methods there are.
pub fn allow(headers: &mut HeaderMap, methods: &[Method]) {
    let mut names: Vec<_> = methods.iter().map(Method::as_str).collect();
    names.push("OPTIONS");
    if let Ok(names) = HeaderValue::try_from(names.join(", ")) {
        headers.insert(header::ALLOW, names);
    }
}
