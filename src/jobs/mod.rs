//! What happens by itself: sessions and goals that are over end, what was remembered long enough
//! is forgotten, and points are delivered. Each job works off one tenant at a time in bounded
//! pieces, so any number of instances may run it on one database; but for delivery, which has
//! nothing to decide, each writes through the writer like everyone else.

pub mod expiry;
pub mod goals;
pub mod points;
pub mod privacy;
pub mod retention;
pub mod task;

use std::{sync::Arc, time::Duration};

use futures::{StreamExt, TryStreamExt, stream};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::warn;

use self::{points::Delivery, task::Task};
use crate::{
    config::{Switch, WatchArgs},
    domain::{ids::TenantId, rejection::Rejection, time::Clock},
    store::{Error, Store, writer},
    telemetry::stored::{self, Stored},
};

/// Tenants, or rows of a tenant, that are read at a time.
const PIECE: usize = 500;
/// How often goals that are over are looked for.
const GOALS_INTERVAL: Duration = Duration::from_mins(1);
/// How often tables are looked for that have grown much: until they are found calls may be slow.
const TABLES_INTERVAL: Duration = Duration::from_secs(3);
/// How often it is looked for what is to be forgotten.
const RETENTION_INTERVAL: Duration = Duration::from_mins(10);

/// What jobs work with.
#[derive(Clone)]
pub struct Jobs {
    pub store: Arc<dyn Store>,
    pub writer: writer::Handle,
    pub clock: Arc<dyn Clock>,
    /// `None` if points are told to nobody.
    pub delivery: Option<Arc<Delivery>>,
}

impl Jobs {
    /// Runs all jobs until `stop`, and returns how they go. Events are forgotten, and told to
    /// other instances, as `watch` says. What there is in the database is counted if somebody
    /// wants to know.
    #[must_use]
    pub fn start(
        self,
        sweep_interval: Duration,
        watch: &WatchArgs,
        counted: Option<Arc<Stored>>,
        tasks: &TaskTracker,
        stop: &CancellationToken,
    ) -> Vec<Arc<Task>> {
        let events_kept = watch.watch_retention;
        let store = self.store.clone();
        let write_back = async move { store.write_back().await };
        tasks.spawn(stop.clone().run_until_cancelled_owned(write_back));
        if watch.watch == Switch::On {
            let store = self.store.clone();
            let relay = async move { store.relay_wakes().await };
            tasks.spawn(stop.clone().run_until_cancelled_owned(relay));
        }
        if let Some(delivery) = self.delivery.clone() {
            let (watch, stop) = (delivery.clone(), stop.clone());
            let watched = stop.clone();
            tasks.spawn(async move { delivery.run(&stop).await });
            tasks.spawn(async move { watch.watch(&watched).await });
        }
        let mut runs = Runs {
            jobs: self,
            tasks,
            stop,
            watched: Vec::new(),
        };
        runs.every("expire_sessions", sweep_interval, |jobs| async move {
            expiry::sweep(&jobs).await
        });
        runs.every("expire_goals", GOALS_INTERVAL, |jobs| async move {
            goals::expire(&jobs).await
        });
        runs.every("learn_tables", TABLES_INTERVAL, |jobs| async move {
            jobs.store.learn_tables().await
        });
        runs.every("forget_requests", RETENTION_INTERVAL, |jobs| async move {
            retention::forget_requests(&jobs).await
        });
        runs.every(
            "forget_events",
            RETENTION_INTERVAL,
            move |jobs| async move { retention::forget_events(&jobs, events_kept).await },
        );
        runs.every("forget_sessions", RETENTION_INTERVAL, |jobs| async move {
            privacy::forget_sessions(&jobs).await
        });
        runs.every("finish_deletions", RETENTION_INTERVAL, |jobs| async move {
            privacy::finish_deletions(&jobs).await
        });
        if let Some(counted) = counted {
            runs.every("count_rows", stored::INTERVAL, move |jobs| {
                let counted = counted.clone();
                async move { counted.look(&*jobs.store).await }
            });
        }
        runs.watched
    }
}

/// Jobs that are being started.
struct Runs<'a> {
    jobs: Jobs,
    tasks: &'a TaskTracker,
    stop: &'a CancellationToken,
    watched: Vec<Arc<Task>>,
}

impl Runs<'_> {
    /// Runs `job` at once and then once each period, never two at a time. A job that fails is
    /// tried again in the next period.
    fn every<F>(
        &mut self,
        name: &'static str,
        period: Duration,
        job: impl Fn(Jobs) -> F + Send + 'static,
    ) where
        F: Future<Output = Result<usize, Error>> + Send,
    {
        let task = Arc::new(Task::new(name));
        self.watched.push(task.clone());
        let jobs = self.jobs.clone();
        let run = async move {
            let mut ticks = interval(period);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                match job(jobs.clone()).await {
                    Ok(items) => task.succeeded(items, jobs.clock.now()),
                    Err(error) => {
                        task.failed.add(1);
                        warn!(name, %error, "a job failed and will be tried again");
                    }
                }
            }
        };
        let stop = self.stop.clone();
        self.tasks.spawn(stop.run_until_cancelled_owned(run));
    }
}

/// Has `end` end all that `find` finds, a piece at a time, and returns how many it ended; it is
/// told false of what was not over after all. What is gone meanwhile is passed over.
async fn end_all<T, L, E>(find: impl Fn() -> L, end: impl Fn(T) -> E) -> Result<usize, Error>
where
    L: Future<Output = Result<Vec<T>, Error>>,
    E: Future<Output = Result<bool, Error>>,
{
    let mut ended = 0;
    loop {
        let due = find().await?;
        let last = due.len() < PIECE;
        let ends = due.into_iter().map(|one| {
            let end = end(one);
            async move {
                match end.await {
                    Err(Error::Rejected(Rejection::NotFound(_))) => Ok(None),
                    outcome => outcome.map(Some),
                }
            }
        });
        let over: Vec<Option<bool>> = stream::iter(ends)
            .buffer_unordered(PIECE)
            .try_collect()
            .await?;
        ended += over.iter().filter(|over| **over == Some(true)).count();
        // Those of users who are being deleted stay as they are until that is done.
        if last || over.iter().all(Option::is_none) {
            return Ok(ended);
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
