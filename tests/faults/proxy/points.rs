//! Every fault point by seeds, under load, and a recount.

use std::time::{Duration, Instant};

use futures::future::join_all;
use sqlx::{Connection, Executor, PgConnection};
use tokio::{task::block_in_place, time::timeout};
use uuid::Uuid;

use super::{Proxy, fault::Point};
use crate::{
    dwell::{Dwell, built},
    engine::Engine,
    recount::read::sessions,
    trial::{self, Trial},
};

/// Seeds of each point in the short form, and in the long one.
const FEW: u64 = 5;
const MANY: u64 = 100;
/// Calls that are acknowledged while a fault strikes, and after it.
const CALLS: u64 = 40;
/// Reads at once: as many as there are connections for them.
const READS: u32 = 8;
/// So often so many, until it struck.
const TRIES: u32 = 10;
/// The callers come to an end within this, or a lane is dead.
const END: Duration = Duration::from_mins(2);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Isolation {
    ReadCommitted,
    Serializable,
}

#[tokio::test(flavor = "multi_thread")]
async fn commits_that_break_read_committed() {
    try_points(&Point::ALL, Isolation::ReadCommitted, FEW).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn commits_that_break_serializable() {
    try_points(&Point::ALL, Isolation::Serializable, FEW).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "the long form"]
async fn commits_that_break_often() {
    for isolation in [Isolation::ReadCommitted, Isolation::Serializable] {
        for point in Point::ALL {
            try_points(&[point], isolation, MANY).await;
        }
    }
}

/// The server, or the network to it, is gone without a word while calls are under way: reads and
/// writes go on over new connections.
#[tokio::test(flavor = "multi_thread")]
async fn connections_that_fall_silent() {
    let trial = Trial::new(Engine::postgres(), 1);
    let (_, socket_dir) = trial.engine.url.split_once("host=").unwrap();
    let proxy = Proxy::start(socket_dir).await.unwrap();
    let (url, log) = (proxy.url("postgres"), trial.engine.file("log"));
    let dwell = block_in_place(|| Dwell::start(built(), &url, &[], &log));
    trial.load.aim(vec![dwell.channel()]);
    trial.load.more(CALLS).await;
    let channel = dwell.channel();
    // So that readers, too, are idle when they fall silent, and found so much later.
    let tenant = Uuid::from_u128(1);
    join_all((0..READS).map(|_| sessions(&channel, tenant))).await;
    proxy.fall_silent();
    trial.load.more(CALLS).await;
    let finished = async {
        trial.engine.lets_go().await;
        trial.finish("connections that fall silent", &channel).await;
    };
    timeout(END, finished).await.expect("the lanes go on");
}

/// One database, and on it each point with so many seeds.
async fn try_points(points: &[Point], isolation: Isolation, seeds: u64) {
    let mut trial = Trial::new(Engine::postgres(), seeds);
    let (_, socket_dir) = trial.engine.url.split_once("host=").unwrap();
    let proxy = Proxy::start(socket_dir).await.unwrap();
    if isolation == Isolation::Serializable {
        // dwell says itself what it wants, so the proxy has to say otherwise.
        proxy.make_serializable();
        let mut conn = PgConnection::connect(&trial.engine.url).await.unwrap();
        let default = "ALTER DATABASE postgres SET default_transaction_isolation = serializable";
        conn.execute(default).await.unwrap();
    }
    let (url, log) = (proxy.url("postgres"), trial.engine.file("log"));
    let dwell = block_in_place(|| Dwell::start(built(), &url, &[], &log));
    trial.load.aim(vec![dwell.channel()]);
    trial.load.more(CALLS).await;
    for point in points {
        let mut struck = 0;
        let seeds = trial::seeds(seeds);
        for seed in seeds.clone() {
            proxy.faults().arm(*point, seed);
            // Calls that share a commit are acknowledged together: it may be one from before.
            for _ in 0..TRIES {
                trial.load.more(CALLS).await;
                if proxy.faults().struck() > 0 {
                    break;
                }
            }
            let strikes = proxy.faults().disarm();
            assert!(strikes > 0, "{point:?} never struck, seed {seed}");
            struck += strikes;
            // It goes on by itself.
            trial.ready_since(Instant::now()).await;
        }
        println!("{point:?}, {isolation:?}: seeds {seeds:?}, struck {struck} times");
    }
    let serializable = proxy.made_serializable() > 0;
    assert_eq!(serializable, isolation == Isolation::Serializable);
    let what = format!("commits that break, {isolation:?}");
    let channel = dwell.channel();
    let finished = timeout(END, trial.finish(&what, &channel));
    finished.await.expect("the lanes go on");
}
