//! Flags of what operators do besides serving.

use std::path::PathBuf;

use clap::{Args, value_parser};
use clap_complete::Shell;
use http::Uri;

use super::{ClaimArgs, DatabaseArgs, LogArgs};

/// Everything that `migrate` is told.
#[derive(Clone, Debug, Args)]
pub struct MigrateArgs {
    /// Print what would be applied, and apply nothing.
    #[arg(long)]
    pub dry_run: bool,
    #[command(flatten)]
    pub database: DatabaseArgs,
    #[command(flatten)]
    pub log: LogArgs,
}

/// Everything that `stats` is told.
#[derive(Clone, Debug, Args)]
pub struct StatsArgs {
    /// As JSON, with every tenant; bytes are whole numbers.
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub database: DatabaseArgs,
}

/// Everything that `backup` is told.
#[derive(Clone, Debug, Args)]
pub struct BackupArgs {
    /// The file to make; one that is there is not touched.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    #[command(flatten)]
    pub database: DatabaseArgs,
}

/// Everything that `completions` is told.
#[derive(Clone, Debug, Args)]
pub struct CompletionsArgs {
    /// The shell to complete in.
    pub shell: Shell,
}

/// Everything that `man` is told.
#[derive(Clone, Debug, Args)]
pub struct ManArgs {
    /// One of dwell's commands; without it the page is of dwell itself.
    pub command: Option<String>,
}

/// Everything that `demo` is told.
#[derive(Clone, Debug, Args)]
pub struct DemoArgs {
    /// The dwell to fill, which must be running; `https://` needs --tls-ca.
    #[arg(long, default_value = "http://127.0.0.1:50051", value_name = "URL", value_parser = address)]
    pub address: Uri,
    /// Roots of the server's certificate, PEM.
    #[arg(long, value_name = "FILE")]
    pub tls_ca: Option<PathBuf>,
    /// The secret that `serve --auth jwt` is given, to sign tokens with.
    #[arg(long, env = "DWELL_JWT_SECRET_FILE", value_name = "FILE")]
    pub jwt_secret_file: Option<PathBuf>,
    #[command(flatten)]
    pub claims: ClaimArgs,
    /// Another seed is other tenants, who do other things.
    #[arg(long, default_value = "1", value_name = "N")]
    pub seed: u64,
    /// How many days back from today.
    #[arg(long, default_value = "365", value_name = "N", value_parser = value_parser!(u16).range(1..=365))]
    pub days: u16,
}

fn address(text: &str) -> Result<Uri, String> {
    let uri: Uri = text.parse().map_err(|_| "must be a URL".to_owned())?;
    let known = matches!(uri.scheme_str(), Some("http" | "https"));
    if known && uri.port().is_some() {
        Ok(uri)
    } else {
        Err("must begin with http:// or https:// and have a port".to_owned())
    }
}
