//! The sessions that are open now: a part of the overview that is asked for again and again.

use askama::Template;
use tonic::Status;

use super::{
    answer::{self, Page},
    api::Api,
    chart::{Chart, Rank, ranking},
    sessions::Line,
    sign_in::SignedIn,
    text,
    zone::Zone,
};
use crate::pb::v1 as pb;

/// Open sessions that are looked at: there may be very many.
const LOOKED_AT: i32 = 200;
const SHOWN: usize = 8;

/// What is open now.
#[derive(Template)]
#[template(path = "live.html")]
pub struct Live {
    /// How many there are; or that there are more than were looked at.
    count: String,
    is_all: bool,
    as_of: String,
    lines: Vec<Line>,
    clients: Chart,
}

impl Live {
    pub async fn of(api: &Api, zone: &Zone) -> Result<Self, Status> {
        let states = [pb::SessionState::Active, pb::SessionState::Paused];
        let request = api.ask(pb::ListSessionsRequest {
            states: states.map(i32::from).to_vec(),
            page_size: LOOKED_AT,
            ..Default::default()
        });
        let found = api.sessions().list_sessions(request).await?.into_inner();
        let is_all = found.next_page_token.is_empty();
        let number = i64::try_from(found.sessions.len()).unwrap_or(i64::MAX);
        let more = if is_all { "" } else { "+" };
        let shown = found.sessions.iter().take(SHOWN);
        let now = super::zone::instant(api.now);
        Ok(Self {
            count: format!("{}{more}", text::count(number)),
            is_all,
            as_of: zone.exact_time(Some(&now)),
            lines: shown.map(|session| Line::of(session, zone)).collect(),
            clients: by_client("Open sessions by client", &found.sessions),
        })
    }
}

/// How many of these sessions each client has.
pub fn by_client(title: &str, sessions: &[pb::Session]) -> Chart {
    let mut counts = std::collections::BTreeMap::<_, i64>::new();
    for session in sessions {
        *counts.entry(&*session.client_type).or_default() += 1;
    }
    let ranks = counts.into_iter().map(|(client, count)| Rank {
        name: client.to_owned(),
        link: super::link::link("/ui/sessions", [("client_type", client)]),
        amount: count,
        text: text::count(count),
    });
    let mut ranks: Vec<_> = ranks.collect();
    ranks.sort_by_key(|rank| std::cmp::Reverse(rank.amount));
    ranking(title, "Client", "Sessions", &ranks)
}

/// The part alone, for the script that refreshes it.
pub async fn show(who: &SignedIn) -> Page {
    let zone = Zone::of(&who.api).await?;
    answer::page(&Live::of(&who.api, &zone).await?)
}
