//! The tenant at a glance: who came, how often and for how long, in a range of days.

use std::collections::BTreeMap;

use askama::Template;
use chrono::NaiveDate;
use futures::try_join;
use tonic::Status;

use super::{
    answer::{self, Page},
    api::Api,
    chart::{Chart, Rank, columns, ranking},
    frame::{Frame, Part},
    link,
    live::{self, Live},
    request::Fields,
    sign_in::SignedIn,
    text,
    zone::Zone,
};
use crate::{
    domain::calendar::{days, plus_days},
    pb::v1 as pb,
};

/// Ranges to choose from: what a link says, and days back.
static RANGES: [(&str, &str, i64); 4] = [
    ("7", "7 days", 7),
    ("30", "30 days", 30),
    ("90", "90 days", 90),
    ("365", "A year", 365),
];
/// The longest range that is drawn by day.
const MAX_DAYS: i64 = 366;
const FEATURES: usize = 10;
/// Sessions of the range whose clients are counted: there may be very many.
const COUNTED: i32 = 500;

struct Choice {
    name: &'static str,
    path: String,
    is_chosen: bool,
}

struct Tile {
    name: &'static str,
    value: String,
    change: String,
}

#[derive(Template)]
#[template(path = "overview.html")]
struct Overview {
    frame: Frame,
    choices: Vec<Choice>,
    first: NaiveDate,
    last: NaiveDate,
    days: i64,
    tiles: Vec<Tile>,
    live: Live,
    by_day: Chart,
    by_week: Chart,
    by_month: Chart,
    new_users: Chart,
    logins: Chart,
    minutes: Chart,
    features: Chart,
    clients: Chart,
    counted: i64,
}

/// A range of days, both ends included.
#[derive(Clone, Copy)]
struct Range {
    first: NaiveDate,
    last: NaiveDate,
}

impl Range {
    fn asked(query: &Fields, today: NaiveDate) -> Result<(Self, Option<&'static str>), Status> {
        let (from, to) = (query.get("from"), query.get("to"));
        if from.is_empty() && to.is_empty() {
            let days = query.get("days");
            let chosen = RANGES.iter().find(|(name, ..)| *name == days);
            let &(name, _, days) = chosen.unwrap_or(&RANGES[1]);
            let first = plus_days(today, 1 - days);
            return Ok((Self { first, last: today }, Some(name)));
        }
        let date = |text: &str| {
            let date = text.parse::<NaiveDate>();
            date.map_err(|_| Status::invalid_argument("a day is written as 2026-11-20"))
        };
        let range = Self {
            first: date(from)?,
            last: if to.is_empty() { today } else { date(to)? },
        };
        if !(1..=MAX_DAYS).contains(&range.days()) {
            let message = "a range has its first day before its last, and at most 366 days";
            return Err(Status::invalid_argument(message));
        }
        Ok((range, None))
    }

    fn days(self) -> i64 {
        self.last.signed_duration_since(self.first).num_days() + 1
    }

    /// The days before it, as many.
    fn before(self) -> Self {
        Self {
            first: plus_days(self.first, -self.days()),
            last: plus_days(self.first, -1),
        }
    }
}

async fn usage(
    api: &Api,
    range: Range,
    granularity: pb::Granularity,
) -> Result<pb::GetTenantUsageReportResponse, Status> {
    let request = api.ask(pb::GetTenantUsageReportRequest {
        start_date: range.first.to_string(),
        end_date: range.last.to_string(),
        granularity: granularity.into(),
    });
    let answer = api.usage().get_tenant_usage_report(request).await?;
    Ok(answer.into_inner())
}

async fn latest(api: &Api, zone: &Zone, range: Range) -> Result<Vec<pb::Session>, Status> {
    let request = api.ask(pb::ListSessionsRequest {
        start_time_from: Some(zone.start_of(range.first)),
        start_time_until: Some(zone.start_of(plus_days(range.last, 1))),
        page_size: COUNTED,
        ..Default::default()
    });
    let answer = api.sessions().list_sessions(request).await?;
    Ok(answer.into_inner().sessions)
}

pub async fn show(query: &Fields, who: &SignedIn) -> Page {
    let api = &who.api;
    let zone = Zone::of(api).await?;
    let (range, chosen) = Range::asked(query, zone.today)?;
    let (by_day, by_week, by_month, before, sessions, live) = try_join!(
        usage(api, range, pb::Granularity::Day),
        usage(api, range, pb::Granularity::Week),
        usage(api, range, pb::Granularity::Month),
        usage(api, range.before(), pb::Granularity::Month),
        latest(api, &zone, range),
        Live::of(api, &zone),
    )?;
    let mut frame = Frame::of("Overview", Part::Overview, who);
    frame.zone = Some(zone.name());
    let choices = RANGES.iter().map(|&(days, name, _)| Choice {
        name,
        path: link::link("/ui/", [("days", days)]),
        is_chosen: chosen == Some(days),
    });
    let daily = daily(range, &by_day.periods);
    let total = by_day.total.unwrap_or_default();
    answer::page(&Overview {
        frame,
        choices: choices.collect(),
        first: range.first,
        last: range.last,
        days: range.days(),
        tiles: tiles(&total, &before.total.unwrap_or_default()),
        live,
        by_day: columns(
            "Active users by day",
            "users",
            &told(&daily, |day| day.active_users),
        ),
        by_week: columns("By week", "users", &periods(&by_week.periods)),
        by_month: columns("By month", "users", &periods(&by_month.periods)),
        new_users: columns("New users", "users", &told(&daily, |day| day.new_users)),
        logins: columns("Logins", "logins", &told(&daily, |day| day.login_count)),
        minutes: columns(
            "Active minutes",
            "min",
            &told(&daily, |day| day.active_minutes),
        ),
        features: features(&total),
        clients: live::by_client("Sessions by client", &sessions),
        counted: i64::try_from(sessions.len()).unwrap_or(i64::MAX),
    })
}

fn tiles(total: &pb::TenantUsage, before: &pb::TenantUsage) -> Vec<Tile> {
    let tile = |name, of: fn(&pb::TenantUsage) -> i64| Tile {
        name,
        value: text::count(of(total)),
        change: text::change(of(total), of(before)),
    };
    vec![
        tile("Active users", |usage| usage.active_users),
        tile("New users", |usage| usage.new_users),
        tile("Logins", |usage| usage.login_count),
        Tile {
            name: "Active time",
            value: text::span(total.active_seconds),
            change: text::change(total.active_seconds, before.active_seconds),
        },
        tile("Sessions", |usage| usage.sessions_started),
        tile("Completed", |usage| usage.sessions_completed),
    ]
}

/// Each day of the range; those that nothing was done on are empty.
fn daily(range: Range, periods: &[pb::TenantUsage]) -> Vec<(String, pb::TenantUsage)> {
    let by_date: BTreeMap<_, _> = periods
        .iter()
        .map(|period| (&*period.start_date, period))
        .collect();
    days(range.first, range.last)
        .map(|date| {
            let found = by_date.get(&*date.to_string()).copied();
            (
                date.format("%m-%d").to_string(),
                found.cloned().unwrap_or_default(),
            )
        })
        .collect()
}

fn told(days: &[(String, pb::TenantUsage)], of: fn(&pb::TenantUsage) -> i64) -> Vec<(String, i64)> {
    days.iter()
        .map(|(date, day)| (date.clone(), of(day)))
        .collect()
}

fn periods(periods: &[pb::TenantUsage]) -> Vec<(String, i64)> {
    let named = periods.iter().map(|period| {
        let date = period.start_date.get(5..).unwrap_or_default();
        (date.to_owned(), period.active_users)
    });
    named.collect()
}

fn features(total: &pb::TenantUsage) -> Chart {
    let mut used: Vec<_> = total.feature_usage.iter().collect();
    used.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    let ranks = used.into_iter().take(FEATURES).map(|(name, count)| Rank {
        name: name.clone(),
        link: String::new(),
        amount: *count,
        text: text::count(*count),
    });
    ranking(
        "Top features",
        "Feature",
        "Uses",
        &ranks.collect::<Vec<_>>(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(query: &str) -> Result<(NaiveDate, NaiveDate), tonic::Code> {
        let today = "2026-03-02".parse().unwrap();
        let range = Range::asked(&Fields::parse(query), today);
        range
            .map(|(range, _)| (range.first, range.last))
            .map_err(|status| status.code())
    }

    #[test]
    fn ranges_end_today_or_where_they_are_told_to() {
        let date = |text: &str| text.parse().unwrap();
        let today = date("2026-03-02");
        assert_eq!(asked(""), Ok((date("2026-02-01"), today)));
        assert_eq!(asked("days=7"), Ok((date("2026-02-24"), today)));
        assert_eq!(asked("days=8"), asked(""));
        assert_eq!(asked("from=2026-01-01"), Ok((date("2026-01-01"), today)));
        let (first, last) = asked("from=2026-01-01&to=2026-01-01").unwrap();
        assert_eq!(first, last);
        for wrong in [
            "from=x",
            "to=2026-01-01",
            "from=2026-01-02&to=2026-01-01",
            "from=1999-01-01",
        ] {
            assert_eq!(asked(wrong), Err(tonic::Code::InvalidArgument), "{wrong}");
        }
    }

    #[test]
    fn the_range_before_ends_the_day_before() {
        let range = Range {
            first: "2026-03-02".parse().unwrap(),
            last: "2026-03-08".parse().unwrap(),
        };
        let before = range.before();
        assert_eq!(before.days(), 7);
        assert_eq!(before.last.to_string(), "2026-03-01");
    }
}
