//! What is left of the service when much more is asked of it than it can do.

use futures::FutureExt;

use super::Measurement;
use crate::{
    Bench, Result,
    calls::Workload,
    database::Engine,
    open::{self, Source},
    servers::Dwell,
    table::{Row, Series, Target, Unit},
};

/// Of the peak rate.
const ASKED: f64 = 5.0;
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
    let mut series = [const { Vec::new() }; 3];
    let mut refused = Vec::new();
    for _ in 0..bench.args.pairs {
        let database = bench.database(engine).await?;
        let dwell = Dwell::start(&database)?;
        let load = bench.load();
        let peak = load.run(&[&dwell.address], &Workload::Start).await?;
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
            refused.push(format!("{:.0} % refused", 100.0 * answers.refused));
        }
    }
    let [goodput, refusal, memory] = series;
    let note = refused.join(", ");
    let plain = |pairs| Series {
        pairs,
        note: String::new(),
    };
    Ok(vec![
        Series {
            pairs: goodput,
            note,
        },
        plain(refusal),
        plain(memory),
    ])
}
