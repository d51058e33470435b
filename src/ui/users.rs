//! Whom the tenant has: those who were here lately, and those who were not for long.

use std::collections::BTreeSet;

use askama::Template;
use tonic::Status;

use super::{
    answer::{self, Page},
    api::Api,
    frame::{Frame, Part},
    link,
    request::Fields,
    sign_in::SignedIn,
    text,
    zone::{Zone, instant},
};
use crate::pb::v1 as pb;

const PAGE: i32 = 50;
/// Sessions whose users were here lately.
const LATEST: i32 = 200;

/// A user in a list.
pub struct Line {
    path: String,
    id: String,
    /// What the columns say.
    cells: Vec<String>,
}

#[derive(Template)]
#[template(path = "users.html")]
struct Users {
    frame: Frame,
    /// Days of silence that are asked for; `None` is who was here lately.
    silent: Option<u32>,
    choices: Vec<(&'static str, &'static str, bool)>,
    columns: &'static [&'static str],
    lines: Vec<Line>,
    next: Option<String>,
}

pub async fn show(query: &Fields, who: &SignedIn) -> Page {
    if !query.get("id").is_empty() {
        return answer::redirect(&link::user(query.get("id")));
    }
    let api = &who.api;
    let zone = Zone::of(api).await?;
    let silent = match query.get("silent") {
        "" => None,
        days => Some(
            days.parse::<u32>()
                .map_err(|_| Status::invalid_argument("silent is a number of days"))?,
        ),
    };
    let mut frame = Frame::of("Users", Part::Users, who);
    frame.zone = Some(zone.name());
    let (columns, lines, token): (&[_], _, _) = match silent {
        None => (
            &["Last session", "Client", "Length"],
            latest(api, &zone).await?,
            String::new(),
        ),
        Some(days) => {
            let (lines, token) = dormant(api, &zone, days, query.get("page")).await?;
            let columns = &["Last active", "First seen", "Logins", "Time in all", "Open"];
            (columns, lines, token)
        }
    };
    let next = [("silent", query.get("silent")), ("page", &*token)];
    answer::page(&Users {
        frame,
        choices: vec![
            ("/ui/users", "Here lately", silent.is_none()),
            ("/ui/users?silent=7", "Silent for a week", silent == Some(7)),
            ("/ui/users?silent=30", "For 30 days", silent == Some(30)),
            ("/ui/users?silent=0", "All", silent == Some(0)),
        ],
        silent,
        columns,
        lines,
        next: (!token.is_empty()).then(|| link::link("/ui/users", next)),
    })
}

/// Users of the latest sessions, each once.
async fn latest(api: &Api, zone: &Zone) -> Result<Vec<Line>, Status> {
    let request = api.ask(pb::ListSessionsRequest {
        page_size: LATEST,
        ..Default::default()
    });
    let found = api.sessions().list_sessions(request).await?.into_inner();
    let mut seen = BTreeSet::new();
    let mut lines = Vec::new();
    for session in found.sessions {
        if seen.insert(session.user_id.clone()) {
            lines.push(Line {
                path: link::user(&session.user_id),
                cells: vec![
                    zone.time(session.start_time.as_ref()),
                    session.client_type,
                    text::span(session.duration.map_or(0, |span| span.seconds)),
                ],
                id: session.user_id,
            });
        }
    }
    Ok(lines)
}

/// Users who were not here for so many days, the longest silent first.
async fn dormant(
    api: &Api,
    zone: &Zone,
    days: u32,
    page: &str,
) -> Result<(Vec<Line>, String), Status> {
    let day = std::time::Duration::from_hours(24);
    let since = (days > 0).then(|| instant(api.now.before(day.saturating_mul(days))));
    let request = api.ask(pb::ListUserSummariesRequest {
        inactive_since: since,
        page_size: PAGE,
        page_token: page.to_owned(),
    });
    let found = api.usage().list_user_summaries(request).await?.into_inner();
    let lines = found.summaries.into_iter().map(|user| Line {
        path: link::user(&user.user_id),
        cells: vec![
            zone.time(user.last_active_time.as_ref()),
            zone.time(user.first_seen_time.as_ref()),
            text::count(user.login_count),
            text::span(user.total_usage_seconds),
            text::count(user.open_sessions),
        ],
        id: user.user_id,
    });
    Ok((lines.collect(), found.next_page_token))
}
