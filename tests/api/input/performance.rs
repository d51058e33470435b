//! The requests of `InsightsService` about sessions' results and performance.

use dwell::pb::v1::{
    ComparePerformanceRequest, DateRange, GetPerformanceOverviewRequest,
    GetPerformanceTrendRequest, GetSessionStatsRequest, GetWarmupRequest, Subject,
};

use super::rows::{
    Input, Row, bad, category, date, enumeration, field, good, line, optional_date, uuid,
};
use crate::values::USER;

pub fn rows() -> Vec<Row> {
    let mut rows = stats();
    rows.extend(uuid("user_id", USER, |r: &mut GetWarmupRequest, id| {
        r.user_id = id;
    }));
    rows.extend(overview());
    rows.extend(trend());
    rows.extend(comparison());
    rows
}

impl Input for GetSessionStatsRequest {
    fn right() -> Self {
        Self {
            user_id: USER.to_owned(),
            ..Self::default()
        }
    }
}

impl Input for GetWarmupRequest {
    fn right() -> Self {
        Self {
            user_id: USER.to_owned(),
        }
    }
}

impl Input for GetPerformanceOverviewRequest {
    fn right() -> Self {
        Self {
            user_id: USER.to_owned(),
            ..Self::default()
        }
    }
}

impl Input for GetPerformanceTrendRequest {
    fn right() -> Self {
        Self {
            user_id: USER.to_owned(),
            metric: 1,
            ..Self::default()
        }
    }
}

impl Input for ComparePerformanceRequest {
    fn right() -> Self {
        Self {
            user_id: USER.to_owned(),
            by: 1,
            ..Self::default()
        }
    }
}

#[expect(clippy::unnecessary_wraps, reason = "requests hold it so")]
fn range(start: &str, end: &str) -> Option<DateRange> {
    Some(DateRange {
        start_date: start.to_owned(),
        end_date: end.to_owned(),
    })
}

fn stats() -> Vec<Row> {
    type Request = GetSessionStatsRequest;
    let mut rows = uuid("user_id", USER, |r: &mut Request, id| r.user_id = id);
    rows.extend(enumeration("period", 2, |r: &mut Request, n| r.period = n));
    let with = |r: &mut Request, start: String, end: String| r.range = range(&start, &end);
    rows.extend(date("range.start_date", |r: &mut Request, date| {
        with(r, date, "2026-03-02".into());
    }));
    rows.extend(date("range.end_date", |r: &mut Request, date| {
        with(r, "2026-03-01".into(), date);
    }));
    rows.extend(field(
        "range.end_date",
        |r: &mut Request, range| r.range = range,
        [
            range("2026-03-02", "2026-03-01"),
            range("2026-01-01", "2027-01-03"),
        ],
        [
            range("2026-01-01", "2027-01-02"),
            range("2000-01-01", "2000-01-01"),
            range("2100-01-01", "2100-01-01"),
        ],
    ));
    rows.extend([
        bad(&["range"], |r: &mut Request| {
            r.period = 1;
            r.range = range("2026-03-01", "2026-03-02");
        }),
        bad(
            &["range.start_date", "range.end_date"],
            |r: &mut Request| r.range = Some(DateRange::default()),
        ),
        bad(
            &[
                "user_id",
                "period",
                "range",
                "range.start_date",
                "range.end_date",
            ],
            |r: &mut Request| {
                r.user_id.clear();
                r.period = 9;
                r.range = range("yesterday", "today");
            },
        ),
    ]);
    rows
}

/// A subject to filter by, or none.
fn subject<R: Input>(set: impl Fn(&mut R, Option<Subject>) + Copy) -> Vec<Row> {
    let class = || Subject {
        r#type: "class".to_owned(),
        id: "a".to_owned(),
        name: String::new(),
    };
    let mut rows = category("subject.type", |r, r#type| {
        set(r, Some(Subject { r#type, ..class() }));
    });
    rows.extend(line("subject.id", 128, |r, id| {
        set(r, Some(Subject { id, ..class() }));
    }));
    rows.extend(line("subject.name", 200, |r, name| {
        set(r, Some(Subject { name, ..class() }));
    }));
    let empty = String::new;
    rows.extend([
        bad(&["subject.type"], |r| {
            set(
                r,
                Some(Subject {
                    r#type: empty(),
                    ..class()
                }),
            );
        }),
        bad(&["subject.id"], |r| {
            set(
                r,
                Some(Subject {
                    id: empty(),
                    ..class()
                }),
            );
        }),
        good(|r| set(r, Some(Subject::default()))),
    ]);
    rows
}

fn overview() -> Vec<Row> {
    type Request = GetPerformanceOverviewRequest;
    let mut rows = uuid("user_id", USER, |r: &mut Request, id| r.user_id = id);
    rows.extend(enumeration("granularity", 3, |r: &mut Request, n| {
        r.granularity = n;
    }));
    rows.extend(optional_date("date", |r: &mut Request, date| r.date = date));
    rows.extend(field(
        "date",
        |r: &mut Request, date: String| r.date = date,
        [],
        ["2000-01-01", "2100-01-01"].map(str::to_owned),
    ));
    rows.extend(subject(|r: &mut Request, subject| r.subject = subject));
    rows.push(bad(
        &[
            "user_id",
            "granularity",
            "date",
            "subject.type",
            "subject.id",
        ],
        |r: &mut Request| {
            r.user_id = "me".into();
            r.granularity = 9;
            r.date = "today".into();
            r.subject = Some(Subject {
                name: "a".into(),
                ..Subject::default()
            });
        },
    ));
    rows
}

fn trend() -> Vec<Row> {
    type Request = GetPerformanceTrendRequest;
    let mut rows = uuid("user_id", USER, |r: &mut Request, id| r.user_id = id);
    rows.extend(field(
        "metric",
        |r: &mut Request, n| r.metric = n,
        [0, 6, -1, i32::MAX],
        1..=5,
    ));
    rows.extend(enumeration("granularity", 3, |r: &mut Request, n| {
        r.granularity = n;
    }));
    rows.extend(field(
        "periods",
        |r: &mut Request, n| r.periods = n,
        [-1, 61, i32::MAX, i32::MIN],
        [0, 1, 60],
    ));
    rows.extend(subject(|r: &mut Request, subject| r.subject = subject));
    rows.push(bad(
        &["user_id", "metric", "granularity", "periods", "subject.id"],
        |r: &mut Request| {
            *r = Request {
                granularity: -1,
                periods: 99,
                subject: Some(Subject {
                    r#type: "class".into(),
                    ..Subject::default()
                }),
                ..Request::default()
            };
        },
    ));
    rows
}

fn comparison() -> Vec<Row> {
    type Request = ComparePerformanceRequest;
    let mut rows = uuid("user_id", USER, |r: &mut Request, id| r.user_id = id);
    rows.extend(field(
        "by",
        |r: &mut Request, n| r.by = n,
        [0, 4, -1, i32::MAX],
        1..=3,
    ));
    rows.extend(enumeration("granularity", 3, |r: &mut Request, n| {
        r.granularity = n;
    }));
    rows.extend(optional_date("date", |r: &mut Request, date| r.date = date));
    rows.push(bad(
        &["user_id", "by", "granularity", "date"],
        |r: &mut Request| {
            *r = Request {
                granularity: 4,
                date: "2026-02-29".into(),
                ..Request::default()
            };
        },
    ));
    rows
}
