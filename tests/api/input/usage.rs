//! The requests of `UsageStatsService`.

use dwell::pb::v1::{
    GetTenantUsageReportRequest, GetUserSummaryRequest, GetUserUsageStatsRequest,
    ImportUsageRequest, ListUserSummariesRequest, RecordUsageRequest, StreamUsageStatsRequest,
    UsageIncrement,
};

use super::{
    Tokens,
    rows::{
        Input, MOST, Row, amount, any_time, bad, date, enumeration, field, good, optional_date,
        optional_uuid, page_size, token, uuid,
    },
};
use crate::values::{USER, id, time};

pub fn rows(tokens: &Tokens) -> Vec<Row> {
    let mut rows = record::<RecordUsageRequest>(|r| r);
    rows.extend(record::<ImportUsageRequest>(|r| {
        r.record.get_or_insert_default()
    }));
    rows.push(bad(
        &["user_id", "increment"],
        |r: &mut ImportUsageRequest| {
            r.record = None;
        },
    ));
    rows.extend(user_stats());
    rows.extend(stream(tokens));
    rows.extend(report());
    rows.extend(uuid(
        "user_id",
        USER,
        |r: &mut GetUserSummaryRequest, id| {
            r.user_id = id;
        },
    ));
    rows.extend(list(tokens));
    rows
}

fn day(date: &str) -> String {
    date.to_owned()
}

impl Input for RecordUsageRequest {
    fn right() -> Self {
        Self {
            user_id: USER.to_owned(),
            increment: Some(UsageIncrement {
                login_count: 1,
                ..Default::default()
            }),
            ..Self::default()
        }
    }
}

impl Input for ImportUsageRequest {
    fn right() -> Self {
        Self {
            record: Some(RecordUsageRequest::right()),
        }
    }
}

impl Input for GetUserUsageStatsRequest {
    fn right() -> Self {
        Self {
            user_id: USER.to_owned(),
            start_date: day("2026-03-01"),
            end_date: day("2026-03-02"),
            ..Self::default()
        }
    }
}

impl Input for StreamUsageStatsRequest {
    /// The one that the tokens are of.
    fn right() -> Self {
        super::always()
    }
}

impl Input for GetTenantUsageReportRequest {
    fn right() -> Self {
        Self {
            start_date: day("2026-03-01"),
            end_date: day("2026-03-02"),
            ..Self::default()
        }
    }
}

impl Input for GetUserSummaryRequest {
    fn right() -> Self {
        Self {
            user_id: USER.to_owned(),
        }
    }
}

impl Input for ListUserSummariesRequest {
    fn right() -> Self {
        Self::default()
    }
}

fn record<R: Input>(of: impl Fn(&mut R) -> &mut RecordUsageRequest) -> Vec<Row> {
    let mut rows = uuid("user_id", USER, |r, id| of(r).user_id = id);
    rows.extend(optional_uuid("request_id", &id(6), |r, id| {
        of(r).request_id = id;
    }));
    rows.extend(optional_date("date", |r, date| of(r).date = date));
    rows.extend(field(
        "date",
        |r, date: &str| of(r).date = day(date),
        // Two days ahead of today, and one.
        ["2026-03-04", "2100-01-01"],
        ["2000-01-01", "2026-03-03"],
    ));
    let increment = |r: &mut R, increment| of(r).increment = Some(increment);
    rows.extend(amount("increment.login_count", |r, n| {
        increment(
            r,
            UsageIncrement {
                login_count: n,
                ..Default::default()
            },
        );
    }));
    rows.extend(amount("increment.active_seconds", |r, n| {
        increment(
            r,
            UsageIncrement {
                active_seconds: n,
                ..Default::default()
            },
        );
    }));
    rows.extend(amount("increment.simulation_runs", |r, n| {
        increment(
            r,
            UsageIncrement {
                simulation_runs: n,
                ..Default::default()
            },
        );
    }));
    rows.extend(amount("increment.documents_accessed", |r, n| {
        increment(
            r,
            UsageIncrement {
                documents_accessed: n,
                ..Default::default()
            },
        );
    }));
    let features = |r: &mut R, features: Vec<(String, i64)>| {
        increment(
            r,
            UsageIncrement {
                feature_usage: features.into_iter().collect(),
                ..Default::default()
            },
        );
    };
    let used = |name: &str, count| vec![(name.to_owned(), count)];
    let many = |count| (0..count).map(|n| (format!("f{n}"), 1)).collect();
    rows.extend(field(
        "increment.feature_usage",
        features,
        [
            used("", 1),
            used("a b", 1),
            used("é", 1),
            used("a\0", 1),
            used("a\n", 1),
            used(&"a".repeat(101), 1),
            used("a", -1),
            used("a", MOST + 1),
            used("a", i64::MIN),
            many(1_001),
        ],
        [used("AZaz09_.:/-", MOST), used(&"a".repeat(100), 1)],
    ));
    rows.extend([
        bad(&["increment"], |r| of(r).increment = None),
        bad(&["increment"], |r| increment(r, UsageIncrement::default())),
        bad(&["increment"], |r| features(r, used("a", 0))),
        // On a day of its own, that no other row has given names.
        good(|r| {
            of(r).date = day("2026-02-01");
            features(r, many(1_000));
        }),
        bad(
            &["user_id", "date", "request_id", "increment.active_seconds"],
            |r| {
                let record = of(r);
                record.user_id.clear();
                record.date = day("yesterday");
                record.request_id = "1".into();
                record.increment = Some(UsageIncrement {
                    active_seconds: -1,
                    ..Default::default()
                });
            },
        ),
    ]);
    rows
}

fn user_stats() -> Vec<Row> {
    type Request = GetUserUsageStatsRequest;
    let mut rows = uuid("user_id", USER, |r: &mut Request, id| r.user_id = id);
    rows.extend(date("start_date", |r: &mut Request, date| {
        r.start_date = date;
    }));
    rows.extend(date("end_date", |r: &mut Request, date| r.end_date = date));
    let range = |start: &str, end: &str| {
        let (start, end) = (day(start), day(end));
        move |r: &mut Request| {
            r.start_date = start;
            r.end_date = end;
        }
    };
    rows.extend([
        bad(&["end_date"], range("2026-03-02", "2026-03-01")),
        bad(&["end_date"], range("2026-01-01", "2027-01-03")),
        good(range("2026-01-01", "2027-01-02")),
        good(range("2000-01-01", "2000-01-01")),
        good(range("2100-01-01", "2100-01-01")),
        bad(&["user_id", "start_date", "end_date"], |r: &mut Request| {
            *r = Request::default();
        }),
    ]);
    rows
}

fn stream(tokens: &Tokens) -> Vec<Row> {
    type Request = StreamUsageStatsRequest;
    let mut rows = date("start_date", |r: &mut Request, date| {
        r.start_date = date;
    });
    rows.extend(date("end_date", |r: &mut Request, date| r.end_date = date));
    rows.push(bad(&["end_date"], |r: &mut Request| {
        r.start_date = day("2026-03-02");
        r.end_date = day("2026-03-01");
    }));
    rows.extend(uuid("user_ids[1]", USER, |r: &mut Request, user| {
        r.user_ids = vec![id(7), user];
    }));
    let many = |count: u128| (0..count).map(id).collect();
    rows.extend(field(
        "user_ids",
        |r: &mut Request, ids| r.user_ids = ids,
        [many(1_001)],
        [many(1_000)],
    ));
    let mut others = vec![&*tokens.sessions, &tokens.activities, &tokens.users];
    others.extend(tokens.foreign.iter().map(String::as_str));
    rows.extend(token(
        "resume_token",
        &tokens.days,
        &others,
        |r: &mut Request, t| r.resume_token = t,
    ));
    let spoils: [fn(&mut Request); 3] = [
        |r| r.start_date = day("2000-01-02"),
        |r| r.end_date = day("2099-12-31"),
        |r| r.user_ids = vec![USER.into()],
    ];
    for spoil in spoils {
        // Of the same stream with another filter.
        let own = tokens.days.clone();
        if !own.is_empty() {
            rows.push(bad(&["resume_token"], |r: &mut Request| {
                r.resume_token = own;
                spoil(r);
            }));
        }
    }
    rows
}

fn report() -> Vec<Row> {
    type Request = GetTenantUsageReportRequest;
    let mut rows = date("start_date", |r: &mut Request, date| {
        r.start_date = date;
    });
    rows.extend(date("end_date", |r: &mut Request, date| r.end_date = date));
    rows.extend(enumeration("granularity", 3, |r: &mut Request, n| {
        r.granularity = n;
    }));
    let range = |start: &str, end: &str| {
        let (start, end) = (day(start), day(end));
        move |r: &mut Request| {
            r.start_date = start;
            r.end_date = end;
        }
    };
    rows.extend([
        bad(&["end_date"], range("2026-03-02", "2026-03-01")),
        bad(&["end_date"], range("2026-03-01", "2029-03-02")),
        good(range("2026-03-01", "2029-03-01")),
        good(range("2028-02-29", "2031-02-28")),
        bad(
            &["start_date", "end_date", "granularity"],
            |r: &mut Request| {
                r.start_date = day("2026-02-30");
                r.end_date = day("2101-01-01");
                r.granularity = 9;
            },
        ),
    ]);
    rows
}

fn list(tokens: &Tokens) -> Vec<Row> {
    type Request = ListUserSummariesRequest;
    let mut rows = any_time("inactive_since", |r: &mut Request, t| {
        r.inactive_since = t;
    });
    rows.extend(page_size(|r: &mut Request, n| r.page_size = n));
    let mut others = vec![&*tokens.sessions, &tokens.activities, &tokens.days];
    others.extend(tokens.foreign.iter().map(String::as_str));
    rows.extend(token(
        "page_token",
        &tokens.users,
        &others,
        |r: &mut Request, t| r.page_token = t,
    ));
    let own = tokens.users.clone();
    if !own.is_empty() {
        rows.push(bad(&["page_token"], |r: &mut Request| {
            r.page_token = own;
            r.inactive_since = time("2026-03-03T00:00:00Z");
        }));
    }
    rows
}
