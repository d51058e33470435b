//! Group commit: the only way to write.
//!
//! A write waits in its tenant's line. A lane that is free takes what has queued up, has it
//! decided and written in one transaction, and answers each caller after the commit. No timer: a
//! lone write waits for nothing, and the more callers there are, the more of them share a commit.
//!
//! One lane at a time carries out a tenant's writes, so they keep their order, share their
//! statements, and two lanes do not wait for each other's rows. That is for speed alone: the
//! locks on users are what makes it right, with several instances on one database too.

mod counters;
mod lane;
mod pace;
mod queue;
#[cfg(test)]
mod tests;
mod turn;

use std::sync::Arc;

use async_trait::async_trait;
use futures::future::BoxFuture;
use quick_cache::sync::Cache;
use tokio::{sync::oneshot, task::JoinSet};
use uuid::Uuid;

use self::queue::Queue;
pub use self::{counters::Counters, queue::QUEUE};
use super::{Error, Store};
use crate::{
    domain::{
        ids::{SessionId, TenantId, UserId},
        ledger::{Command, Halt, Ledger},
        rejection::{Entity, Rejection},
    },
    telemetry::traces::Wait,
};

/// Sessions whose user is remembered, so that what comes of them needs no read before.
const OWNERS: usize = 100_000;

/// One write of a batch, as the store sees it: something to decide.
pub trait Job: Send + Sync {
    fn tenant(&self) -> TenantId;

    /// Whether it changes the tenant's own row, which is then to be locked.
    fn changes_tenant(&self) -> bool;

    /// Whose data it writes.
    fn user(&self) -> Option<UserId>;

    /// Since when it has been waiting.
    fn wait(&self) -> &Wait;

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
    /// The database is away, and what it looks like.
    Unavailable(String),
    /// The database refused something in the batch.
    Refused(Error),
    /// The connection broke before the commit of this was answered.
    InDoubt(Commit),
}

/// A transaction, by the mark that it leaves: it is there if and only if this was committed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Commit {
    pub tenant: TenantId,
    pub writer: Uuid,
    pub batch: i64,
}

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
    wait: Wait,
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

    fn user(&self) -> Option<UserId> {
        self.command.user()
    }

    fn wait(&self) -> &Wait {
        &self.wait
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

/// The lanes. Dropped without [`Writer::close`], they end at once.
pub struct Writer {
    handle: Handle,
    lanes: JoinSet<()>,
}

impl Writer {
    /// Lanes that write through `apply` and find the users of sessions in `store`.
    pub(super) fn start(apply: &Arc<dyn Apply>, store: Arc<dyn Store>, lanes: usize) -> Self {
        let find = move |tenant, session| -> FoundOwner {
            let store = store.clone();
            Box::pin(async move {
                let found = store.list_owners(tenant, vec![session]).await?;
                Ok(found.first().map(|(_, user)| *user))
            })
        };
        Self::with_lanes(apply, Arc::new(find), lanes)
    }

    fn with_lanes(apply: &Arc<dyn Apply>, find: FindOwner, lanes: usize) -> Self {
        let mut tasks = JoinSet::new();
        let counters = Arc::<Counters>::default();
        let queue = Arc::new(Queue::new(lanes));
        for _ in 0..lanes {
            let lane = lane::Lane::new(apply.clone(), counters.clone());
            tasks.spawn(lane.run(queue.clone()));
        }
        let handle = Handle {
            queue,
            counters,
            owners: Arc::new(Owners {
                find,
                known: Cache::new(OWNERS),
            }),
            waits: false,
        };
        Self {
            handle,
            lanes: tasks,
        }
    }

    /// For whoever writes.
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Admits no more, carries out and answers what was admitted, and ends the lanes.
    pub async fn close(mut self) {
        self.handle.queue.close();
        while self.lanes.join_next().await.is_some() {}
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.handle.queue.abandon();
    }
}

/// Puts writes in the queue.
#[derive(Clone)]
pub struct Handle {
    queue: Arc<Queue>,
    counters: Arc<Counters>,
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
        let job = Box::new(Pending {
            tenant,
            command,
            wait: Wait::begin(),
            outcome: None,
            reply,
        });
        if self.waits {
            self.queue.push_patiently(job).await?;
        } else {
            let pushed = self.queue.push(job);
            if matches!(pushed, Err((_, Error::Overloaded))) {
                self.counters.refused.add(1);
            }
            pushed.map_err(|(_, error)| error)?;
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

    /// Remembers whose a session is that was just started, so that what is done with it next
    /// needs no read before.
    pub fn remember(&self, tenant: TenantId, session: SessionId, user: UserId) {
        self.owners.known.insert((tenant, session), user);
    }

    /// How many writes wait.
    #[must_use]
    pub fn queue_length(&self) -> i64 {
        i64::try_from(self.queue.len()).unwrap_or(i64::MAX)
    }

    /// How the lanes are doing.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.counters
    }
}

fn not_found() -> Error {
    Rejection::NotFound(Entity::Session).into()
}

type FoundOwner = BoxFuture<'static, Result<Option<UserId>, Error>>;
type FindOwner = Arc<dyn Fn(TenantId, SessionId) -> FoundOwner + Send + Sync>;

/// Whose a session is. That does not change while the session is there.
struct Owners {
    find: FindOwner,
    known: Cache<(TenantId, SessionId), UserId>,
}

impl Owners {
    async fn find(&self, tenant: TenantId, session: SessionId) -> Result<Option<UserId>, Error> {
        let user = (self.find)(tenant, session).await?;
        if let Some(user) = user {
            self.known.insert((tenant, session), user);
        }
        Ok(user)
    }
}
