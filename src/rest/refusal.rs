//! What is not answered as asked: a status as HTTP and JSON have it.

use http::{HeaderValue, Method, Response, StatusCode, header};
use prost::Message;
use prost_reflect::{DynamicMessage, MessageDescriptor};
use tonic::{Code, Status, body::Body};
use tonic_types::{StatusExt, pb};

use super::{headers, json};
use crate::grpc::status;

/// How a status is told as JSON: `google.rpc.Status`.
#[derive(Clone, Debug)]
pub struct Statuses(MessageDescriptor);

impl Statuses {
    pub const fn new(message: MessageDescriptor) -> Self {
        Self(message)
    }

    /// The status with its details, or without them if they are of kinds that are not known.
    pub fn json(&self, status: &Status) -> Vec<u8> {
        self.written(status.details()).unwrap_or_else(|| {
            let plain = pb::Status {
                code: status.code() as i32,
                message: status.message().to_owned(),
                details: Vec::new(),
            };
            self.written(&plain.encode_to_vec()).unwrap_or_default()
        })
    }

    fn written(&self, status: &[u8]) -> Option<Vec<u8>> {
        if status.is_empty() {
            return None;
        }
        let status = DynamicMessage::decode(self.0.clone(), status).ok()?;
        serde_json::to_vec(&status).ok()
    }
}

/// A refusal as it is answered.
#[derive(Debug)]
pub struct Refusal {
    http: StatusCode,
    status: Box<Status>,
    allowed: Vec<Method>,
}

impl Refusal {
    fn new(http: StatusCode, status: Status) -> Self {
        Self {
            http,
            status: Box::new(status),
            allowed: Vec::new(),
        }
    }

    pub fn no_such_path() -> Self {
        Self::new(StatusCode::NOT_FOUND, status::no_such_path())
    }

    pub fn method_not_allowed(allowed: &[Method]) -> Self {
        Self {
            allowed: allowed.to_vec(),
            ..Self::new(StatusCode::METHOD_NOT_ALLOWED, status::other_method())
        }
    }

    pub fn media_type(wanted: &str) -> Self {
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            status::media_type(wanted),
        )
    }

    pub fn other_machine() -> Self {
        Self::new(StatusCode::MISDIRECTED_REQUEST, status::other_machine())
    }

    pub fn no_body() -> Self {
        Self::new(StatusCode::BAD_REQUEST, status::no_body())
    }

    pub fn headers_too_large(max: usize) -> Self {
        let http = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
        Self::new(http, status::headers_too_large(max))
    }

    pub const fn http(&self) -> StatusCode {
        self.http
    }

    pub fn response(self, statuses: &Statuses) -> Response<Body> {
        let mut response = json(self.http, statuses.json(&self.status));
        let headers = response.headers_mut();
        if self.http == StatusCode::UNAUTHORIZED {
            let scheme = HeaderValue::from_static("Bearer realm=\"dwell\"");
            headers.insert(header::WWW_AUTHENTICATE, scheme);
        }
        if let Some(seconds) = retry_after(&self.status) {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if !self.allowed.is_empty() {
            headers::allow(headers, &self.allowed);
        }
        response
    }
}

impl From<Status> for Refusal {
    fn from(status: Status) -> Self {
        Self::new(http(&status), status)
    }
}

/// Whole seconds until it is worth while to ask again.
fn retry_after(status: &Status) -> Option<u64> {
    let delay = status.get_details_retry_info()?.retry_delay?;
    Some(delay.as_secs() + u64::from(delay.subsec_nanos() > 0))
}

/// By the table in google/rpc/code.proto, but for what HTTP knows better.
fn http(status: &Status) -> StatusCode {
    match status.code() {
        Code::Ok => StatusCode::OK,
        Code::InvalidArgument | Code::FailedPrecondition | Code::OutOfRange => {
            StatusCode::BAD_REQUEST
        }
        Code::Unauthenticated => StatusCode::UNAUTHORIZED,
        Code::PermissionDenied => StatusCode::FORBIDDEN,
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::AlreadyExists | Code::Aborted => StatusCode::CONFLICT,
        Code::ResourceExhausted if status::is_too_large(status) => StatusCode::PAYLOAD_TOO_LARGE,
        Code::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
        // Nobody is left to see it; 499 is what nginx logs.
        Code::Cancelled => StatusCode::from_u16(499).unwrap_or(StatusCode::BAD_REQUEST),
        Code::Unimplemented => StatusCode::NOT_IMPLEMENTED,
        Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Code::DeadlineExceeded => StatusCode::GATEWAY_TIMEOUT,
        Code::Unknown | Code::Internal | Code::DataLoss => StatusCode::INTERNAL_SERVER_ERROR,
    }
}
