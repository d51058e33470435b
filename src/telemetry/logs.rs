//! Logs on standard error, as text or JSON.

use std::io::{self, IsTerminal};

use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt, util::SubscriberInitExt};

use crate::config::{LogArgs, LogFormat};

/// Begins to log. Only the first call of a process has an effect.
pub fn start(args: &LogArgs) {
    // The filter was checked with the other flags.
    let filter = EnvFilter::try_new(&args.log).unwrap_or_default();
    let registry = tracing_subscriber::registry().with(filter);
    let begun = match args.log_format {
        LogFormat::Text => registry
            .with(
                fmt::layer()
                    .with_ansi(io::stderr().is_terminal())
                    .with_writer(io::stderr)
                    .with_target(false),
            )
            .try_init(),
        LogFormat::Json => registry
            .with(
                fmt::layer()
                    .json()
                    .with_writer(io::stderr)
                    .with_target(false),
            )
            .try_init(),
    };
    if begun.is_err() {
        tracing::debug!("logging had begun already");
    }
}
