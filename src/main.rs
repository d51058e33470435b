//! The command line.

use std::{
    error::Error,
    io::{self, Write},
    num::NonZero,
    process::ExitCode,
    thread,
};

use clap::{Parser, error::ErrorKind};
use dwell::{
    auth,
    config::{Cli, Command, ServeArgs, TokenArgs},
    domain::time::SystemClock,
    operator, server,
    store::{self, check::Finding},
    telemetry::{self, traces::Traces},
    tls::Tls,
};
use tokio::{net::TcpListener, runtime, signal::unix};

/// A wrong flag; anything else that fails is 1.
const USAGE: u8 = 2;

/// Threads at least. With one processor a thread alone has no more of it than each process of a
/// database beside it; then calls wait long before they are read or refused.
const THREADS: usize = 2;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    let processors = thread::available_parallelism().map_or(THREADS, NonZero::get);
    let runtime = runtime::Builder::new_multi_thread()
        .worker_threads(processors.max(THREADS))
        .enable_all()
        .build();
    match runtime {
        Ok(runtime) => runtime.block_on(run(cli)),
        Err(error) => complain(&format!("cannot start: {error}"), 1),
    }
}

async fn run(cli: Cli) -> ExitCode {
    let done = match cli.command {
        Some(Command::Migrate(args)) => operator::migrate::run(&args).await,
        Some(Command::Check(args)) => check(&args).await,
        Some(Command::Token(args)) => token(&args),
        Some(Command::Demo(args)) => operator::demo::run(&args).await,
        Some(Command::Stats(args)) => operator::stats::run(&args).await,
        Some(Command::Backup(args)) => operator::backup::run(&args).await,
        Some(Command::Completions(args)) => operator::completions::run(&args).map_err(Into::into),
        Some(Command::Man(args)) => operator::man::run(&args),
        Some(Command::Serve(args)) => match args.check() {
            Ok(()) => serve(*args).await,
            Err(wrong) => return complain(&wrong, USAGE),
        },
        None => match cli.serve.check() {
            Ok(()) => serve(cli.serve).await,
            Err(wrong) => return complain(&wrong, USAGE),
        },
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => complain(&error.to_string(), 1),
    }
}

async fn serve(args: ServeArgs) -> Result<(), Box<dyn Error + Send + Sync>> {
    telemetry::start(&args.log);
    let endpoint = args.telemetry.otlp_endpoint.as_deref();
    let traces = endpoint.map(Traces::start).transpose()?;
    let listener = TcpListener::bind(args.listen)
        .await
        .map_err(|error| format!("cannot listen on {}: {error}", args.listen))?;
    let address = listener.local_addr()?;
    let mut terminate = unix::signal(unix::SignalKind::terminate())?;
    let mut interrupt = unix::signal(unix::SignalKind::interrupt())?;
    let shutdown = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    let ready = || writeln!(io::stdout(), "listening on {address}");
    let served = server::run(&args, listener, ready, shutdown).await;
    if let Some(traces) = traces {
        traces.flush().await;
    }
    served
}

async fn check(args: &ServeArgs) -> Result<(), Box<dyn Error + Send + Sync>> {
    let mut findings = vec![match args.check() {
        Ok(()) => Finding::ok("configuration", "goes together"),
        Err(wrong) => Finding::fail("configuration", wrong),
    }];
    if let Ok(Some(jwt)) = args.jwt.resolve(args.auth) {
        findings.push(auth::check::keys(jwt).await);
    }
    if let Ok(Some(files)) = args.tls.resolve() {
        findings.push(match Tls::open(files, args.web.http1()) {
            Ok(_) => Finding::ok("certificates", "can be served"),
            Err(error) => Finding::fail("certificates", error.to_string()),
        });
    }
    let replica = args.read_database_url.as_deref();
    findings.extend(store::check::database(&args.database.database_url, replica).await);
    // What is wrong with it is said above.
    if let Ok(receiver) = args.points.receiver() {
        let told = match receiver {
            Some(receiver) => format!("are delivered to {}", receiver.address()),
            None => "are not delivered: there is no --points-url".to_owned(),
        };
        findings.push(Finding::ok("points", told));
    }
    for finding in &findings {
        writeln!(io::stdout(), "{finding}")?;
    }
    let failed = findings.iter().filter(|finding| finding.is_fail()).count();
    match failed {
        0 => Ok(()),
        failed => Err(format!("{failed} of {} checks failed", findings.len()).into()),
    }
}

fn token(args: &TokenArgs) -> Result<(), Box<dyn Error + Send + Sync>> {
    let token = auth::mint::token(args, &SystemClock)?;
    writeln!(io::stdout(), "{token}")?;
    Ok(())
}

/// Help and version as asked; of an error its first line.
fn usage(error: &clap::Error) -> ExitCode {
    if matches!(
        error.kind(),
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
    ) {
        return match error.print() {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        };
    }
    let text = error.to_string();
    let line = text.lines().next().unwrap_or("wrong usage");
    complain(line.trim_start_matches("error: "), USAGE)
}

fn complain(message: &str, code: u8) -> ExitCode {
    // Nobody is left to tell if standard error is closed.
    let _ = writeln!(io::stderr(), "dwell: {message}");
    ExitCode::from(code)
}
