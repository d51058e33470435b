//! One session, and what was done in it.

use askama::Template;
use futures::try_join;
use tonic::Status;

use super::{
    answer::{self, Page},
    api::Api,
    chart::{Chart, Rank, ranking},
    frame::{Frame, Part},
    link,
    request::Fields,
    sessions::{Line, completion},
    sign_in::SignedIn,
    text,
    zone::Zone,
};
use crate::pb::{json::Object, v1 as pb};

const PAGE: i32 = 100;

struct Activity {
    kind: String,
    content: String,
    start: String,
    duration: String,
    items: String,
    accuracy: String,
    points: String,
}

#[derive(Template)]
#[template(path = "session.html")]
struct Look {
    frame: Frame,
    id: String,
    user_id: String,
    line: Line,
    is_open: bool,
    /// What is known of it, by name; what is unset is left out.
    facts: Vec<(&'static str, String)>,
    notes: String,
    scores: Option<Chart>,
    terms: Vec<(&'static str, Vec<String>)>,
    metadata: String,
    activities: Vec<Activity>,
    next: Option<String>,
}

async fn get(api: &Api, id: &str) -> Result<pb::Session, Status> {
    let session_id = id.to_owned();
    let request = api.ask(pb::GetSessionRequest { session_id });
    let found = api.sessions().get_session(request).await?;
    Ok(found.into_inner().session.unwrap_or_default())
}

async fn activities(api: &Api, id: &str, page: &str) -> Result<pb::ListActivitiesResponse, Status> {
    let request = api.ask(pb::ListActivitiesRequest {
        session_id: id.to_owned(),
        page_size: PAGE,
        page_token: page.to_owned(),
    });
    let found = api.sessions().list_activities(request).await?;
    Ok(found.into_inner())
}

pub async fn show(id: &str, query: &Fields, who: &SignedIn) -> Page {
    let api = &who.api;
    let (session, activities, zone) = try_join!(
        get(api, id),
        activities(api, id, query.get("page")),
        Zone::of(api)
    )?;
    let mut frame = Frame::of("Session", Part::Sessions, who);
    frame.zone = Some(zone.name());
    let next = &*activities.next_page_token;
    let result = session.result.clone().unwrap_or_default();
    let metadata = session.metadata.as_ref().map(Object);
    let metadata = metadata.and_then(|object| serde_json::to_string_pretty(&object).ok());
    answer::page(&Look {
        frame,
        id: session.id.clone(),
        user_id: session.user_id.clone(),
        line: Line::of(&session, &zone),
        is_open: session.end_time.is_none(),
        facts: facts(&session, &result, &zone),
        notes: session.notes.clone(),
        scores: scores(&result),
        terms: terms(result),
        metadata: metadata.unwrap_or_default(),
        activities: activities
            .activities
            .iter()
            .map(|activity| told(activity, &zone))
            .collect(),
        next: (!next.is_empty()).then(|| link::link(&link::session(id), [("page", next)])),
    })
}

/// Ends the session.
pub async fn revoke(id: &str, who: &SignedIn) -> Page {
    let request = who.api.ask(pb::RevokeSessionsRequest {
        session_ids: vec![id.to_owned()],
        ..Default::default()
    });
    who.api.sessions().revoke_sessions(request).await?;
    answer::redirect(&link::session(id))
}

fn facts(
    session: &pb::Session,
    result: &pb::SessionResult,
    zone: &Zone,
) -> Vec<(&'static str, String)> {
    let rating = |rating: i32| match rating {
        0 => String::new(),
        rating => format!("{rating} of 5"),
    };
    let subject = session.subject.clone().unwrap_or_default();
    let words = Some(result.words_spoken).filter(|words| *words > 0);
    let all = [
        ("Started", zone.exact_time(session.start_time.as_ref())),
        (
            "Last sign of life",
            zone.exact_time(session.last_active_time.as_ref()),
        ),
        ("Ended", zone.exact_time(session.end_time.as_ref())),
        (
            "Ends by itself at",
            zone.exact_time(session.expire_time.as_ref()),
        ),
        (
            "Length",
            text::span(session.duration.map_or(0, |span| span.seconds)),
        ),
        ("Completion", completion(session)),
        ("Points", text::count(session.points_earned)),
        ("Type", session.session_type.clone()),
        ("Client", session.client_type.clone()),
        ("Client info", session.client_info.clone()),
        ("IP address", session.ip_address.clone()),
        ("Subject", subject.name),
        (
            "Subject id",
            [subject.r#type, subject.id].join(" ").trim().to_owned(),
        ),
        ("Location", session.location.clone()),
        (
            "Focus mode",
            if session.focus_mode { "on" } else { "" }.to_owned(),
        ),
        ("Mood", rating(session.mood_rating)),
        ("Productivity", rating(session.productivity_rating)),
        ("Words spoken", words.map_or_else(String::new, text::count)),
    ];
    all.into_iter()
        .filter(|(_, value)| !value.is_empty())
        .collect()
}

fn scores(result: &pb::SessionResult) -> Option<Chart> {
    let ranks = result.scores.iter().map(|(name, score)| Rank {
        name: name.clone(),
        link: String::new(),
        #[expect(clippy::cast_possible_truncation, reason = "hundredths of 0 to 100")]
        amount: (score * 100.0) as i64,
        text: text::number(*score),
    });
    let ranks: Vec<_> = ranks.collect();
    (!ranks.is_empty()).then(|| ranking("Scores", "Score", "Of 100", &ranks))
}

fn terms(result: pb::SessionResult) -> Vec<(&'static str, Vec<String>)> {
    let all = [
        ("Topics", result.topics),
        ("Vocabulary learned", result.vocabulary_learned),
        ("To improve", result.areas_to_improve),
    ];
    all.into_iter()
        .filter(|(_, terms)| !terms.is_empty())
        .collect()
}

fn told(activity: &pb::Activity, zone: &Zone) -> Activity {
    let (correct, completed) = (activity.items_correct, activity.items_completed);
    let content = [&*activity.content_type, &*activity.content_id];
    Activity {
        kind: activity.activity_type.clone(),
        content: content.join(" ").trim().to_owned(),
        start: zone.exact_time(activity.start_time.as_ref()),
        duration: text::span(activity.duration.map_or(0, |span| span.seconds)),
        items: match completed {
            0 => String::new(),
            _ => format!("{} of {}", text::count(correct), text::count(completed)),
        },
        accuracy: activity
            .accuracy_percentage
            .map_or_else(String::new, |percent| {
                format!("{} %", text::number(percent))
            }),
        points: text::count(activity.points_earned),
    }
}
