//! What a call by HTTP and JSON costs the server, beside the same call by gRPC.

use futures::FutureExt;

use super::Measurement;
use crate::{
    Bench, Result,
    calls::Workload,
    closed::Load,
    data::{self, one_tenant},
    database::Engine,
    rest::{Way, cost},
    servers::Dwell,
    table::{Row, Series, Target, Unit},
};

const SESSIONS: u32 = 10_000;

pub fn all() -> Vec<Measurement> {
    let rows = ["GetSession", "StartSession"].map(|call| Row {
        what: format!("Processor time of {call} by REST"),
        reference: "by gRPC",
        unit: Unit::Micros,
        target: Target::AtMost(2.0),
    });
    vec![Measurement::new(rows, |bench| costs(bench).boxed_local())]
}

async fn costs(bench: &Bench) -> Result<Vec<Series>> {
    let database = bench.databases.empty(Engine::Sqlite).await?;
    data::history(&database, SESSIONS).await?;
    let dwell = Dwell::start(&database)?;
    let load = Load {
        population: one_tenant(SESSIONS / data::SESSIONS_OF_USER),
        ..bench.load()
    };
    let get = Workload::Get {
        sessions: SESSIONS.into(),
    };
    let mut series = Vec::new();
    for workload in [get, Workload::Start] {
        let pairs = bench.pairs(async || {
            let rest = cost(&dwell, load, &workload, Way::Rest).await?;
            Ok((rest, cost(&dwell, load, &workload, Way::Grpc).await?))
        });
        series.extend(Series::of(pairs.await?));
    }
    Ok(series)
}
