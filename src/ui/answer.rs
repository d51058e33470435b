//! What goes back to the browser, with the headers that hold it to what the page is for.

use askama::Template;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use tonic::{Code, Status, body::Body};
use tonic_types::StatusExt;

use super::{assets::Asset, frame::Frame};

/// Style and scripts are files of our own; nothing else is loaded, run, framed or sent elsewhere.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; \
                      connect-src 'self'; form-action 'self'; base-uri 'none'; \
                      frame-ancestors 'none'";
const HTML: &str = "text/html; charset=utf-8";
/// A hash is in the name, so the content never changes.
const FOR_EVER: &str = "public, max-age=31536000, immutable";

/// A page, or why there is none.
pub type Page = Result<Response<Body>, Status>;

/// A page that is there.
pub fn page(template: &impl Template) -> Page {
    page_with(StatusCode::OK, template)
}

/// A page with a status.
pub fn page_with(status: StatusCode, template: &impl Template) -> Page {
    let text = template
        .render()
        .map_err(|_| Status::internal("the page cannot be written"))?;
    Ok(respond(status, HTML, Body::new(text)))
}

/// Has the browser go on with a GET of another page.
pub fn redirect(to: &str) -> Page {
    let place = HeaderValue::try_from(to).map_err(|_| Status::internal("no place to go on to"))?;
    let mut response = respond(StatusCode::SEE_OTHER, HTML, Body::default());
    response.headers_mut().insert(header::LOCATION, place);
    Ok(response)
}

/// A file to keep.
pub fn asset(asset: &'static Asset) -> Response<Body> {
    let mut response = respond(
        StatusCode::OK,
        asset.content_type,
        Body::new(asset.content.to_owned()),
    );
    let forever = HeaderValue::from_static(FOR_EVER);
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, forever);
    response
}

/// A file to save, under a name.
pub fn file(content_type: &'static str, name: &str, body: Body) -> Page {
    let mut response = respond(StatusCode::OK, content_type, body);
    let disposition = format!("attachment; filename=\"{name}\"");
    let disposition =
        HeaderValue::try_from(disposition).map_err(|_| Status::internal("no name for the file"))?;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_DISPOSITION, disposition);
    Ok(response)
}

fn respond(status: StatusCode, content_type: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers: &mut HeaderMap = response.headers_mut();
    let says: [(HeaderName, &'static str); 6] = [
        (header::CONTENT_TYPE, content_type),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "same-origin"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    for (name, value) in says {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

#[derive(Template)]
#[template(path = "failure.html")]
struct Failure {
    frame: Frame,
    heading: &'static str,
    message: String,
    retry: bool,
}

/// A page that says what went wrong.
pub fn failure(mut frame: Frame, status: &Status) -> Response<Body> {
    let (code, heading) = heading(status.code());
    heading.clone_into(&mut frame.title);
    let retry = code.is_server_error() || code == StatusCode::TOO_MANY_REQUESTS;
    let page = Failure {
        frame,
        heading,
        message: status.message().to_owned(),
        retry,
    };
    let mut response = page_with(code, &page)
        .unwrap_or_else(|_| respond(code, "text/plain", Body::new(heading.to_owned())));
    let wait = status.get_details_retry_info();
    if let Some(delay) = wait.and_then(|info| info.retry_delay) {
        let seconds = delay.as_secs() + u64::from(delay.subsec_nanos() > 0);
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

const fn heading(code: Code) -> (StatusCode, &'static str) {
    match code {
        Code::InvalidArgument | Code::OutOfRange => {
            (StatusCode::BAD_REQUEST, "This cannot be looked up")
        }
        Code::NotFound => (StatusCode::NOT_FOUND, "Nothing is here"),
        Code::PermissionDenied => (StatusCode::FORBIDDEN, "This is not for you"),
        Code::Unauthenticated => (StatusCode::UNAUTHORIZED, "Please sign in"),
        Code::Unimplemented => (StatusCode::METHOD_NOT_ALLOWED, "This cannot be done here"),
        Code::AlreadyExists | Code::FailedPrecondition | Code::Aborted => {
            (StatusCode::CONFLICT, "This cannot be done now")
        }
        Code::ResourceExhausted => (StatusCode::TOO_MANY_REQUESTS, "Too much at once"),
        Code::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "Not available just now"),
        Code::DeadlineExceeded => (StatusCode::GATEWAY_TIMEOUT, "This took too long"),
        _ => (StatusCode::INTERNAL_SERVER_ERROR, "Something went wrong"),
    }
}
