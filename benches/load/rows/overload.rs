//! What is left of the service when much more is asked of it than it can do.

use std::time::Duration;

use futures::FutureExt;

use super::Measurement;
use crate::{
    Bench, Result,
    calls::Workload,
    closed::Load,
    cores::Parted,
    database::{Databases, Engine},
    open::{self, Source},
    servers::Dwell,
    table::{Row, Series, Target, Unit},
};

/// Of the peak rate.
const ASKED: f64 = 5.0;
/// How long the peak is measured at most.
const PEAK: Duration = Duration::from_secs(10);
const MEBIBYTE: f64 = 1_048_576.0;

pub fn all() -> Vec<Measurement> {
    let each = Engine::BOTH.map(|engine| {
        let row = |what: &str, reference, unit, target| Row {
            what: format!("Overload: {what} at 5 times the peak rate, StartSession on {engine}"),
            reference,
            unit,
            target,
        };
        let rows = [
            row(
                "calls carried out",
                "the peak",
                Unit::PerSecond,
                Target::AtLeast(0.9),
            ),
            row("p99 of a refusal", "", Unit::Millis, Target::AtMost(50.0)),
            row(
                "resident memory that it adds",
                "",
                Unit::Mebibytes,
                Target::AtMost(64.0),
            ),
        ];
        Measurement::new(rows, move |bench| flood(bench, engine).boxed_local())
    });
    each.into()
}

/// The peak is that of the closed loop, on the same server.
async fn flood(bench: &Bench, engine: Engine) -> Result<Vec<Series>> {
    // Five times the peak takes the load as much as it takes dwell: on the same processors it would
    // be the load that is measured. So PostgreSQL is one of its own too, beside dwell.
    let parted = Parted::new()?;
    let bench = Bench {
        args: bench.args.clone(),
        databases: Databases::default(),
    };
    let mut series = [const { Vec::new() }; 3];
    let mut notes = Vec::new();
    if parted.is_none() {
        notes.push("on the processors of the load".to_owned());
    }
    for _ in 0..bench.args.pairs {
        if let Some(parted) = &parted {
            parted.start_servers()?;
        }
        let database = bench.database(engine).await?;
        let dwell = Dwell::start(&database)?;
        if let Some(parted) = &parted {
            parted.start_load()?;
        }
        let load = bench.load();
        let short = Load {
            measured: load.measured.min(PEAK),
            ..load
        };
        let peak = short.run(&[&dwell.address], &Workload::Start).await?;
        dwell.forget_peak()?;
        let before = dwell.peak_resident()?;
        let source = Source {
            population: load.population,
            rate: peak.rate * ASKED,
        };
        let answers = open::run(&dwell.address, &Workload::Start, &[source], load.measured).await?;
        let added = dwell.peak_resident()?.saturating_sub(before);
        let added = f64::from(u32::try_from(added)?) / MEBIBYTE;
        for answers in answers {
            let values = [
                (answers.goodput, peak.rate),
                (answers.refusal_p99_ms, 1.0),
                (added, 1.0),
            ];
            for (pairs, pair) in series.iter_mut().zip(values) {
                pairs.push(pair);
            }
            let (refused, late) = (100.0 * answers.refused, answers.late_p99_ms);
            notes.push(format!(
                "{refused:.0} % refused, begun late by {late:.1} ms"
            ));
        }
    }
    let [goodput, refusal, memory] = series;
    let plain = |pairs| Series {
        pairs,
        note: String::new(),
    };
    Ok(vec![
        Series {
            pairs: goodput,
            note: notes.join(", "),
        },
        plain(refusal),
        plain(memory),
    ])
}
