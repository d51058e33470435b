//! Whether a load generator that is not ours says the same. There is no target here.

use futures::FutureExt;

use super::Measurement;
use crate::{
    Bench, Result,
    calls::Workload,
    closed::{Load, Outcome},
    data::one_tenant,
    database::Engine,
    ghz,
    servers::Dwell,
    table::{Row, Series, Target, Unit},
};

pub fn all() -> Vec<Measurement> {
    let each = Engine::BOTH.map(|engine| {
        let row = |what: &str, unit| Row {
            what: format!("StartSession on {engine} by this generator, {what}"),
            reference: "ghz",
            unit,
            target: Target::None,
        };
        let rows = [
            row("rate", Unit::PerSecond),
            row("one caller's median", Unit::Millis),
        ];
        Measurement::new(rows, move |bench| against_ghz(bench, engine).boxed_local())
    });
    each.into()
}

/// Each on a database of its own: who comes second would find users that have logged in
/// today. ghz knows one tenant.
async fn against_ghz(bench: &Bench, engine: Engine) -> Result<Vec<Series>> {
    if !ghz::is_installed() {
        let missing = Series {
            pairs: Vec::new(),
            note: "not measured: ghz is not on PATH".to_owned(),
        };
        return Ok(vec![missing.clone(), missing]);
    }
    let rates = pairs(bench, engine, bench.load()).await?;
    let medians = pairs(bench, engine, bench.alone()).await?;
    let rates = rates.iter().map(|(a, b)| (a.rate, b.rate)).collect();
    let medians = medians.iter().map(|(a, b)| (a.median_ms, b.median_ms));
    Ok([rates, medians.collect()]
        .into_iter()
        .flat_map(Series::of)
        .collect())
}

async fn pairs(bench: &Bench, engine: Engine, load: Load) -> Result<Vec<(Outcome, Outcome)>> {
    let load = Load {
        population: one_tenant(load.population.users),
        ..load
    };
    bench
        .pairs(async || {
            let ours = bench.run(engine, load, &Workload::Start).await?;
            let database = bench.database(engine).await?;
            let dwell = Dwell::start(&database)?;
            Ok((ours, ghz::start_sessions(&dwell.address, &load)?))
        })
        .await
}
