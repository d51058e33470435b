//! What a browser sends: a query or a form, a cookie, and where it comes from.

use std::{future::poll_fn, pin::pin, time::Duration};

use http::{HeaderMap, Uri, header};
use http_body::Body as _;
use tokio::time::timeout;
use tonic::{Status, body::Body};

/// The largest form: a token and what is around it.
const MAX_FORM: usize = 16 * 1024;
/// How long a form may take to come.
const PATIENCE: Duration = Duration::from_secs(10);

/// The fields of a query or a form, in order.
#[derive(Clone, Debug, Default)]
pub struct Fields(Vec<(String, String)>);

impl Fields {
    /// Reads `application/x-www-form-urlencoded` text as the
    /// [URL standard](https://url.spec.whatwg.org/#urlencoded-parsing) does.
    pub fn parse(text: &str) -> Self {
        let pairs = text.split('&').filter(|pair| !pair.is_empty());
        let fields = pairs.map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name), decode(value))
        });
        Self(fields.collect())
    }

    /// The first of that name, without spaces around it; empty if there is none.
    pub fn get(&self, name: &str) -> &str {
        let found = self.0.iter().find(|(field, _)| field == name);
        found.map_or("", |(_, value)| value.trim())
    }
}

/// What the percent signs and pluses of a form stand for.
pub fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let coded = (*first == b'%')
            .then(|| after.split_first_chunk())
            .flatten();
        let hex = |digit: u8| char::from(digit).to_digit(16);
        let byte = coded.and_then(|([high, low], after)| {
            let byte = u8::try_from(hex(*high)? * 16 + hex(*low)?).ok()?;
            Some((byte, after))
        });
        rest = if let Some((byte, after)) = byte {
            bytes.push(byte);
            after
        } else {
            bytes.push(if *first == b'+' { b' ' } else { *first });
            after
        };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The fields that were posted.
pub async fn form(body: Body) -> Result<Fields, Status> {
    let read = timeout(PATIENCE, whole(body)).await;
    let bytes = read.map_err(|_| Status::deadline_exceeded("the form did not come in time"))??;
    Ok(Fields::parse(&String::from_utf8_lossy(&bytes)))
}

async fn whole(body: Body) -> Result<Vec<u8>, Status> {
    let mut body = pin!(body);
    let mut bytes = Vec::new();
    while let Some(frame) = poll_fn(|cx| body.as_mut().poll_frame(cx)).await {
        if let Ok(data) = frame?.into_data() {
            if bytes.len() + data.len() > MAX_FORM {
                return Err(Status::invalid_argument("the form is too large"));
            }
            bytes.extend_from_slice(&data);
        }
    }
    Ok(bytes)
}

/// The value of a cookie.
pub fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let lines = headers.get_all(header::COOKIE).iter();
    let mut pairs = lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='));
    pairs.find_map(|(found, value)| (found == name).then_some(value))
}

/// Whom the browser believes to speak to: host and port.
pub fn authority<'r>(uri: &'r Uri, headers: &'r HeaderMap) -> &'r str {
    let named = uri.authority().map(http::uri::Authority::as_str);
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    named.or(host).unwrap_or_default()
}

/// Whether a form was sent from a page of ours, by what browsers say themselves. One that says
/// nothing is no browser that another site could make do something.
pub fn is_own_form(authority: &str, headers: &HeaderMap) -> bool {
    let says = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(site) = says("sec-fetch-site") {
        return matches!(site, "same-origin" | "none");
    }
    says("origin").is_none_or(|origin| {
        let host = origin.split_once("://").map(|(_, host)| host);
        host == Some(authority)
    })
}

/// Whether the browser speaks to this machine by a name that only it has. A name that another
/// site made point here is none.
pub fn is_this_machine(authority: &str) -> bool {
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|digit| digit.is_ascii_digit()) => host,
        _ => authority,
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_read_as_browsers_write_it() {
        let fields = Fields::parse("a=1&b=x+y%21&&c&%C3%A9=%3Cscript%3E&a=2&bad=%zz%4");
        assert_eq!(fields.get("a"), "1");
        assert_eq!(fields.get("b"), "x y!");
        assert_eq!(fields.get("c"), "");
        assert_eq!(fields.get("é"), "<script>");
        assert_eq!(fields.get("bad"), "%zz%4");
        assert_eq!(fields.get("none"), "");
    }

    #[test]
    fn cookies_are_told_apart_by_their_whole_name() {
        let mut headers = HeaderMap::new();
        headers.append(header::COOKIE, "xdwell=1; other=2".parse().unwrap());
        headers.append(header::COOKIE, "a=b;dwell=t.o=k".parse().unwrap());
        assert_eq!(cookie(&headers, "dwell"), Some("t.o=k"));
        assert_eq!(cookie(&headers, "well"), None);
    }

    #[test]
    fn forms_of_other_sites_are_known() {
        let from = |name: &'static str, value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(name, value.parse().unwrap());
            is_own_form("dwell.example:50051", &headers)
        };
        assert!(is_own_form("dwell.example", &HeaderMap::new()));
        assert!(from("sec-fetch-site", "same-origin") && from("sec-fetch-site", "none"));
        assert!(!from("sec-fetch-site", "cross-site") && !from("sec-fetch-site", "same-site"));
        assert!(from("origin", "https://dwell.example:50051"));
        assert!(!from("origin", "https://dwell.example") && !from("origin", "null"));
    }

    #[test]
    fn only_names_of_this_machine_are_its_own() {
        for own in [
            "localhost",
            "LOCALHOST:50051",
            "127.0.0.1:1",
            "[::1]:50051",
            "127.1.2.3",
        ] {
            assert!(is_this_machine(own), "{own}");
        }
        for other in [
            "",
            "evil.example:50051",
            "localhost.evil.example",
            "192.168.0.1",
            "a:b",
        ] {
            assert!(!is_this_machine(other), "{other}");
        }
    }
}
