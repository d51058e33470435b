//! Requests for reports and files.

use dwell::pb::v1::{
    ExportSessionsRequest, GetDailyReportRequest, GetMonthlyReportRequest, GetWeeklyReportRequest,
};

use super::{
    Tokens,
    call::Call,
    listing,
    rows::{Input, Row, bad, enumeration, field, good, optional_date, uuid},
};
use crate::values::USER;

pub fn rows(tokens: &Tokens) -> Vec<Row> {
    let mut rows = uuid("user_id", USER, |r: &mut GetDailyReportRequest, id| {
        r.user_id = id;
    });
    rows.extend(optional_date(
        "date",
        |r: &mut GetDailyReportRequest, date| {
            r.date = date;
        },
    ));
    rows.extend(
        ["2000-01-01", "2026-03-03", "2100-01-01"]
            .map(|date| good(|r: &mut GetDailyReportRequest| date.clone_into(&mut r.date))),
    );
    rows.push(bad(
        &["user_id", "date"],
        |r: &mut GetDailyReportRequest| {
            r.user_id.clear();
            r.date = "today".into();
        },
    ));
    rows.extend(weeks());
    rows.extend(months());
    rows.extend(files(tokens));
    rows
}

impl Input for GetDailyReportRequest {
    fn right() -> Self {
        Self {
            user_id: USER.to_owned(),
            date: String::new(),
        }
    }
}

impl Input for GetWeeklyReportRequest {
    fn right() -> Self {
        Self {
            user_id: USER.to_owned(),
            week: String::new(),
        }
    }
}

impl Input for GetMonthlyReportRequest {
    fn right() -> Self {
        Self {
            user_id: USER.to_owned(),
            month: String::new(),
        }
    }
}

impl Input for ExportSessionsRequest {
    fn right() -> Self {
        Self::default()
    }
}

fn weeks() -> Vec<Row> {
    type Request = GetWeeklyReportRequest;
    let mut rows = uuid("user_id", USER, |r: &mut Request, id| r.user_id = id);
    let wrong = [
        "2025-W53",
        "2026-W54",
        "2026-W00",
        "2026-W7",
        "2026-W007",
        "2026W07",
        "2026-w07",
        "2026-07",
        "2026-W07-1",
        "-026-W07",
        "+2026-W07",
        "2026-W+7",
        " 2026-W07",
        "2026-W07\0",
        "２０２６-W07",
        "1999-W51",
        "2100-W01",
        "9999-W01",
        "week",
    ];
    let right = ["", "2026-W53", "2026-W01", "1999-W52", "2099-W53"];
    rows.extend(field(
        "week",
        |r: &mut Request, week: String| r.week = week,
        wrong.map(str::to_owned),
        right.map(str::to_owned),
    ));
    rows.push(bad(&["user_id", "week"], |r: &mut Request| {
        r.user_id = "jane".into();
        r.week = "this".into();
    }));
    rows
}

fn months() -> Vec<Row> {
    type Request = GetMonthlyReportRequest;
    let mut rows = uuid("user_id", USER, |r: &mut Request, id| r.user_id = id);
    let wrong = [
        "2026-13",
        "2026-00",
        "2026-1",
        "2026-011",
        "202611",
        "2026/11",
        "2026-11-01",
        "2026-W11",
        "-026-11",
        "+2026-11",
        "2026-11 ",
        "2026-11\0",
        "２０２６-11",
        "1999-12",
        "2100-02",
        "9999-01",
        "november",
    ];
    let right = ["", "2026-12", "2000-01", "2100-01"];
    rows.extend(field(
        "month",
        |r: &mut Request, month: String| r.month = month,
        wrong.map(str::to_owned),
        right.map(str::to_owned),
    ));
    rows.push(bad(&["user_id", "month"], |r: &mut Request| {
        r.user_id = "jane".into();
        r.month = "this".into();
    }));
    rows
}

/// The filter is that of a list: whatever is wrong there is wrong here, but for what a file does
/// not have.
fn files(tokens: &Tokens) -> Vec<Row> {
    let mut rows = enumeration("format", 2, |r: &mut ExportSessionsRequest, n| {
        r.format = n;
    });
    for row in listing::list(tokens) {
        let Call::ListSessions(filter) = row.call else {
            continue;
        };
        let mut fields = row.fields;
        fields.retain(|field| !field.starts_with("page_"));
        let request = ExportSessionsRequest {
            filter: Some(filter),
            format: 2,
        };
        rows.push(Row {
            call: request.into(),
            fields: fields
                .iter()
                .map(|field| format!("filter.{field}"))
                .collect(),
        });
    }
    rows
}
