//! One lane: batches, tried until they are settled.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures::FutureExt;
use tokio::time::{Instant, sleep};
use tracing::{error, warn};
use uuid::Uuid;

use super::{Apply, Commit, Counters, Failure, Job, Settled, pace::Pace, queue::Queue, turn::turn};
use crate::{store::Error, telemetry::traces::Span};

/// How long a batch is tried again while the database is away.
const PATIENCE: Duration = Duration::from_secs(5);
const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

type Batch = Vec<Box<dyn Job>>;

/// What carries out batches, and counts them.
pub struct Lane {
    apply: Arc<dyn Apply>,
    counters: Arc<Counters>,
}

/// What a batch fails with for good.
enum Refusal {
    /// Something in it is refused.
    Part(Error),
    /// Nothing can be carried out now.
    All(Error),
}

impl Lane {
    pub fn new(apply: Arc<dyn Apply>, counters: Arc<Counters>) -> Self {
        Self { apply, counters }
    }

    /// Takes what has queued up, carries it out and answers, until the queue is closed and empty.
    pub async fn run(self, queue: Arc<Queue>) {
        let mut pace = Pace::default();
        loop {
            turn().await;
            let mut batch = queue.take(&pace).await;
            if batch.is_empty() {
                return;
            }
            let span = self.begin(&batch);
            // Tenants in order, so that two lanes lock them in the same order; stable, so that
            // each user's writes keep theirs.
            batch.sort_by_key(|job| job.tenant());
            let (writes, begun) = (batch.len(), Instant::now());
            let mut tenants: Vec<_> = batch.iter().map(|job| job.tenant()).collect();
            tenants.dedup();
            span.around(self.carry_out(batch)).await;
            queue.release(&tenants);
            pace.took(writes, begun.elapsed());
        }
    }

    /// Counts and traces what was taken.
    fn begin(&self, batch: &[Box<dyn Job>]) -> Span {
        self.counters
            .sizes
            .number(u32::try_from(batch.len()).unwrap_or(u32::MAX));
        let waits = batch.iter().map(|job| job.wait());
        for wait in waits.clone() {
            self.counters.waits.time(wait.elapsed());
        }
        Span::batch(waits)
    }

    /// Carries out a batch and answers everyone in it. A batch that the database refuses is cut
    /// in two until the one that it refuses stands alone.
    async fn carry_out(&self, batch: Batch) {
        let mut parts = vec![batch];
        while let Some(mut part) = parts.pop() {
            match self.try_until_settled(&mut part).await {
                Ok(()) => part.into_iter().for_each(Job::answer),
                Err(Refusal::Part(_)) if part.len() > 1 => {
                    let rest = part.split_off(part.len() / 2);
                    parts.push(rest);
                    parts.push(part);
                }
                Err(Refusal::Part(error) | Refusal::All(error)) => {
                    for job in part {
                        job.fail(error.clone());
                    }
                }
            }
        }
    }

    async fn try_until_settled(&self, part: &mut [Box<dyn Job>]) -> Result<(), Refusal> {
        let mut retry = Retry::new();
        let mut waiting = false;
        loop {
            match self.try_once(part).await {
                Ok(()) => return Ok(()),
                Err(Failure::Refused(error)) => return Err(Refusal::Part(error)),
                Err(Failure::InDoubt(commit)) => match settle(&*self.apply, &commit).await {
                    Some(Settled::Committed) => return Ok(()),
                    Some(Settled::RolledBack) => {}
                    None => return Err(Refusal::All(Error::OutcomeUnknown)),
                },
                Err(Failure::Contention) => {}
                Err(Failure::Unavailable(reason)) => {
                    if !waiting {
                        warn!(reason, "a batch waits for the database");
                    }
                    waiting = true;
                }
            }
            if !retry.pause().await {
                return Err(Refusal::All(Error::Unavailable));
            }
        }
    }

    async fn try_once(&self, part: &mut [Box<dyn Job>]) -> Result<(), Failure> {
        let begun = Instant::now();
        let tried = AssertUnwindSafe(self.apply.apply(part)).catch_unwind();
        let tried = tried.await.unwrap_or_else(|_| Err(panicked()));
        self.counters.tried(&tried, begun.elapsed());
        tried
    }
}

/// Asks what became of a commit until that is known or patience is at its end.
async fn settle(apply: &dyn Apply, commit: &Commit) -> Option<Settled> {
    let mut retry = Retry::new();
    loop {
        if let Ok(settled) = apply.settle(commit).await {
            return Some(settled);
        }
        if !retry.pause().await {
            warn!(writer = %commit.writer, batch = commit.batch, "the outcome of a commit is unknown");
            return None;
        }
    }
}

fn panicked() -> Failure {
    let incident = Uuid::from_u128(fastrand::u128(..));
    error!(%incident, "deciding or writing a batch panicked");
    Failure::Refused(Error::Internal { incident })
}

/// Pauses that grow, with jitter, up to [`PATIENCE`] in all.
struct Retry {
    until: Instant,
    pause: Duration,
}

impl Retry {
    fn new() -> Self {
        Self {
            until: Instant::now() + PATIENCE,
            pause: FIRST_PAUSE,
        }
    }

    /// False if there has been enough of it.
    async fn pause(&mut self) -> bool {
        if Instant::now() >= self.until {
            return false;
        }
        sleep(self.pause.mul_f64(fastrand::f64() + 0.5)).await;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        true
    }
}
