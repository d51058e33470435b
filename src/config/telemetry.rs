//! Who watches the service.

use std::net::SocketAddr;

use clap::Args;

/// Who watches the service.
#[derive(Clone, Debug, Default, Args)]
pub struct TelemetryArgs {
    /// Address to tell `/metrics` to Prometheus on, and `/healthz` and `/readyz` to whoever asks;
    /// port 0 picks one. Without this flag there is none.
    #[arg(long, env = "DWELL_METRICS_LISTEN", value_name = "ADDR")]
    pub metrics_listen: Option<SocketAddr>,
    /// Where to send traces, by OTLP over gRPC: an http or https URL, such as
    /// `http://127.0.0.1:4317`. Without this flag nothing is traced.
    #[arg(
        long,
        env = "DWELL_OTLP_ENDPOINT",
        hide_env_values = true,
        value_name = "URL",
        value_parser = endpoint
    )]
    pub otlp_endpoint: Option<String>,
}

fn endpoint(text: &str) -> Result<String, String> {
    let url = reqwest::Url::parse(text).map_err(|error| error.to_string())?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err("must begin with http:// or https://".to_owned());
    }
    Ok(text.to_owned())
}
