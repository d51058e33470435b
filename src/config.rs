//! Flags and environment, checked before anything starts.

mod auth;
mod limits;
mod operator;
mod points;
mod telemetry;
mod watch;
mod web;

use std::{net::SocketAddr, time::Duration};

use clap::{Args, Parser, Subcommand, ValueEnum};

use self::limits::seconds;
pub use self::{
    auth::{ClaimArgs, Jwt, JwtArgs, KeyPlace, Role, TlsArgs, TlsFiles, TokenArgs, is_own_machine},
    limits::LimitArgs,
    operator::{BackupArgs, CompletionsArgs, DemoArgs, ManArgs, MigrateArgs, StatsArgs},
    points::PointsArgs,
    telemetry::TelemetryArgs,
    watch::WatchArgs,
    web::WebArgs,
};

/// The session and usage ledger of a multi-tenant product, over gRPC.
///
/// Every flag has its environment variable.
#[derive(Debug, Parser)]
#[command(name = "dwell", version, args_conflicts_with_subcommands = true)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Option<Command>,
    #[command(flatten)]
    pub serve: ServeArgs,
}

/// What to do; `serve` unless told otherwise.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve the API.
    Serve(Box<ServeArgs>),
    /// Bring the database's schema up to date and exit.
    Migrate(MigrateArgs),
    /// Look at what `serve` would be given, and change nothing: a line for each thing.
    Check(Box<ServeArgs>),
    /// Print a token for development, signed with a secret file.
    Token(TokenArgs),
    /// Fill a running dwell with a year of a few tenants, to look at. What is there stays.
    Demo(DemoArgs),
    /// Print how many tenants, users and sessions there are, and how large the tables.
    Stats(StatsArgs),
    /// Copy a SQLite database to a file, while it serves too.
    Backup(BackupArgs),
    /// Print what makes a shell complete the command line.
    Completions(CompletionsArgs),
    /// Print the manual page, in roff.
    Man(ManArgs),
}

/// Which database.
#[derive(Clone, Debug, Args)]
pub struct DatabaseArgs {
    /// `sqlite://PATH`, made if missing, or `postgres://USER@HOST/DATABASE`.
    #[arg(
        long,
        env = "DWELL_DATABASE_URL",
        default_value = "sqlite://dwell.db",
        hide_env_values = true,
        value_name = "URL",
        value_parser = database_url
    )]
    pub database_url: String,
}

/// How to log.
#[derive(Clone, Debug, Args)]
pub struct LogArgs {
    /// Form of the log lines on standard error.
    #[arg(
        long,
        env = "DWELL_LOG_FORMAT",
        default_value = "text",
        value_name = "FORMAT"
    )]
    pub log_format: LogFormat,
    /// What to log: error, warn, info, debug, or directives such as `info,sqlx=debug`.
    #[arg(
        long,
        env = "DWELL_LOG",
        // sqlx warns of every connection that a database takes with it when it goes, h2 of every
        // client that breaks the rules: both as often as others like. That traces are not sent is
        // said once.
        default_value = "info,h2=error,sqlx=error,opentelemetry=off",
        value_name = "FILTER",
        value_parser = log_filter
    )]
    pub log: String,
}

/// Form of the log.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum LogFormat {
    Text,
    Json,
}

/// Who may call.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Auth {
    /// Whoever reaches the port; the tenant is what `x-tenant-id` says.
    None,
    /// By bearer tokens.
    Jwt,
}

/// Something that is there or not.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Switch {
    On,
    Off,
}

/// Everything that `serve` is told.
#[derive(Clone, Debug, Args)]
pub struct ServeArgs {
    /// Address to listen on; port 0 picks one.
    #[arg(
        long,
        env = "DWELL_LISTEN",
        default_value = "127.0.0.1:50051",
        value_name = "ADDR"
    )]
    pub listen: SocketAddr,
    #[command(flatten)]
    pub database: DatabaseArgs,
    /// A streaming replica of the PostgreSQL at the database URL, for reports, streams, exports
    /// and insights; what they tell is as old as the replica is behind.
    #[arg(
        long,
        env = "DWELL_READ_DATABASE_URL",
        hide_env_values = true,
        value_name = "URL",
        value_parser = replica_url
    )]
    pub read_database_url: Option<String>,
    /// How callers are verified. `none` listens on loopback only.
    #[arg(long, env = "DWELL_AUTH", default_value = "none", value_name = "MODE")]
    pub auth: Auth,
    #[command(flatten)]
    pub jwt: JwtArgs,
    #[command(flatten)]
    pub tls: TlsArgs,
    /// Whether anybody may ask which methods there are, as grpcurl does.
    #[arg(
        long,
        env = "DWELL_REFLECTION",
        default_value = "on",
        value_name = "SWITCH"
    )]
    pub reflection: Switch,
    /// Serve with the schema as it is, and fail if it is not up to date.
    #[arg(long, env = "DWELL_NO_MIGRATE")]
    pub no_migrate: bool,
    /// Seconds between two looks for sessions that are over.
    #[arg(
        long,
        env = "DWELL_SWEEP_INTERVAL",
        default_value = "10",
        value_name = "SECONDS",
        value_parser = seconds
    )]
    pub sweep_interval: Duration,
    #[command(flatten)]
    pub points: PointsArgs,
    #[command(flatten)]
    pub watch: WatchArgs,
    #[command(flatten)]
    pub web: WebArgs,
    #[command(flatten)]
    pub log: LogArgs,
    #[command(flatten)]
    pub telemetry: TelemetryArgs,
    #[command(flatten)]
    pub limits: LimitArgs,
}

impl ServeArgs {
    /// What no single flag can tell.
    ///
    /// # Errors
    /// Says in one line what does not go together.
    pub fn check(&self) -> Result<(), String> {
        if self.auth == Auth::None && !self.listen.ip().is_loopback() {
            return Err(format!(
                "--auth none lets everyone in and is refused off loopback: --listen {}",
                self.listen
            ));
        }
        self.jwt.resolve(self.auth)?;
        self.tls.resolve()?;
        if self.read_database_url.is_some() && is_sqlite(&self.database.database_url) {
            return Err("--read-database-url needs a --database-url of PostgreSQL".to_owned());
        }
        self.points.receiver()?;
        Ok(())
    }
}

/// Whether it is a URL of SQLite; of PostgreSQL otherwise.
#[must_use]
pub fn is_sqlite(url: &str) -> bool {
    url.starts_with("sqlite:")
}

fn replica_url(text: &str) -> Result<String, String> {
    let url = database_url(text)?;
    if is_sqlite(&url) {
        return Err("must begin with postgres://".to_owned());
    }
    Ok(url)
}

fn database_url(text: &str) -> Result<String, String> {
    let known = ["sqlite://", "postgres://", "postgresql://"];
    if !known.iter().any(|scheme| text.starts_with(scheme)) {
        return Err("must begin with sqlite:// or postgres://".to_owned());
    }
    if matches!(text, "sqlite://" | "sqlite://:memory:") || text.contains("mode=memory") {
        return Err("must name a file, such as sqlite://dwell.db".to_owned());
    }
    Ok(text.to_owned())
}

fn log_filter(text: &str) -> Result<String, String> {
    let parsed = tracing_subscriber::EnvFilter::try_new(text);
    parsed.map_err(|error| error.to_string())?;
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn serve(args: &[&str]) -> Result<ServeArgs, clap::Error> {
        let args = ["dwell"].iter().chain(args);
        Cli::try_parse_from(args).map(|cli| cli.serve)
    }

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn without_a_word_it_serves_sqlite_on_loopback() {
        let args = serve(&[]).unwrap();
        assert_eq!(args.listen.to_string(), "127.0.0.1:50051");
        assert_eq!(args.database.database_url, "sqlite://dwell.db");
        assert!(args.check().is_ok());
    }

    #[test]
    fn none_is_refused_off_loopback() {
        let args = serve(&["--listen", "0.0.0.0:50051"]).unwrap();
        assert!(args.check().is_err());
        assert!(serve(&["--listen", "[::1]:0"]).unwrap().check().is_ok());
    }

    #[test]
    fn a_replica_is_of_postgres() {
        let replica = ["--read-database-url", "postgres://replica/dwell"];
        assert!(serve(&replica).unwrap().check().is_err());
        let primary = ["--database-url", "postgres://primary/dwell"];
        let both = serve(&[replica, primary].concat()).unwrap();
        assert!(both.check().is_ok());
    }

    #[test]
    fn tokens_are_verified_with_keys_of_one_place() {
        let secret = ["--jwt-secret-file", "s"];
        let file = ["--jwt-jwks-file", "f"];
        let url = ["--jwt-jwks-url", "https://id.example.com/keys"];
        let check = |args: &[&[&str]]| serve(&args.concat()).unwrap().check();
        let jwt = ["--auth", "jwt"];
        for one in [secret, file, url] {
            assert!(check(&[&jwt, &one]).is_ok());
            // Keys without authentication are a mistake.
            assert!(check(&[&one]).is_err());
        }
        assert!(check(&[&jwt]).is_err());
        assert!(check(&[&jwt, &secret, &url]).is_err());
        assert!(check(&[&jwt, &file, &url]).is_err());
        // Off loopback too.
        assert!(check(&[&jwt, &url, &["--listen", "0.0.0.0:0"]]).is_ok());
    }

    #[test]
    fn secrets_and_public_keys_have_algorithms_of_their_own() {
        let jwt = |place: [&str; 2], algorithms: &str| {
            let args = ["--auth", "jwt", "--jwt-algorithms", algorithms];
            let args = serve(&[&args, &place[..]].concat()).unwrap();
            args.jwt.resolve(args.auth).is_ok()
        };
        let (secret, keys) = (["--jwt-secret-file", "s"], ["--jwt-jwks-file", "f"]);
        assert!(jwt(secret, "HS256,HS512") && jwt(keys, "RS256,EdDSA,PS512"));
        assert!(!jwt(secret, "RS256") && !jwt(secret, "HS256,ES256"));
        assert!(!jwt(keys, "HS256") && !jwt(keys, "RS256,HS384"));
    }

    #[test]
    fn tls_is_a_certificate_and_its_key() {
        let (cert, key) = (["--tls-cert", "c"], ["--tls-key", "k"]);
        let roots = ["--tls-client-ca", "r"];
        let check = |args: &[&[&str]]| serve(&args.concat()).unwrap().check();
        assert!(check(&[&cert, &key]).is_ok() && check(&[&cert, &key, &roots]).is_ok());
        for wrong in [
            &[&cert[..]][..],
            &[&key],
            &[&roots],
            &[&cert, &roots],
            &[&key, &roots],
        ] {
            assert!(check(wrong).is_err());
        }
        // It lets nobody in without a token.
        assert!(check(&[&cert, &key, &roots, &["--listen", "0.0.0.0:0"]]).is_err());
    }

    #[test]
    fn a_token_for_a_user_names_one() {
        let token = |args: &[&str]| {
            let tenant = "7f0c1f3e-5a51-4e0a-9a63-3d2f4b8f6c11";
            let first = [
                "dwell",
                "token",
                "--jwt-secret-file",
                "s",
                "--tenant",
                tenant,
            ];
            Cli::try_parse_from(first.iter().chain(args)).is_ok()
        };
        assert!(token(&["--role", "admin"]) && token(&["--role", "user", "--user", "alice"]));
        assert!(!token(&["--role", "user"]) && !token(&["--role", "root"]) && !token(&[]));
        assert!(!token(&["--role", "admin", "--ttl", "0"]));
    }

    #[test]
    fn wrong_values_are_refused() {
        for wrong in [
            ["--database-url", "mysql://x"],
            ["--database-url", "sqlite://:memory:"],
            ["--database-url", "sqlite://"],
            ["--read-database-url", "sqlite://dwell.db"],
            ["--listen", "nowhere"],
            ["--auth", "maybe"],
            ["--jwt-algorithms", "none"],
            ["--jwt-algorithms", ""],
            ["--jwt-jwks-url", "http://id.example.com/keys"],
            ["--jwt-jwks-url", "file:///keys"],
            ["--jwt-jwks-url", "keys"],
            ["--reflection", "maybe"],
            ["--rest", "maybe"],
            ["--ui", "maybe"],
            ["--cors-origins", "*"],
            ["--cors-origins", "app.example.com"],
            ["--cors-origins", "https://app.example.com/"],
            ["--sweep-interval", "0"],
            ["--sweep-interval", "3601"],
            ["--max-request-size", "0"],
            ["--max-request-size", "1048577"],
            ["--max-connections", "0"],
            ["--max-connection-age", "604801"],
            ["--keepalive-timeout", "-1"],
            ["--tenant-rate", "many"],
            ["--max-tags", "0"],
            ["--watch", "maybe"],
            ["--watch-retention", "0"],
            ["--watch-keep-alive", "3601"],
            ["--log", "info,=x=y"],
            ["--metrics-listen", "9464"],
            ["--otlp-endpoint", "127.0.0.1:4317"],
            ["--otlp-endpoint", "grpc://127.0.0.1:4317"],
        ] {
            assert!(serve(&wrong).is_err(), "{wrong:?}");
        }
    }
}
