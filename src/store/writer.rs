//! Group commit: the only way to write.
//!
//! A write waits in the queue of a lane. The lane takes what has queued up while its last
//! commit was under way, has it decided and written in one transaction, and answers each
//! caller after the commit. No timer: a lone write waits for nothing, and the more callers
//! there are, the more of them share a commit.
//!
//! One user's writes go to one lane, so they keep their order, and two lanes do not wait for
//! each other's rows. That is for speed alone: the locks on users are what makes it right,
//! with several instances on one database too.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    panic::AssertUnwindSafe,
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use futures::FutureExt;
use quick_cache::sync::Cache;
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinSet,
    time::Instant,
};
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};
use uuid::Uuid;

use super::{Error, Store};
use crate::domain::{
    ids::{SessionId, TenantId, UserId},
    ledger::{Command, Halt, Ledger},
    rejection::{Entity, Rejection},
};

/// Writes that one transaction takes at most: beyond some hundreds a larger batch is hardly
/// faster for each, and everyone in it waits longer.
const MAX_BATCH: usize = 500;
/// Writes that wait in one lane before further ones are refused.
const QUEUE: usize = 4_096;
/// How long a batch is tried again while the database is away.
const PATIENCE: Duration = Duration::from_secs(5);
const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);
/// Sessions whose user is remembered, so that their heartbeats find their lane without a read.
const OWNERS: usize = 100_000;

/// One write of a batch, as the store sees it: something to decide.
pub trait Job: Send + Sync {
    fn tenant(&self) -> TenantId;

    /// Whether it changes the tenant's own row, which is then to be locked.
    fn changes_tenant(&self) -> bool;

    /// Decides on what is loaded and keeps the outcome. False if something is missing.
    fn decide(&mut self, ledger: &mut Ledger) -> bool;

    /// Tells the caller the outcome of the last decision, which is committed.
    fn answer(self: Box<Self>);

    /// Tells the caller that nothing was done, or that it is not known.
    fn fail(self: Box<Self>, error: Error);
}

/// Carries out batches; the writing half of a store.
#[async_trait]
pub trait Apply: Send + Sync {
    /// Decides and writes all jobs, which are in order of their tenants, in one transaction.
    /// On `Ok` it is committed.
    async fn apply(&self, jobs: &mut [Box<dyn Job>]) -> Result<(), Failure>;

    /// What became of a commit that was not answered; waits for it if need be.
    async fn settle(&self, commit: &Commit) -> Result<Settled, Failure>;
}

/// Why a batch was not carried out.
#[derive(Debug)]
pub enum Failure {
    /// Another transaction was in the way.
    Contention,
    /// The database is away.
    Unavailable,
    /// The database refused something in the batch.
    Refused(Error),
    /// The connection broke before the commit was answered.
    InDoubt(Commit),
}

/// A transaction whose commit was not answered.
#[derive(Clone, Debug)]
pub struct Commit(pub String);

/// What became of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Settled {
    Committed,
    RolledBack,
}

/// A write on its way, and whom to tell.
struct Pending<C: Command> {
    tenant: TenantId,
    command: C,
    outcome: Option<Result<C::Outcome, Rejection>>,
    reply: oneshot::Sender<Result<C::Outcome, Error>>,
}

impl<C: Command> Job for Pending<C> {
    fn tenant(&self) -> TenantId {
        self.tenant
    }

    fn changes_tenant(&self) -> bool {
        C::CHANGES_TENANT
    }

    fn decide(&mut self, ledger: &mut Ledger) -> bool {
        self.outcome = match self.command.decide(ledger) {
            Ok(outcome) => Some(Ok(outcome)),
            Err(Halt::Rejected(rejection)) => Some(Err(rejection)),
            Err(Halt::Missing) => None,
        };
        self.outcome.is_some()
    }

    fn answer(self: Box<Self>) {
        if let Some(outcome) = self.outcome {
            // A caller that has gone away does not hear of it.
            let _ = self.reply.send(outcome.map_err(Error::Rejected));
        }
    }

    fn fail(self: Box<Self>, error: Error) {
        let _ = self.reply.send(Err(error));
    }
}

/// The lanes, and their end.
pub struct Writer {
    handle: Handle,
    lanes: JoinSet<()>,
    closing: CancellationToken,
}

impl Writer {
    pub(super) fn start(apply: &Arc<dyn Apply>, store: Arc<dyn Store>, lanes: usize) -> Self {
        let closing = CancellationToken::new();
        let mut tasks = JoinSet::new();
        let queues = (0..lanes).map(|_| {
            let (sender, queue) = mpsc::channel(QUEUE);
            tasks.spawn(run_lane(apply.clone(), queue, closing.clone()));
            sender
        });
        let handle = Handle {
            queues: queues.collect(),
            owners: Arc::new(Owners {
                store,
                known: Cache::new(OWNERS),
            }),
            waits: false,
        };
        Self {
            handle,
            lanes: tasks,
            closing,
        }
    }

    /// For whoever writes.
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Admits no more, carries out and answers what was admitted, and ends the lanes.
    pub async fn close(mut self) {
        self.closing.cancel();
        while self.lanes.join_next().await.is_some() {}
    }
}

/// Puts writes on their lanes.
#[derive(Clone)]
pub struct Handle {
    queues: Arc<[mpsc::Sender<Box<dyn Job>>]>,
    owners: Arc<Owners>,
    waits: bool,
}

impl Handle {
    /// A handle that waits for room in the queue where others are refused: for streams, which
    /// are slowed down by it.
    #[must_use]
    pub fn patient(&self) -> Self {
        Self {
            waits: true,
            ..self.clone()
        }
    }

    /// Carries out a write and returns its outcome once it is committed.
    ///
    /// A caller that stops waiting changes nothing: the write goes on.
    ///
    /// # Errors
    /// [`Error::Rejected`] if the command refused it, [`Error::Overloaded`] if there is no
    /// room, and what else keeps it from being committed.
    pub async fn submit<C: Command>(
        &self,
        tenant: TenantId,
        command: C,
    ) -> Result<C::Outcome, Error> {
        let (reply, answer) = oneshot::channel();
        let queue = self.lane(tenant, command.user())?;
        let job = Box::new(Pending {
            tenant,
            command,
            outcome: None,
            reply,
        });
        if self.waits {
            queue.send(job).await.map_err(|_| Error::ShuttingDown)?;
        } else {
            queue.try_send(job).map_err(|refused| match refused {
                mpsc::error::TrySendError::Full(_) => Error::Overloaded,
                mpsc::error::TrySendError::Closed(_) => Error::ShuttingDown,
            })?;
        }
        answer.await.unwrap_or(Err(Error::OutcomeUnknown))
    }

    /// The same for a command on a session, made for the user whose session it is.
    ///
    /// # Errors
    /// As [`Handle::submit`]; a session that is not there is [`Rejection::NotFound`].
    pub async fn submit_for<C: Command>(
        &self,
        tenant: TenantId,
        session: SessionId,
        command: impl Fn(UserId) -> C,
    ) -> Result<C::Outcome, Error> {
        if let Some(user) = self.owners.known.get(&(tenant, session)) {
            let outcome = self.submit(tenant, command(user)).await;
            if outcome.as_ref().err() != Some(&not_found()) {
                return outcome;
            }
            // Gone, or made anew for somebody else since.
            self.owners.known.remove(&(tenant, session));
        }
        let user = self.owners.find(tenant, session).await?;
        let user = user.ok_or_else(not_found)?;
        self.submit(tenant, command(user)).await
    }

    fn lane(
        &self,
        tenant: TenantId,
        user: Option<UserId>,
    ) -> Result<&mpsc::Sender<Box<dyn Job>>, Error> {
        let mut hash = DefaultHasher::new();
        (tenant, user).hash(&mut hash);
        let lanes = u64::try_from(self.queues.len()).unwrap_or(1).max(1);
        let lane = usize::try_from(hash.finish() % lanes).unwrap_or(0);
        self.queues.get(lane).ok_or(Error::ShuttingDown)
    }
}

fn not_found() -> Error {
    Rejection::NotFound(Entity::Session).into()
}

/// Whose a session is. That does not change while the session is there.
struct Owners {
    store: Arc<dyn Store>,
    known: Cache<(TenantId, SessionId), UserId>,
}

impl Owners {
    async fn find(&self, tenant: TenantId, session: SessionId) -> Result<Option<UserId>, Error> {
        let found = self.store.list_owners(tenant, vec![session]).await?;
        let user = found.first().map(|(_, user)| *user);
        if let Some(user) = user {
            self.known.insert((tenant, session), user);
        }
        Ok(user)
    }
}

type Batch = Vec<Box<dyn Job>>;

async fn run_lane(
    apply: Arc<dyn Apply>,
    mut queue: mpsc::Receiver<Box<dyn Job>>,
    closing: CancellationToken,
) {
    loop {
        let mut batch = Batch::new();
        tokio::select! {
            biased;
            () = closing.cancelled(), if !queue.is_closed() => {
                queue.close();
                continue;
            }
            taken = queue.recv_many(&mut batch, MAX_BATCH) => {
                if taken == 0 {
                    return;
                }
            }
        }
        // Tenants in order, so that two lanes lock them in the same order; stable, so that
        // each user's writes keep theirs.
        batch.sort_by_key(|job| job.tenant());
        carry_out(&*apply, batch).await;
    }
}

/// Carries out a batch and answers everyone in it. A batch that the database refuses is cut
/// in two until the one that it refuses stands alone.
async fn carry_out(apply: &dyn Apply, batch: Batch) {
    let mut parts = vec![batch];
    while let Some(mut part) = parts.pop() {
        match try_until_settled(apply, &mut part).await {
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

/// What a batch fails with for good.
enum Refusal {
    /// Something in it is refused.
    Part(Error),
    /// Nothing can be carried out now.
    All(Error),
}

async fn try_until_settled(apply: &dyn Apply, part: &mut [Box<dyn Job>]) -> Result<(), Refusal> {
    let mut retry = Retry::new();
    loop {
        let tried = AssertUnwindSafe(apply.apply(part)).catch_unwind().await;
        match tried.unwrap_or_else(|_| Err(panicked())) {
            Ok(()) => return Ok(()),
            Err(Failure::Refused(error)) => return Err(Refusal::Part(error)),
            Err(Failure::InDoubt(commit)) => match settle(apply, &commit).await {
                Some(Settled::Committed) => return Ok(()),
                Some(Settled::RolledBack) => {}
                None => return Err(Refusal::All(Error::OutcomeUnknown)),
            },
            Err(Failure::Contention | Failure::Unavailable) => {}
        }
        if !retry.pause().await {
            return Err(Refusal::All(Error::Unavailable));
        }
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
            warn!(transaction = commit.0, "the outcome of a commit is unknown");
            return None;
        }
    }
}

fn panicked() -> Failure {
    let incident = Uuid::nil();
    error!("deciding or writing a batch panicked");
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
        tokio::time::sleep(self.pause.mul_f64(fastrand::f64() + 0.5)).await;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        true
    }
}
