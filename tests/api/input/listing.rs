//! Requests for many sessions or activities.

use dwell::pb::v1::{
    ListActivitiesRequest, ListSessionsRequest, RevokeSessionsRequest, Subject,
    WatchSessionsRequest,
};

use super::{
    Tokens,
    rows::{
        Row, any_time, bad, category, enumeration, field, line, optional_uuid, page_size, token,
        uuid,
    },
};
use crate::values::{OTHER_USER, SESSION, USER, id, time};

pub fn list(tokens: &Tokens) -> Vec<Row> {
    type Request = ListSessionsRequest;
    let mut rows = optional_uuid("user_id", USER, |r: &mut Request, id| r.user_id = id);
    rows.extend(field(
        "states[1]",
        |r: &mut Request, state| r.states = vec![1, state],
        [0, 4, -1],
        [1, 2, 3],
    ));
    rows.extend(category("session_type", |r: &mut Request, t| {
        r.session_type = t;
    }));
    rows.extend(category("client_type", |r: &mut Request, t| {
        r.client_type = t;
    }));
    rows.extend(enumeration("completion_status", 3, |r: &mut Request, n| {
        r.completion_status = n;
    }));
    rows.extend(enumeration("end_reason", 6, |r: &mut Request, n| {
        r.end_reason = n;
    }));
    rows.extend(category("subject.type", |r: &mut Request, t| {
        r.subject = about(t, String::new());
    }));
    rows.extend(line("subject.id", 128, |r: &mut Request, t| {
        r.subject = about(String::new(), t);
    }));
    rows.extend(any_time("start_time_from", |r: &mut Request, t| {
        r.start_time_from = t;
    }));
    rows.extend(any_time("start_time_until", |r: &mut Request, t| {
        r.start_time_until = t;
    }));
    rows.push(bad(&["start_time_until"], |r: &mut Request| {
        r.start_time_from = time("2026-03-01T00:00:00Z");
        r.start_time_until = r.start_time_from;
    }));
    rows.extend(page_size(|r: &mut Request, n| r.page_size = n));
    let mut others = vec![&*tokens.activities, &tokens.users, &tokens.days];
    others.extend(tokens.foreign.iter().map(String::as_str));
    rows.extend(token(
        "page_token",
        &tokens.sessions,
        &others,
        |r: &mut Request, t| r.page_token = t,
    ));
    let spoils: [fn(&mut Request); 9] = [
        |r| r.user_id = USER.into(),
        |r| r.states = vec![1],
        |r| r.session_type = "normal".into(),
        |r| r.client_type = "unknown".into(),
        |r| r.completion_status = 1,
        |r| r.end_reason = 1,
        |r| r.subject = about("class".into(), String::new()),
        |r| r.start_time_from = time("2026-03-01T00:00:00Z"),
        |r| r.start_time_until = time("2026-03-03T00:00:00Z"),
    ];
    for spoil in spoils {
        // Of the same list with another filter.
        let own = tokens.sessions.clone();
        if !own.is_empty() {
            rows.push(bad(&["page_token"], |r: &mut Request| {
                r.page_token = own;
                spoil(r);
            }));
        }
    }
    rows
}

#[expect(clippy::unnecessary_wraps, reason = "messages hold it so")]
fn about(kind: String, id: String) -> Option<Subject> {
    Some(Subject {
        r#type: kind,
        id,
        name: String::new(),
    })
}

pub fn revoke() -> Vec<Row> {
    type Request = RevokeSessionsRequest;
    let both = |r: &mut Request| r.user_id = USER.into();
    let neither = |r: &mut Request| r.session_ids.clear();
    let mut rows = uuid("session_ids[1]", &id(4), |r: &mut Request, id| {
        r.session_ids.push(id);
    });
    rows.extend(optional_uuid(
        "user_id",
        OTHER_USER,
        |r: &mut Request, id| {
            neither(r);
            r.user_id = id;
        },
    ));
    rows.extend(optional_uuid(
        "except_session_id",
        SESSION,
        |r: &mut Request, id| {
            r.except_session_id = id;
        },
    ));
    let many = |count: u128| (1_000..1_000 + count).map(id).collect();
    rows.extend(field(
        "session_ids",
        |r: &mut Request, ids| r.session_ids = ids,
        [many(501)],
        [many(500)],
    ));
    rows.extend([bad(&["user_id"], both), bad(&["user_id"], neither)]);
    rows
}

pub fn list_activities(tokens: &Tokens) -> Vec<Row> {
    type Request = ListActivitiesRequest;
    let mut rows = uuid("session_id", SESSION, |r: &mut Request, id| {
        r.session_id = id;
    });
    rows.extend(page_size(|r: &mut Request, n| r.page_size = n));
    let mut others = vec![&*tokens.sessions, &tokens.users, &tokens.days];
    others.extend(tokens.foreign.iter().map(String::as_str));
    rows.extend(token(
        "page_token",
        &tokens.activities,
        &others,
        |r: &mut Request, t| r.page_token = t,
    ));
    let own = tokens.activities.clone();
    if !own.is_empty() {
        // Of another session's list.
        rows.push(bad(&["page_token"], |r: &mut Request| {
            r.session_id = id(1);
            r.page_token = own;
        }));
    }
    rows
}

pub fn watch(tokens: &Tokens) -> Vec<Row> {
    type Request = WatchSessionsRequest;
    let mut rows = optional_uuid("user_id", USER, |r: &mut Request, id| r.user_id = id);
    let mut others = vec![&*tokens.sessions, &tokens.activities, &tokens.days];
    others.extend(tokens.foreign.iter().map(String::as_str));
    rows.extend(token(
        "resume_token",
        &tokens.watch,
        &others,
        |r: &mut Request, t| r.resume_token = t,
    ));
    let own = tokens.watch.clone();
    if !own.is_empty() {
        // Of everyone's.
        rows.push(bad(&["resume_token"], |r: &mut Request| {
            r.user_id = USER.into();
            r.resume_token = own;
        }));
    }
    rows
}
