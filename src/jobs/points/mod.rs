//! Delivery of points: what sessions and activities earned is told to the service that keeps it,
//! at least once, each user's in order.
//!
//! Nobody waits for it. An end writes its row and is answered; this looks for rows that are due,
//! claims some, sends each outside of any transaction, and writes down what came of it.

mod counters;
mod courier;

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    task::JoinSet,
    time::{MissedTickBehavior, interval, timeout},
};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use self::counters::count;
pub use self::{
    counters::{Counters, Figures},
    courier::{Courier, Failure, Receiver},
};
use super::{PIECE, each_tenant};
use crate::{
    domain::{
        ids::TenantId,
        points::retry,
        time::{Clock, Timestamp},
    },
    store::{
        Error, Store,
        points::{Claim, Outcome},
    },
};

/// Awards that are sent at a time, each of another user. After as many failures in a row the
/// receiver is taken to be down: then one is sent at a look, until one arrives.
const AT_ONCE: usize = 16;
/// How often it is looked for tenants with something to deliver.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);
/// How long a claim is nobody else's: far more than sending takes, so that instances may differ
/// in their clocks.
const LEASE: Duration = Duration::from_mins(1);
/// How long what is under way may take to end at shutdown. What does not is left to its lease.
const LAST_WORD: Duration = Duration::from_secs(1);
/// How often a log says that the receiver fails.
const COMPLAINT_INTERVAL: Duration = Duration::from_mins(1);
/// How often it is looked how long the oldest award waits.
const WATCH_INTERVAL: Duration = Duration::from_secs(10);

/// Delivers what is in the outbox.
pub struct Delivery {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    courier: Courier,
    counters: Arc<Counters>,
    failures_in_a_row: AtomicUsize,
    /// Whether the log has said that the receiver fails, and until when it says no more of it.
    complained: AtomicBool,
    quiet_until: AtomicI64,
}

/// What came of one attempt.
struct Sent {
    tenant: TenantId,
    claim: Claim,
    result: Result<(), Failure>,
}

/// What there is to do, and what is under way.
#[derive(Default)]
struct Round {
    /// Tenants that may have something due, each once; they have their turn.
    tenants: VecDeque<TenantId>,
    under_way: JoinSet<Sent>,
    delivered: usize,
}

impl Round {
    fn add(&mut self, tenant: TenantId) {
        if !self.tenants.contains(&tenant) {
            self.tenants.push_back(tenant);
        }
    }
}

impl Delivery {
    #[must_use]
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>, courier: Courier) -> Self {
        Self {
            store,
            clock,
            courier,
            counters: Arc::default(),
            failures_in_a_row: AtomicUsize::new(0),
            complained: AtomicBool::new(false),
            quiet_until: AtomicI64::new(0),
        }
    }

    /// For whoever watches.
    #[must_use]
    pub fn counters(&self) -> Arc<Counters> {
        self.counters.clone()
    }

    /// Delivers until `stop`.
    pub async fn run(&self, stop: &CancellationToken) {
        let mut looks = interval(LOOK_INTERVAL);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while stop.run_until_cancelled(looks.tick()).await.is_some() {
            if let Err(error) = self.deliver(stop).await {
                warn!(%error, "delivery of points failed and will be tried again");
            }
        }
    }

    /// Sends everything that is due, and what becomes due meanwhile, and returns how much was
    /// delivered. At `stop` it sends no more, and returns soon.
    ///
    /// # Errors
    /// What the store says. Claims are then left to their leases.
    pub async fn deliver(&self, stop: &CancellationToken) -> Result<usize, Error> {
        let mut round = Round::default();
        let mut looks = interval(LOOK_INTERVAL);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                _ = looks.tick() => self.look(&mut round).await?,
                Some(first) = round.under_way.join_next() => {
                    self.settle(&mut round, first.ok()).await?;
                }
            }
            self.fill(&mut round).await?;
            if round.under_way.is_empty() {
                return Ok(round.delivered);
            }
        }
        let finished = timeout(LAST_WORD, self.finish(&mut round)).await;
        finished.unwrap_or(Ok(()))?;
        Ok(round.delivered)
    }

    /// Waits for what is under way.
    async fn finish(&self, round: &mut Round) -> Result<(), Error> {
        while let Some(sent) = round.under_way.join_next().await {
            self.settle(round, sent.ok()).await?;
        }
        Ok(())
    }

    /// Notes the tenants that have something due.
    async fn look(&self, round: &mut Round) -> Result<(), Error> {
        let now = self.clock.now();
        let mut after = None;
        loop {
            let store = &self.store;
            let found = store.list_tenants_with_points(now, after, PIECE).await?;
            for tenant in &found {
                round.add(*tenant);
            }
            after = found.last().copied();
            if found.len() < PIECE {
                return Ok(());
            }
        }
    }

    /// Claims no more than can be sent at once, so that no lease passes in waiting.
    async fn fill(&self, round: &mut Round) -> Result<(), Error> {
        while let room @ 1.. = self.at_once().saturating_sub(round.under_way.len())
            && let Some(tenant) = round.tenants.pop_front()
        {
            let now = self.clock.now();
            let claimed = self
                .store
                .claim_points(tenant, room, now, now + LEASE)
                .await?;
            if claimed.more {
                round.add(tenant);
            }
            for claim in claimed.claims {
                let courier = self.courier.clone();
                round.under_way.spawn(async move {
                    let result = courier.send(tenant, &claim.award, now).await;
                    Sent {
                        tenant,
                        claim,
                        result,
                    }
                });
            }
        }
        Ok(())
    }

    /// Writes down what came of this one, and of all others that have ended by now.
    async fn settle(&self, round: &mut Round, first: Option<Sent>) -> Result<(), Error> {
        let now = self.clock.now();
        let mut by_tenant: BTreeMap<_, Vec<_>> = BTreeMap::new();
        let mut next = first;
        while let Some(sent) = next {
            let outcome = self.outcome(&sent, now);
            round.delivered += usize::from(outcome == Outcome::Delivered);
            let of_tenant = by_tenant.entry(sent.tenant).or_default();
            of_tenant.push((sent.claim, outcome));
            next = round.under_way.try_join_next().and_then(Result::ok);
        }
        for (tenant, outcomes) in by_tenant {
            self.store.settle_points(tenant, outcomes, now).await?;
            // Others of the same users may be due now.
            round.add(tenant);
        }
        if self.is_down() {
            round.tenants.clear();
        }
        Ok(())
    }

    fn is_down(&self) -> bool {
        self.failures_in_a_row.load(Ordering::Relaxed) >= AT_ONCE
    }

    /// How many may be sent at a time.
    fn at_once(&self) -> usize {
        if self.is_down() { 1 } else { AT_ONCE }
    }

    /// Judges an attempt, counts it, and tells the log.
    fn outcome(&self, sent: &Sent, now: Timestamp) -> Outcome {
        let claim = &sent.claim;
        let Err(failure) = sent.result else {
            count(&self.counters.delivered);
            self.failures_in_a_row.store(0, Ordering::Relaxed);
            if self.complained.swap(false, Ordering::Relaxed) {
                info!("points are delivered again");
            }
            return Outcome::Delivered;
        };
        count(&self.counters.failed);
        self.failures_in_a_row.fetch_add(1, Ordering::Relaxed);
        self.complain(failure, now);
        let share = fastrand::f64();
        let again_at = retry::again_at(claim.first_attempt_at, claim.attempts, now, share);
        if let Some(again_at) = again_at {
            return Outcome::Failed { again_at };
        }
        count(&self.counters.set_aside);
        let id = claim.award.idempotency_key(sent.tenant);
        let attempts = claim.attempts;
        warn!(id, attempts, reason = %failure, "points are set aside after a day");
        Outcome::SetAside
    }

    /// Says now and then that the receiver fails, not each time.
    fn complain(&self, failure: Failure, now: Timestamp) {
        if now.micros() >= self.quiet_until.load(Ordering::Relaxed) {
            let until = now + COMPLAINT_INTERVAL;
            self.quiet_until.store(until.micros(), Ordering::Relaxed);
            self.complained.store(true, Ordering::Relaxed);
            let failed = self.counters.figures(now).failed;
            warn!(reason = %failure, failed, "points are not delivered and will be tried again");
        }
    }

    /// Looks from time to time, until `stop`, how long the oldest award waits.
    pub async fn watch(&self, stop: &CancellationToken) {
        let mut looks = interval(WATCH_INTERVAL);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let run = async {
            loop {
                looks.tick().await;
                if let Err(error) = self.look_for_oldest().await {
                    warn!(%error, "it is not known how long points wait");
                }
            }
        };
        stop.run_until_cancelled(run).await;
    }

    /// # Errors
    /// What the store says.
    pub async fn look_for_oldest(&self) -> Result<(), Error> {
        let oldest = AtomicI64::new(i64::MAX);
        let store = &self.store;
        each_tenant(
            |after| store.list_tenants_with_points(Timestamp::END, after, PIECE),
            async |tenant| {
                let found = store.oldest_points(tenant).await?;
                let micros = found.map_or(i64::MAX, Timestamp::micros);
                oldest.fetch_min(micros, Ordering::Relaxed);
                Ok(1)
            },
        )
        .await?;
        let oldest = oldest.into_inner();
        let oldest = (oldest != i64::MAX).then(|| Timestamp::from_micros(oldest));
        self.counters.set_oldest(oldest);
        Ok(())
    }
}
