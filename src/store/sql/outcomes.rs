//! What sessions said: their own rows, and `user_usage_stats.outcomes`, which adds it up by day. It
//! is read as `outcomes_text`, the same as text, which the engine keeps.
//!
//! A day is complete if its counts are of as many sessions as have ended. It is not where an older
//! dwell wrote, which does not keep it up, or where there is too much to keep: the sessions
//! themselves are read then.

use std::collections::BTreeSet;

use chrono::NaiveDate;

use super::{
    counts,
    dialect::{Dialect, Query, get},
    fault::Fault,
    insights::ended,
    practice::{date, text},
    read::open_sessions,
    rows::{Rows, RowsOf},
    tenants,
};
use crate::domain::{
    calendar::plus_days,
    ids::{TenantId, UserId},
    insights::{
        recent::{Outcome, Window},
        stats::CountedDays,
    },
    period::{DateRange, Granularity},
    time::Timestamp,
};

/// The result as text, as many of them are read at once and JSON would be read twice. $3 and $4
/// bound the instant of the start, by which the index finds them, $5 and $6 its local day.
pub const SELECT_OUTCOMES: &str = "
    SELECT session_type, start_date, duration_seconds, CAST(result AS TEXT) AS result
    FROM user_sessions
    WHERE tenant_id = $1 AND user_id = $2 AND state = 3 AND started_at BETWEEN $3 AND $4
        AND start_date BETWEEN $5 AND $6";

/// The days of each period, as one text: `2026-11-20 1{"n:solo": 1}2026-11-21 ...`, where the number
/// is of sessions that have ended.
pub const LIST_OUTCOME_DAYS: &str = "
    SELECT (
        SELECT string_agg(
            CAST(usage_date AS TEXT) || ' ' || CAST(sessions_ended AS TEXT) || outcomes_text, '')
        FROM user_usage_stats
        WHERE tenant_id = $1 AND user_id = $2 AND sessions_ended > 0
            AND usage_date BETWEEN r.start_date AND r.end_date) AS outcomes
    FROM {rows} AS r";

/// The user's ended sessions that started in the window, in no order.
pub async fn list<DB: Dialect>(
    conn: &mut DB::Connection,
    tenant: TenantId,
    user: UserId,
    window: Window,
    now: Timestamp,
) -> Result<Vec<Outcome>, Fault> {
    let mut outcomes = stored::<DB>(conn, tenant, user, &window, window.days()).await?;
    outcomes.extend(unswept::<DB>(conn, tenant, user, window, now).await?);
    Ok(outcomes)
}

/// The same, added up by day.
pub async fn count<DB: Dialect>(
    conn: &mut DB::Connection,
    tenant: TenantId,
    user: UserId,
    window: Window,
    now: Timestamp,
) -> Result<CountedDays, Fault> {
    let mut counted = CountedDays::default();
    let mut others = vec![window.days()];
    if let Some(whole) = window.whole_days() {
        others = around(window.days(), whole);
        let incomplete = days::<DB>(conn, tenant, user, whole, &mut counted).await?;
        let ends = incomplete.first().zip(incomplete.last());
        if let Some((start, end)) = ends.map(|(start, end)| (*start, *end)) {
            let range = DateRange { start, end };
            for outcome in stored::<DB>(conn, tenant, user, &window, range).await? {
                if incomplete.contains(&outcome.start_date) {
                    counted.add_session(&outcome);
                }
            }
        }
    }
    for days in others {
        for outcome in stored::<DB>(conn, tenant, user, &window, days).await? {
            counted.add_session(&outcome);
        }
    }
    for outcome in unswept::<DB>(conn, tenant, user, window, now).await? {
        counted.add_session(&outcome);
    }
    Ok(counted)
}

/// The days of a range before and after those within it.
fn around(all: DateRange, within: DateRange) -> Vec<DateRange> {
    let before = DateRange {
        start: all.start,
        end: plus_days(within.start, -1),
    };
    let after = DateRange {
        start: plus_days(within.end, 1),
        end: all.end,
    };
    let sides = [before, after].into_iter();
    sides.filter(|side| side.start <= side.end).collect()
}

/// Adds the days of the range that are complete, and returns those that are not, oldest first.
async fn days<DB: Dialect>(
    conn: &mut DB::Connection,
    tenant: TenantId,
    user: UserId,
    range: DateRange,
    counted: &mut CountedDays,
) -> Result<BTreeSet<NaiveDate>, Fault> {
    let mut incomplete = BTreeSet::new();
    let mut added = Ok(());
    // Months are added up while the next ones are read, and no text is so long that memory for it
    // is had from the system each time.
    let query = Query::<DB>::new(LIST_OUTCOME_DAYS)
        .bind(tenant.uuid())
        .bind(user.0)
        .rows(&period_columns(range.periods(Granularity::Month)));
    let each = query.each(conn, |row| {
        if added.is_ok() {
            added = text::<DB>(&row, "outcomes").and_then(|text| {
                add_days(text, counted, &mut incomplete).ok_or(Fault::Corrupt {
                    table: "user_usage_stats",
                    column: "outcomes",
                })
            });
        }
    });
    each.await?;
    added.map(|()| incomplete)
}

/// The columns that [`LIST_OUTCOME_DAYS`] reads.
pub fn period_columns<'a>(periods: impl IntoIterator<Item = DateRange>) -> Rows<'a> {
    RowsOf::new(periods)
        .date("start_date", |period| period.start)
        .date("end_date", |period| period.end)
        .done()
}

/// Adds the days of a row that are complete, and tells the others; `None` if it is none.
fn add_days(
    mut text: &str,
    counted: &mut CountedDays,
    incomplete: &mut BTreeSet<NaiveDate>,
) -> Option<()> {
    let mut counts = Vec::new();
    while !text.is_empty() {
        let (day, object) = text.split_at_checked(text.find('{')?)?;
        let (day, ended) = day.split_once(' ')?;
        let (day, ended): (_, i64) = (date(day)?, ended.parse().ok()?);
        text = counts::read(object, &mut counts)?;
        let pairs = || counts.iter().map(|(key, count)| (&**key, *count));
        if CountedDays::sessions(pairs()) == ended {
            counted.add(day, pairs())?;
        } else {
            incomplete.insert(day);
        }
    }
    Some(())
}

/// Those of the window on these days of it that are stored as ended.
async fn stored<DB: Dialect>(
    conn: &mut DB::Connection,
    tenant: TenantId,
    user: UserId,
    window: &Window,
    days: DateRange,
) -> Result<Vec<Outcome>, Fault> {
    let (from, until) = window.instants();
    let (earliest, latest) = Window::On(days).instants();
    let query = Query::<DB>::new(SELECT_OUTCOMES)
        .bind(tenant.uuid())
        .bind(user.0)
        .bind(earliest.max(from))
        .bind(latest.min(until))
        .bind(days.start)
        .bind(days.end);
    let rows = query.fetch(conn).await?;
    rows.iter().map(outcome::<DB>).collect()
}

/// Those that are over by now and stored as open.
async fn unswept<DB: Dialect>(
    conn: &mut DB::Connection,
    tenant: TenantId,
    user: UserId,
    window: Window,
    now: Timestamp,
) -> Result<Vec<Outcome>, Fault> {
    let open = open_sessions::<DB>(conn, tenant, vec![user]).await?;
    // Most often there is none, and it does not matter when it would be over.
    if open.is_empty() {
        return Ok(Vec::new());
    }
    let settings = tenants::settings_of::<DB>(conn, tenant).await?;
    let ended = ended(open, &settings, now);
    let ended = ended.iter().filter(|session| window.contains(session));
    Ok(ended.filter_map(Outcome::of).collect())
}

fn outcome<DB: Dialect>(row: &DB::Row) -> Result<Outcome, Fault> {
    let result: Option<String> = get::<DB, _>(row, "result")?;
    let result = result.map(|text| serde_json::from_str(&text)).transpose();
    Ok(Outcome {
        session_type: get::<DB, _>(row, "session_type")?,
        start_date: get::<DB, _>(row, "start_date")?,
        seconds: get::<DB, _>(row, "duration_seconds")?,
        result: result.map_err(|_| Fault::Corrupt {
            table: "user_sessions",
            column: "result",
        })?,
    })
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, fmt::Write as _};

    use proptest::prelude::*;

    use super::*;

    type Day = (i64, BTreeMap<String, i64>);

    /// Of many days the counts are of fewer sessions than have ended.
    fn days() -> impl Strategy<Value = BTreeMap<NaiveDate, Day>> {
        let keys = ["n:solo", "n:{2 \"", "s:solo", "c:é}\\", "b:é}\\", "t:a 1{"];
        let key = prop::sample::select(keys.map(str::to_owned).to_vec());
        let counts = prop::collection::btree_map(key, 1..3_i64, 0..6);
        let days = prop::collection::btree_map(0..400_i64, (1..4_i64, counts), 0..9);
        let first = NaiveDate::from_ymd_opt(2026, 1, 1).unwrap();
        days.prop_map(move |days| {
            let days = days.into_iter();
            days.map(|(after, day)| (plus_days(first, after), day))
                .collect()
        })
    }

    proptest! {
        #[test]
        fn days_are_added_as_they_were_written(days in days()) {
            let mut text = String::new();
            let (mut expected, mut others) = (CountedDays::default(), BTreeSet::new());
            for (date, (ended, counts)) in &days {
                let object = serde_json::to_string(counts).unwrap();
                write!(text, "{date} {ended}{object}").unwrap();
                let types = counts.iter().filter(|(key, _)| key.starts_with("n:"));
                if types.map(|(_, count)| count).sum::<i64>() == *ended {
                    let pairs = counts.iter().map(|(key, count)| (&**key, *count));
                    prop_assert!(expected.add(*date, pairs).is_some());
                } else {
                    others.insert(*date);
                }
            }
            let (mut counted, mut incomplete) = (CountedDays::default(), BTreeSet::new());
            prop_assert!(add_days(&text, &mut counted, &mut incomplete).is_some());
            prop_assert_eq!(counted.stats(), expected.stats());
            prop_assert_eq!(incomplete, others);
        }
    }

    #[test]
    fn what_is_no_list_of_days_is_refused() {
        let added = |text| add_days(text, &mut CountedDays::default(), &mut BTreeSet::new());
        for text in [
            " ",
            "2026-11-20",
            "2026-11-20 1",
            "2026-11-20{}",
            "2026-13-20 1{}",
            "2026-11-20 x{}",
            "2026-11-20 1{",
            "2026-11-20 1{},2026-11-21 1{}",
            r#"2026-11-20 1{"n:solo":1,"x:solo":1}"#,
        ] {
            assert_eq!(added(text), None, "{text}");
        }
        assert_eq!(added(""), Some(()));
        assert_eq!(
            added(r#"2026-11-20 1{"n:solo": 1}2026-11-21 1{}"#),
            Some(())
        );
    }
}
