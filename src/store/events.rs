//! What happened to sessions, for those who watch.
//!
//! Events are rows, written in the transaction that they tell of. They are told in the order of
//! their places, and no further than it is known that nothing more will come before: a transaction
//! that began earlier and commits later is waited for. On PostgreSQL a place begins with the number
//! of the transaction, and what is told ends where the oldest one that still writes begins, of all
//! databases of the server. So one that stays open holds events back, and loses none. Transactions
//! that only read have no number and hold nothing back; what limits the others is the server's
//! `idle_in_transaction_session_timeout`. A counter of the tenant's own would know no strangers, but
//! all writes of the tenant would wait for each other's commits in front of it.
//!
//! What is done to a session after an earlier write of it was answered has the higher number, and is
//! told after it. Only what two instances do to it at once, neither answered yet, may be told in
//! another order than it was done: numbers are given before the user is locked.
//!
//! A place is that of an event which was committed, never only of what was looked at: after a crash
//! the server gives numbers again that never reached its log. A restored server, and a standby that
//! takes over, begin another epoch: places of the one before are as if they were too old. On Citus
//! all instances must use the same coordinator, whose transactions are the ones that count.

use std::{
    collections::{BTreeSet, HashMap},
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use async_trait::async_trait;
use tokio::sync::Notify;
use uuid::Uuid;

use super::Error;
use crate::domain::{
    event::{EventKind, EventPlace},
    ids::{TenantId, UserId},
    session::SessionView,
    time::Timestamp,
};

/// Whether events are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Events {
    /// Nobody may watch: rows would only be a burden.
    Off,
    On,
}

/// An event as it is told.
#[derive(Clone, PartialEq, Debug)]
pub struct ToldEvent {
    pub place: EventPlace,
    pub kind: EventKind,
    /// When it was written.
    pub at: Timestamp,
    /// The session right after it.
    pub view: SessionView,
}

/// Some events in order.
#[derive(Clone, PartialEq, Debug)]
pub struct EventPage {
    pub events: Vec<ToldEvent>,
    /// Everything up to here is told with these events: where to go on.
    pub upto: EventPlace,
    pub rest: Rest,
}

/// What there is after a page.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rest {
    /// More, at once.
    More,
    /// Some that an open transaction holds back.
    HeldBack,
    Nothing,
}

/// What is read of events: a part of [`Store`](super::Store), and as it says.
#[async_trait]
pub trait EventStore: Send + Sync {
    /// At most `limit` events after that place, of all users or one; no place is the latest that
    /// can be told. Those of sessions that are deleted are left out. `None` if some after that
    /// place may have been forgotten, or the place is of another epoch.
    async fn list_events(
        &self,
        tenant: TenantId,
        user: Option<UserId>,
        after: Option<EventPlace>,
        limit: usize,
    ) -> Result<Option<EventPage>, Error>;

    /// For retention: tenants after `after` with events from before `time`, by id.
    async fn list_tenants_with_events_before(
        &self,
        time: Timestamp,
        after: Option<TenantId>,
        limit: usize,
    ) -> Result<Vec<TenantId>, Error>;

    /// Some events from before `time`, at most twice `limit`; none only if there are none.
    async fn list_events_before(
        &self,
        tenant: TenantId,
        time: Timestamp,
        limit: usize,
    ) -> Result<Vec<EventPlace>, Error>;

    /// Notified, perhaps, when the tenant has new events: whoever must know looks now and then.
    fn event_wake(&self, tenant: TenantId) -> Arc<Notify>;

    /// Keeps instances on one database telling each other of new events, for as long as it is
    /// polled.
    async fn relay_wakes(&self);
}

/// Who waits for events, and whose there are to tell other instances of.
#[derive(Debug, Default)]
pub struct Wakes {
    waiting: Mutex<HashMap<Uuid, Weak<Notify>>>,
    to_tell: Mutex<BTreeSet<Uuid>>,
    told: Notify,
}

impl Wakes {
    /// Notified when there are events of the tenant.
    pub fn of(&self, tenant: TenantId) -> Arc<Notify> {
        let mut waiting = lock(&self.waiting);
        waiting.retain(|_, wake| wake.strong_count() > 0);
        if let Some(wake) = waiting.get(&tenant.uuid()).and_then(Weak::upgrade) {
            return wake;
        }
        let wake = Arc::new(Notify::new());
        waiting.insert(tenant.uuid(), Arc::downgrade(&wake));
        wake
    }

    /// Events of the tenant were committed here.
    pub fn committed(&self, tenant: TenantId) {
        self.one(tenant.uuid());
        lock(&self.to_tell).insert(tenant.uuid());
        self.told.notify_one();
    }

    /// There are events of this tenant.
    pub fn one(&self, tenant: Uuid) {
        if let Some(wake) = lock(&self.waiting).get(&tenant).and_then(Weak::upgrade) {
            wake.notify_one();
        }
    }

    /// There may be events of anyone.
    pub fn all(&self) {
        for wake in lock(&self.waiting).values().filter_map(Weak::upgrade) {
            wake.notify_one();
        }
    }

    /// Other instances may not have been told of these tenants' events.
    pub fn tell_again(&self, mut tenants: BTreeSet<Uuid>) {
        lock(&self.to_tell).append(&mut tenants);
        self.told.notify_one();
    }

    /// Tenants with events that other instances were not told of yet. Loses none if it is
    /// dropped before it is ready.
    pub async fn to_tell(&self) -> BTreeSet<Uuid> {
        loop {
            self.told.notified().await;
            let tenants = mem::take(&mut *lock(&self.to_tell));
            if !tenants.is_empty() {
                return tenants;
            }
        }
    }
}

/// Nothing panics while it holds one.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
