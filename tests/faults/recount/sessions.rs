//! Sessions by their ids, and what happened in them.

use std::collections::BTreeMap;

use futures::{StreamExt, stream};
use tonic::transport::Channel;
use uuid::Uuid;

use ::dwell::pb::v1::{self as pb, SessionState};

use super::{
    expected::{Expected, Session},
    read,
};
use crate::{
    ledger::{Call, Fate},
    send::{micros, seconds},
};

/// Calls at once.
const AT_ONCE: usize = 16;

pub fn compare(expected: &Expected, found: &[pb::Session]) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut listed = BTreeMap::new();
    for session in found {
        let id = Uuid::parse_str(&session.id).unwrap();
        if listed.insert(id, session).is_some() {
            wrong.push(format!("session {id} is listed twice"));
        }
        if !expected.sessions.contains_key(&id) {
            wrong.push(format!("session {id} was never sent"));
        }
    }
    for (id, session) in &expected.sessions {
        match (listed.get(id), session.fate) {
            (None, Fate::Done { .. }) => wrong.push(format!("lost: session {id}")),
            (None, _) => {}
            (Some(_), Fate::NotDone) => wrong.push(format!("session {id} was refused")),
            (Some(found), _) => {
                let complaints = [state(session, found), time(session, found)];
                let complaints = complaints.into_iter().flatten();
                wrong.extend(complaints.map(|what| format!("session {id} {what}")));
            }
        }
    }
    wrong
}

/// What is wrong with how far along it is.
fn state(session: &Session, found: &pb::Session) -> Option<String> {
    if found.user_id != session.user.to_string() {
        return Some("is another user's".to_owned());
    }
    let ended = found.state() == SessionState::Ended;
    if matches!(session.made, Call::Record { .. }) {
        return (!ended).then(|| "was recorded and is open".to_owned());
    }
    if ended && session.ends.iter().all(|fate| !fate.is_possible()) {
        return Some("ended by itself".to_owned());
    }
    let Some(line) = session.ended_at() else {
        let paused = found.state() == SessionState::Paused;
        let wrong = match session.paused {
            _ if ended => false,
            Some((_, Fate::Maybe)) => false,
            Some((expected, _)) => paused != expected,
            None => paused,
        };
        return wrong.then(|| format!("is {:?}", found.state()));
    };
    if !ended {
        return Some("ended and is open".to_owned());
    }
    let mut alive = session.alive.iter();
    let late = alive.any(|(sent, fate)| *sent > line && fate.is_done());
    late.then(|| "lived on after its end".to_owned())
}

/// What is wrong with its times.
fn time(session: &Session, found: &pb::Session) -> Option<String> {
    let took = seconds(found);
    if let Call::Record { seconds, start, .. } = session.made {
        let began = found.start_time.map(|time| time.seconds);
        let right = took == Some(seconds) && began == Some(start);
        return (!right).then(|| format!("has other times: {took:?} from {began:?}"));
    }
    let active = found.last_active_time.map(micros);
    session.told().find_map(|told| {
        if told.seconds.is_some() && told.seconds != took {
            return Some(format!("took {took:?} and not {:?}", told.seconds));
        }
        (told.active > active).then(|| format!("was alive at {:?}, not {active:?}", told.active))
    })
}

/// Activities by their ids, each with what was done in it.
pub async fn compare_activities(
    expected: &Expected,
    channel: &Channel,
    tenant: Uuid,
) -> Vec<String> {
    let asked = expected
        .activities
        .iter()
        .map(|(session, sent)| async move {
            let found = read::activities(channel, tenant, *session).await;
            let mut listed = BTreeMap::new();
            let mut wrong = Vec::new();
            for activity in found {
                let id = Uuid::parse_str(&activity.id).unwrap();
                if listed.insert(id, activity.items_completed).is_some() || !sent.contains_key(&id)
                {
                    wrong.push(format!("activity {id} is there twice, or was never sent"));
                }
            }
            for (id, (items, fate)) in sent {
                let found = listed.get(id).copied();
                if found.is_some_and(|found| found != *items)
                    || found.is_none() && fate.is_done()
                    || found.is_some() && !fate.is_possible()
                {
                    wrong.push(format!(
                        "activity {id} is {fate:?}, and has {found:?} items"
                    ));
                }
            }
            wrong
        });
    let asked = stream::iter(asked).buffer_unordered(AT_ONCE);
    asked.concat().await
}
