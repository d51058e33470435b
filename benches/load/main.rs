//! The load generator: what dwell does, beside what the databases' own clients and a bare tonic
//! server do on the same machine in the same run.
//!
//! `cargo bench --bench load` prints the table; `benches/README.md` tells how to read it.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the table is what it is for"
)]

mod calls;
mod closed;
mod cores;
mod data;
mod database;
mod echo;
mod ghz;
#[path = "../../tests/support/hostile/mod.rs"]
mod hostile;
mod import;
mod insights;
mod open;
mod pgbench;
#[path = "../../tests/support/server.rs"]
mod postgres_server;
mod practice;
mod reports;
mod rest;
mod rows;
mod servers;
mod table;

use std::{error::Error, process::ExitCode, time::Duration};

use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};

use self::{
    calls::{Population, Workload},
    closed::{Load, Outcome},
    database::{Database, Databases, Engine},
    rows::Measurement,
    servers::Dwell,
};

pub type Failed = Box<dyn Error + Send + Sync>;
pub type Result<T> = std::result::Result<T, Failed>;

/// Measures dwell against references in the same run, and prints a table.
#[derive(Clone, Debug, Parser)]
pub struct Args {
    /// Callers at once, each waiting for its answer before the next call.
    #[arg(long, default_value = "64")]
    callers: usize,
    /// Seconds that each run is measured, after a warm-up of a fifth of it, at most 5.
    #[arg(long, default_value = "5")]
    seconds: u64,
    /// Pairs of runs: the thing and its reference in turn.
    #[arg(long, default_value = "3")]
    pairs: usize,
    /// Tenants among which users are spread.
    #[arg(long, default_value = "4")]
    tenants: u32,
    /// Users of each tenant.
    #[arg(long, default_value = "50000")]
    users: u32,
    /// Sessions of the large ledger, whose reads are compared with those of ten thousand.
    #[arg(long, default_value = "10000000", value_parser = clap::value_parser!(u32).range(10_000..))]
    sessions: u32,
    /// Users of the large ledger, whose reports are compared with those of a thousand.
    #[arg(long, default_value = "100000", value_parser = clap::value_parser!(u32).range(1_000..))]
    report_users: u32,
    /// Sessions of the tenant, one of whose users is asked about.
    #[arg(long, default_value = "1000000", value_parser = clap::value_parser!(u32).range(i64::from(practice::OF_USER)..))]
    insight_sessions: u32,
    /// Rows that are streamed.
    #[arg(long, default_value = "1000000", value_parser = clap::value_parser!(u32).range(100..))]
    stream_rows: u32,
    /// Only the rows whose name contains this.
    #[arg(long, default_value = "")]
    only: String,
    /// Prints the rows and their targets, and measures nothing.
    #[arg(long)]
    list: bool,
    /// Runs the bare server that answers at once, for the runs that compare with it.
    #[arg(long, hide = true)]
    echo: bool,
    /// What cargo passes to every benchmark.
    #[arg(long, hide = true)]
    bench: bool,
}

/// What every measurement starts from.
pub struct Bench {
    pub args: Args,
    pub databases: Databases,
}

impl Bench {
    pub fn load(&self) -> Load {
        Load {
            callers: self.args.callers,
            measured: Duration::from_secs(self.args.seconds),
            population: Population {
                first_tenant: 1,
                tenants: self.args.tenants,
                users: self.args.users,
            },
        }
    }

    /// The same, of one caller.
    pub fn alone(&self) -> Load {
        Load {
            callers: 1,
            ..self.load()
        }
    }

    /// A new database, with the tenants and users of the load.
    pub async fn database(&self, engine: Engine) -> Result<Database> {
        let database = self.databases.empty(engine).await?;
        data::population(&database, self.load().population).await?;
        Ok(database)
    }

    /// The outcome of the workload on a new database.
    pub async fn run(&self, engine: Engine, load: Load, workload: &Workload) -> Result<Outcome> {
        let database = self.database(engine).await?;
        let dwell = Dwell::start(&database)?;
        load.run(&[&dwell.address], workload).await
    }

    /// So many pairs of runs: the thing, and its reference.
    pub async fn pairs<T>(&self, pair: impl AsyncFn() -> Result<T>) -> Result<Vec<T>> {
        let mut pairs = Vec::new();
        for _ in 0..self.args.pairs {
            pairs.push(pair().await?);
        }
        Ok(pairs)
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    if args.echo {
        return conclude(echo::serve().await);
    }
    let mut chosen = rows::all(&args);
    chosen.retain(|measurement| measurement.matches(&args.only));
    if chosen.is_empty() {
        return conclude(Err("no row has that in its name".into()));
    }
    if args.list {
        let rows = chosen.iter().flat_map(|measurement| &measurement.rows);
        rows.for_each(|row| println!("{row}"));
        return ExitCode::SUCCESS;
    }
    let bench = Bench {
        args,
        databases: Databases::default(),
    };
    tokio::select! {
        done = measure(&bench, &chosen) => conclude(done),
        // What was started ends with the measurement that started it.
        done = interrupted() => conclude(done),
    }
}

/// Prints every row that can be measured.
async fn measure(bench: &Bench, chosen: &[Measurement]) -> Result<()> {
    println!("{}", table::HEADER);
    let mut failed = false;
    for measurement in chosen {
        if let Err(error) = print(bench, measurement).await {
            failed = true;
            for row in &measurement.rows {
                eprintln!("{}: {error}", row.what);
            }
        }
    }
    if failed {
        return Err("some rows were not measured".into());
    }
    Ok(())
}

async fn interrupted() -> Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Err("interrupted".into())
}

async fn print(bench: &Bench, measurement: &Measurement) -> Result<()> {
    let series = (measurement.run)(bench).await?;
    for (row, series) in measurement.rows.iter().zip(&series) {
        println!("{}", row.line(series));
    }
    Ok(())
}

fn conclude(done: Result<()>) -> ExitCode {
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
