//! PostgreSQL is killed under dwell, which goes on by itself.

use std::time::Duration;

use fastrand::Rng;
use tokio::time::sleep;

use crate::{
    engine::Engine,
    recount::Tally,
    trial::{Trial, seeds},
};

/// Kills of one database before it is recounted.
const ROUND: u64 = 25;
/// A connection that was idle for a second is tried before it is read by; until then a read may find
/// that it broke, and be told to come again.
const UNTRIED: Duration = Duration::from_millis(1_500);

#[tokio::test(flavor = "multi_thread")]
async fn postgres_is_killed() {
    rounds(8).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "the long form"]
async fn postgres_is_killed_often() {
    rounds(200).await;
}

/// Every other time it is all of PostgreSQL, else one of its connections.
async fn rounds(kills: u64) {
    let (mut total, mut done) = (Tally::default(), 0);
    for seed in seeds(kills.div_ceil(ROUND)) {
        let kills = ROUND.min(kills - seed * ROUND);
        total.add(round(kills, seed).await);
        done += kills;
    }
    println!("kill -9 of PostgreSQL: {done} in all; {total}");
}

async fn round(kills: u64, seed: u64) -> Tally {
    let mut random = Rng::with_seed(seed);
    let mut trial = Trial::new(Engine::postgres(), seed);
    let dwell = trial.serve().await;
    for kill in 0..kills {
        trial.load.more(random.u64(50..400)).await;
        if kill % 2 == 0 {
            trial.engine.kill_postmaster();
        } else {
            trial.engine.kill_backend();
        }
        let answers = trial.engine.answers().await;
        trial.ready_since(answers).await;
    }
    sleep(UNTRIED).await;
    let what = format!("kill -9 of PostgreSQL, seed {seed}");
    trial.finish(&what, &dwell.channel()).await
}
