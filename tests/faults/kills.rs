//! dwell is killed, or told to stop, again and again under load.

use fastrand::Rng;

use crate::{
    engine::Engine,
    recount::{Tally, Unanswered},
    trial::{Trial, seeds},
};

/// Kills of one database before it is recounted.
const ROUND: u64 = 50;
/// Calls that are acknowledged between two kills: so many at least, and at most.
const CALLS: (u64, u64) = (20, 400);

/// How dwell ends.
#[derive(Clone, Copy)]
enum End {
    Kill,
    Terminate,
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_on_sqlite() {
    rounds("kill -9, SQLite", Engine::sqlite, End::Kill, 25, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_on_postgres() {
    rounds("kill -9, PostgreSQL", Engine::postgres, End::Kill, 25, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn told_to_stop_on_sqlite() {
    rounds("SIGTERM, SQLite", Engine::sqlite, End::Terminate, 8, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn told_to_stop_on_postgres() {
    rounds(
        "SIGTERM, PostgreSQL",
        Engine::postgres,
        End::Terminate,
        8,
        0,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "the long form"]
async fn killed_a_thousand_times_on_sqlite() {
    rounds("kill -9, SQLite", Engine::sqlite, End::Kill, 1_000, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "the long form"]
async fn writes_five_million_on_sqlite() {
    let what = "many writes, SQLite";
    rounds(what, Engine::sqlite, End::Kill, 1_000, 5_000_000).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "the long form"]
async fn killed_a_thousand_times_on_postgres() {
    rounds("kill -9, PostgreSQL", Engine::postgres, End::Kill, 1_000, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "the long form"]
async fn writes_five_million_on_postgres() {
    let what = "many writes, PostgreSQL";
    rounds(what, Engine::postgres, End::Kill, 1_000, 5_000_000).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "the long form"]
async fn told_to_stop_often_on_sqlite() {
    rounds("SIGTERM, SQLite", Engine::sqlite, End::Terminate, 100, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "the long form"]
async fn told_to_stop_often_on_postgres() {
    rounds(
        "SIGTERM, PostgreSQL",
        Engine::postgres,
        End::Terminate,
        100,
        0,
    )
    .await;
}

/// So many ends at least, and so many acknowledged calls.
async fn rounds(what: &str, engine: fn() -> Engine, end: End, ends: u64, calls: u64) {
    let (mut total, mut done) = (Tally::default(), 0);
    // So that there are as many acknowledged calls at the end, were the rounds all alike.
    let apart = (calls / ends).max(CALLS.0);
    for seed in seeds(ends.div_ceil(ROUND)) {
        let ends = ROUND.min(ends - seed * ROUND);
        total.add(round(what, engine(), end, ends, apart, seed).await);
        done += ends;
    }
    println!("{what}: {done} in all; {total}");
    assert!(u64::try_from(total.acknowledged).unwrap() >= calls * done / ends);
}

async fn round(what: &str, engine: Engine, end: End, ends: u64, apart: u64, seed: u64) -> Tally {
    let mut random = Rng::with_seed(seed);
    let mut trial = Trial::new(engine, seed);
    trial.unanswered = match end {
        End::Kill => Unanswered::Unknown,
        End::Terminate => Unanswered::NotDone,
    };
    let mut dwell = trial.serve().await;
    for _ in 0..ends {
        trial.load.more(random.u64(apart..=apart + CALLS.1)).await;
        match end {
            End::Kill => dwell.kill(),
            End::Terminate => {
                let ended = dwell.terminate().await;
                assert!(ended.success(), "{ended}");
            }
        }
        trial.load.aim(Vec::new());
        dwell = trial.serve().await;
    }
    trial
        .finish(&format!("{what}, seed {seed}"), &dwell.channel())
        .await
}
