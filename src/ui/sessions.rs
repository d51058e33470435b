//! A list of sessions, by what is asked for.

use askama::Template;
use chrono::NaiveDate;
use tonic::Status;

use super::{
    answer::{self, Page},
    frame::{Frame, Part},
    link,
    request::Fields,
    sign_in::SignedIn,
    text,
    zone::Zone,
};
use crate::{domain::calendar::plus_days, pb::v1 as pb};

const PAGE: i32 = 50;
/// What a list can be narrowed by, by the names of its form.
pub const FILTERS: [&str; 10] = [
    "user_id",
    "state",
    "client_type",
    "session_type",
    "completion",
    "end_reason",
    "subject_type",
    "subject_id",
    "from",
    "to",
];

/// A session in a list.
pub struct Line {
    pub path: String,
    pub short: String,
    pub user_path: String,
    pub user_short: String,
    pub kind: String,
    pub client: String,
    pub subject: String,
    pub start: String,
    pub duration: String,
    pub state: String,
    pub state_class: &'static str,
    pub completion: String,
    pub points: String,
}

impl Line {
    pub fn of(session: &pb::Session, zone: &Zone) -> Self {
        let (state, state_class) = state(session);
        let subject = session.subject.clone().unwrap_or_default();
        Self {
            path: link::session(&session.id),
            // Ids of one hour begin alike, and end by chance.
            short: session.id.chars().skip(24).collect(),
            user_path: link::user(&session.user_id),
            user_short: text::short(&session.user_id),
            kind: session.session_type.clone(),
            client: session.client_type.clone(),
            subject: if subject.name.is_empty() {
                subject.id
            } else {
                subject.name
            },
            start: zone.time(session.start_time.as_ref()),
            duration: text::span(session.duration.map_or(0, |span| span.seconds)),
            state,
            state_class,
            completion: completion(session),
            points: text::count(session.points_earned),
        }
    }
}

/// The state, or why it ended; and how that looks.
pub fn state(session: &pb::Session) -> (String, &'static str) {
    match session.state() {
        pb::SessionState::Active => ("active".to_owned(), "good"),
        pb::SessionState::Paused => ("paused".to_owned(), "fair"),
        _ => {
            let reason = session.end_reason();
            (text::name(reason.as_str_name(), "END_REASON_"), "over")
        }
    }
}

pub fn completion(session: &pb::Session) -> String {
    match session.completion_status() {
        pb::CompletionStatus::Unspecified => String::new(),
        status => text::name(status.as_str_name(), "COMPLETION_STATUS_"),
    }
}

/// Something to pick from a list.
struct Pick {
    value: String,
    name: String,
    is_picked: bool,
}

#[derive(Template)]
#[template(path = "sessions.html")]
struct Sessions {
    frame: Frame,
    user_id: String,
    states: Vec<Pick>,
    client_types: Vec<Pick>,
    client_type: String,
    session_type: String,
    completions: Vec<Pick>,
    end_reasons: Vec<Pick>,
    subject_type: String,
    subject_id: String,
    from: String,
    to: String,
    is_filtered: bool,
    totals: Option<(String, String, String)>,
    lines: Vec<Line>,
    next: Option<String>,
    first: Option<String>,
    csv: String,
    ndjson: String,
}

/// What a query asks for.
pub fn filter(query: &Fields, zone: &Zone) -> Result<pb::ListSessionsRequest, Status> {
    let known = |name: &str, prefix: &str| format!("{prefix}{}", query.get(name).to_uppercase());
    let unknown = |what: &str| Status::invalid_argument(format!("{what} is none that there is"));
    let states = match query.get("state") {
        "" => Vec::new(),
        "open" => vec![pb::SessionState::Active, pb::SessionState::Paused],
        _ => {
            let name = known("state", "SESSION_STATE_");
            vec![pb::SessionState::from_str_name(&name).ok_or_else(|| unknown("the state"))?]
        }
    };
    let completion = match query.get("completion") {
        "" => pb::CompletionStatus::Unspecified,
        _ => pb::CompletionStatus::from_str_name(&known("completion", "COMPLETION_STATUS_"))
            .ok_or_else(|| unknown("the completion"))?,
    };
    let end_reason = match query.get("end_reason") {
        "" => pb::EndReason::Unspecified,
        _ => pb::EndReason::from_str_name(&known("end_reason", "END_REASON_"))
            .ok_or_else(|| unknown("the end reason"))?,
    };
    let day = |name: &str, more: i64| match query.get(name) {
        "" => Ok(None),
        text => match text.parse::<NaiveDate>() {
            Ok(date) => Ok(Some(zone.start_of(plus_days(date, more)))),
            Err(_) => Err(Status::invalid_argument("a day is written as 2026-11-20")),
        },
    };
    Ok(pb::ListSessionsRequest {
        user_id: query.get("user_id").to_owned(),
        states: states.into_iter().map(i32::from).collect(),
        session_type: query.get("session_type").to_owned(),
        client_type: query.get("client_type").to_owned(),
        completion_status: completion.into(),
        end_reason: end_reason.into(),
        subject: Some(pb::Subject {
            r#type: query.get("subject_type").to_owned(),
            id: query.get("subject_id").to_owned(),
            name: String::new(),
        }),
        start_time_from: day("from", 0)?,
        start_time_until: day("to", 1)?,
        page_size: PAGE,
        page_token: query.get("page").to_owned(),
        include_totals: false,
    })
}

pub async fn show(query: &Fields, who: &SignedIn) -> Page {
    let api = &who.api;
    let zone = Zone::of(api).await?;
    let mut request = filter(query, &zone)?;
    // All of a tenant's may be very many, and would be read for it.
    request.include_totals = !request.user_id.is_empty() || !who.viewer.sees_everyone();
    let found = api.sessions().list_sessions(api.ask(request)).await?;
    let found = found.into_inner();
    let mut frame = Frame::of("Sessions", Part::Sessions, who);
    frame.zone = Some(zone.name());
    let given = || FILTERS.into_iter().map(|name| (name, query.get(name)));
    let with = |path, name, value| link::link(path, given().chain([(name, value)]));
    let next = &*found.next_page_token;
    answer::page(&Sessions {
        frame,
        user_id: query.get("user_id").to_owned(),
        states: picks(query.get("state"), &["open", "active", "paused", "ended"]),
        client_types: picks(query.get("client_type"), &zone.client_types),
        client_type: query.get("client_type").to_owned(),
        session_type: query.get("session_type").to_owned(),
        completions: picks(
            query.get("completion"),
            &["completed", "partial", "abandoned"],
        ),
        end_reasons: picks(
            query.get("end_reason"),
            &[
                "logout",
                "idle_timeout",
                "max_lifetime",
                "revoked",
                "evicted",
                "recorded",
            ],
        ),
        subject_type: query.get("subject_type").to_owned(),
        subject_id: query.get("subject_id").to_owned(),
        from: query.get("from").to_owned(),
        to: query.get("to").to_owned(),
        is_filtered: given().any(|(_, value)| !value.is_empty()),
        totals: found.totals.map(|totals| {
            let mean = text::number((totals.average_seconds / 60.0).round());
            (
                text::several(totals.session_count, "session"),
                text::span(totals.total_seconds),
                mean,
            )
        }),
        lines: found
            .sessions
            .iter()
            .map(|session| Line::of(session, &zone))
            .collect(),
        next: (!next.is_empty()).then(|| with("/ui/sessions", "page", next)),
        first: (!query.get("page").is_empty()).then(|| with("/ui/sessions", "page", "")),
        csv: with("/ui/export", "format", "csv"),
        ndjson: with("/ui/export", "format", "ndjson"),
    })
}

fn picks(picked: &str, values: &[impl AsRef<str>]) -> Vec<Pick> {
    let values = values.iter().map(AsRef::as_ref);
    let picks = values.map(|value| Pick {
        value: value.to_owned(),
        name: value.replace('_', " "),
        is_picked: value == picked,
    });
    picks.collect()
}
