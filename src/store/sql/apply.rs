//! One transaction for a batch: lock, load, decide, write.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use async_trait::async_trait;
use chrono::NaiveDate;

use super::{
    SqlStore, activities, cohorts, days,
    dialect::{Dialect, ErrorClass, Query, Version, Write, Written},
    events,
    fault::Fault,
    forgotten, goal_counts, goal_progress, goals,
    marks::{self, Marks},
    performance, points,
    pools::Tx,
    practice, requests, sessions, tenant_usage,
    tenants::{self, Tenant},
    user_rows, users,
};
use crate::{
    domain::{
        ids::{GoalId, SessionId, TenantId, UserId},
        ledger::Ledger,
        settings::TenantSettings,
        time::Timestamp,
        usage::UsageCounters,
    },
    store::{
        Error,
        events::Events,
        points::Outbox,
        writer::{Apply, Commit, Failure, Job, Settled},
    },
    telemetry::traces::Span,
};

/// Rows of a deleted user that go in one transaction.
const ERASED_ROWS: i64 = 1_000;

#[async_trait]
impl<DB: Dialect> Apply for SqlStore<DB> {
    async fn apply(&self, jobs: &mut [Box<dyn Job>]) -> Result<(), Failure> {
        let mut committing = None;
        let batch = self.transact(jobs, &mut committing);
        match self.pools.silence().bound(DB::BATCH_LIMIT, batch).await {
            Ok(done) => done,
            Err(silent) => {
                // Its rows are locked until the server, too, finds that nobody is there.
                self.marks.renew(self.ids.next(self.clock.now()));
                Err(committing.map_or_else(|| self.failure(silent), Failure::InDoubt))
            }
        }
    }

    async fn settle(&self, commit: &Commit) -> Result<Settled, Failure> {
        let asked = self.ask(commit);
        let asked = self.pools.silence().bound(DB::BATCH_LIMIT, asked).await;
        asked.unwrap_or_else(|silent| Err(self.failure(silent)))
    }
}

impl<DB: Dialect> SqlStore<DB> {
    /// One transaction for the batch. Says which, once it asks for the commit.
    async fn transact(
        &self,
        jobs: &mut [Box<dyn Job>],
        committing: &mut Option<Commit>,
    ) -> Result<(), Failure> {
        let failed = |fault| self.failure(fault);
        let (mut tx, first) = self.begin(jobs).await.map_err(failed)?;
        let mut written = self.write(&mut tx, first, jobs, false).await;
        if matches!(written, Err(Fault::Unwritten)) {
            // Perhaps a user was deleted. Whoever locks all of them is told who.
            let undone = tx.rollback().await;
            undone.map_err(|error| self.failure(error.into()))?;
            (tx, _) = self.begin(jobs).await.map_err(failed)?;
            written = self.write(&mut tx, first, jobs, true).await;
        }
        let done = written.map_err(failed)?;
        committing.clone_from(&done.commit);
        let span = Span::statement(DB::NAME, "COMMIT");
        let Err(error) = span.around(tx.commit()).await else {
            for (id, tenant) in done.tenants {
                self.tenants.insert(id, tenant);
            }
            for tenant in done.eventful {
                self.wakes.committed(tenant);
            }
            self.logged.add_permits(jobs.len());
            return Ok(());
        };
        // A server that is told to stop may do so after the commit and before its answer.
        let fault = Fault::from(error);
        match done.commit {
            Some(commit) if fault.class::<DB>() == ErrorClass::Unavailable => {
                self.marks.renew(self.ids.next(self.clock.now()));
                Err(Failure::InDoubt(commit))
            }
            _ => Err(self.failure(fault)),
        }
    }

    async fn ask(&self, commit: &Commit) -> Result<Settled, Failure> {
        let failed = |error: sqlx::Error| self.failure(error.into());
        // It ends without a commit: there is only something to be seen.
        let mut tx = self.pools.settle(commit.tenant).await.map_err(failed)?;
        let found = marks::find::<DB>(&mut tx, commit, self.clock.now()).await;
        let unclear = || Failure::Unavailable("a later commit left its mark".to_owned());
        found.map_err(failed)?.ok_or_else(unclear)
    }

    fn failure(&self, fault: Fault) -> Failure {
        match fault.class::<DB>() {
            ErrorClass::Contention => Failure::Contention,
            ErrorClass::Unavailable => Failure::Unavailable(fault.reason::<DB>()),
            ErrorClass::Refused => Failure::Refused(self.error(fault)),
        }
    }

    /// Begins a transaction for the jobs' tenants, which acts for the first of them.
    async fn begin(&self, jobs: &[Box<dyn Job>]) -> Result<(Tx<DB>, Option<TenantId>), Fault> {
        let mut tenants = BTreeMap::new();
        for job in jobs {
            *tenants.entry(job.tenant()).or_insert(false) |= job.changes_tenant();
        }
        let first = tenants.keys().next().copied();
        Ok((self.pools.write(&tenants).await?, first))
    }

    /// Carries out the jobs of each tenant in turn: rows are locked, and row security applies,
    /// one tenant at a time. The transaction acts for `acting` already. `locked` if all users are
    /// to be locked, asked for or not.
    async fn write(
        &self,
        conn: &mut DB::Connection,
        mut acting: Option<TenantId>,
        jobs: &mut [Box<dyn Job>],
        locked: bool,
    ) -> Result<Done, Fault> {
        let mut done = Done::default();
        let now = self.clock.now();
        for group in jobs.chunk_by_mut(|a, b| a.tenant() == b.tenant()) {
            let Some(id) = group.first().map(|job| job.tenant()) else {
                continue;
            };
            if acting.replace(id) != Some(id) {
                DB::act_for(conn, id).await?;
            }
            let (tenant, known) = self.tenant(conn, id, group, now, &mut done).await?;
            let mut ledger = Ledger::new(tenant.settings.clone(), now);
            if locked {
                lock_users::<DB>(conn, id, group, &mut ledger).await?;
            }
            while !decide(group, &mut ledger) {
                load::<DB>(conn, id, group, &mut ledger).await?;
            }
            if self.outbox == Outbox::Off {
                ledger.awards.clear();
            }
            if self.events == Events::Off {
                ledger.events.clear();
            }
            let (written, commit) = flush::<DB>(conn, id, known, &ledger, &self.marks).await?;
            if !written.current {
                self.tenants.remove(&id);
                return Err(Fault::Contention);
            }
            if !ledger.events.is_empty() {
                done.eventful.push(id);
            }
            done.commit = commit.or(done.commit);
        }
        Ok(done)
    }

    /// A tenant, and which state of it is to be checked: what is remembered may have been
    /// changed by another process. A new tenant gets its row, and one that is met anew loses its
    /// old marks.
    async fn tenant(
        &self,
        conn: &mut DB::Connection,
        id: TenantId,
        jobs: &[Box<dyn Job>],
        now: Timestamp,
        done: &mut Done,
    ) -> Result<(Arc<Tenant>, Option<Version>), Fault> {
        let changes = jobs.iter().any(|job| job.changes_tenant());
        if changes {
            self.tenants.remove(&id);
        } else if let Some(tenant) = self.tenants.get(&id) {
            let version = tenant.version;
            return Ok((tenant, Some(version)));
        }
        let mut found = tenants::find::<DB>(conn, id, tenants::SELECT_TENANT).await?;
        if found.is_none() {
            let defaults = TenantSettings::default();
            tenants::write::<DB>(conn, id, tenants::INSERT_TENANT, &defaults, now).await?;
            // Somebody else may have been first.
            found = tenants::find::<DB>(conn, id, tenants::SELECT_TENANT).await?;
        }
        let tenant = Arc::new(found.ok_or(Fault::Contention)?);
        if DB::LOSES_ANSWERS {
            marks::delete_old::<DB>(conn, id, now).await?;
        }
        if !changes {
            done.tenants.push((id, tenant.clone()));
        }
        Ok((tenant, None))
    }
}

/// What a transaction did, to be remembered once it is committed.
#[derive(Default)]
struct Done {
    commit: Option<Commit>,
    tenants: Vec<(TenantId, Arc<Tenant>)>,
    /// Those of whose sessions something happened.
    eventful: Vec<TenantId>,
}

/// Has all jobs decide from the start. False if any of them asks for more.
fn decide(jobs: &mut [Box<dyn Job>], ledger: &mut Ledger) -> bool {
    ledger.reset();
    let mut decided = true;
    for job in jobs {
        decided &= job.decide(ledger);
    }
    decided
}

/// Loads what the ledger misses. Locks first, those of all users of the batch in one order, so
/// that what is read after them holds until the commit.
async fn load<DB: Dialect>(
    conn: &mut DB::Connection,
    tenant: TenantId,
    jobs: &[Box<dyn Job>],
    ledger: &mut Ledger,
) -> Result<(), Fault> {
    if ledger.locks.is_missing() {
        return lock_users::<DB>(conn, tenant, jobs, ledger).await;
    }
    load_sessions::<DB>(conn, tenant, ledger).await?;
    load_goals::<DB>(conn, tenant, ledger).await?;
    let keys = ledger.stored_days.take_missing();
    if !keys.is_empty() {
        let wanted: Vec<_> = keys.iter().copied().collect();
        let rows = days::by_key::<DB>(conn, tenant, &wanted).await?;
        let rows = rows.into_iter().map(|row| ((row.user_id, row.date), row));
        ledger.stored_days.load(keys, rows);
    }
    let keys = ledger.activities.take_missing();
    if !keys.is_empty() {
        let rows = activities::by_ids::<DB>(conn, tenant, keys.iter().copied()).await?;
        ledger
            .activities
            .load(keys, rows.into_iter().map(|row| (row.id, row)));
    }
    let keys = ledger.requests.take_missing();
    if !keys.is_empty() {
        let rows = requests::by_ids::<DB>(conn, tenant, keys.iter().copied()).await?;
        ledger
            .requests
            .load(keys, rows.into_iter().map(|row| (row.id, row)));
    }
    for user in ledger.user_rows.take_missing() {
        let next = user_rows::next::<DB>(conn, tenant, user, ERASED_ROWS).await?;
        ledger.user_rows.load([user], next.map(|rows| (user, rows)));
    }
    Ok(())
}

/// Locks all users of the jobs.
async fn lock_users<DB: Dialect>(
    conn: &mut DB::Connection,
    tenant: TenantId,
    jobs: &[Box<dyn Job>],
    ledger: &mut Ledger,
) -> Result<(), Fault> {
    let users: BTreeSet<_> = jobs.iter().filter_map(|job| job.user()).collect();
    let found = users::lock::<DB>(conn, tenant, users.iter().copied()).await?;
    ledger.lock(users, found);
    Ok(())
}

async fn load_sessions<DB: Dialect>(
    conn: &mut DB::Connection,
    tenant: TenantId,
    ledger: &mut Ledger,
) -> Result<(), Fault> {
    let keys = ledger.open_sessions.take_missing();
    if !keys.is_empty() {
        let ids = keys.iter().map(|user| user.0);
        let rows = sessions::by_ids::<DB>(conn, tenant, sessions::AND_OPEN_OF_USERS, ids).await?;
        let mut open = BTreeMap::<UserId, BTreeSet<_>>::new();
        for row in &rows {
            open.entry(row.user_id).or_default().insert(row.id);
        }
        ledger.open_sessions.load(keys, open);
        let rows = rows.into_iter().map(|row| (row.id, row));
        ledger.sessions.load(Vec::<SessionId>::new(), rows);
    }
    let keys = ledger.sessions.take_missing();
    if !keys.is_empty() {
        let ids = keys.iter().map(|id| id.0);
        let rows = sessions::by_ids::<DB>(conn, tenant, sessions::AND_IDS, ids).await?;
        ledger
            .sessions
            .load(keys, rows.into_iter().map(|row| (row.id, row)));
    }
    Ok(())
}

async fn load_goals<DB: Dialect>(
    conn: &mut DB::Connection,
    tenant: TenantId,
    ledger: &mut Ledger,
) -> Result<(), Fault> {
    let keys = ledger.goals.active.take_missing();
    if !keys.is_empty() {
        let ids = keys.iter().map(|user| user.0);
        let rows = goals::by_ids::<DB>(conn, tenant, goals::AND_ACTIVE_OF_USERS, ids).await?;
        let mut active = BTreeMap::<UserId, BTreeSet<_>>::new();
        for row in &rows {
            active.entry(row.user_id).or_default().insert(row.id);
        }
        ledger.goals.active.load(keys, active);
        let rows = rows.into_iter().map(|row| (row.id, row));
        ledger.goals.rows.load(Vec::<GoalId>::new(), rows);
    }
    let keys = ledger.goals.rows.take_missing();
    if !keys.is_empty() {
        let ids = keys.iter().map(|id| id.0);
        let rows = goals::by_ids::<DB>(conn, tenant, goals::AND_GOALS, ids).await?;
        let rows = rows.into_iter().map(|row| (row.id, row));
        ledger.goals.rows.load(keys, rows);
    }
    let keys = ledger.goals.done.take_missing();
    if !keys.is_empty() {
        let rows = goal_counts::done::<DB>(conn, tenant, &keys).await?;
        ledger.goals.done.load(keys, rows);
    }
    let keys = ledger.goals.practised.take_missing();
    if !keys.is_empty() {
        let days = goal_counts::practised::<DB>(conn, tenant, &keys).await?;
        ledger.goals.practised.load(keys, days);
    }
    let keys = ledger.goals.values.take_missing();
    if !keys.is_empty() {
        let ids = keys.iter().copied();
        let values = goal_progress::values::<DB>(conn, tenant, ids).await?;
        ledger.goals.values.load(keys, values);
    }
    Ok(())
}

/// What the ledger changed, table by table, in key order; some of it may be nothing. Users come
/// first: whoever writes what is a user's holds the user's row.
fn writes<'a>(
    ledger: &'a Ledger,
    tenant_days: &'a BTreeMap<NaiveDate, UsageCounters>,
) -> Vec<Write<'a>> {
    let new_days = Write::new(
        tenant_usage::COUNT_NEW_DAYS,
        days::key_columns(ledger.added_days().map(|day| (day.user_id, day.date))),
    );
    let features = tenant_days.iter().flat_map(|(date, day)| {
        let counts = day.feature_usage.iter();
        counts.map(|(feature, count)| (*date, feature.as_str(), *count))
    });
    let table = Write::new;
    vec![
        table(users::INSERT_USERS, users::columns(ledger.new_users())),
        table(users::UPSERT_USERS, users::columns(ledger.added_users())),
        table(
            sessions::INSERT_SESSIONS,
            sessions::columns(ledger.sessions.inserted()),
        ),
        table(
            sessions::UPDATE_SESSIONS,
            sessions::changing_columns(ledger.sessions.updated()),
        ),
        Write {
            if_new: Some(Box::new(new_days)),
            ..table(
                days::UPSERT_DAYS,
                days::columns(ledger.added_days(), &ledger.practice),
            )
        },
        table(
            practice::UPSERT_PRACTICE_TIMES,
            practice::time_columns(ledger.practice.times()),
        ),
        table(
            practice::UPSERT_SUBJECT_DAYS,
            practice::subject_columns(ledger.practice.subjects()),
        ),
        table(
            performance::ADD_DAYS,
            performance::day_columns(ledger.performance.days()),
        ),
        table(
            performance::ADD_MONTHS,
            performance::month_columns(ledger.performance.months()),
        ),
        table(
            activities::INSERT_ACTIVITIES,
            activities::columns(ledger.activities.inserted()),
        ),
        table(
            goals::INSERT_GOALS,
            goals::columns(ledger.goals.rows.inserted()),
        ),
        table(
            goals::UPDATE_GOALS,
            goals::changing_columns(ledger.goals.rows.updated()),
        ),
        table(
            goal_progress::UPSERT_PROGRESS,
            goal_progress::columns(ledger.goals.progress()),
        ),
        table(
            requests::INSERT_REQUESTS,
            requests::columns(ledger.requests.inserted()),
        ),
        table(points::INSERT_AWARDS, points::columns(&ledger.awards)),
        table(events::INSERT_EVENTS, events::columns(&ledger.events)),
        table(
            tenant_usage::UPSERT_TENANT_DAYS,
            tenant_usage::columns(tenant_days),
        ),
        table(
            tenant_usage::UPSERT_TENANT_FEATURES,
            tenant_usage::feature_columns(features),
        ),
        table(
            cohorts::NOTE_CHANGES,
            cohorts::change_columns(ledger.performance.dates(), ledger.now),
        ),
    ]
}

/// Writes what the ledger changed, and by what it is known that it is there. A row that is not written as expected was written by another
/// transaction since.
async fn flush<DB: Dialect>(
    conn: &mut DB::Connection,
    tenant: TenantId,
    known: Option<Version>,
    ledger: &Ledger,
    marks: &Marks,
) -> Result<(Written, Option<Commit>), Fault> {
    write_settings::<DB>(conn, tenant, ledger).await?;
    let deleted: Vec<_> = ledger.goals.rows.removed().map(|id| id.0).collect();
    let mut any = ledger.forgotten.is_any() || ledger.changed_settings().is_some();
    if !deleted.is_empty() {
        any = true;
        let query = Query::<DB>::new(goals::DELETE_GOALS).bind(tenant.uuid());
        query.ids(deleted).execute(conn).await?;
    }
    let tenant_days = tenant_usage::sums(ledger.added_days());
    let mut writes = writes(ledger, &tenant_days);
    writes.retain(|write| write.rows.len() > 0);
    any |= !writes.is_empty();
    let commit = (DB::LOSES_ANSWERS && any).then(|| marks.next(tenant));
    if commit.is_some() {
        let mark = marks::columns(commit.as_ref(), ledger.now);
        writes.push(Write::new(marks::UPSERT_MARKS, mark));
    }
    let expected: usize = writes.iter().map(|write| write.rows.len()).sum();
    let span = Span::statements(DB::NAME, writes.iter().map(|write| write.sql));
    let written = span.around(DB::write_all(conn, tenant, known, &writes));
    let written = written.await?;
    if usize::try_from(written.rows) != Ok(expected) {
        return Err(Fault::Unwritten);
    }
    sweep_by_new_settings::<DB>(conn, tenant, ledger).await?;
    forgotten::write::<DB>(conn, tenant, ledger).await?;
    Ok((written, commit))
}

async fn write_settings<DB: Dialect>(
    conn: &mut DB::Connection,
    tenant: TenantId,
    ledger: &Ledger,
) -> Result<(), Fault> {
    if let Some((_, new)) = ledger.changed_settings() {
        tenants::write::<DB>(conn, tenant, tenants::UPDATE_TENANT, new, ledger.now).await?;
    }
    Ok(())
}

/// After the batch's own sessions are written: those decided on before the settings changed
/// are due by the old ones.
async fn sweep_by_new_settings<DB: Dialect>(
    conn: &mut DB::Connection,
    tenant: TenantId,
    ledger: &Ledger,
) -> Result<(), Fault> {
    if let Some((old, new)) = ledger.changed_settings()
        && (old.idle_timeout, old.max_lifetime) != (new.idle_timeout, new.max_lifetime)
    {
        let query = Query::<DB>::new(sessions::SWEEP_ALL_NOW).bind(tenant.uuid());
        query.bind(ledger.now).execute(conn).await?;
    }
    Ok(())
}

impl<DB: Dialect> SqlStore<DB> {
    /// For the caller, and the log.
    pub(super) fn error(&self, fault: Fault) -> Error {
        fault.into_error::<DB>(self.ids.next(self.clock.now()))
    }
}
