//! A user's day, week or month on one sheet, and the sessions of it as a file.

use askama::Template;
use chrono::{Datelike, NaiveDate};
use tonic::Status;

use super::{
    answer::{self, Page},
    api::Api,
    chart::{Chart, columns},
    frame::{Frame, Part},
    goals::{self, Goal},
    link,
    metrics::{self, Metric},
    request::Fields,
    sessions::Line,
    sign_in::SignedIn,
    text, user,
    zone::Zone,
};
use crate::{domain::calendar::plus_days, pb::v1 as pb};

/// How long a report is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Period {
    Day,
    Week,
    Month,
}

impl Period {
    const ALL: [Self; 3] = [Self::Day, Self::Week, Self::Month];

    const fn name(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
        }
    }

    fn asked(query: &Fields) -> Result<Self, Status> {
        let name = query.get("period");
        if name.is_empty() {
            return Ok(Self::Week);
        }
        let found = Self::ALL.into_iter().find(|period| period.name() == name);
        found.ok_or_else(|| Status::invalid_argument("the period is day, week or month"))
    }

    /// The first and the last day of the one that holds `date`.
    fn around(self, date: NaiveDate) -> (NaiveDate, NaiveDate) {
        match self {
            Self::Day => (date, date),
            Self::Week => {
                let monday = plus_days(date, -i64::from(date.weekday().num_days_from_monday()));
                (monday, plus_days(monday, 6))
            }
            Self::Month => {
                let first = date.with_day(1).unwrap_or(date);
                let next = plus_days(first, 31);
                (first, plus_days(next.with_day(1).unwrap_or(next), -1))
            }
        }
    }
}

/// What all reports have, and what some do.
#[derive(Default)]
struct Report {
    summary: pb::ReportSummary,
    days: Vec<pb::CalendarDay>,
    sessions: Vec<pb::Session>,
    goals: Vec<pb::Goal>,
    subjects: Vec<pb::SubjectCount>,
    performance: Vec<pb::MetricSummary>,
    sentences: Vec<String>,
}

impl Report {
    async fn of(
        api: &Api,
        user_id: String,
        period: Period,
        date: NaiveDate,
    ) -> Result<Self, Status> {
        match period {
            Period::Day => {
                let date = date.to_string();
                let request = api.ask(pb::GetDailyReportRequest { user_id, date });
                let found = api.reports().get_daily_report(request).await?.into_inner();
                Ok(Self {
                    summary: found.summary.unwrap_or_default(),
                    sessions: found.sessions,
                    goals: found.goals,
                    ..Self::default()
                })
            }
            Period::Week => {
                let week = date.format("%G-W%V").to_string();
                let request = api.ask(pb::GetWeeklyReportRequest { user_id, week });
                let found = api.reports().get_weekly_report(request).await?.into_inner();
                Ok(Self {
                    summary: found.summary.unwrap_or_default(),
                    days: found.days,
                    subjects: found.top_subjects,
                    sentences: found.highlights,
                    ..Self::default()
                })
            }
            Period::Month => {
                let month = date.format("%Y-%m").to_string();
                let request = api.ask(pb::GetMonthlyReportRequest { user_id, month });
                let found = api
                    .reports()
                    .get_monthly_report(request)
                    .await?
                    .into_inner();
                Ok(Self {
                    summary: found.summary.unwrap_or_default(),
                    days: found.days,
                    subjects: found.top_subjects,
                    goals: found.goals_achieved,
                    performance: found.performance,
                    sentences: found.recommendations,
                    ..Self::default()
                })
            }
        }
    }
}

struct Way {
    name: &'static str,
    path: String,
    is_here: bool,
}

/// A report as it is shown.
struct Sheet {
    first: NaiveDate,
    last: NaiveDate,
    user_path: String,
    before: String,
    after: String,
    csv: String,
    ndjson: String,
    figures: Vec<(&'static str, String)>,
    minutes: Option<Chart>,
    lines: Vec<Line>,
    goals: Vec<Goal>,
    subjects: Option<Chart>,
    metrics: Vec<Metric>,
    sentences: Vec<String>,
}

#[derive(Template)]
#[template(path = "reports.html")]
struct Reports {
    frame: Frame,
    user_id: String,
    date: NaiveDate,
    period: &'static str,
    periods: Vec<Way>,
    is_staff: bool,
    sheet: Option<Sheet>,
}

pub async fn show(query: &Fields, who: &SignedIn) -> Page {
    let api = &who.api;
    let zone = Zone::of(api).await?;
    let period = Period::asked(query)?;
    let date = match query.get("date") {
        "" => zone.today,
        text => text
            .parse()
            .map_err(|_| Status::invalid_argument("a day is written as 2026-11-20"))?,
    };
    let user_id = who.viewer.about(query.get("user_id"));
    let sheet = if user_id.is_empty() {
        None
    } else {
        let report = Report::of(api, user_id.clone(), period, date).await?;
        Some(sheet(report, &user_id, period, date, &zone))
    };
    let mut frame = Frame::of("Reports", Part::Reports, who);
    frame.zone = Some(zone.name());
    let periods = Period::ALL.map(|each| Way {
        name: each.name(),
        path: path(&user_id, each, date),
        is_here: each == period,
    });
    answer::page(&Reports {
        frame,
        user_id,
        date,
        period: period.name(),
        periods: periods.into(),
        is_staff: who.viewer.sees_everyone(),
        sheet,
    })
}

fn path(user_id: &str, period: Period, date: NaiveDate) -> String {
    let date = date.to_string();
    let fields = [
        ("user_id", user_id),
        ("period", period.name()),
        ("date", &date),
    ];
    link::link("/ui/reports", fields)
}

fn sheet(report: Report, user_id: &str, period: Period, date: NaiveDate, zone: &Zone) -> Sheet {
    let (first, last) = period.around(date);
    let export = |format| {
        let (from, to) = (first.to_string(), last.to_string());
        let fields = [
            ("format", format),
            ("user_id", user_id),
            ("from", &from),
            ("to", &to),
        ];
        link::link("/ui/export", fields)
    };
    let minutes = report.days.iter().map(|day| {
        let date = day.date.get(5..).unwrap_or_default();
        (date.to_owned(), day.active_seconds / 60)
    });
    let minutes: Vec<_> = minutes.collect();
    let of_days = period != Period::Day;
    Sheet {
        first,
        last,
        user_path: link::user(user_id),
        before: path(user_id, period, plus_days(first, -1)),
        after: path(user_id, period, plus_days(last, 1)),
        csv: export("csv"),
        ndjson: export("ndjson"),
        figures: figures(&report.summary),
        minutes: of_days.then(|| columns("Active minutes by day", "min", &minutes)),
        lines: report
            .sessions
            .iter()
            .map(|session| Line::of(session, zone))
            .collect(),
        goals: goals::shown(&report.goals),
        subjects: of_days.then(|| user::subjects("Top subjects", &report.subjects)),
        metrics: metrics::shown(&report.performance),
        sentences: report.sentences,
    }
}

fn figures(summary: &pb::ReportSummary) -> Vec<(&'static str, String)> {
    let percent = |value: Option<f64>| {
        value.map_or_else(
            || "none".to_owned(),
            |value| format!("{} %", text::number(value)),
        )
    };
    let minutes = |value: f64| format!("{} min", text::number(value));
    vec![
        ("Time", text::span(summary.total_minutes.saturating_mul(60))),
        ("Sessions completed", text::count(summary.total_sessions)),
        ("Mean session", minutes(summary.average_session_minutes)),
        ("Mean day", minutes(summary.average_daily_minutes)),
        ("Points", text::count(summary.points_earned)),
        ("Streak", text::several(summary.streak_days.into(), "day")),
        ("Tests taken", text::count(summary.tests_taken)),
        ("Mean test score", percent(summary.average_test_score)),
        ("Flashcards", text::count(summary.flashcards_reviewed)),
        ("Flashcard accuracy", percent(summary.flashcard_accuracy)),
        ("Assignments", text::count(summary.assignments_completed)),
        ("Notes", text::count(summary.notes_created)),
        (
            "Productivity",
            summary
                .productivity_score
                .map_or_else(|| "not rated".to_owned(), text::number),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_are_whole() {
        let date = |text: &str| text.parse::<NaiveDate>().unwrap();
        for (period, day, first, last) in [
            (Period::Day, "2026-03-04", "2026-03-04", "2026-03-04"),
            (Period::Week, "2026-03-04", "2026-03-02", "2026-03-08"),
            (Period::Week, "2026-03-08", "2026-03-02", "2026-03-08"),
            (Period::Month, "2028-02-29", "2028-02-01", "2028-02-29"),
            (Period::Month, "2026-12-31", "2026-12-01", "2026-12-31"),
        ] {
            assert_eq!(period.around(date(day)), (date(first), date(last)));
        }
    }
}
