//! What is kept of practice: counters of `user_usage_stats`, `user_practice_times` and
//! `user_subject_days`. They only ever grow, by what each ended session adds.
//!
//! Years of a user's days come as one row, in which each column is the text of a list, such as
//! `2026-11-20,2026-11-21`: a row for each day would cost several times as much.

use async_trait::async_trait;
use chrono::NaiveDate;

use super::{
    SqlStore,
    dialect::{Dialect, Query, get},
    fault::Fault,
    read::open_sessions,
    rows::{Rows, RowsOf},
    sessions, tenants,
};
use crate::{
    domain::{
        calendar::plus_days,
        ids::{TenantId, UserId},
        insights::{
            calendar::CalendarDay,
            frequency::PracticeTime,
            last_days,
            practice::{PracticeDay, PracticeTotals},
            subjects::{SubjectCount, SubjectDay, SubjectDayKey},
        },
        period::DateRange,
        session::{Session, Subject},
        time::Timestamp,
    },
    store::{
        Error,
        practice::{PracticeHistory, PracticeStore, PracticeTimes, UserCalendar},
    },
};

pub const LIST_PRACTICE_DAYS: &str = "
    SELECT string_agg(CAST(usage_date AS TEXT), ',') AS usage_date,
        string_agg(CAST(sessions_ended AS TEXT), ',') AS sessions_ended,
        string_agg(CAST(sessions_completed AS TEXT), ',') AS sessions_completed,
        string_agg(CAST(sessions_partial AS TEXT), ',') AS sessions_partial,
        string_agg(CAST(sessions_abandoned AS TEXT), ',') AS sessions_abandoned,
        string_agg(CAST(completed_seconds AS TEXT), ',') AS completed_seconds
    FROM user_usage_stats
    WHERE tenant_id = $1 AND user_id = $2 AND sessions_ended > 0";

pub const LIST_CALENDAR_DAYS: &str = "
    SELECT string_agg(CAST(usage_date AS TEXT), ',') AS usage_date,
        string_agg(CAST(sessions_started AS TEXT), ',') AS sessions_started,
        string_agg(CAST(sessions_completed AS TEXT), ',') AS sessions_completed,
        string_agg(CAST(active_seconds AS TEXT), ',') AS active_seconds
    FROM user_usage_stats
    WHERE tenant_id = $1 AND user_id = $2 AND usage_date BETWEEN $3 AND $4";

pub const LIST_PRACTICE_TIMES: &str = "
    SELECT string_agg(CAST(practice_date AS TEXT), ',') AS practice_date,
        string_agg(CAST(utc_quarter AS TEXT), ',') AS utc_quarter,
        string_agg(CAST(sessions AS TEXT), ',') AS sessions
    FROM user_practice_times
    WHERE tenant_id = $1 AND user_id = $2 AND practice_date BETWEEN $3 AND $4";

/// $5 and $6 are instants between which the days of $3 to $4 lie in every zone: an index finds
/// sessions by their start.
pub const AND_STARTED_ON: &str = "
    AND user_id = $2 AND start_date BETWEEN $3 AND $4 AND started_at BETWEEN $5 AND $6
    ORDER BY started_at, id
    LIMIT $7";

/// Adds to what is stored.
pub const UPSERT_PRACTICE_TIMES: &str = "
    INSERT INTO user_practice_times (tenant_id, {columns})
    SELECT $1, {columns} FROM {rows} AS r WHERE {after}
    ON CONFLICT (tenant_id, user_id, practice_date, utc_quarter) DO UPDATE SET
        sessions = user_practice_times.sessions + excluded.sessions";

/// Adds to what is stored, but for the name.
pub const UPSERT_SUBJECT_DAYS: &str = "
    INSERT INTO user_subject_days (tenant_id, {columns})
    SELECT $1, {columns} FROM {rows} AS r WHERE {after}
    ON CONFLICT (tenant_id, user_id, subject_type, subject_id, practice_date) DO UPDATE SET
        subject_name = excluded.subject_name,
        sessions = user_subject_days.sessions + excluded.sessions,
        seconds = user_subject_days.seconds + excluded.seconds";

/// $3 the first and $4 the last day, $5 the limit, $6 the type or nothing. A name is looked up
/// only for the subjects that are listed.
pub const SELECT_TOP_SUBJECTS: &str = "
    SELECT t.subject_type, t.subject_id, t.total, t.total_seconds, (
        SELECT n.subject_name FROM user_subject_days n
        WHERE n.tenant_id = $1 AND n.user_id = $2 AND n.subject_type = t.subject_type
            AND n.subject_id = t.subject_id AND n.practice_date = t.last_date) AS subject_name
    FROM (
        SELECT subject_type, subject_id, CAST(SUM(sessions) AS BIGINT) AS total,
            CAST(SUM(seconds) AS BIGINT) AS total_seconds, MAX(practice_date) AS last_date
        FROM user_subject_days
        WHERE tenant_id = $1 AND user_id = $2 AND practice_date BETWEEN $3 AND $4
            AND subject_type = COALESCE($6, subject_type)
        GROUP BY subject_type, subject_id
        ORDER BY total DESC, subject_type, subject_id
        LIMIT $5) t
    ORDER BY t.total DESC, t.subject_type, t.subject_id";

const PRACTICE_DAYS: Columns<5> = Columns {
    table: "user_usage_stats",
    date: "usage_date",
    numbers: [
        "sessions_ended",
        "sessions_completed",
        "sessions_partial",
        "sessions_abandoned",
        "completed_seconds",
    ],
};

const CALENDAR_DAYS: Columns<3> = Columns {
    table: "user_usage_stats",
    date: "usage_date",
    numbers: ["sessions_started", "sessions_completed", "active_seconds"],
};

const PRACTICE_TIMES: Columns<2> = Columns {
    table: "user_practice_times",
    date: "practice_date",
    numbers: ["utc_quarter", "sessions"],
};

#[async_trait]
impl<DB: Dialect> PracticeStore for SqlStore<DB> {
    async fn get_practice_history(
        &self,
        tenant: TenantId,
        user: UserId,
    ) -> Result<PracticeHistory, Error> {
        self.bulk(tenant, move |mut tx| async move {
            Ok(PracticeHistory {
                days: practice_days::<DB>(&mut tx, tenant, user).await?,
                settings: tenants::settings_of::<DB>(&mut tx, tenant).await?,
                open: open_sessions::<DB>(&mut tx, tenant, vec![user]).await?,
            })
        })
        .await
    }

    async fn get_practice_times(
        &self,
        tenant: TenantId,
        user: UserId,
        days: u16,
        now: Timestamp,
    ) -> Result<PracticeTimes, Error> {
        self.bulk(tenant, move |mut tx| async move {
            let settings = tenants::settings_of::<DB>(&mut tx, tenant).await?;
            let range = last_days(settings.calendar.date_of(now), days);
            let query = of_days::<DB>(LIST_PRACTICE_TIMES, tenant, user, range);
            let starts = list::<DB, 2>(query, &mut tx, &PRACTICE_TIMES).await?;
            let starts = starts.into_iter().map(|(date, [quarter, sessions])| {
                let quarter = i16::try_from(quarter).map_err(|_| Fault::Corrupt {
                    table: "user_practice_times",
                    column: "utc_quarter",
                })?;
                Ok((PracticeTime { date, quarter }, sessions))
            });
            let starts = starts.collect::<Result<_, Fault>>()?;
            Ok(PracticeTimes { settings, starts })
        })
        .await
    }

    async fn get_user_calendar(
        &self,
        tenant: TenantId,
        user: UserId,
        range: DateRange,
        with_sessions: bool,
        now: Timestamp,
    ) -> Result<UserCalendar, Error> {
        self.bulk(tenant, move |mut tx| async move {
            let settings = tenants::settings_of::<DB>(&mut tx, tenant).await?;
            let limit = if with_sessions { i64::MAX } else { 0 };
            let sessions = started_on::<DB>(&mut tx, tenant, user, range, limit).await?;
            let sessions = sessions.into_iter().map(|one| one.view(&settings, now));
            Ok(UserCalendar {
                sessions: sessions.collect(),
                days: calendar_days::<DB>(&mut tx, tenant, user, range).await?,
                open: open_sessions::<DB>(&mut tx, tenant, vec![user]).await?,
                settings,
            })
        })
        .await
    }

    async fn list_top_subjects(
        &self,
        tenant: TenantId,
        user: UserId,
        kind: Option<String>,
        range: DateRange,
        limit: u16,
    ) -> Result<Vec<SubjectCount>, Error> {
        self.bulk(tenant, move |mut tx| {
            let kind = kind.clone();
            async move { top_subjects::<DB>(&mut tx, tenant, user, kind, range, limit).await }
        })
        .await
    }
}

/// The columns that [`UPSERT_PRACTICE_TIMES`] reads.
pub fn time_columns<'a>(
    times: impl IntoIterator<Item = (&'a (UserId, PracticeTime), &'a i64)>,
) -> Rows<'a> {
    RowsOf::new(times)
        .uuid("user_id", |((user, _), _)| user.0)
        .date("practice_date", |((_, time), _)| time.date)
        .small("utc_quarter", |((_, time), _)| time.quarter)
        .int("sessions", |(_, sessions)| *sessions)
        .done()
}

/// The columns that [`UPSERT_SUBJECT_DAYS`] reads.
pub fn subject_columns<'a>(
    days: impl IntoIterator<Item = (&'a SubjectDayKey, &'a SubjectDay)>,
) -> Rows<'a> {
    RowsOf::new(days)
        .uuid("user_id", |(key, _)| key.user.0)
        .text("subject_type", |(key, _)| &*key.kind)
        .text("subject_id", |(key, _)| &*key.id)
        .date("practice_date", |(key, _)| key.date)
        .text("subject_name", |(_, day)| &*day.name)
        .int("sessions", |(_, day)| day.sessions)
        .int("seconds", |(_, day)| day.seconds)
        .done()
}

fn of_days<DB: Dialect>(sql: &str, tenant: TenantId, user: UserId, range: DateRange) -> Query<DB> {
    Query::<DB>::new(sql)
        .bind(tenant.uuid())
        .bind(user.0)
        .bind(range.start)
        .bind(range.end)
}

/// The dates and numbers that `query` lists, in order.
async fn list<DB: Dialect, const N: usize>(
    query: Query<DB>,
    conn: &mut DB::Connection,
    columns: &Columns<N>,
) -> Result<Vec<(NaiveDate, [i64; N])>, Fault> {
    let rows = query.fetch(conn).await?;
    let Some(row) = rows.first() else {
        return Ok(Vec::new());
    };
    let dates = text::<DB>(row, columns.date)?;
    let dates = parse(dates, date).ok_or(columns.corrupt(columns.date))?;
    let mut entries: Vec<_> = dates.into_iter().map(|date| (date, [0; N])).collect();
    for (index, name) in columns.numbers.into_iter().enumerate() {
        let numbers = text::<DB>(row, name)?;
        let numbers: Option<Vec<i64>> = parse(numbers, |number| number.parse().ok());
        let numbers = numbers.filter(|numbers| numbers.len() == entries.len());
        let numbers = numbers.ok_or(columns.corrupt(name))?;
        for ((_, entry), number) in entries.iter_mut().zip(numbers) {
            if let Some(place) = entry.get_mut(index) {
                *place = number;
            }
        }
    }
    entries.sort_unstable();
    Ok(entries)
}

/// The columns of a list.
struct Columns<const N: usize> {
    table: &'static str,
    date: &'static str,
    numbers: [&'static str; N],
}

impl<const N: usize> Columns<N> {
    const fn corrupt(&self, column: &'static str) -> Fault {
        Fault::Corrupt {
            table: self.table,
            column,
        }
    }
}

/// A column of a list; nothing if there are no rows.
pub fn text<'r, DB: Dialect>(row: &'r DB::Row, column: &str) -> Result<&'r str, Fault> {
    Ok(DB::text(row, column)?.unwrap_or_default())
}

pub fn parse<T>(text: &str, entry: impl Fn(&str) -> Option<T>) -> Option<Vec<T>> {
    let entries = text.split(',').filter(|entry| !entry.is_empty());
    entries.map(entry).collect()
}

/// What both engines write, read several times as fast as dates of any form.
pub fn date(text: &str) -> Option<NaiveDate> {
    let mut parts = text.splitn(3, '-');
    let year = parts.next()?.parse().ok()?;
    let month = parts.next()?.parse().ok()?;
    NaiveDate::from_ymd_opt(year, month, parts.next()?.parse().ok()?)
}

/// The days on which sessions started that are stored as ended, oldest first.
pub async fn practice_days<DB: Dialect>(
    conn: &mut DB::Connection,
    tenant: TenantId,
    user: UserId,
) -> Result<Vec<PracticeDay>, Fault> {
    let query = Query::<DB>::new(LIST_PRACTICE_DAYS)
        .bind(tenant.uuid())
        .bind(user.0);
    let days = list::<DB, 5>(query, conn, &PRACTICE_DAYS).await?;
    let days = days.into_iter().map(|(date, counts)| {
        let [ended, completed, partial, abandoned, completed_seconds] = counts;
        let totals = PracticeTotals {
            ended,
            completed,
            partial,
            abandoned,
            completed_seconds,
        };
        PracticeDay { date, totals }
    });
    Ok(days.collect())
}

/// The user's days of the range, oldest first.
pub async fn calendar_days<DB: Dialect>(
    conn: &mut DB::Connection,
    tenant: TenantId,
    user: UserId,
    range: DateRange,
) -> Result<Vec<CalendarDay>, Fault> {
    let query = of_days::<DB>(LIST_CALENDAR_DAYS, tenant, user, range);
    let days = list::<DB, 3>(query, conn, &CALENDAR_DAYS).await?;
    let days = days.into_iter().map(|(date, counts)| {
        let [started, completed, active_seconds] = counts;
        CalendarDay {
            date,
            started,
            completed,
            active_seconds,
        }
    });
    Ok(days.collect())
}

/// As [`PracticeStore::list_top_subjects`] says.
pub async fn top_subjects<DB: Dialect>(
    conn: &mut DB::Connection,
    tenant: TenantId,
    user: UserId,
    kind: Option<String>,
    range: DateRange,
    limit: u16,
) -> Result<Vec<SubjectCount>, Fault> {
    let query = of_days::<DB>(SELECT_TOP_SUBJECTS, tenant, user, range);
    let query = query.bind(i64::from(limit)).bind(kind);
    let rows = query.fetch(conn).await?;
    rows.iter().map(subject_count::<DB>).collect()
}

/// The first sessions that started on a day of the range, oldest first.
pub async fn started_on<DB: Dialect>(
    conn: &mut DB::Connection,
    tenant: TenantId,
    user: UserId,
    range: DateRange,
    limit: i64,
) -> Result<Vec<Session>, Fault> {
    if limit == 0 {
        return Ok(Vec::new());
    }
    let midnight =
        |date: NaiveDate| Timestamp::from(date.and_time(chrono::NaiveTime::MIN).and_utc());
    let sql = [sessions::SELECT_SESSIONS, AND_STARTED_ON].concat();
    let rows = of_days::<DB>(&sql, tenant, user, range)
        .bind(midnight(plus_days(range.start, -1)))
        .bind(midnight(plus_days(range.end, 2)))
        .bind(limit)
        .fetch(conn)
        .await?;
    rows.iter().map(sessions::session::<DB>).collect()
}

fn subject_count<DB: Dialect>(row: &DB::Row) -> Result<SubjectCount, Fault> {
    Ok(SubjectCount {
        subject: Subject {
            kind: get::<DB, _>(row, "subject_type")?,
            id: get::<DB, _>(row, "subject_id")?,
            name: get::<DB, _>(row, "subject_name")?,
        },
        sessions: get::<DB, _>(row, "total")?,
        seconds: get::<DB, _>(row, "total_seconds")?,
    })
}
