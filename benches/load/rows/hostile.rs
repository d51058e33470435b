//! What hostile clients do to one that is not.

use std::{
    net::SocketAddr,
    slice,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    thread,
    time::Duration,
};

use futures::FutureExt;

use super::Measurement;
use crate::{
    Bench, Result,
    calls::{Population, Workload, tenant_id},
    data,
    database::Engine,
    hostile::Attack,
    open::{self, Answers, Source},
    servers::Dwell,
    table::{Row, Series, Target, Unit},
};

const ATTACKS: [Attack; 7] = [
    Attack::RapidReset,
    Attack::ContinuationFlood,
    Attack::EmptyData,
    Attack::PingFlood,
    Attack::SlowReader,
    Attack::HalfOpen,
    Attack::EndlessHeads,
];
/// Logins in a second of the client that is not hostile: some sixth of what there is.
const RATE: f64 = 1_000.0;
/// Days of users of the hostile tenant, of which a slow reader takes nothing.
const DAYS: u32 = 100;
const USERS: u32 = 200;

pub fn all() -> Vec<Measurement> {
    let each = ATTACKS.map(|attack| {
        let row = Row {
            what: format!(
                "Hostile client {attack:?}: another one's p99, StartSession on SQLite, open loop"
            ),
            reference: "without it",
            unit: Unit::Millis,
            target: Target::AtMost(2.0),
        };
        Measurement::new([row], move |bench| under(bench, attack).boxed_local())
    });
    each.into()
}

async fn under(bench: &Bench, attack: Attack) -> Result<Vec<Series>> {
    let mut pairs = Vec::new();
    let mut notes = Vec::new();
    for _ in 0..bench.args.pairs {
        let database = bench.databases.empty(Engine::Sqlite).await?;
        // The first tenant's.
        data::days(&database, USERS, DAYS).await?;
        let population = Population {
            first_tenant: 2,
            ..bench.load().population
        };
        data::population(&database, population).await?;
        let dwell = Dwell::start(&database)?;
        let source = Source {
            population,
            rate: RATE,
        };
        let run = async || {
            let measured = bench.load().measured;
            let source = slice::from_ref(&source);
            let answers = open::run(&dwell.address, &Workload::Start, source, measured).await?;
            let answers: Option<Answers> = answers.into_iter().next();
            answers.ok_or_else(|| "nothing was measured".into())
        };
        let alone: Result<Answers> = run().await;
        let alone = alone?;
        let enough = Arc::new(AtomicBool::new(false));
        let times = Arc::new(AtomicU32::new(0));
        let address: SocketAddr = dwell.address.parse()?;
        let hostile = again_and_again(attack, address, enough.clone(), times.clone());
        let together = run().await;
        enough.store(true, Ordering::SeqCst);
        drop(dwell);
        // What it tried after the server's end failed.
        let _ = hostile.join();
        let together = together?;
        pairs.push((together.outcome.p99_ms, alone.outcome.p99_ms));
        notes.push(times.load(Ordering::SeqCst).to_string());
    }
    let note = format!("begun {} times", notes.join(", "));
    Ok(vec![Series { pairs, note }])
}

/// Attacks until it is enough: anew whenever the server ended it.
fn again_and_again(
    attack: Attack,
    address: SocketAddr,
    enough: Arc<AtomicBool>,
    times: Arc<AtomicU32>,
) -> thread::JoinHandle<()> {
    let tenant = tenant_id(1).to_string();
    thread::spawn(move || {
        let is_enough = || enough.load(Ordering::SeqCst);
        let hold = || {
            while !is_enough() {
                thread::sleep(Duration::from_millis(10));
            }
        };
        while !is_enough() && attack.run(address, &tenant, &hold).is_ok() {
            times.fetch_add(1, Ordering::SeqCst);
        }
    })
}
