//! What waits for a lane: a line for each tenant, served in turn, so that one tenant's rush is
//! no other's wait.

use std::{
    collections::{HashMap, VecDeque},
    pin::pin,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

use super::Job;
use crate::{domain::ids::TenantId, store::Error};

/// Writes that wait in one lane before further ones are refused. A tenant that has less than
/// its share of them is let in all the same: so there may be twice as many.
pub const QUEUE: usize = 4_096;

/// The lines of one lane.
#[derive(Default)]
pub struct Queue {
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
    /// Each waiting tenant once; whose turn is next leads.
    turns: VecDeque<TenantId>,
    length: usize,
    closed: bool,
}

impl Queue {
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

    /// Takes up to `most` writes, one of each waiting tenant in turn, each tenant's in their
    /// order; waits while there are none. Nothing once the queue is closed and empty.
    pub async fn take(&self, most: usize) -> Vec<Box<dyn Job>> {
        loop {
            let arrived = self.arrived.notified();
            let (batch, closed) = {
                let mut lines = self.lines();
                (lines.take(most), lines.closed)
            };
            if !batch.is_empty() {
                self.taken.notify_waiters();
            }
            if closed || !batch.is_empty() {
                return batch;
            }
            arrived.await;
        }
    }

    /// How many writes wait.
    pub fn len(&self) -> usize {
        self.lines().length
    }

    /// Lets no more in. What waits is still taken.
    pub fn close(&self) {
        self.lines().closed = true;
        self.arrived.notify_one();
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
    /// Whether the lane has room, or the tenant less than its share of it.
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
        let line = self.waiting.entry(tenant).or_default();
        if line.is_empty() {
            self.turns.push_back(tenant);
        }
        line.push_back(job);
        self.length += 1;
    }

    fn take(&mut self, most: usize) -> Vec<Box<dyn Job>> {
        let mut batch = Vec::with_capacity(most.min(self.length));
        while batch.len() < most
            && let Some(tenant) = self.turns.pop_front()
        {
            let Some(line) = self.waiting.get_mut(&tenant) else {
                continue;
            };
            batch.extend(line.pop_front());
            if line.is_empty() {
                self.waiting.remove(&tenant);
            } else {
                self.turns.push_back(tenant);
            }
        }
        self.length -= batch.len();
        batch
    }
}
