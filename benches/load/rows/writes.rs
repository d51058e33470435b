//! How many writes a second.

use futures::FutureExt;

use super::Measurement;
use crate::{
    Bench, Result,
    calls::{Population, Started, Workload},
    closed::Load,
    database::Engine,
    import, pgbench,
    servers::{Dwell, Echo},
    table::{Row, Series, Target, Unit},
};

pub fn all() -> Vec<Measurement> {
    let mut all = vec![
        Measurement::new(
            [rate(
                "StartSession on PostgreSQL",
                "the best pgbench",
                Target::AtLeast(2.0),
            )],
            |bench| against_pgbench(bench).boxed_local(),
        ),
        Measurement::new(
            [rate(
                "StartSession on SQLite",
                "a bare echo",
                Target::AtLeast(0.7),
            )],
            |bench| against_echo(bench).boxed_local(),
        ),
    ];
    for engine in Engine::BOTH {
        let of_start = |name: &str| {
            let what = format!("{name} on {engine}");
            [rate(&what, "StartSession", Target::AtLeast(0.8))]
        };
        all.push(Measurement::new(of_start("EndSession"), move |bench| {
            end_against_start(bench, engine).boxed_local()
        }));
        all.push(Measurement::new(of_start("RecordUsage"), move |bench| {
            usage_against_start(bench, engine).boxed_local()
        }));
    }
    for engine in Engine::BOTH {
        let what = format!("ImportUsage on {engine}, one stream");
        let row = rate(&what, "RecordUsage", Target::AtLeast(2.0));
        all.push(Measurement::new([row], move |bench| {
            import_against_usage(bench, engine).boxed_local()
        }));
    }
    all
}

fn rate(what: &str, reference: &'static str, target: Target) -> Row {
    Row {
        what: what.to_owned(),
        reference,
        unit: Unit::PerSecond,
        target,
    }
}

async fn against_pgbench(bench: &Bench) -> Result<Vec<Series>> {
    let clients = pgbench::best_clients(bench).await?;
    let pairs = bench.pairs(async || {
        let database = bench.database(Engine::Postgres).await?;
        let best = pgbench::rate(&database, &bench.load(), clients)?;
        let run = bench.run(Engine::Postgres, bench.load(), &Workload::Start);
        Ok((run.await?.rate, best))
    });
    Ok(vec![Series {
        pairs: pairs.await?,
        note: format!("pgbench with {clients} clients"),
    }])
}

async fn against_echo(bench: &Bench) -> Result<Vec<Series>> {
    let pairs = bench.pairs(async || {
        let echo = Echo::start()?;
        let bare = bench.load().run(&[&echo.address], &Workload::Start).await?;
        drop(echo);
        let run = bench.run(Engine::Sqlite, bench.load(), &Workload::Start);
        Ok((run.await?.rate, bare.rate))
    });
    Ok(Series::of(pairs.await?))
}

/// Ends the sessions that the run beside it has started, until there is none left.
async fn end_against_start(bench: &Bench, engine: Engine) -> Result<Vec<Series>> {
    let pairs = bench.pairs(async || {
        let database = bench.database(engine).await?;
        let dwell = Dwell::start(&database)?;
        let started = Started::default();
        let load = bench.load();
        let starts = Workload::StartAndKeep(started.clone());
        let start = load.run(&[&dwell.address], &starts).await?;
        let end = load.run(&[&dwell.address], &Workload::End(started)).await?;
        Ok((end.rate, start.rate))
    });
    Ok(Series::of(pairs.await?))
}

async fn usage_against_start(bench: &Bench, engine: Engine) -> Result<Vec<Series>> {
    let pairs = bench.pairs(async || {
        let database = bench.database(engine).await?;
        let dwell = Dwell::start(&database)?;
        let load = bench.load();
        let start = load.run(&[&dwell.address], &Workload::Start).await?;
        let usage = load.run(&[&dwell.address], &Workload::Usage).await?;
        Ok((usage.rate, start.rate))
    });
    Ok(Series::of(pairs.await?))
}

/// Both for the same users of one tenant, since a stream is of one tenant.
async fn import_against_usage(bench: &Bench, engine: Engine) -> Result<Vec<Series>> {
    let pairs = bench.pairs(async || {
        let load = Load {
            population: Population {
                tenants: 1,
                ..bench.load().population
            },
            ..bench.load()
        };
        let database = bench.database(engine).await?;
        let dwell = Dwell::start(&database)?;
        let unary = load.run(&[&dwell.address], &Workload::Usage).await?;
        let imported = import::rate(&dwell.address, &load).await?;
        Ok((imported, unary.rate))
    });
    Ok(Series::of(pairs.await?))
}
