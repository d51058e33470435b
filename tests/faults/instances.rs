//! Two instances on one PostgreSQL: one is killed or replaced, the other goes on.

use fastrand::Rng;

use crate::{engine::Engine, trial::Trial};

#[tokio::test(flavor = "multi_thread")]
async fn one_of_two_is_killed() {
    kill_one_of_two(10, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "the long form"]
async fn one_of_two_is_killed_often() {
    for seed in 0..10 {
        kill_one_of_two(50, seed).await;
    }
}

async fn kill_one_of_two(kills: u64, seed: u64) {
    let mut random = Rng::with_seed(seed);
    let mut trial = Trial::new(Engine::postgres(), seed);
    let mut staying = trial.serve().await;
    let mut dying = trial.dwell();
    for _ in 0..kills {
        trial.load.aim(vec![staying.channel(), dying.channel()]);
        trial.load.more(random.u64(50..400)).await;
        dying.kill();
        // Callers that do not know yet are refused a connection, and try again.
        trial.load.more(50).await;
        trial.load.aim(vec![staying.channel()]);
        dying = staying;
        staying = trial.dwell();
    }
    trial.load.aim(vec![dying.channel()]);
    let what = format!("one of two instances killed {kills} times, seed {seed}");
    trial.finish(&what, &dying.channel()).await;
}
