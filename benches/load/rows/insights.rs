//! Whether what sessions add up to is answered as fast as it is to be.

use chrono::NaiveDate;
use dwell::domain::time::{Clock, SystemClock};
use futures::FutureExt;

use super::Measurement;
use crate::{
    Args, Bench, Result,
    calls::Workload,
    closed::Load,
    data::{self, one_tenant},
    database::Engine,
    insights,
    practice::{self, OF_USER},
    reports::Period,
    servers::Dwell,
    table::{Row, Series, Target, Unit, grouped},
};

pub fn all(args: &Args) -> Vec<Measurement> {
    let (some, all) = (grouped(OF_USER), grouped(args.insight_sessions));
    let names = workloads(NaiveDate::default());
    let measurement = |engine| {
        let rows: Vec<_> = names
            .iter()
            .map(|(name, _)| Row {
                what: format!("{name} on {engine}, {some} sessions of {all}"),
                reference: "GetSession",
                unit: Unit::Millis,
                target: Target::AtMost(5.0),
            })
            .collect();
        Measurement::new(rows, move |bench| {
            against_get_session(bench, engine).boxed_local()
        })
    };
    Engine::BOTH.map(measurement).into()
}

/// Every question about the user, by the name of its row.
fn workloads(today: NaiveDate) -> Vec<(&'static str, Workload)> {
    let user = practice::user();
    let insights = insights::all(user, today).into_iter();
    let insights = insights.map(|(name, insight)| (name, Workload::Insight(insight)));
    let reports = Period::ALL.into_iter().map(|(name, period)| {
        let report = Workload::UserReport {
            period,
            user,
            today,
        };
        (name, report)
    });
    insights.chain(reports).collect()
}

/// One caller's medians, after `GetSession`'s on the same server.
async fn against_get_session(bench: &Bench, engine: Engine) -> Result<Vec<Series>> {
    let sessions = bench.args.insight_sessions;
    let database = bench.databases.empty(engine).await?;
    let dwell = Dwell::start(&database)?;
    let now = SystemClock.now();
    practice::record(&dwell.address, sessions, now).await?;
    data::settle(&mut database.connect().await?).await?;
    let get = Workload::Get {
        sessions: sessions.into(),
    };
    let workloads = workloads(now.utc_date());
    let load = Load {
        population: one_tenant(1),
        ..bench.alone()
    };
    let mut pairs = vec![Vec::new(); workloads.len()];
    for _ in 0..bench.args.pairs {
        let reference = load.run(&[&dwell.address], &get).await?;
        for ((_, workload), pairs) in workloads.iter().zip(&mut pairs) {
            let outcome = load.run(&[&dwell.address], workload).await?;
            pairs.push((outcome.median_ms, reference.median_ms));
        }
    }
    Ok(pairs.into_iter().flat_map(Series::of).collect())
}
