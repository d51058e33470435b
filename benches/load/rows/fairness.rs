//! What one tenant's load does to the others.

use std::slice;

use futures::FutureExt;

use super::Measurement;
use crate::{
    Bench, Result,
    calls::{Population, Workload},
    closed::Load,
    data,
    database::Engine,
    open::{self, Source},
    servers::Dwell,
    table::{Row, Series, Target, Unit},
};

/// Each tenant's share is a tenth of the peak rate.
const TENANTS: u32 = 10;
/// What the others use of their shares.
const USED: f64 = 0.5;
/// What one tenant asks for of its own.
const ASKED: f64 = 10.0;

pub fn all() -> Vec<Measurement> {
    let each = Engine::BOTH.map(|engine| {
        let row = Row {
            what: format!(
                "Fairness: the others' p99 while one tenant sends 10 times its share, StartSession on {engine}"
            ),
            reference: "without that tenant",
            unit: Unit::Millis,
            target: Target::AtMost(2.0),
        };
        Measurement::new([row], move |bench| others(bench, engine).boxed_local())
    });
    each.into()
}

async fn others(bench: &Bench, engine: Engine) -> Result<Vec<Series>> {
    let population = Population {
        tenants: TENANTS,
        ..bench.load().population
    };
    let load = Load {
        population,
        ..bench.load()
    };
    let mut refused = Vec::new();
    let mut pairs = Vec::new();
    for _ in 0..bench.args.pairs {
        let database = bench.databases.empty(engine).await?;
        data::population(&database, population).await?;
        let dwell = Dwell::start(&database)?;
        let peak = load.run(&[&dwell.address], &Workload::Start).await?;
        let share = peak.rate / f64::from(TENANTS);
        let others = Source {
            population: Population {
                first_tenant: population.first_tenant + 1,
                tenants: TENANTS - 1,
                ..population
            },
            rate: f64::from(TENANTS - 1) * share * USED,
        };
        let greedy = Source {
            population: Population {
                tenants: 1,
                ..population
            },
            rate: ASKED * share,
        };
        let run = async |sources: &[Source]| {
            open::run(&dwell.address, &Workload::Start, sources, load.measured).await
        };
        let alone = run(slice::from_ref(&others)).await?;
        let together = run(&[others, greedy]).await?;
        if let ([alone], [others, greedy]) = (&*alone, &*together) {
            pairs.push((others.outcome.p99_ms, alone.outcome.p99_ms));
            refused.push((others.refused, greedy.refused));
        }
    }
    let most = |of: fn(&(f64, f64)) -> f64| 100.0 * refused.iter().map(of).fold(0.0, f64::max);
    let note = format!(
        "refused at most {:.1} % of theirs, {:.1} % of its calls",
        most(|refused| refused.0),
        most(|refused| refused.1)
    );
    Ok(vec![Series { pairs, note }])
}
