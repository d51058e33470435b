//! The tenant's active users of a period, remembered for as long as they are what they were.
//!
//! To count them is to read a row or more of each. So who is asked twice of the same users reads
//! all of them once and keeps their values in order; from then on a rank is a search. Whether they
//! are still the same is read with each answer, in the same snapshot, from `performance_changes`:
//! so it holds on every instance and on a replica.

use std::{iter, sync::Arc, time::Duration};

use chrono::NaiveDate;
use quick_cache::{Weighter, sync::Cache};

use super::{
    dialect::{Dialect, Query, Write, get},
    fault::Fault,
    performance,
    practice::{parse, text},
    rows::{Rows, RowsOf},
};
use crate::domain::{
    ids::TenantId,
    insights::{cohort::Crowd, figures::Figures, tally::Tally},
    period::{DateRange, Granularity},
    time::Timestamp,
};

/// Before the users to list, as for [`performance::COUNT_COHORT`]: a row, in which each column is
/// the text of a list.
pub const LIST_COHORT: &str = "
    SELECT string_agg(CAST(sessions AS TEXT), ',') AS sessions,
        string_agg(CAST(active_seconds AS TEXT), ',') AS active_seconds,
        string_agg(CAST(tests AS TEXT), ',') AS tests,
        string_agg(CAST(test_accuracy AS TEXT), ',') AS test_accuracy,
        string_agg(CAST(flashcards AS TEXT), ',') AS flashcards,
        string_agg(CAST(flashcards_correct AS TEXT), ',') AS flashcards_correct,
        string_agg(CAST(assignments AS TEXT), ',') AS assignments,
        string_agg(CAST(assignment_items AS TEXT), ',') AS assignment_items,
        string_agg(CAST(attended_days AS TEXT), ',') AS attended_days
    FROM ";

/// The state of the days from $2 to $3, and of $4, which stands for all.
pub const SELECT_CHANGES: &str = "
    SELECT CAST(COALESCE(SUM(number), 0) AS BIGINT) AS number, MAX(changed_at) AS changed_at
    FROM (
        SELECT number, changed_at FROM performance_changes
        WHERE tenant_id = $1 AND local_date BETWEEN $2 AND $3
        UNION ALL
        SELECT number, changed_at FROM performance_changes
        WHERE tenant_id = $1 AND local_date = $4
    ) AS changes";

pub const NOTE_CHANGES: &str = "
    INSERT INTO performance_changes AS t (tenant_id, {columns})
    SELECT $1, {columns} FROM {rows} AS r WHERE {after}
    ON CONFLICT (tenant_id, local_date) DO UPDATE SET
        number = t.number + 1, changed_at = excluded.changed_at";

/// Stands for all days.
const EVERY_DAY: NaiveDate = NaiveDate::from_ymd_opt(1999, 12, 30).unwrap();
/// How long users are remembered. An older dwell that writes beside this one notes no changes: what
/// is told of its users may be so old.
const REMEMBERED: Duration = Duration::from_mins(1);
/// Bytes of values that are remembered.
const CAPACITY: u64 = 64 << 20;
/// Periods of which something is, as a guess: so few that the cache is not divided, and has room for
/// those of a tenant with a million active users.
const PERIODS: usize = 32;

/// The state of the rows of some days. Numbers only grow; the time tells states apart of which one
/// was lost when a replica took over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct State {
    number: i64,
    changed_at: Option<Timestamp>,
}

/// The users of a period as they were in a state.
#[derive(Clone)]
struct Known {
    state: State,
    read_at: Timestamp,
    /// `None` if nobody asked twice.
    crowd: Option<Arc<Crowd>>,
}

#[derive(Clone)]
struct Bytes;

impl Weighter<(TenantId, DateRange), Known> for Bytes {
    fn weight(&self, _: &(TenantId, DateRange), known: &Known) -> u64 {
        let values = known.crowd.as_ref().map_or(0, |crowd| crowd.size());
        let bytes = size_of::<Known>() + values * size_of::<f64>();
        u64::try_from(bytes).unwrap_or(u64::MAX)
    }
}

/// What is remembered.
pub struct Cohorts(Cache<(TenantId, DateRange), Known, Bytes>);

impl Default for Cohorts {
    fn default() -> Self {
        Self(Cache::with_weighter(PERIODS, CAPACITY, Bytes))
    }
}

impl Cohorts {
    /// All users of a period as they are stored, if they were asked for before and are the same.
    pub async fn crowd<DB: Dialect>(
        &self,
        conn: &mut DB::Connection,
        tenant: TenantId,
        (granularity, range): (Granularity, DateRange),
        now: Timestamp,
    ) -> Result<Option<Arc<Crowd>>, Fault> {
        let key = (tenant, range);
        let state = state::<DB>(conn, tenant, range).await?;
        let known = self.0.get(&key).filter(|known| known.state == state);
        let asked_before = known.is_some();
        let recent = known.filter(|known| now.since(known.read_at) < REMEMBERED);
        if let Some(crowd) = recent.and_then(|known| known.crowd) {
            return Ok(Some(crowd));
        }
        let crowd = if asked_before {
            let crowd = list::<DB>(conn, tenant, granularity, range).await?;
            Some(Arc::new(crowd))
        } else {
            None
        };
        let known = Known {
            state,
            read_at: now,
            crowd: crowd.clone(),
        };
        self.0.insert(key, known);
        Ok(crowd)
    }
}

/// The columns that [`NOTE_CHANGES`] reads.
pub fn change_columns<'a>(
    dates: impl IntoIterator<Item = NaiveDate>,
    changed_at: Timestamp,
) -> Rows<'a> {
    RowsOf::new(dates)
        .date("local_date", |date| date)
        .time("changed_at", |_| changed_at)
        .done()
}

/// Notes that rows went, of whatever days.
pub async fn note_loss<DB: Dialect>(
    conn: &mut DB::Connection,
    tenant: TenantId,
    changed_at: Timestamp,
) -> Result<(), Fault> {
    let note = Write::new(NOTE_CHANGES, change_columns([EVERY_DAY], changed_at));
    DB::write_all(conn, tenant, None, &[note]).await?;
    Ok(())
}

async fn state<DB: Dialect>(
    conn: &mut DB::Connection,
    tenant: TenantId,
    range: DateRange,
) -> Result<State, Fault> {
    let query = Query::<DB>::new(SELECT_CHANGES)
        .bind(tenant.uuid())
        .bind(range.start)
        .bind(range.end)
        .bind(EVERY_DAY);
    let rows = query.fetch(conn).await?;
    let row = rows.first().ok_or(CORRUPT)?;
    Ok(State {
        number: get::<DB, _>(row, "number")?,
        changed_at: get::<DB, _>(row, "changed_at")?,
    })
}

async fn list<DB: Dialect>(
    conn: &mut DB::Connection,
    tenant: TenantId,
    granularity: Granularity,
    range: DateRange,
) -> Result<Crowd, Fault> {
    let query = Query::<DB>::new(&[LIST_COHORT, performance::users_of(granularity)].concat())
        .bind(tenant.uuid())
        .bind(range.start)
        .bind(range.end)
        .ids([]);
    let rows = query.fetch(conn).await?;
    let row = rows.first().ok_or(CORRUPT)?;
    let column = |name| -> Result<_, Fault> {
        let numbers: Option<Vec<i64>> = parse(text::<DB>(row, name)?, |one| one.parse().ok());
        Ok(numbers.ok_or(CORRUPT)?.into_iter())
    };
    let mut sessions = column("sessions")?;
    let mut active_seconds = column("active_seconds")?;
    let mut tests = column("tests")?;
    let mut test_accuracy = column("test_accuracy")?;
    let mut flashcards = column("flashcards")?;
    let mut flashcards_correct = column("flashcards_correct")?;
    let mut assignments = column("assignments")?;
    let mut assignment_items = column("assignment_items")?;
    let mut attended = column("attended_days")?;
    Ok(Crowd::new(iter::from_fn(|| {
        let tally = Tally {
            sessions: sessions.next()?,
            active_seconds: active_seconds.next()?,
            tests: tests.next()?,
            test_accuracy: test_accuracy.next()?,
            flashcards: flashcards.next()?,
            flashcards_correct: flashcards_correct.next()?,
            assignments: assignments.next()?,
            assignment_items: assignment_items.next()?,
        };
        Some(Figures {
            tally,
            attended: attended.next()?,
            // Nobody is ranked by it.
            days: 0,
        })
    })))
}

const CORRUPT: Fault = Fault::Corrupt {
    table: "performance_changes",
    column: "number",
};

#[cfg(test)]
mod tests {
    use super::{super::read::tenant_id, *};

    #[test]
    fn a_large_tenant_has_room() {
        let key = (tenant_id(uuid::Uuid::from_u128(1)), DateRange::ALL);
        let cohorts = Cohorts::default();
        let active = Figures {
            tally: Tally {
                sessions: 1,
                tests: 1,
                ..Tally::default()
            },
            attended: 1,
            days: 1,
        };
        let known = Known {
            state: State {
                number: 1,
                changed_at: None,
            },
            read_at: Timestamp::FIRST,
            crowd: Some(Arc::new(Crowd::new(iter::repeat_n(active, 1_000_000)))),
        };
        cohorts.0.insert(key, known);
        assert!(cohorts.0.get(&key).is_some());
    }
}
