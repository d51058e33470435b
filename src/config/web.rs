//! Callers that have no gRPC: scripts, webhooks, browsers.

use clap::Args;
use http::{HeaderValue, Uri};

use super::Switch;

/// What is served beside gRPC, on the same port.
#[derive(Clone, Debug, Args)]
pub struct WebArgs {
    /// HTTP and JSON: the same methods as resources, and their description at /openapi.json, which
    /// goes with --reflection.
    #[arg(long, env = "DWELL_REST", default_value = "on", value_name = "SWITCH")]
    pub rest: Switch,
    /// gRPC-Web, for gRPC clients in browsers.
    #[arg(
        long,
        env = "DWELL_GRPC_WEB",
        default_value = "off",
        value_name = "SWITCH"
    )]
    pub grpc_web: Switch,
    /// Origins whose pages may call from a browser, with commas between them, such as
    /// <https://app.example.com>; none unless given.
    #[arg(
        long,
        env = "DWELL_CORS_ORIGINS",
        value_name = "ORIGINS",
        value_delimiter = ',',
        value_parser = origin
    )]
    pub cors_origins: Vec<HeaderValue>,
    /// Whether to serve pages to look at, under `/ui/`.
    #[arg(long, env = "DWELL_UI", default_value = "off", value_name = "SWITCH")]
    pub ui: Switch,
}

impl WebArgs {
    /// Whether anything is spoken over HTTP/1.1, which gRPC is not.
    #[must_use]
    pub fn http1(&self) -> bool {
        [self.rest, self.grpc_web, self.ui].contains(&Switch::On)
    }
}

/// As browsers write it: scheme and authority, and nothing after them.
fn origin(text: &str) -> Result<HeaderValue, String> {
    let wrong = || "must be an origin, such as https://app.example.com".to_owned();
    let uri: Uri = text.parse().map_err(|_| wrong())?;
    let (scheme, authority) = (uri.scheme_str(), uri.authority());
    let (Some(scheme @ ("http" | "https")), Some(authority)) = (scheme, authority) else {
        return Err(wrong());
    };
    if text != format!("{scheme}://{authority}") {
        return Err(wrong());
    }
    HeaderValue::from_str(text).map_err(|_| wrong())
}
