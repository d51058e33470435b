//! What more callers and more instances bring. There is no target here.

use futures::FutureExt;

use super::Measurement;
use crate::{
    Bench, Result,
    calls::Workload,
    closed::{Load, Outcome},
    database::Engine,
    servers::Dwell,
    table::{Row, Series, Target, Unit},
};

const CALLERS: [usize; 4] = [1, 8, 64, 256];

pub fn all() -> Vec<Measurement> {
    let mut all: Vec<_> = Engine::BOTH
        .into_iter()
        .map(|engine| {
            let rows = CALLERS.map(|callers| {
                let what = format!("StartSession on {engine}, callers: {callers}");
                row(what, "one caller")
            });
            Measurement::new(rows, move |bench| callers(bench, engine).boxed_local())
        })
        .collect();
    let what = "StartSession on PostgreSQL, two instances".to_owned();
    all.push(Measurement::new([row(what, "one instance")], |bench| {
        instances(bench).boxed_local()
    }));
    all
}

fn row(what: String, reference: &'static str) -> Row {
    Row {
        what,
        reference,
        unit: Unit::PerSecond,
        target: Target::None,
    }
}

async fn callers(bench: &Bench, engine: Engine) -> Result<Vec<Series>> {
    let mut runs = CALLERS.map(|_| Vec::new());
    for _ in 0..bench.args.pairs {
        for (callers, runs) in CALLERS.iter().zip(&mut runs) {
            let load = Load {
                callers: *callers,
                ..bench.load()
            };
            runs.push(bench.run(engine, load, &Workload::Start).await?);
        }
    }
    let [alone, ..] = &runs;
    let series = runs.iter().map(|runs| Series {
        pairs: runs
            .iter()
            .zip(alone)
            .map(|(a, b)| (a.rate, b.rate))
            .collect(),
        note: latencies(runs),
    });
    Ok(series.collect())
}

async fn instances(bench: &Bench) -> Result<Vec<Series>> {
    let runs = bench.pairs(async || {
        let one = bench.run(Engine::Postgres, bench.load(), &Workload::Start);
        let one = one.await?;
        let database = bench.database(Engine::Postgres).await?;
        let (first, second) = (Dwell::start(&database)?, Dwell::start(&database)?);
        let addresses = [&*first.address, &*second.address];
        Ok((bench.load().run(&addresses, &Workload::Start).await?, one))
    });
    let runs = runs.await?;
    let two: Vec<_> = runs.iter().map(|(two, _)| *two).collect();
    Ok(vec![Series {
        pairs: runs.iter().map(|(two, one)| (two.rate, one.rate)).collect(),
        note: latencies(&two),
    }])
}

/// Of the run in the middle.
fn latencies(runs: &[Outcome]) -> String {
    let mut runs: Vec<_> = runs.iter().collect();
    runs.sort_by(|a, b| a.p99_ms.total_cmp(&b.p99_ms));
    let middle = runs.get(runs.len() / 2);
    middle.map_or_else(String::new, |run| {
        format!("median {:.2} ms, p99 {:.2} ms", run.median_ms, run.p99_ms)
    })
}
