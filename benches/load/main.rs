//! The load generator: what dwell does in a second, beside what the database's own benchmark
//! client and a bare tonic server do on the same machine in the same run.
//!
//! `cargo bench --bench load` prints the table; `benches/README.md` tells how to read it.

#![expect(clippy::print_stdout, reason = "the table is what it is for")]

mod calls;
mod echo;
mod process;
mod reference;
mod run;

use std::{error::Error, time::Duration};

use clap::Parser;

use self::{
    calls::Workload,
    process::{Dwell, Echo, Postgres},
    run::{Load, Outcome},
};

pub type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// Measures dwell against references in the same run.
#[derive(Debug, Parser)]
struct Args {
    /// Callers at once, each waiting for its answer before the next call.
    #[arg(long, default_value = "64")]
    callers: usize,
    /// Seconds that each run is measured, after a warm-up of a fifth of it.
    #[arg(long, default_value = "5")]
    seconds: u64,
    /// Pairs of runs: the thing and its reference in turn.
    #[arg(long, default_value = "3")]
    pairs: usize,
    /// Tenants among which users are spread.
    #[arg(long, default_value = "4")]
    tenants: u32,
    /// Users of each tenant.
    #[arg(long, default_value = "5000")]
    users: u32,
    /// Only the rows whose name contains this.
    #[arg(long, default_value = "")]
    only: String,
    /// Runs the bare server that answers at once, for the runs that compare with it.
    #[arg(long, hide = true)]
    echo: bool,
    /// What cargo passes to every benchmark.
    #[arg(long, hide = true)]
    bench: bool,
}

#[tokio::main]
async fn main() -> Result<()> {
    let args = Args::parse();
    if args.echo {
        return echo::serve().await;
    }
    let load = Load {
        callers: args.callers,
        measured: Duration::from_secs(args.seconds),
        tenants: args.tenants,
        users: args.users,
    };
    println!(
        "| what | dwell | reference | ratio, median (least to most) | target |\n|---|---|---|---|---|"
    );
    if "StartSession on SQLite".contains(&args.only) {
        let row = pairs(&args, async || {
            let echo = Echo::start()?;
            let bare = load.run(&echo.address, Workload::Start).await?;
            drop(echo);
            let dwell = Dwell::on_sqlite()?;
            Ok((load.run(&dwell.address, Workload::Start).await?, bare))
        });
        print(
            "StartSession on SQLite, against a bare echo",
            &row.await?,
            0.70,
        );
    }
    for (name, workload) in [
        ("EndSession", Workload::End),
        ("RecordUsage", Workload::Usage),
    ] {
        if format!("{name} on SQLite").contains(&args.only) {
            let row = pairs(&args, async || {
                let dwell = Dwell::on_sqlite()?;
                let start = load.run(&dwell.address, Workload::Start).await?;
                Ok((load.run(&dwell.address, workload).await?, start))
            });
            let what = format!("{name} on SQLite, against StartSession");
            print(&what, &row.await?, 0.8);
        }
    }
    let postgres = Postgres::start()?;
    if "StartSession on PostgreSQL".contains(&args.only) {
        let row = pairs(&args, async || {
            let best = reference::best_pgbench(&postgres, &load)?;
            let dwell = Dwell::on_postgres(&postgres)?;
            Ok((load.run(&dwell.address, Workload::Start).await?, best))
        });
        print(
            "StartSession on PostgreSQL, against the best pgbench",
            &row.await?,
            2.0,
        );
    }
    for (name, workload) in [
        ("EndSession", Workload::End),
        ("RecordUsage", Workload::Usage),
    ] {
        if format!("{name} on PostgreSQL").contains(&args.only) {
            let row = pairs(&args, async || {
                let dwell = Dwell::on_postgres(&postgres)?;
                let start = load.run(&dwell.address, Workload::Start).await?;
                Ok((load.run(&dwell.address, workload).await?, start))
            });
            let what = format!("{name} on PostgreSQL, against StartSession");
            print(&what, &row.await?, 0.8);
        }
    }
    if "One caller alone".contains(&args.only) {
        let alone = Load {
            callers: 1,
            ..load.clone()
        };
        let row = pairs(&args, async || {
            let lone = reference::pgbench(&postgres, &alone, 1)?;
            let dwell = Dwell::on_postgres(&postgres)?;
            Ok((alone.run(&dwell.address, Workload::Start).await?, lone))
        });
        print_medians(
            "One caller alone, StartSession on PostgreSQL",
            &row.await?,
            1.5,
        );
    }
    Ok(())
}

/// The outcomes of so many pairs of runs: the thing, and its reference.
async fn pairs(
    args: &Args,
    pair: impl AsyncFn() -> Result<(Outcome, Outcome)>,
) -> Result<Vec<(Outcome, Outcome)>> {
    let mut pairs = Vec::new();
    for _ in 0..args.pairs {
        pairs.push(pair().await?);
    }
    Ok(pairs)
}

fn print(what: &str, pairs: &[(Outcome, Outcome)], target: f64) {
    let rates: Vec<_> = pairs.iter().map(|(a, b)| (a.rate, b.rate)).collect();
    row(what, &rates, "/s", &format!("at least {target}"));
}

fn print_medians(what: &str, pairs: &[(Outcome, Outcome)], target: f64) {
    let times: Vec<_> = pairs
        .iter()
        .map(|(a, b)| (a.median_ms, b.median_ms))
        .collect();
    row(what, &times, " ms", &format!("at most {target}"));
}

fn row(what: &str, pairs: &[(f64, f64)], unit: &str, target: &str) {
    let mut ratios: Vec<_> = pairs
        .iter()
        .map(|(thing, reference)| thing / reference)
        .collect();
    ratios.sort_by(f64::total_cmp);
    let middle = ratios.get(ratios.len() / 2).copied().unwrap_or(f64::NAN);
    let ends = (ratios.first(), ratios.last());
    let (least, most) = (ends.0.unwrap_or(&f64::NAN), ends.1.unwrap_or(&f64::NAN));
    let mean = |pick: fn(&(f64, f64)) -> f64| {
        pairs.iter().map(pick).sum::<f64>() / f64::from(u32::try_from(pairs.len()).unwrap_or(1))
    };
    println!(
        "| {what} | {:.2}{unit} | {:.2}{unit} | {middle:.2} ({least:.2} to {most:.2}) | {target} |",
        mean(|pair| pair.0),
        mean(|pair| pair.1),
    );
}
