//! Two instances on one PostgreSQL: one is killed or replaced, the other goes on.

use fastrand::Rng;

use crate::{
    engine::Engine,
    trial::{Trial, seeds},
};

#[tokio::test(flavor = "multi_thread")]
async fn one_of_two_is_killed() {
    kill_one_of_two(10, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "the long form"]
async fn one_of_two_is_killed_often() {
    for seed in seeds(10) {
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

#[tokio::test(flavor = "multi_thread")]
async fn replaced_one_after_the_other() {
    let mut trial = Trial::new(Engine::postgres(), 0);
    let mut old = trial.serve().await;
    for _ in 0..5 {
        let new = trial.dwell();
        trial.load.aim(vec![old.channel(), new.channel()]);
        trial.load.more(100).await;
        trial.load.aim(vec![new.channel()]);
        assert!(old.terminate().await.success());
        old = new;
    }
    trial.finish("a rolling restart", &old.channel()).await;
}

/// A build from before the last migration is the program at `DWELL_PREVIOUS`. It goes on while
/// its successor changes the schema under it, and beside it.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a build of the release before"]
async fn replaces_its_predecessor() {
    let previous = std::env::var_os("DWELL_PREVIOUS").expect("DWELL_PREVIOUS is set");
    let mut trial = Trial::new(Engine::postgres(), 0);
    let old = trial.program(previous.as_ref(), &[]);
    trial.load.aim(vec![old.channel()]);
    trial.load.more(500).await;
    let new = trial.serve().await;
    trial.load.aim(vec![old.channel(), new.channel()]);
    trial.load.more(1_000).await;
    trial.load.aim(vec![new.channel()]);
    assert!(old.terminate().await.success());
    trial.load.more(500).await;
    // And back again, on a schema that is newer than it knows.
    let old = trial.program(previous.as_ref(), &["--no-migrate"]);
    trial.load.aim(vec![old.channel(), new.channel()]);
    trial.load.more(500).await;
    let what = "the release before, the schema changed under it, and side by side";
    trial.finish(what, &new.channel()).await;
}
