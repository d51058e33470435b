//! What happens by itself: sessions and goals that are over end, and what was remembered long enough is
//! forgotten. Each job works off one tenant at a time in bounded pieces, through the writer
//! like everyone else, so any number of instances may run it on one database.

pub mod expiry;
pub mod goals;
pub mod retention;

use std::{sync::Arc, time::Duration};

use tokio::time::{MissedTickBehavior, interval};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::warn;

use crate::{
    domain::{ids::TenantId, time::Clock},
    store::{Error, Store, writer},
};

/// Tenants, or rows of a tenant, that are read at a time.
const PIECE: usize = 500;
/// How often goals that are over are looked for.
const GOALS_INTERVAL: Duration = Duration::from_mins(1);
/// How often remembered requests are looked through.
const RETENTION_INTERVAL: Duration = Duration::from_mins(10);

/// What jobs work with.
#[derive(Clone)]
pub struct Jobs {
    pub store: Arc<dyn Store>,
    pub writer: writer::Handle,
    pub clock: Arc<dyn Clock>,
}

impl Jobs {
    /// Runs all jobs until `stop`.
    pub fn start(self, sweep_interval: Duration, tasks: &TaskTracker, stop: &CancellationToken) {
        let jobs = self.clone();
        tasks.spawn(every(sweep_interval, stop.clone(), move || {
            let jobs = jobs.clone();
            async move { expiry::sweep(&jobs).await }
        }));
        let jobs = self.clone();
        tasks.spawn(every(GOALS_INTERVAL, stop.clone(), move || {
            let jobs = jobs.clone();
            async move { goals::expire(&jobs).await }
        }));
        tasks.spawn(every(RETENTION_INTERVAL, stop.clone(), move || {
            let jobs = self.clone();
            async move { retention::forget_requests(&jobs).await }
        }));
    }
}

/// Runs `job` at once and then once each period, never two at a time, until `stop`. A job that
/// fails is tried again in the next period.
async fn every<F>(period: Duration, stop: CancellationToken, job: impl Fn() -> F)
where
    F: Future<Output = Result<usize, Error>>,
{
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let run = async {
            ticks.tick().await;
            job().await
        };
        match stop.run_until_cancelled(run).await {
            None => return,
            Some(Ok(_)) => {}
            Some(Err(error)) => warn!(%error, "a job failed and will be tried again"),
        }
    }
}

/// Works off the tenants that `list` finds, page by page, and returns the sum of what `work`
/// did for each.
async fn each_tenant<L, W>(
    list: impl Fn(Option<TenantId>) -> L,
    work: impl Fn(TenantId) -> W,
) -> Result<usize, Error>
where
    L: Future<Output = Result<Vec<TenantId>, Error>>,
    W: Future<Output = Result<usize, Error>>,
{
    let mut done = 0;
    let mut after = None;
    loop {
        let tenants = list(after).await?;
        for tenant in &tenants {
            done += work(*tenant).await?;
        }
        after = tenants.last().copied();
        if tenants.len() < PIECE {
            return Ok(done);
        }
    }
}
