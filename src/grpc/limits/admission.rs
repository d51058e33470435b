//! Which calls are let in: so many at once for the process and for a tenant, and of a tenant so
//! many in a second.
//!
//! The rate is the generic cell rate algorithm (ITU-T I.371, annex A): a tenant's calls are due
//! at even distances, and one may come early by as much as the burst is long. All that is kept
//! for it is when the next one is due.

use std::{collections::HashMap, time::Duration};

use crate::domain::{ids::TenantId, time::Timestamp};

/// Tenants that are remembered at least, before those with nothing to remember are let go.
const FEW: usize = 1_024;

/// Whether a call ends with its answer, or stays open.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Call,
    Stream,
}

/// How much is let in.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// At once, all tenants together.
    pub all: Slots,
    /// At once, of one tenant.
    pub tenant: Slots,
    /// Calls and streams of a tenant in a second, at least 1.
    pub rate: u32,
    /// How many of them may come at once, at least 1.
    pub burst: u32,
}

/// Numbers of calls and of streams.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Slots {
    pub calls: u32,
    pub streams: u32,
}

impl Slots {
    const fn of(&mut self, kind: Kind) -> &mut u32 {
        match kind {
            Kind::Call => &mut self.calls,
            Kind::Stream => &mut self.streams,
        }
    }

    const fn get(self, kind: Kind) -> u32 {
        match kind {
            Kind::Call => self.calls,
            Kind::Stream => self.streams,
        }
    }
}

/// Why a call is not let in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// The process has as many under way as it takes.
    Busy(Kind),
    /// The tenant has.
    TenantBusy(Kind),
    /// The tenant has begun too many of late, and how long until it may begin one.
    TooFast { wait: Duration },
}

/// What is under way.
#[derive(Debug)]
pub struct Admission {
    limits: Limits,
    all: Slots,
    tenants: HashMap<TenantId, Tenant>,
    /// How many tenants there may be before the next clearing.
    clear_at: usize,
}

#[derive(Clone, Copy, Debug, Default)]
struct Tenant {
    open: Slots,
    /// When its next call is due, in nanoseconds since the epoch.
    due: i64,
}

impl Admission {
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            all: Slots::default(),
            tenants: HashMap::new(),
            clear_at: FEW,
        }
    }

    /// Whether no tenant's call would be let in.
    #[must_use]
    pub const fn is_full(&self, kind: Kind) -> bool {
        self.all.get(kind) >= self.limits.all.get(kind)
    }

    /// Lets a call in, which then takes a place until [`Admission::leave`].
    ///
    /// # Errors
    /// Says why not; nothing is counted then.
    pub fn enter(&mut self, tenant: TenantId, kind: Kind, now: Timestamp) -> Result<(), Refusal> {
        if self.is_full(kind) {
            return Err(Refusal::Busy(kind));
        }
        let now = nanos(now);
        if self.tenants.len() >= self.clear_at {
            self.clear(now);
        }
        let entry = self.tenants.entry(tenant).or_default();
        if entry.open.get(kind) >= self.limits.tenant.get(kind) {
            return Err(Refusal::TenantBusy(kind));
        }
        let distance = 1_000_000_000 / i64::from(self.limits.rate);
        let early = distance * i64::from(self.limits.burst - 1);
        // Further ahead than calls can bring it is what was before the clock was set back.
        let due = match entry.due.max(now) {
            due if due - now > early + distance => now,
            due => due,
        };
        let wait = due - now - early;
        if wait > 0 {
            let wait = Duration::from_nanos(wait.unsigned_abs());
            return Err(Refusal::TooFast { wait });
        }
        entry.due = due + distance;
        *entry.open.of(kind) += 1;
        *self.all.of(kind) += 1;
        Ok(())
    }

    /// A call that was let in is over.
    pub fn leave(&mut self, tenant: TenantId, kind: Kind) {
        if let Some(entry) = self.tenants.get_mut(&tenant) {
            let open = entry.open.of(kind);
            *open = open.saturating_sub(1);
        }
        let open = self.all.of(kind);
        *open = open.saturating_sub(1);
    }

    /// Forgets tenants that would be treated as if they had never been here. There are twice as
    /// many before the next time, so a call pays for a look at two tenants at most.
    fn clear(&mut self, now: i64) {
        let idle = Slots::default();
        self.tenants
            .retain(|_, tenant| tenant.open != idle || tenant.due > now);
        self.clear_at = FEW.max(2 * self.tenants.len());
    }
}

fn nanos(time: Timestamp) -> i64 {
    time.micros().saturating_mul(1_000)
}

#[cfg(test)]
mod tests;
