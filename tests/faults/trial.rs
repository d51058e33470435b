//! One trial: a database, callers, and what is done to dwell meanwhile.

use std::{
    env,
    ops::Range,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use tokio::task::block_in_place;
use tonic::transport::Channel;

use crate::{
    dwell::Dwell,
    engine::Engine,
    ledger::{Book, Ledger},
    load::Load,
    recount::{Tally, Unanswered, recount},
};

/// From the start of the process to the first call that is acknowledged.
const READY_WITHIN: Duration = Duration::from_secs(5);

/// The seeds below a number, or those of them that `DWELL_SEEDS` names, `3..7` say: one that failed
/// again, or the long form in parts.
pub fn seeds(below: u64) -> Range<u64> {
    let Ok(chosen) = env::var("DWELL_SEEDS") else {
        return 0..below;
    };
    let (first, end) = chosen.split_once("..").expect("DWELL_SEEDS as 3..7");
    let bound = |seed: &str| seed.parse::<u64>().expect("a seed").min(below);
    bound(first)..bound(end)
}

/// The callers write until the trial is finished.
pub struct Trial {
    pub engine: Engine,
    pub load: Load,
    /// What may have become of calls that are not answered.
    pub unanswered: Unanswered,
    ledger: PathBuf,
    slowest: Duration,
}

impl Trial {
    pub fn new(engine: Engine, seed: u64) -> Self {
        let ledger = engine.file("ledger");
        Self {
            load: Load::start(Ledger::create(&ledger), seed),
            engine,
            unanswered: Unanswered::Unknown,
            ledger,
            slowest: Duration::ZERO,
        }
    }

    /// Another dwell on the database.
    pub fn dwell(&self) -> Dwell {
        self.program(Path::new(env!("CARGO_BIN_EXE_dwell")), &[])
    }

    /// The same of another build of it.
    pub fn program(&self, program: &Path, flags: &[&str]) -> Dwell {
        let log = self.engine.file("log");
        block_in_place(|| Dwell::start(program, &self.engine.url, flags, &log))
    }

    /// Starts dwell and sends the callers there. Fails unless it acknowledges soon.
    pub async fn serve(&mut self) -> Dwell {
        let begun = Instant::now();
        let dwell = self.dwell();
        self.load.aim(vec![dwell.channel()]);
        self.ready_since(begun).await;
        dwell
    }

    /// Fails unless a call is acknowledged soon after this.
    pub async fn ready_since(&mut self, begun: Instant) {
        self.load.more(1).await;
        let took = begun.elapsed();
        assert!(took < READY_WITHIN, "ready after {took:?} only");
        self.slowest = self.slowest.max(took);
    }

    /// The callers come to an end, and what they wrote is recounted on `channel`.
    pub async fn finish(self, what: &str, channel: &Channel) -> Tally {
        self.load.stop().await;
        let book = Book::read(&self.ledger);
        let tally = Tally::of(&book);
        let mut wrong = recount(&book, self.unanswered, channel).await;
        wrong.extend(self.engine.look(&book).await);
        println!("{what}: {tally}; ready within {:?}", self.slowest);
        if !wrong.is_empty() {
            // With the log and the database, to be looked at.
            let kept = self.engine.dir.keep();
            let told: Vec<_> = wrong.iter().take(20).map(String::as_str).collect();
            let told = told.join("\n");
            assert!(
                wrong.is_empty(),
                "{} wrong, in {}:\n{told}",
                wrong.len(),
                kept.display()
            );
        }
        tally
    }
}
