//! `performance_days` and `performance_months`: what metrics are computed from.

use super::{
    dialect::{Dialect, Query, get},
    fault::Fault,
    rows::{Rows, RowsOf},
};
use crate::domain::{
    ids::{TenantId, UserId},
    insights::{
        cohort::{Cohort, Standing},
        effort::Effort,
        figures::{Metric, PeriodTally},
        performance::SubjectTally,
        tally::{DayAddition, DaySet, MonthAddition, Tally},
    },
    period::{DateRange, Granularity},
    session::Subject,
};

/// The sums of each user's period that has any. $2 and $3 the subject; an empty type is all.
pub const SUM_PERIODS: &str = "
    SELECT r.user_id, r.start_date, r.end_date,
        CAST(SUM(d.sessions) AS BIGINT) AS sessions,
        CAST(SUM(d.active_seconds) AS BIGINT) AS active_seconds,
        CAST(SUM(d.tests) AS BIGINT) AS tests,
        CAST(SUM(d.test_accuracy) AS BIGINT) AS test_accuracy,
        CAST(SUM(d.flashcards) AS BIGINT) AS flashcards,
        CAST(SUM(d.flashcards_correct) AS BIGINT) AS flashcards_correct,
        CAST(SUM(d.assignments) AS BIGINT) AS assignments,
        CAST(SUM(d.assignment_items) AS BIGINT) AS assignment_items,
        CAST(COALESCE(SUM(DISTINCT CASE WHEN d.sessions > 0 THEN {day_bit} END), 0) AS BIGINT)
            AS attended
    FROM {rows} AS r
    JOIN performance_days d ON d.tenant_id = $1 AND d.user_id = r.user_id
        AND d.local_date BETWEEN r.start_date AND r.end_date
    WHERE $2 = '' OR d.subject_type = $2 AND d.subject_id = $3
    GROUP BY r.user_id, r.start_date, r.end_date";

/// The same of whole months and all subjects, as they are kept.
pub const SELECT_MONTHS: &str = "
    SELECT r.user_id, r.start_date, r.end_date, m.sessions, m.active_seconds, m.tests,
        m.test_accuracy, m.flashcards, m.flashcards_correct, m.assignments, m.assignment_items,
        m.attended
    FROM {rows} AS r
    JOIN performance_months m
        ON m.tenant_id = $1 AND m.month = r.start_date AND m.user_id = r.user_id";

/// The sums of a user's subjects in $3 to $4, each by the name that it had last. It is looked up for
/// each: of a join PostgreSQL may read all days of a user, if most of the tenant's have few.
pub const SUM_SUBJECTS: &str = "
    SELECT s.*, (
        SELECT d.subject_name FROM performance_days d
        WHERE d.tenant_id = $1 AND d.user_id = $2 AND d.local_date = s.last_date
            AND d.subject_type = s.subject_type AND d.subject_id = s.subject_id) AS subject_name
    FROM (
        SELECT subject_type, subject_id, MAX(local_date) AS last_date,
            CAST(SUM(sessions) AS BIGINT) AS sessions,
            CAST(SUM(active_seconds) AS BIGINT) AS active_seconds,
            CAST(SUM(tests) AS BIGINT) AS tests,
            CAST(SUM(test_accuracy) AS BIGINT) AS test_accuracy,
            CAST(SUM(flashcards) AS BIGINT) AS flashcards,
            CAST(SUM(flashcards_correct) AS BIGINT) AS flashcards_correct,
            CAST(SUM(assignments) AS BIGINT) AS assignments,
            CAST(SUM(assignment_items) AS BIGINT) AS assignment_items
        FROM performance_days
        WHERE tenant_id = $1 AND user_id = $2 AND local_date BETWEEN $3 AND $4
            AND subject_type <> ''
        GROUP BY subject_type, subject_id
        HAVING SUM(sessions + active_seconds + tests + flashcards + assignments) > 0
    ) AS s";

/// Before the users to count: how many have a sample of each metric, how many of them are at or
/// below $4 to $8, and all sums. As `Figures::rank_value` says.
pub const COUNT_COHORT: &str = "
    SELECT COUNT(*) AS users,
        COUNT(CASE WHEN sessions > 0 OR active_seconds > 0 THEN 1 END) AS study_users,
        COUNT(CASE WHEN sessions > 0 OR active_seconds > 0 THEN
            CASE WHEN active_seconds <= CAST($4 AS DOUBLE PRECISION) THEN 1 END END)
            AS study_below,
        COUNT(NULLIF(tests, 0)) AS test_users,
        COUNT(CASE WHEN tests > 0 THEN
            CASE WHEN CAST(test_accuracy AS DOUBLE PRECISION) / tests
                <= CAST($5 AS DOUBLE PRECISION) THEN 1 END END) AS test_below,
        COUNT(NULLIF(flashcards, 0)) AS card_users,
        COUNT(CASE WHEN flashcards > 0 THEN
            CASE WHEN CAST(flashcards_correct AS DOUBLE PRECISION) / flashcards
                <= CAST($6 AS DOUBLE PRECISION) THEN 1 END END) AS card_below,
        COUNT(NULLIF(assignments, 0)) AS item_users,
        COUNT(CASE WHEN assignments > 0 THEN
            CASE WHEN assignment_items <= CAST($7 AS DOUBLE PRECISION) THEN 1 END END)
            AS item_below,
        COUNT(NULLIF(attended_days, 0)) AS attendance_users,
        COUNT(CASE WHEN attended_days > 0 THEN
            CASE WHEN attended_days <= CAST($8 AS DOUBLE PRECISION) THEN 1 END END)
            AS attendance_below,
        CAST(COALESCE(SUM(sessions), 0) AS BIGINT) AS sessions,
        CAST(COALESCE(SUM(active_seconds), 0) AS BIGINT) AS active_seconds,
        CAST(COALESCE(SUM(tests), 0) AS BIGINT) AS tests,
        CAST(COALESCE(SUM(test_accuracy), 0) AS BIGINT) AS test_accuracy,
        CAST(COALESCE(SUM(flashcards), 0) AS BIGINT) AS flashcards,
        CAST(COALESCE(SUM(flashcards_correct), 0) AS BIGINT) AS flashcards_correct,
        CAST(COALESCE(SUM(assignments), 0) AS BIGINT) AS assignments,
        CAST(COALESCE(SUM(assignment_items), 0) AS BIGINT) AS assignment_items
    FROM ";

/// The users of a month, whose first day is from $2 to $3, but for some.
pub const OF_MONTH: &str = "performance_months
    WHERE tenant_id = $1 AND month BETWEEN $2 AND $3 AND NOT user_id {ids}";

/// The users of the days from $2 to $3, but for some.
pub const OF_DAYS: &str = "(
        SELECT CAST(SUM(sessions) AS BIGINT) AS sessions,
            CAST(SUM(active_seconds) AS BIGINT) AS active_seconds,
            CAST(SUM(tests) AS BIGINT) AS tests,
            CAST(SUM(test_accuracy) AS BIGINT) AS test_accuracy,
            CAST(SUM(flashcards) AS BIGINT) AS flashcards,
            CAST(SUM(flashcards_correct) AS BIGINT) AS flashcards_correct,
            CAST(SUM(assignments) AS BIGINT) AS assignments,
            CAST(SUM(assignment_items) AS BIGINT) AS assignment_items,
            COUNT(DISTINCT CASE WHEN sessions > 0 THEN local_date END) AS attended_days
        FROM performance_days
        WHERE tenant_id = $1 AND local_date BETWEEN $2 AND $3 AND NOT user_id {ids}
        GROUP BY user_id
        HAVING SUM(sessions + active_seconds + tests + flashcards + assignments) > 0
    ) AS users";

/// What only reports tell of a user's days from $3 to $4.
pub const SUM_EFFORT: &str = "
    SELECT CAST(COALESCE(SUM(points_earned), 0) AS BIGINT) AS points_earned,
        CAST(COALESCE(SUM(notes_created), 0) AS BIGINT) AS notes_created,
        CAST(COALESCE(SUM(ratings), 0) AS BIGINT) AS ratings,
        CAST(COALESCE(SUM(rating_sum), 0) AS BIGINT) AS rating_sum,
        CAST(COALESCE(SUM(focus_seconds), 0) AS BIGINT) AS focus_seconds
    FROM performance_days
    WHERE tenant_id = $1 AND user_id = $2 AND local_date BETWEEN $3 AND $4";

pub const ADD_DAYS: &str = "
    INSERT INTO performance_days AS t (tenant_id, {columns})
    SELECT $1, {columns} FROM {rows} AS r WHERE {after}
    ON CONFLICT (tenant_id, user_id, local_date, subject_type, subject_id) DO UPDATE SET
        subject_name = excluded.subject_name,
        sessions = t.sessions + excluded.sessions,
        active_seconds = t.active_seconds + excluded.active_seconds,
        tests = t.tests + excluded.tests,
        test_accuracy = t.test_accuracy + excluded.test_accuracy,
        flashcards = t.flashcards + excluded.flashcards,
        flashcards_correct = t.flashcards_correct + excluded.flashcards_correct,
        assignments = t.assignments + excluded.assignments,
        assignment_items = t.assignment_items + excluded.assignment_items,
        points_earned = t.points_earned + excluded.points_earned,
        notes_created = t.notes_created + excluded.notes_created,
        ratings = t.ratings + excluded.ratings,
        rating_sum = t.rating_sum + excluded.rating_sum,
        focus_seconds = t.focus_seconds + excluded.focus_seconds";

pub const ADD_MONTHS: &str = "
    INSERT INTO performance_months AS t (tenant_id, {columns})
    SELECT $1, {columns} FROM {rows} AS r WHERE {after}
    ON CONFLICT (tenant_id, month, user_id) DO UPDATE SET
        attended = t.attended | excluded.attended,
        sessions = t.sessions + excluded.sessions,
        active_seconds = t.active_seconds + excluded.active_seconds,
        tests = t.tests + excluded.tests,
        test_accuracy = t.test_accuracy + excluded.test_accuracy,
        flashcards = t.flashcards + excluded.flashcards,
        flashcards_correct = t.flashcards_correct + excluded.flashcards_correct,
        assignments = t.assignments + excluded.assignments,
        assignment_items = t.assignment_items + excluded.assignment_items";

/// What is kept of each of the periods, of one subject or all; those with nothing are left out.
pub async fn periods<DB: Dialect>(
    conn: &mut DB::Connection,
    tenant: TenantId,
    granularity: Granularity,
    keys: &[(UserId, DateRange)],
    subject: Option<&Subject>,
) -> Result<Vec<(UserId, PeriodTally)>, Fault> {
    let keys = key_columns(keys.iter().copied());
    let query = if granularity == Granularity::Month && subject.is_none() {
        Query::<DB>::new(SELECT_MONTHS).bind(tenant.uuid())
    } else {
        let (kind, id) = subject.map_or(("", ""), |one| (&*one.kind, &*one.id));
        let query = Query::<DB>::new(SUM_PERIODS).bind(tenant.uuid());
        query.bind(kind.to_owned()).bind(id.to_owned())
    };
    let rows = query.rows(&keys).fetch(conn).await?;
    rows.iter()
        .map(|row| {
            let range = DateRange {
                start: get::<DB, _>(row, "start_date")?,
                end: get::<DB, _>(row, "end_date")?,
            };
            let period = PeriodTally {
                range,
                tally: tally::<DB>(row)?,
                attended: DaySet(get::<DB, _>(row, "attended")?),
            };
            Ok((UserId(get::<DB, _>(row, "user_id")?), period))
        })
        .collect()
}

/// What is kept of each of a user's subjects in the range, in no order.
pub async fn subjects<DB: Dialect>(
    conn: &mut DB::Connection,
    tenant: TenantId,
    user: UserId,
    range: DateRange,
) -> Result<Vec<SubjectTally>, Fault> {
    let query = Query::<DB>::new(SUM_SUBJECTS)
        .bind(tenant.uuid())
        .bind(user.0)
        .bind(range.start)
        .bind(range.end);
    let rows = query.fetch(conn).await?;
    rows.iter()
        .map(|row| {
            let subject = Subject {
                kind: get::<DB, _>(row, "subject_type")?,
                id: get::<DB, _>(row, "subject_id")?,
                name: get::<DB, _>(row, "subject_name")?,
            };
            Ok(SubjectTally {
                subject,
                last_date: get::<DB, _>(row, "last_date")?,
                tally: tally::<DB>(row)?,
            })
        })
        .collect()
}

/// What only reports tell of a user's days in the range.
pub async fn effort<DB: Dialect>(
    conn: &mut DB::Connection,
    tenant: TenantId,
    user: UserId,
    range: DateRange,
) -> Result<Effort, Fault> {
    let query = Query::<DB>::new(SUM_EFFORT)
        .bind(tenant.uuid())
        .bind(user.0)
        .bind(range.start)
        .bind(range.end);
    let rows = query.fetch(conn).await?;
    let Some(row) = rows.first() else {
        return Ok(Effort::default());
    };
    Ok(Effort {
        points_earned: get::<DB, _>(row, "points_earned")?,
        notes_created: get::<DB, _>(row, "notes_created")?,
        ratings: get::<DB, _>(row, "ratings")?,
        rating_sum: get::<DB, _>(row, "rating_sum")?,
        focus_seconds: get::<DB, _>(row, "focus_seconds")?,
    })
}

/// Where the users of a period are.
pub const fn users_of(granularity: Granularity) -> &'static str {
    match granularity {
        Granularity::Month => OF_MONTH,
        Granularity::Day | Granularity::Week => OF_DAYS,
    }
}

/// Counts all users of the period into the cohort, but for `except`.
pub async fn count_cohort<DB: Dialect>(
    conn: &mut DB::Connection,
    tenant: TenantId,
    (granularity, range): (Granularity, DateRange),
    except: impl IntoIterator<Item = UserId>,
    cohort: &mut Cohort,
) -> Result<(), Fault> {
    let query = Query::<DB>::new(&[COUNT_COHORT, users_of(granularity)].concat())
        .bind(tenant.uuid())
        .bind(range.start)
        .bind(range.end);
    // Below every value where there is none.
    let own = Metric::ALL.map(|metric| cohort.own.rank_value(metric).unwrap_or(-1.0));
    let query = own.into_iter().fold(query, Query::bind::<f64>);
    let rows = query
        .ids(except.into_iter().map(|user| user.0))
        .fetch(conn)
        .await?;
    for row in &rows {
        let users: i64 = get::<DB, _>(row, "users")?;
        if users == 0 {
            continue;
        }
        let names = ["study", "test", "card", "item", "attendance"];
        let mut standings = [Standing::default(); 5];
        for (name, standing) in names.into_iter().zip(&mut standings) {
            standing.users = get::<DB, _>(row, &format!("{name}_users"))?;
            standing.at_or_below = get::<DB, _>(row, &format!("{name}_below"))?;
        }
        cohort.add_many(users, &standings, tally::<DB>(row)?);
    }
    Ok(())
}

/// The columns that [`SUM_PERIODS`] reads.
pub fn key_columns<'a>(keys: impl IntoIterator<Item = (UserId, DateRange)>) -> Rows<'a> {
    RowsOf::new(keys)
        .uuid("user_id", |(user, _)| user.0)
        .date("start_date", |(_, range)| range.start)
        .date("end_date", |(_, range)| range.end)
        .done()
}

/// The columns that [`ADD_DAYS`] reads.
pub fn day_columns<'a>(days: impl IntoIterator<Item = &'a DayAddition>) -> Rows<'a> {
    let rows = RowsOf::new(days)
        .uuid("user_id", |day| day.user_id.0)
        .date("local_date", |day| day.date)
        .text("subject_type", |day| &*day.subject.kind)
        .text("subject_id", |day| &*day.subject.id)
        .text("subject_name", |day| &*day.subject.name)
        .int("points_earned", |day| day.effort.points_earned)
        .int("notes_created", |day| day.effort.notes_created)
        .int("ratings", |day| day.effort.ratings)
        .int("rating_sum", |day| day.effort.rating_sum)
        .int("focus_seconds", |day| day.effort.focus_seconds);
    tally_columns(rows, |day| &day.tally).done()
}

/// The columns that [`ADD_MONTHS`] reads.
pub fn month_columns<'a>(months: impl IntoIterator<Item = &'a MonthAddition>) -> Rows<'a> {
    let rows = RowsOf::new(months)
        .date("month", |month| month.month)
        .uuid("user_id", |month| month.user_id.0)
        .int("attended", |month| month.attended.0);
    tally_columns(rows, |month| &month.tally).done()
}

fn tally_columns<'a, T: Copy>(rows: RowsOf<'a, T>, tally: fn(T) -> &'a Tally) -> RowsOf<'a, T> {
    rows.int("sessions", move |row| tally(row).sessions)
        .int("active_seconds", move |row| tally(row).active_seconds)
        .int("tests", move |row| tally(row).tests)
        .int("test_accuracy", move |row| tally(row).test_accuracy)
        .int("flashcards", move |row| tally(row).flashcards)
        .int("flashcards_correct", move |row| {
            tally(row).flashcards_correct
        })
        .int("assignments", move |row| tally(row).assignments)
        .int("assignment_items", move |row| tally(row).assignment_items)
}

/// The columns of a tally.
pub fn tally<DB: Dialect>(row: &DB::Row) -> Result<Tally, Fault> {
    Ok(Tally {
        sessions: get::<DB, _>(row, "sessions")?,
        active_seconds: get::<DB, _>(row, "active_seconds")?,
        tests: get::<DB, _>(row, "tests")?,
        test_accuracy: get::<DB, _>(row, "test_accuracy")?,
        flashcards: get::<DB, _>(row, "flashcards")?,
        flashcards_correct: get::<DB, _>(row, "flashcards_correct")?,
        assignments: get::<DB, _>(row, "assignments")?,
        assignment_items: get::<DB, _>(row, "assignment_items")?,
    })
}
