//! Watching sessions.

use std::time::Duration;

use clap::Args;

use super::{
    Switch,
    limits::{long_seconds, seconds},
};

/// Whether and how sessions are watched.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Watching")]
pub struct WatchArgs {
    /// Whether sessions can be watched. The same for all instances on a database: what happens
    /// where it is off is never told.
    #[arg(long, env = "DWELL_WATCH", default_value = "on", value_name = "SWITCH")]
    pub watch: Switch,
    /// Seconds for which what happened is kept, for those who come back with a resume token.
    #[arg(
        long,
        env = "DWELL_WATCH_RETENTION",
        default_value = "86400",
        value_name = "SECONDS",
        value_parser = long_seconds
    )]
    pub watch_retention: Duration,
    /// Seconds without an event after which those who watch are sent a message without one.
    #[arg(
        long,
        env = "DWELL_WATCH_KEEP_ALIVE",
        default_value = "15",
        value_name = "SECONDS",
        value_parser = seconds
    )]
    pub watch_keep_alive: Duration,
}
