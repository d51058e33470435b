//! What waits for the lanes: a line for each tenant, served in turn, so that one tenant's rush is
//! no other's wait.
//!
//! While a lane carries out some of a tenant's writes, no other lane takes of that tenant. Other
//! than that any lane takes of any tenant: none is idle while somebody waits.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    pin::pin,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::Notify, time::Instant};

use super::{Job, pace::Pace};
use crate::{domain::ids::TenantId, store::Error};

/// Writes that wait before further ones are refused. A tenant that has less than its share of
/// them is let in all the same: so there may be twice as many.
pub const QUEUE: usize = 4_096;
/// Tenants are in company for as long after they met: who waits for each answer before the next
/// call is between two calls whenever a batch is taken.
const REMEMBERED: Duration = Duration::from_secs(1);

/// The lines of all tenants, for so many lanes.
pub struct Queue {
    lanes: usize,
    lines: Mutex<Lines>,
    /// There is something to take, or no more will come.
    arrived: Notify,
    /// There may be room, or there never will be.
    taken: Notify,
}

#[derive(Default)]
struct Lines {
    /// No line is empty.
    waiting: HashMap<TenantId, VecDeque<Box<dyn Job>>>,
    /// Each waiting tenant once that no lane serves; whose turn is next leads.
    turns: VecDeque<TenantId>,
    /// Whose writes are being carried out.
    served: HashSet<TenantId>,
    /// When a write last met one of another tenant.
    met: Option<Instant>,
    length: usize,
    closed: bool,
}

impl Queue {
    pub fn new(lanes: usize) -> Self {
        Self {
            lanes: lanes.max(1),
            lines: Mutex::default(),
            arrived: Notify::new(),
            taken: Notify::new(),
        }
    }

    /// Adds a write to its tenant's line.
    ///
    /// # Errors
    /// Gives the job back if there is no room, or no more are taken.
    pub fn push(&self, job: Box<dyn Job>) -> Result<(), (Box<dyn Job>, Error)> {
        let mut lines = self.lines();
        if lines.closed {
            return Err((job, Error::ShuttingDown));
        }
        if !lines.have_room(job.tenant()) {
            return Err((job, Error::Overloaded));
        }
        lines.add(job);
        drop(lines);
        self.arrived.notify_one();
        Ok(())
    }

    /// The same, once there is room.
    ///
    /// # Errors
    /// [`Error::ShuttingDown`] if no more are taken.
    pub async fn push_patiently(&self, mut job: Box<dyn Job>) -> Result<(), Error> {
        loop {
            let mut taken = pin!(self.taken.notified());
            // Before looking, so that what is taken in between is not missed.
            taken.as_mut().enable();
            match self.push(job) {
                Ok(()) => return Ok(()),
                Err((refused, Error::Overloaded)) => job = refused,
                Err((_, error)) => return Err(error),
            }
            taken.await;
        }
    }

    /// Takes as many writes as `pace` has it, one of each waiting tenant in turn, each tenant's
    /// in their order; waits while there are none. The tenants are the lane's until it gives them
    /// [back](Self::release). Nothing once the queue is closed and there are none for this lane.
    pub async fn take(&self, pace: &Pace) -> Vec<Box<dyn Job>> {
        loop {
            let arrived = self.arrived.notified();
            let (batch, closed, more) = {
                let mut lines = self.lines();
                let batch = lines.take(pace, self.lanes);
                (batch, lines.closed, !lines.turns.is_empty())
            };
            if !batch.is_empty() {
                self.taken.notify_waiters();
            }
            if more {
                self.arrived.notify_one();
            }
            if closed || !batch.is_empty() {
                return batch;
            }
            arrived.await;
        }
    }

    /// Gives back the tenants whose writes were taken and are carried out.
    pub fn release(&self, tenants: &[TenantId]) {
        let mut lines = self.lines();
        for tenant in tenants {
            lines.release(*tenant);
        }
    }

    /// How many writes wait.
    pub fn len(&self) -> usize {
        self.lines().length
    }

    /// Lets no more in. What waits is still taken.
    pub fn close(&self) {
        self.lines().closed = true;
        self.arrived.notify_waiters();
        self.taken.notify_waiters();
    }

    /// Lets no more in and drops what waits.
    pub fn abandon(&self) {
        self.close();
        *self.lines() = Lines {
            closed: true,
            ..Lines::default()
        };
    }

    /// No code panics while it holds the lock, and lines are whole after each statement.
    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lines {
    /// Whether there is room, or the tenant has less than its share of it.
    fn have_room(&self, tenant: TenantId) -> bool {
        if self.length < QUEUE {
            return true;
        }
        let own = self.waiting.get(&tenant).map_or(0, VecDeque::len);
        let tenants = self.waiting.len() + usize::from(own == 0);
        own < QUEUE / tenants
    }

    fn add(&mut self, job: Box<dyn Job>) {
        let tenant = job.tenant();
        let mut there = self.waiting.keys().chain(&self.served);
        if there.any(|other| *other != tenant) {
            self.met = Some(Instant::now());
        }
        let line = self.waiting.entry(tenant).or_default();
        if line.is_empty() && !self.served.contains(&tenant) {
            self.turns.push_back(tenant);
        }
        line.push_back(job);
        self.length += 1;
    }

    /// Of as many tenants as are one lane's share, so that the others have some too.
    fn take(&mut self, pace: &Pace, lanes: usize) -> Vec<Box<dyn Job>> {
        let in_company = self.met.is_some_and(|met| met.elapsed() < REMEMBERED);
        let most = pace.most(in_company);
        let share = self.turns.len().div_ceil(lanes).min(most);
        let mut round: VecDeque<_> = self.turns.drain(..share).collect();
        self.served.extend(&round);
        let mut batch = Vec::with_capacity(most.min(self.length));
        while batch.len() < most
            && let Some(tenant) = round.pop_front()
        {
            let Some(line) = self.waiting.get_mut(&tenant) else {
                continue;
            };
            batch.extend(line.pop_front());
            if line.is_empty() {
                self.waiting.remove(&tenant);
            } else {
                round.push_back(tenant);
            }
        }
        self.length -= batch.len();
        batch
    }

    fn release(&mut self, tenant: TenantId) {
        if self.served.remove(&tenant) && self.waiting.contains_key(&tenant) {
            self.turns.push_back(tenant);
        }
    }
}
