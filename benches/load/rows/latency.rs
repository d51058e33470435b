//! How long a write takes, for a lone caller and near the peak.

use futures::FutureExt;

use super::Measurement;
use crate::{
    Bench, Result,
    calls::Workload,
    database::Engine,
    open::{self, Source},
    pgbench,
    servers::Dwell,
    table::{Row, Series, Target, Unit},
};

/// Of the peak rate, for the open loop.
const NEAR_PEAK: f64 = 0.8;

pub fn all() -> Vec<Measurement> {
    let mut all = vec![Measurement::new(
        [Row {
            what: "One caller alone, StartSession on PostgreSQL, median".to_owned(),
            reference: "pgbench with one client",
            unit: Unit::Millis,
            target: Target::AtMost(1.5),
        }],
        |bench| alone_against_pgbench(bench).boxed_local(),
    )];
    for engine in Engine::BOTH {
        let row = Row {
            what: format!("p99 at 80 % of the peak rate, StartSession on {engine}, open loop"),
            reference: "median of one caller alone",
            unit: Unit::Millis,
            target: Target::AtMost(10.0),
        };
        all.push(Measurement::new([row], move |bench| {
            near_peak_against_alone(bench, engine).boxed_local()
        }));
    }
    all
}

async fn alone_against_pgbench(bench: &Bench) -> Result<Vec<Series>> {
    let pairs = bench.pairs(async || {
        let database = bench.database(Engine::Postgres).await?;
        let lone = pgbench::alone(&database, &bench.alone())?;
        let run = bench.run(Engine::Postgres, bench.alone(), &Workload::Start);
        Ok((run.await?.median_ms, lone.median_ms))
    });
    Ok(Series::of(pairs.await?))
}

/// The peak is that of the closed loop, on the same server.
async fn near_peak_against_alone(bench: &Bench, engine: Engine) -> Result<Vec<Series>> {
    let mut notes = Vec::new();
    let mut pairs = Vec::new();
    for _ in 0..bench.args.pairs {
        let database = bench.database(engine).await?;
        let dwell = Dwell::start(&database)?;
        let load = bench.load();
        let alone = bench.alone();
        let alone = alone.run(&[&dwell.address], &Workload::Start).await?;
        let peak = load.run(&[&dwell.address], &Workload::Start).await?;
        let source = Source {
            population: load.population,
            rate: peak.rate * NEAR_PEAK,
        };
        let answers = open::run(&dwell.address, &Workload::Start, &[source], load.measured).await?;
        for answers in answers {
            pairs.push((answers.outcome.p99_ms, alone.median_ms));
            notes.push(format!("{:.0}/s", source.rate));
        }
    }
    Ok(vec![Series {
        pairs,
        note: format!("at {}", notes.join(", ")),
    }])
}
