//! The requests of `InsightsService` about practice.

use dwell::pb::v1::{
    DateRange, GetCalendarRequest, GetPracticeFrequencyRequest, GetStreakRequest,
    GetUserStatisticsRequest, ListTopSubjectsRequest,
};

use super::rows::{Input, Row, bad, category, date, field, good, uuid};
use crate::values::USER;

pub fn rows() -> Vec<Row> {
    let mut rows = uuid("user_id", USER, |r: &mut GetStreakRequest, id| {
        r.user_id = id;
    });
    rows.extend(statistics());
    rows.extend(calendar());
    rows.extend(frequency());
    rows.extend(subjects());
    rows
}

#[expect(clippy::unnecessary_wraps, reason = "messages hold it so")]
fn range(start: &str, end: &str) -> Option<DateRange> {
    Some(DateRange {
        start_date: start.to_owned(),
        end_date: end.to_owned(),
    })
}

/// Both dates of a range, which need each other; `set` gives a request its range.
fn dates<R: Input>(set: impl Fn(&mut R, Option<DateRange>)) -> Vec<Row> {
    let mut rows = date("range.start_date", |r, date| {
        set(r, range(&date, "2100-01-01"));
    });
    rows.extend(date("range.end_date", |r, date| {
        set(r, range("2000-01-01", &date));
    }));
    rows.extend([
        bad(&["range.end_date"], |r| {
            set(r, range("2026-03-02", "2026-03-01"));
        }),
        bad(&["range.start_date", "range.end_date"], |r| {
            set(r, Some(DateRange::default()));
        }),
        good(|r| set(r, range("2000-01-01", "2000-01-01"))),
        good(|r| set(r, range("2100-01-01", "2100-01-01"))),
    ]);
    rows
}

impl Input for GetStreakRequest {
    fn right() -> Self {
        Self {
            user_id: USER.to_owned(),
        }
    }
}

impl Input for GetUserStatisticsRequest {
    fn right() -> Self {
        Self {
            user_id: USER.to_owned(),
            range: None,
        }
    }
}

impl Input for GetCalendarRequest {
    fn right() -> Self {
        Self {
            user_id: USER.to_owned(),
            range: range("2026-03-01", "2026-03-02"),
            ..Self::default()
        }
    }
}

impl Input for GetPracticeFrequencyRequest {
    fn right() -> Self {
        Self {
            user_id: USER.to_owned(),
            days: 0,
        }
    }
}

impl Input for ListTopSubjectsRequest {
    fn right() -> Self {
        Self {
            user_id: USER.to_owned(),
            ..Self::default()
        }
    }
}

fn statistics() -> Vec<Row> {
    type Request = GetUserStatisticsRequest;
    let mut rows = uuid("user_id", USER, |r: &mut Request, id| r.user_id = id);
    rows.extend(dates(|r: &mut Request, range| r.range = range));
    rows.extend([
        good(|r: &mut Request| r.range = range("2000-01-01", "2100-01-01")),
        bad(
            &["user_id", "range.start_date", "range.end_date"],
            |r: &mut Request| {
                r.user_id = "jane".into();
                r.range = range("yesterday", "today");
            },
        ),
    ]);
    rows
}

fn calendar() -> Vec<Row> {
    type Request = GetCalendarRequest;
    let mut rows = uuid("user_id", USER, |r: &mut Request, id| r.user_id = id);
    rows.extend(dates(|r: &mut Request, given| {
        // Close to the date that is there, as a calendar is of a year at most.
        let given = given.unwrap_or_default();
        r.range = match (&*given.start_date, &*given.end_date) {
            ("2000-01-01", end) if end != "2000-01-01" => range("2026-03-01", end),
            (start, "2100-01-01") if start != "2100-01-01" => range(start, "2026-03-02"),
            _ => Some(given),
        };
    }));
    let longest =
        |start: &'static str, end: &'static str| move |r: &mut Request| r.range = range(start, end);
    rows.extend([
        bad(&["range.end_date"], longest("2026-01-01", "2027-01-03")),
        good(longest("2026-01-01", "2027-01-02")),
        bad(
            &["range.start_date", "range.end_date"],
            |r: &mut Request| {
                r.range = None;
            },
        ),
        bad(
            &["user_id", "range.start_date", "range.end_date"],
            |r: &mut Request| {
                *r = Request::default();
            },
        ),
    ]);
    rows
}

fn frequency() -> Vec<Row> {
    type Request = GetPracticeFrequencyRequest;
    let mut rows = uuid("user_id", USER, |r: &mut Request, id| r.user_id = id);
    rows.extend(field(
        "days",
        |r: &mut Request, days| r.days = days,
        [-1, 367, i32::MAX, i32::MIN, 65_536],
        [0, 1, 366],
    ));
    rows.push(bad(&["user_id", "days"], |r: &mut Request| {
        r.user_id.clear();
        r.days = -1;
    }));
    rows
}

fn subjects() -> Vec<Row> {
    type Request = ListTopSubjectsRequest;
    let mut rows = uuid("user_id", USER, |r: &mut Request, id| r.user_id = id);
    rows.extend(category("subject_type", |r: &mut Request, kind| {
        r.subject_type = kind;
    }));
    rows.extend(field(
        "limit",
        |r: &mut Request, limit| r.limit = limit,
        [-1, 101, i32::MAX, i32::MIN, 65_536],
        [0, 1, 100],
    ));
    rows.extend(dates(|r: &mut Request, range| r.range = range));
    rows.push(bad(
        &[
            "user_id",
            "subject_type",
            "limit",
            "range.start_date",
            "range.end_date",
        ],
        |r: &mut Request| {
            r.user_id.clear();
            r.subject_type = "A song".into();
            r.limit = 1_000;
            r.range = range("", "2026-02-30");
        },
    ));
    rows
}
