//! One user: what they did, when, and how well.

use std::collections::BTreeMap;

use askama::Template;
use futures::try_join;
use tonic::Status;

use super::{
    answer::{self, Page},
    api::Api,
    chart::{Chart, Day, Rank, Series, hours, lines, ranking, year},
    frame::{Frame, Part},
    goals::{self, Goal},
    link,
    request::Fields,
    sign_in::SignedIn,
    text,
    zone::Zone,
};
use crate::{domain::calendar::plus_days, pb::v1 as pb};

/// Days of scores, and of the hours of a week.
const RECENT: i64 = 90;
/// Weeks of study time.
const WEEKS: i32 = 26;
const SUBJECTS: i32 = 8;

struct Tile {
    name: &'static str,
    value: String,
    more: String,
}

#[derive(Template)]
#[template(path = "user.html")]
struct User {
    frame: Frame,
    id: String,
    path: String,
    last_seen: String,
    facts: Vec<(&'static str, String)>,
    tiles: Vec<Tile>,
    open_sessions: i64,
    year: Chart,
    hours: Chart,
    scores: Chart,
    study: Chart,
    subjects: Chart,
    goals: Vec<Goal>,
    sessions: String,
    reports: String,
    at_study: String,
}

/// One answer for each thing that the page tells.
struct Told {
    summary: pb::UserSummary,
    streak: pb::GetStreakResponse,
    statistics: pb::GetUserStatisticsResponse,
    calendar: pb::GetCalendarResponse,
    stats: pb::GetSessionStatsResponse,
    frequency: pb::GetPracticeFrequencyResponse,
    subjects: pb::ListTopSubjectsResponse,
    trend: pb::GetPerformanceTrendResponse,
    week: pb::ReportSummary,
    month: pb::ReportSummary,
}

macro_rules! told {
    ($api:expr, $client:ident.$method:ident($request:expr)) => {
        async {
            let answer = $api.$client().$method($api.ask($request)).await?;
            Ok::<_, Status>(answer.into_inner())
        }
    };
}

impl Told {
    async fn of(api: &Api, user: &str, zone: &Zone) -> Result<Self, Status> {
        let user_id = || user.to_owned();
        let since = |days: i64| {
            Some(pb::DateRange {
                start_date: plus_days(zone.today, 1 - days).to_string(),
                end_date: zone.today.to_string(),
            })
        };
        let practice = (
            told!(
                api,
                insights.get_calendar(pb::GetCalendarRequest {
                    user_id: user_id(),
                    range: since(365),
                    include_sessions: false,
                })
            ),
            told!(
                api,
                insights.get_session_stats(pb::GetSessionStatsRequest {
                    user_id: user_id(),
                    range: since(RECENT),
                    ..Default::default()
                })
            ),
            told!(
                api,
                insights.get_practice_frequency(pb::GetPracticeFrequencyRequest {
                    user_id: user_id(),
                    days: i32::try_from(RECENT).unwrap_or_default(),
                })
            ),
            told!(
                api,
                insights.list_top_subjects(pb::ListTopSubjectsRequest {
                    user_id: user_id(),
                    limit: SUBJECTS,
                    ..Default::default()
                })
            ),
            told!(
                api,
                insights.get_performance_trend(pb::GetPerformanceTrendRequest {
                    user_id: user_id(),
                    metric: pb::Metric::StudyTime.into(),
                    granularity: pb::Granularity::Week.into(),
                    periods: WEEKS,
                    subject: None,
                })
            ),
        );
        let (summary, streak, statistics, calendar, stats, frequency, subjects, trend, week, month) =
            try_join!(
                told!(
                    api,
                    usage.get_user_summary(pb::GetUserSummaryRequest { user_id: user_id() })
                ),
                told!(
                    api,
                    insights.get_streak(pb::GetStreakRequest { user_id: user_id() })
                ),
                told!(
                    api,
                    insights.get_user_statistics(pb::GetUserStatisticsRequest {
                        user_id: user_id(),
                        range: None,
                    })
                ),
                practice.0,
                practice.1,
                practice.2,
                practice.3,
                practice.4,
                told!(
                    api,
                    reports.get_weekly_report(pb::GetWeeklyReportRequest {
                        user_id: user_id(),
                        week: String::new(),
                    })
                ),
                told!(
                    api,
                    reports.get_monthly_report(pb::GetMonthlyReportRequest {
                        user_id: user_id(),
                        month: String::new(),
                    })
                ),
            )?;
        Ok(Self {
            summary: summary.summary.unwrap_or_default(),
            streak,
            statistics,
            calendar,
            stats,
            frequency,
            subjects,
            trend,
            week: week.summary.unwrap_or_default(),
            month: month.summary.unwrap_or_default(),
        })
    }
}

pub async fn show(id: &str, who: &SignedIn) -> Page {
    let api = &who.api;
    let zone = Zone::of(api).await?;
    let every = pb::GoalStatus::Unspecified;
    let (told, goals) = try_join!(
        Box::pin(Told::of(api, id, &zone)),
        goals::of(api, id, every)
    )?;
    let mut frame = Frame::of("User", Part::Users, who);
    frame.zone = Some(zone.name());
    let summary = &told.summary;
    let of_user = |path| link::link(path, [("user_id", id)]);
    answer::page(&User {
        frame,
        id: summary.user_id.clone(),
        path: link::user(id),
        last_seen: zone.time(summary.last_active_time.as_ref()),
        facts: facts(summary, &zone),
        tiles: tiles(&told),
        open_sessions: summary.open_sessions,
        year: calendar(&told.calendar, &zone),
        hours: hours(
            "When sessions begin, the last 90 days",
            &told.frequency.weekday_hours,
        ),
        scores: scores(&told.stats),
        study: study(&told.trend),
        subjects: subjects("Top subjects", &told.subjects.subjects),
        goals,
        sessions: of_user("/ui/sessions"),
        reports: of_user("/ui/reports"),
        at_study: of_user("/ui/study"),
    })
}

/// Ends all sessions of the user that are open.
pub async fn revoke(id: &str, form: &Fields, who: &SignedIn) -> Page {
    let request = who.api.ask(pb::RevokeSessionsRequest {
        user_id: id.to_owned(),
        except_session_id: form.get("except").to_owned(),
        ..Default::default()
    });
    who.api.sessions().revoke_sessions(request).await?;
    answer::redirect(&link::user(id))
}

fn facts(user: &pb::UserSummary, zone: &Zone) -> Vec<(&'static str, String)> {
    let all = [
        ("Last seen", zone.time(user.last_active_time.as_ref())),
        ("Last login", zone.time(user.last_login_time.as_ref())),
        (
            "Last session",
            zone.time(user.last_session_start_time.as_ref()),
        ),
        ("First seen", zone.time(user.first_seen_time.as_ref())),
        ("Logins", text::count(user.login_count)),
        ("Open sessions", text::count(user.open_sessions)),
    ];
    all.into_iter()
        .filter(|(_, value)| !value.is_empty())
        .collect()
}

fn tiles(told: &Told) -> Vec<Tile> {
    let (streak, statistics) = (&told.streak, &told.statistics);
    let longest = text::several(streak.longest_days.into(), "day");
    let risk = if streak.at_risk {
        ", lost unless a session is completed today"
    } else {
        ""
    };
    let mean = text::number(statistics.average_session_minutes.round());
    vec![
        Tile {
            name: "Streak",
            value: text::several(streak.current_days.into(), "day"),
            more: format!("longest {longest}{risk}"),
        },
        Tile {
            name: "Completed sessions",
            value: text::count(statistics.total_sessions),
            more: format!(
                "{} in 30 days",
                text::count(statistics.sessions_last_30_days)
            ),
        },
        Tile {
            name: "Time in them",
            value: text::span(statistics.total_seconds),
            more: format!("{mean} min on average"),
        },
        Tile {
            name: "Completion rate",
            value: format!("{} %", text::number(statistics.completion_rate_percentage)),
            more: format!(
                "{} partial, {} abandoned",
                text::count(statistics.partial_sessions),
                text::count(statistics.abandoned_sessions)
            ),
        },
        Tile {
            name: "Points this month",
            value: text::count(told.month.points_earned),
            more: format!("{} this week", text::count(told.week.points_earned)),
        },
    ]
}

fn calendar(calendar: &pb::GetCalendarResponse, zone: &Zone) -> Chart {
    let done = calendar.days.iter().filter_map(|day| {
        let done = Day {
            sessions: day.session_count,
            seconds: day.active_seconds,
        };
        Some((day.date.parse().ok()?, done))
    });
    let done: BTreeMap<_, _> = done.collect();
    year(
        "The last year",
        plus_days(zone.today, -364),
        zone.today,
        &done,
    )
}

fn scores(stats: &pb::GetSessionStatsResponse) -> Chart {
    let mut named = BTreeMap::<_, Vec<_>>::new();
    for point in &stats.score_trend {
        for (name, score) in &point.scores {
            named
                .entry(name)
                .or_default()
                .push((point.date.clone(), *score));
        }
    }
    let series = named.into_iter().map(|(name, points)| Series {
        name: name.clone(),
        points,
    });
    lines(
        "Scores, the last 90 days",
        "Day",
        &series.collect::<Vec<_>>(),
    )
}

fn study(trend: &pb::GetPerformanceTrendResponse) -> Chart {
    let points = trend
        .points
        .iter()
        .map(|point| (point.period.clone(), point.value));
    let series = Series {
        name: "minutes".to_owned(),
        points: points.collect(),
    };
    lines("Study minutes by week", "Week", &[series])
}

/// Subjects with the most sessions.
pub fn subjects(title: &str, subjects: &[pb::SubjectCount]) -> Chart {
    let ranks = subjects.iter().map(|count| {
        let subject = count.subject.clone().unwrap_or_default();
        let time = text::span(count.total_seconds);
        let id = [
            ("subject_type", &*subject.r#type),
            ("subject_id", &*subject.id),
        ];
        Rank {
            link: link::link("/ui/sessions", id),
            name: if subject.name.is_empty() {
                subject.id
            } else {
                subject.name
            },
            amount: count.sessions,
            text: format!("{} ({time})", text::count(count.sessions)),
        }
    });
    ranking(title, "Subject", "Sessions", &ranks.collect::<Vec<_>>())
}
