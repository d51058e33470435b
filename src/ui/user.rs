//! One user: what they did, when, and how well.

use std::collections::BTreeMap;

use askama::Template;
use futures::try_join;

use super::{
    answer::{self, Page},
    chart::{Chart, Day, Rank, Series, hours, lines, ranking, year},
    frame::{Frame, Part},
    goals::{self, Goal},
    link,
    request::Fields,
    sign_in::SignedIn,
    text,
    user_calls::{Person, Practice},
    zone::Zone,
};
use crate::{domain::calendar::plus_days, pb::v1 as pb};

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

pub async fn show(id: &str, who: &SignedIn) -> Page {
    let api = &who.api;
    let zone = Zone::of(api).await?;
    let every = pb::GoalStatus::Unspecified;
    let (person, practice, goals) = try_join!(
        Box::pin(Person::of(api, id)),
        Box::pin(Practice::of(api, id, zone.today)),
        goals::of(api, id, every)
    )?;
    let mut frame = Frame::of("User", Part::Users, who);
    frame.zone = Some(zone.name());
    let summary = &person.summary;
    let of_user = |path| link::link(path, [("user_id", id)]);
    answer::page(&User {
        frame,
        id: summary.user_id.clone(),
        path: link::user(id),
        last_seen: zone.time(summary.last_active_time.as_ref()),
        facts: facts(summary, &zone),
        tiles: tiles(&person),
        open_sessions: summary.open_sessions,
        year: calendar(&practice.calendar, &zone),
        hours: hours(
            "When sessions begin, the last 90 days",
            &practice.frequency.weekday_hours,
        ),
        scores: scores(&practice.stats),
        study: study(&practice.trend),
        subjects: subjects("Top subjects", &practice.subjects.subjects),
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

fn tiles(person: &Person) -> Vec<Tile> {
    let (streak, statistics) = (&person.streak, &person.statistics);
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
            value: text::count(person.month.points_earned),
            more: format!("{} this week", text::count(person.week.points_earned)),
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
