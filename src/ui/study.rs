//! Today, for whoever studies: what is running, what is done and what is next.

use askama::Template;
use futures::try_join;
use tonic::Status;

use super::{
    answer::{self, Page},
    api::Api,
    frame::{Frame, Part},
    goals::{self, Goal},
    link,
    metrics::{self, Metric},
    request::Fields,
    sessions::Line,
    sign_in::SignedIn,
    text,
    zone::Zone,
};
use crate::pb::v1 as pb;

/// Open sessions that are shown.
const SHOWN: i32 = 5;

/// What is of one user.
struct Today {
    open: Vec<Line>,
    streak: String,
    streak_more: String,
    minutes: String,
    figures: Vec<(&'static str, String)>,
    goals: Vec<Goal>,
    metrics: Vec<Metric>,
    advice: Vec<String>,
    focus: Vec<String>,
    vocabulary: Vec<String>,
    user_path: String,
    report: String,
}

#[derive(Template)]
#[template(path = "study.html")]
struct Study {
    frame: Frame,
    date: String,
    /// Whether to ask of whom, because it is not the reader.
    is_staff: bool,
    user_id: String,
    today: Option<Today>,
}

pub async fn show(query: &Fields, who: &SignedIn) -> Page {
    let zone = Zone::of(&who.api).await?;
    let user_id = who.viewer.about(query.get("user_id"));
    let today = if user_id.is_empty() {
        None
    } else {
        Some(today(&who.api, &user_id, &zone).await?)
    };
    let mut frame = Frame::of("Study", Part::Study, who);
    frame.zone = Some(zone.name());
    answer::page(&Study {
        frame,
        date: zone.today.format("%A, %Y-%m-%d").to_string(),
        is_staff: who.viewer.sees_everyone(),
        user_id,
        today,
    })
}

async fn open(api: &Api, user: &str) -> Result<Vec<pb::Session>, Status> {
    let states = [pb::SessionState::Active, pb::SessionState::Paused];
    let request = api.ask(pb::ListSessionsRequest {
        user_id: user.to_owned(),
        states: states.map(i32::from).to_vec(),
        page_size: SHOWN,
        ..Default::default()
    });
    let found = api.sessions().list_sessions(request).await?;
    Ok(found.into_inner().sessions)
}

async fn report(api: &Api, user: &str) -> Result<pb::ReportSummary, Status> {
    let request = api.ask(pb::GetDailyReportRequest {
        user_id: user.to_owned(),
        date: String::new(),
    });
    let found = api.reports().get_daily_report(request).await?;
    Ok(found.into_inner().summary.unwrap_or_default())
}

async fn performance(api: &Api, user: &str) -> Result<pb::GetPerformanceOverviewResponse, Status> {
    let request = api.ask(pb::GetPerformanceOverviewRequest {
        user_id: user.to_owned(),
        granularity: pb::Granularity::Week.into(),
        ..Default::default()
    });
    let found = api.insights().get_performance_overview(request).await?;
    Ok(found.into_inner())
}

async fn streak(api: &Api, user: &str) -> Result<pb::GetStreakResponse, Status> {
    let user_id = user.to_owned();
    let request = api.ask(pb::GetStreakRequest { user_id });
    Ok(api.insights().get_streak(request).await?.into_inner())
}

async fn warmup(api: &Api, user: &str) -> Result<pb::GetWarmupResponse, Status> {
    let user_id = user.to_owned();
    let request = api.ask(pb::GetWarmupRequest { user_id });
    Ok(api.insights().get_warmup(request).await?.into_inner())
}

async fn today(api: &Api, user: &str, zone: &Zone) -> Result<Today, Status> {
    let (open, report, goals, performance, streak, warmup) = try_join!(
        open(api, user),
        report(api, user),
        goals::of(api, user, pb::GoalStatus::Active),
        performance(api, user),
        streak(api, user),
        warmup(api, user),
    )?;
    let next = match (streak.done_today, streak.at_risk) {
        (true, _) => "Done for today.",
        (false, true) => "Complete a session today to keep it.",
        (false, false) => "Complete a session to begin one.",
    };
    let terms = |terms: Vec<pb::TermCount>| terms.into_iter().map(|term| term.term).collect();
    let advice = [performance.strengths, performance.recommendations].concat();
    Ok(Today {
        open: open.iter().map(|session| Line::of(session, zone)).collect(),
        streak: text::several(streak.current_days.into(), "day"),
        streak_more: next.to_owned(),
        minutes: text::span(report.total_minutes.saturating_mul(60)),
        figures: vec![
            ("Sessions completed", text::count(report.total_sessions)),
            ("Points", text::count(report.points_earned)),
            ("Flashcards", text::count(report.flashcards_reviewed)),
            ("Tests", text::count(report.tests_taken)),
            ("Assignments", text::count(report.assignments_completed)),
        ],
        goals,
        metrics: metrics::shown(&performance.metrics),
        advice,
        focus: terms(warmup.focus_areas),
        vocabulary: terms(warmup.vocabulary_review),
        user_path: link::user(user),
        report: link::link("/ui/reports", [("user_id", user), ("period", "day")]),
    })
}
