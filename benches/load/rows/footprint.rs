//! What dwell takes before it does anything: time to start, memory, disk.

use std::{
    fs,
    time::{Duration, Instant},
};

use dwell::pb::v1::session_service_client::SessionServiceClient;
use futures::FutureExt;

use super::Measurement;
use crate::{
    Bench, Result,
    calls::{start_request, tenant_id, user_id, with_tenant},
    closed::connect,
    database::{Database, Engine},
    servers::Dwell,
    table::{Row, Series, Target, Unit},
};

/// How long it has nothing to do before its memory is looked at.
const IDLE: Duration = Duration::from_secs(2);
const MEBIBYTE: f64 = 1_048_576.0;

pub fn all() -> Vec<Measurement> {
    let mut all: Vec<_> = Engine::BOTH
        .into_iter()
        .map(|engine| {
            let rows = [
                value(
                    &format!("Start to first answer, new database on {engine}"),
                    Unit::Millis,
                    150.0,
                ),
                value(
                    &format!("Start to first answer, {engine}"),
                    Unit::Millis,
                    150.0,
                ),
                value(
                    &format!("Idle resident memory, {engine}"),
                    Unit::Mebibytes,
                    25.0,
                ),
            ];
            Measurement::new(rows, move |bench| start(bench, engine).boxed_local())
        })
        .collect();
    let row = value("Stripped binary", Unit::Mebibytes, 25.0);
    all.push(Measurement::new([row], |_| {
        async { binary() }.boxed_local()
    }));
    all
}

fn value(what: &str, unit: Unit, most: f64) -> Row {
    Row {
        what: what.to_owned(),
        reference: "",
        unit,
        target: Target::AtMost(most),
    }
}

async fn start(bench: &Bench, engine: Engine) -> Result<Vec<Series>> {
    let mut series = [const { Vec::new() }; 3];
    for _ in 0..bench.args.pairs {
        let database = bench.databases.bare(engine).await?;
        let (new, _) = first_answer(&database).await?;
        let (again, dwell) = first_answer(&database).await?;
        tokio::time::sleep(IDLE).await;
        let resident = mebibytes(dwell.resident()?)?;
        for (values, value) in series.iter_mut().zip([new, again, resident]) {
            values.push((value, 1.0));
        }
    }
    let series = series.into_iter().map(|pairs| Series {
        pairs,
        note: String::new(),
    });
    Ok(series.collect())
}

/// Milliseconds from the start of the process to the answer of a `StartSession`.
async fn first_answer(database: &Database) -> Result<(f64, Dwell<'_>)> {
    let begin = Instant::now();
    let dwell = Dwell::start(database)?;
    let mut client = SessionServiceClient::new(connect(&dwell.address).await?);
    let tenant = tenant_id(1);
    let message = start_request(user_id(tenant, 1));
    client.start_session(with_tenant(message, tenant)).await?;
    Ok((begin.elapsed().as_secs_f64() * 1_000.0, dwell))
}

fn binary() -> Result<Vec<Series>> {
    let bytes = fs::metadata(env!("CARGO_BIN_EXE_dwell"))?.len();
    Ok(Series::of(vec![(mebibytes(bytes)?, 1.0)]))
}

/// To the kibibyte, in which the system counts memory.
pub fn mebibytes(bytes: u64) -> Result<f64> {
    Ok(f64::from(u32::try_from(bytes / 1_024)?) * 1_024.0 / MEBIBYTE)
}
