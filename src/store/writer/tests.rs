//! The lanes against an engine that does as it is told.

use std::{collections::VecDeque, pin::pin, sync::Mutex, task::Poll, time::Duration};

use tokio::sync::Semaphore;
use uuid::Uuid;

use super::{queue::QUEUE, *};
use crate::domain::{settings::TenantSettings, time::Timestamp};

#[expect(clippy::disallowed_methods, reason = "tests make their tenants")]
const SEVENTH: Commit = Commit {
    tenant: TenantId::from_verified(Uuid::nil()),
    writer: Uuid::nil(),
    batch: 7,
};

/// What the engine does with the next batch it is given.
enum Step {
    Fail(fn() -> Failure),
    /// It commits, and the answer is lost.
    LoseAnswer,
    Panic,
}

/// An engine whose batches wait for permits and fail by script.
struct Engine {
    permits: Semaphore,
    script: Mutex<VecDeque<Step>>,
    /// What became of the commits that are asked for.
    settled: Mutex<VecDeque<Result<Settled, Failure>>>,
    /// The notes of each batch that was committed.
    commits: Mutex<Vec<usize>>,
    /// Refuses every batch that has a job of this tenant.
    poison: Option<TenantId>,
    /// What each write takes.
    cost: Duration,
    /// The tenants of each batch that is under way.
    under_way: Mutex<Vec<Vec<TenantId>>>,
}

impl Engine {
    fn new() -> Self {
        Self {
            permits: Semaphore::new(0),
            script: Mutex::default(),
            settled: Mutex::default(),
            commits: Mutex::default(),
            poison: None,
            cost: Duration::ZERO,
            under_way: Mutex::default(),
        }
    }

    fn running() -> Self {
        let engine = Self::new();
        engine.permits.add_permits(Semaphore::MAX_PERMITS);
        engine
    }

    fn with(self, steps: impl IntoIterator<Item = Step>) -> Self {
        self.script.lock().unwrap().extend(steps);
        self
    }

    fn settling(self, answers: impl IntoIterator<Item = Result<Settled, Failure>>) -> Self {
        self.settled.lock().unwrap().extend(answers);
        self
    }

    fn commits(&self) -> Vec<usize> {
        self.commits.lock().unwrap().clone()
    }
}

fn away() -> Failure {
    Failure::Unavailable("as told".to_owned())
}

fn refused() -> Failure {
    let incident = Uuid::nil();
    Failure::Refused(Error::Internal { incident })
}

#[async_trait]
impl Apply for Engine {
    async fn apply(&self, jobs: &mut [Box<dyn Job>]) -> Result<(), Failure> {
        let mut tenants: Vec<_> = jobs.iter().map(|job| job.tenant()).collect();
        tenants.dedup();
        self.under_way.lock().unwrap().push(tenants.clone());
        self.permits.acquire().await.unwrap().forget();
        if !self.cost.is_zero() {
            tokio::time::sleep(self.cost * u32::try_from(jobs.len()).unwrap()).await;
        }
        self.under_way
            .lock()
            .unwrap()
            .retain(|other| *other != tenants);
        let mut ledger = Ledger::new(TenantSettings::default(), Timestamp::FIRST);
        for job in jobs.iter_mut() {
            assert!(job.decide(&mut ledger));
        }
        if jobs.iter().any(|job| Some(job.tenant()) == self.poison) {
            return Err(refused());
        }
        let step = self.script.lock().unwrap().pop_front();
        match step {
            Some(Step::Fail(failure)) => return Err(failure()),
            Some(Step::Panic) => panic!("as told"),
            Some(Step::LoseAnswer) | None => self.commits.lock().unwrap().push(jobs.len()),
        }
        match step {
            Some(Step::LoseAnswer) => Err(Failure::InDoubt(SEVENTH)),
            _ => Ok(()),
        }
    }

    async fn settle(&self, commit: &Commit) -> Result<Settled, Failure> {
        assert_eq!(*commit, SEVENTH);
        let answer = self.settled.lock().unwrap().pop_front();
        answer.unwrap_or(Err(away()))
    }
}

/// Returns its own number.
struct Echo(usize);

impl Command for Echo {
    type Outcome = usize;

    fn user(&self) -> Option<UserId> {
        None
    }

    fn decide(&self, _: &mut Ledger) -> Result<usize, Halt> {
        Ok(self.0)
    }
}

#[expect(clippy::disallowed_methods, reason = "tests make their tenants")]
fn tenant(id: u128) -> TenantId {
    TenantId::from_verified(Uuid::from_u128(id))
}

/// A writer on the engine with one lane; no command asks for an owner.
fn writer(engine: &Arc<Engine>) -> Writer {
    writer_with(engine, 1)
}

fn writer_with(engine: &Arc<Engine>, lanes: usize) -> Writer {
    let apply: Arc<dyn Apply> = engine.clone();
    let find: FindOwner = Arc::new(|_, _| Box::pin(async { Ok(None) }));
    Writer::with_lanes(&apply, find, lanes)
}

/// Queues so many writes while the lane is held up by one, and returns their answers.
async fn burst(
    engine: &Engine,
    handle: &Handle,
    tenants: &[TenantId],
) -> Vec<Result<usize, Error>> {
    let calls = tenants.iter().enumerate();
    let calls = calls.map(|(number, tenant)| handle.submit(*tenant, Echo(number)));
    let calls = futures::future::join_all(calls);
    let (answers, ()) = tokio::join!(calls, async {
        tokio::task::yield_now().await;
        engine.permits.add_permits(Semaphore::MAX_PERMITS / 2);
    });
    answers
}

#[tokio::test]
async fn what_queues_up_during_a_commit_shares_the_next_one() {
    let engine = Arc::new(Engine::new());
    let writer = writer(&engine);
    let handle = writer.handle();
    let answers = burst(&engine, &handle, &[tenant(1); 10]).await;
    assert_eq!(answers, (0..10).map(Ok).collect::<Vec<_>>());
    assert_eq!(engine.commits().iter().sum::<usize>(), 10);
    assert!(engine.commits().len() <= 2, "{:?}", engine.commits());
}

#[tokio::test(start_paused = true)]
async fn nobody_is_answered_before_the_commit() {
    let engine = Arc::new(Engine::new());
    let writer = writer(&engine);
    let handle = writer.handle();
    let call = handle.submit(tenant(1), Echo(1));
    let early = tokio::time::timeout(Duration::from_mins(1), call).await;
    assert!(early.is_err());
}

#[tokio::test]
async fn the_one_that_is_refused_fails_alone() {
    let engine = Arc::new(Engine {
        poison: Some(tenant(9)),
        ..Engine::new()
    });
    let writer = writer(&engine);
    let handle = writer.handle();
    let tenants = [1, 1, 1, 1, 1, 9, 1, 1].map(tenant);
    let answers = burst(&engine, &handle, &tenants).await;
    let failed: Vec<_> = answers.iter().map(Result::is_err).collect();
    assert_eq!(
        failed,
        [false, false, false, false, false, true, false, false]
    );
    assert_eq!(engine.commits().iter().sum::<usize>(), 7);
}

#[tokio::test(start_paused = true)]
async fn contention_and_a_lost_connection_are_tried_again() {
    let engine = Engine::running().with([Step::Fail(|| Failure::Contention), Step::Fail(away)]);
    let engine = Arc::new(engine);
    let answer = writer(&engine).handle().submit(tenant(1), Echo(3)).await;
    assert_eq!(answer, Ok(3));
    assert_eq!(engine.commits(), [1]);
}

#[tokio::test(start_paused = true)]
async fn a_database_that_stays_away_is_unavailable() {
    let engine = Arc::new(Engine::running().with((0..1_000).map(|_| Step::Fail(away))));
    let answer = writer(&engine).handle().submit(tenant(1), Echo(3)).await;
    assert_eq!(answer, Err(Error::Unavailable));
}

#[tokio::test(start_paused = true)]
async fn a_commit_whose_answer_was_lost_is_not_repeated() {
    let engine = Engine::running()
        .with([Step::LoseAnswer])
        .settling([Err(away()), Ok(Settled::Committed)]);
    let engine = Arc::new(engine);
    let answer = writer(&engine).handle().submit(tenant(1), Echo(3)).await;
    assert_eq!(answer, Ok(3));
    assert_eq!(engine.commits(), [1]);
}

#[tokio::test(start_paused = true)]
async fn a_commit_that_did_not_happen_is_repeated() {
    let engine = Engine::running()
        .with([Step::Fail(|| Failure::InDoubt(SEVENTH))])
        .settling([Ok(Settled::RolledBack)]);
    let engine = Arc::new(engine);
    let answer = writer(&engine).handle().submit(tenant(1), Echo(3)).await;
    assert_eq!(answer, Ok(3));
    assert_eq!(engine.commits(), [1]);
}

#[tokio::test(start_paused = true)]
async fn a_commit_that_nobody_knows_of_is_told_as_such() {
    let engine = Arc::new(Engine::running().with([Step::LoseAnswer]));
    let answer = writer(&engine).handle().submit(tenant(1), Echo(3)).await;
    assert_eq!(answer, Err(Error::OutcomeUnknown));
    assert_eq!(engine.commits(), [1]);
}

#[tokio::test]
async fn a_panic_fails_its_batch_and_the_lane_lives_on() {
    let engine = Arc::new(Engine::running().with([Step::Panic]));
    let writer = writer(&engine);
    let handle = writer.handle();
    let answer = handle.submit(tenant(1), Echo(3)).await;
    assert!(matches!(answer, Err(Error::Internal { .. })));
    assert_eq!(handle.submit(tenant(1), Echo(4)).await, Ok(4));
}

#[tokio::test]
async fn a_full_queue_refuses_at_once_and_the_patient_wait() {
    let engine = Arc::new(Engine::new());
    let writer = writer(&engine);
    let handle = writer.handle();
    let patient = handle.patient();
    // The lane may have taken a batch already, so there is room for that many more.
    let calls = (0..2 * QUEUE).map(|number| handle.submit(tenant(1), Echo(number)));
    let calls = futures::future::join_all(calls);
    let waiting = async {
        tokio::task::yield_now().await;
        let waiting = patient.submit(tenant(1), Echo(1));
        tokio::pin!(waiting);
        assert!(futures::poll!(&mut waiting).is_pending());
        engine.permits.add_permits(Semaphore::MAX_PERMITS / 2);
        waiting.await
    };
    let (answers, waited) = tokio::join!(calls, waiting);
    assert!(answers.contains(&Err(Error::Overloaded)));
    assert!(answers.iter().filter(|answer| answer.is_ok()).count() >= QUEUE);
    assert_eq!(waited, Ok(1));
}

#[tokio::test]
async fn one_tenants_rush_is_no_others_wait() {
    let engine = Arc::new(Engine::new());
    let writer = writer(&engine);
    let handle = writer.handle();
    let rush = (0..2 * QUEUE).map(|number| handle.submit(tenant(1), Echo(number)));
    let mut rush = pin!(futures::future::join_all(rush));
    assert!(futures::poll!(&mut rush).is_pending());
    let mut other = pin!(handle.submit(tenant(2), Echo(7)));
    assert!(futures::poll!(&mut other).is_pending());
    // Two batches are far from all of the rush.
    engine.permits.add_permits(2);
    while engine.commits().len() < 2 {
        tokio::task::yield_now().await;
    }
    assert_eq!(futures::poll!(&mut other), Poll::Ready(Ok(7)));
    engine.permits.add_permits(Semaphore::MAX_PERMITS / 2);
    assert!(rush.await.contains(&Err(Error::Overloaded)));
}

#[tokio::test(start_paused = true)]
async fn a_rush_is_cut_into_short_batches() {
    // All that is taken at once would be 50 ms of it.
    let engine = Arc::new(Engine {
        cost: Duration::from_micros(100),
        ..Engine::running()
    });
    let writer = writer(&engine);
    let handle = writer.handle();
    let rush = (0..QUEUE).map(|number| handle.submit(tenant(1), Echo(number)));
    let rush = futures::future::join_all(rush);
    let other = async {
        let mut waits = Vec::new();
        for number in 0..8 {
            let begun = tokio::time::Instant::now();
            let answer = handle.submit(tenant(2), Echo(number)).await;
            assert_eq!(answer, Ok(number));
            waits.push(begun.elapsed());
        }
        waits
    };
    let (rush, waits) = tokio::join!(rush, other);
    assert!(rush.iter().all(Result::is_ok));
    // The batch that is under way, and its own.
    let two_batches = Duration::from_millis(44);
    assert!(waits.iter().all(|wait| *wait <= two_batches), "{waits:?}");
}

#[tokio::test]
async fn every_lane_takes_of_any_tenant() {
    let engine = Arc::new(Engine::new());
    let writer = writer_with(&engine, 3);
    let handle = writer.handle();
    let calls = (0..30).map(|number| handle.submit(tenant(number % 3), Echo(7)));
    let mut calls = pin!(futures::future::join_all(calls));
    assert!(futures::poll!(&mut calls).is_pending());
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    let mut under_way = engine.under_way.lock().unwrap().concat();
    under_way.sort();
    assert_eq!(under_way, [0, 1, 2].map(tenant));
    engine.permits.add_permits(3);
    assert_eq!(calls.await, vec![Ok(7); 30]);
    assert_eq!(engine.commits(), [10, 10, 10]);
}

#[tokio::test]
async fn one_lane_at_a_time_has_a_tenant() {
    let engine = Arc::new(Engine::new());
    let writer = writer_with(&engine, 3);
    let handle = writer.handle();
    let mut first = pin!(handle.submit(tenant(1), Echo(0)));
    assert!(futures::poll!(&mut first).is_pending());
    tokio::task::yield_now().await;
    let more = (1..6).map(|number| handle.submit(tenant(1), Echo(number)));
    let mut more = pin!(futures::future::join_all(more));
    assert!(futures::poll!(&mut more).is_pending());
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    assert_eq!(*engine.under_way.lock().unwrap(), [[tenant(1)]]);
    engine.permits.add_permits(2);
    assert_eq!(first.await, Ok(0));
    assert_eq!(more.await, (1..6).map(Ok).collect::<Vec<_>>());
    assert_eq!(engine.commits(), [1, 5]);
}

#[tokio::test]
async fn a_writer_that_is_dropped_keeps_nobody_waiting() {
    let engine = Arc::new(Engine::new());
    let writer = writer(&engine);
    let handle = writer.handle();
    let waiting = handle.submit(tenant(1), Echo(1));
    let (answer, ()) = tokio::join!(waiting, async {
        tokio::task::yield_now().await;
        drop(writer);
    });
    assert_eq!(answer, Err(Error::OutcomeUnknown));
    let late = handle.submit(tenant(1), Echo(2)).await;
    assert_eq!(late, Err(Error::ShuttingDown));
}

#[tokio::test]
async fn closing_answers_what_was_admitted_and_admits_no_more() {
    let engine = Arc::new(Engine::new());
    let writer = writer(&engine);
    let handle = writer.handle();
    let calls = (0..50).map(|number| handle.submit(tenant(1), Echo(number)));
    let calls = futures::future::join_all(calls);
    let close = async {
        tokio::task::yield_now().await;
        engine.permits.add_permits(Semaphore::MAX_PERMITS / 2);
        writer.close().await;
    };
    let (answers, ()) = tokio::join!(calls, close);
    assert!(answers.iter().all(Result::is_ok));
    let late = handle.submit(tenant(1), Echo(1)).await;
    assert_eq!(late, Err(Error::ShuttingDown));
}

const OLD: UserId = UserId(Uuid::from_u128(1));
const NEW: UserId = UserId(Uuid::from_u128(2));
const SESSION: SessionId = SessionId(Uuid::from_u128(3));

/// Finds nothing unless it is asked for the user whose session it is now.
struct Owned(UserId);

impl Command for Owned {
    type Outcome = UserId;

    fn user(&self) -> Option<UserId> {
        Some(self.0)
    }

    fn decide(&self, _: &mut Ledger) -> Result<UserId, Halt> {
        if self.0 == NEW {
            Ok(self.0)
        } else {
            Err(Rejection::NotFound(Entity::Session).into())
        }
    }
}

/// A writer for which these are found, one after the other.
fn finding(owners: impl IntoIterator<Item = UserId>) -> Writer {
    let engine: Arc<dyn Apply> = Arc::new(Engine::running());
    let owners: Mutex<VecDeque<_>> = Mutex::new(owners.into_iter().collect());
    let find = move |_, _| -> FoundOwner {
        let found = owners.lock().unwrap().pop_front();
        Box::pin(async move { Ok(found) })
    };
    Writer::with_lanes(&engine, Arc::new(find), 1)
}

#[tokio::test]
async fn a_session_made_anew_for_another_user_is_found() {
    let writer = finding([OLD, NEW]);
    let handle = writer.handle();
    let first = handle.submit_for(tenant(1), SESSION, Owned).await;
    assert_eq!(first, Err(Rejection::NotFound(Entity::Session).into()));
    assert_eq!(handle.submit_for(tenant(1), SESSION, Owned).await, Ok(NEW));
}

#[tokio::test]
async fn whose_session_is_remembered_is_not_read() {
    let writer = finding([]);
    let handle = writer.handle();
    handle.remember(tenant(1), SESSION, NEW);
    assert_eq!(handle.submit_for(tenant(1), SESSION, Owned).await, Ok(NEW));
    let neighbours = handle.submit_for(tenant(2), SESSION, Owned).await;
    let not_found = Err(Rejection::NotFound(Entity::Session).into());
    assert_eq!(neighbours, not_found);
}

#[tokio::test]
async fn what_is_remembered_wrongly_is_read() {
    let writer = finding([NEW]);
    let handle = writer.handle();
    handle.remember(tenant(1), SESSION, OLD);
    assert_eq!(handle.submit_for(tenant(1), SESSION, Owned).await, Ok(NEW));
}
