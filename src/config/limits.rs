//! How much the service takes before it says no. The defaults suit a machine of two cores.

use std::time::Duration;

use clap::{Args, value_parser};

/// Every limit, each with its flag.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Limits")]
pub struct LimitArgs {
    /// KiB that one message of a caller may have.
    #[arg(
        long,
        env = "DWELL_MAX_REQUEST_SIZE",
        default_value = "1024",
        value_name = "KIB",
        value_parser = kibibytes
    )]
    pub max_request_size: u32,
    /// KiB that one message of an answer may have.
    #[arg(
        long,
        env = "DWELL_MAX_RESPONSE_SIZE",
        default_value = "16384",
        value_name = "KIB",
        value_parser = kibibytes
    )]
    pub max_response_size: u32,
    /// KiB that the metadata of one call may have, all names and values together.
    #[arg(
        long,
        env = "DWELL_MAX_METADATA_SIZE",
        default_value = "16",
        value_name = "KIB",
        value_parser = kibibytes
    )]
    pub max_metadata_size: u32,

    /// Connections at once; a further one is closed as it comes.
    #[arg(
        long,
        env = "DWELL_MAX_CONNECTIONS",
        default_value = "512",
        value_name = "N",
        value_parser = value_parser!(u32).range(1..=1_000_000)
    )]
    pub max_connections: u32,
    /// Connections that are taken in a second; others wait.
    #[arg(
        long,
        env = "DWELL_CONNECTION_RATE",
        default_value = "200",
        value_name = "N",
        value_parser = value_parser!(u32).range(1..=1_000_000)
    )]
    pub connection_rate: u32,
    /// Calls at once on one connection; a client waits with further ones.
    #[arg(
        long,
        env = "DWELL_MAX_CONNECTION_CALLS",
        default_value = "1000",
        value_name = "N",
        value_parser = value_parser!(u32).range(1..=1_000_000)
    )]
    pub max_connection_calls: u32,
    /// Calls that a client may have taken back before the service has looked at them; with more
    /// of them its connection ends.
    #[arg(
        long,
        env = "DWELL_MAX_RESETS",
        default_value = "20",
        value_name = "N",
        value_parser = value_parser!(u16).range(1..)
    )]
    pub max_resets: u16,
    /// Calls that a client may break the protocol in before its connection ends.
    #[arg(
        long,
        env = "DWELL_MAX_STREAM_ERRORS",
        default_value = "1000",
        value_name = "N",
        value_parser = value_parser!(u16).range(1..)
    )]
    pub max_stream_errors: u16,
    /// Seconds in which a new connection must speak HTTP/2.
    #[arg(
        long,
        env = "DWELL_HANDSHAKE_TIMEOUT",
        default_value = "10",
        value_name = "SECONDS",
        value_parser = seconds
    )]
    pub handshake_timeout: Duration,
    /// Seconds between two looks whether a silent client is still there.
    #[arg(
        long,
        env = "DWELL_KEEPALIVE_INTERVAL",
        default_value = "30",
        value_name = "SECONDS",
        value_parser = seconds
    )]
    pub keepalive_interval: Duration,
    /// Seconds in which it must answer, and in which a client must take some of what it is sent.
    #[arg(
        long,
        env = "DWELL_KEEPALIVE_TIMEOUT",
        default_value = "20",
        value_name = "SECONDS",
        value_parser = seconds
    )]
    pub keepalive_timeout: Duration,
    /// Seconds after which a client is asked to connect anew, so that load balancers can spread
    /// connections over new instances.
    #[arg(
        long,
        env = "DWELL_MAX_CONNECTION_AGE",
        default_value = "1800",
        value_name = "SECONDS",
        value_parser = long_seconds
    )]
    pub max_connection_age: Duration,
    /// Seconds that calls on it have left from then.
    #[arg(
        long,
        env = "DWELL_CONNECTION_GRACE",
        default_value = "300",
        value_name = "SECONDS",
        value_parser = long_seconds
    )]
    pub connection_grace: Duration,

    /// Seconds that a call other than a stream may take, if its caller gives it as long.
    #[arg(
        long,
        env = "DWELL_MAX_DEADLINE",
        default_value = "30",
        value_name = "SECONDS",
        value_parser = seconds
    )]
    pub max_deadline: Duration,
    /// Seconds after which a stream ends on which the caller sends nothing.
    #[arg(
        long,
        env = "DWELL_STREAM_IDLE_TIMEOUT",
        default_value = "300",
        value_name = "SECONDS",
        value_parser = long_seconds
    )]
    pub stream_idle_timeout: Duration,

    /// Calls under way at once, streams apart.
    #[arg(
        long,
        env = "DWELL_MAX_CALLS",
        default_value = "1024",
        value_name = "N",
        value_parser = value_parser!(u32).range(1..=1_000_000)
    )]
    pub max_calls: u32,
    /// The same of one tenant.
    #[arg(
        long,
        env = "DWELL_MAX_TENANT_CALLS",
        default_value = "512",
        value_name = "N",
        value_parser = value_parser!(u32).range(1..=1_000_000)
    )]
    pub max_tenant_calls: u32,
    /// Streams open at once. Each holds some MB for a reader that takes nothing.
    #[arg(
        long,
        env = "DWELL_MAX_STREAMS",
        default_value = "64",
        value_name = "N",
        value_parser = value_parser!(u32).range(1..=1_000_000)
    )]
    pub max_streams: u32,
    /// The same of one tenant.
    #[arg(
        long,
        env = "DWELL_MAX_TENANT_STREAMS",
        default_value = "16",
        value_name = "N",
        value_parser = value_parser!(u32).range(1..=1_000_000)
    )]
    pub max_tenant_streams: u32,
    /// Calls that a tenant may begin in a second. A stream is one, whatever it carries.
    #[arg(
        long,
        env = "DWELL_TENANT_RATE",
        default_value = "50000",
        value_name = "N",
        value_parser = value_parser!(u32).range(1..=1_000_000)
    )]
    pub tenant_rate: u32,
    /// Calls that a tenant may begin at once after a while without any.
    #[arg(
        long,
        env = "DWELL_TENANT_BURST",
        default_value = "50000",
        value_name = "N",
        value_parser = value_parser!(u32).range(1..=1_000_000)
    )]
    pub tenant_burst: u32,

    /// Distinct feature names that a tenant may use in a day.
    #[arg(
        long,
        env = "DWELL_MAX_FEATURE_NAMES",
        default_value = "2000",
        value_name = "N",
        value_parser = value_parser!(u32).range(1..=100_000)
    )]
    pub max_feature_names: u32,
    /// Distinct names of scores that a tenant may use in a day.
    #[arg(
        long,
        env = "DWELL_MAX_SCORE_NAMES",
        default_value = "1000",
        value_name = "N",
        value_parser = value_parser!(u32).range(1..=100_000)
    )]
    pub max_score_names: u32,
    /// Distinct tags, which are topics and areas to improve, that a tenant may use in a day.
    #[arg(
        long,
        env = "DWELL_MAX_TAGS",
        default_value = "10000",
        value_name = "N",
        value_parser = value_parser!(u32).range(1..=100_000)
    )]
    pub max_tags: u32,
}

/// A size in KiB, as bytes: up to 1 GiB.
fn kibibytes(text: &str) -> Result<u32, String> {
    match text.parse::<u32>() {
        Ok(size @ 1..=1_048_576) => Ok(size * 1_024),
        _ => Err("must be a whole number from 1 to 1048576".to_owned()),
    }
}

/// A time of up to an hour.
pub fn seconds(text: &str) -> Result<Duration, String> {
    span(text, 3_600)
}

/// A time of up to a week.
pub fn long_seconds(text: &str) -> Result<Duration, String> {
    span(text, 604_800)
}

fn span(text: &str, most: u64) -> Result<Duration, String> {
    match text.parse::<u64>() {
        Ok(seconds) if (1..=most).contains(&seconds) => Ok(Duration::from_secs(seconds)),
        _ => Err(format!("must be a whole number from 1 to {most}")),
    }
}
