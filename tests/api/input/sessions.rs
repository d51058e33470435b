//! The requests of `SessionService`.

use dwell::pb::v1::{
    EndSessionRequest, GetSessionRequest, HeartbeatRequest, ListActivitiesRequest,
    ListSessionsRequest, LogActivityRequest, PauseSessionRequest, RecordSessionRequest,
    ResumeSessionRequest, RevokeSessionsRequest, StartSessionRequest, StreamHeartbeatsRequest,
    Subject, WatchSessionsRequest,
};

use super::{
    Tokens, ending, listing,
    rows::{
        Input, MOST, Row, amount, bad, category, field, good, line, metadata, optional_uuid,
        past_time, span, uuid,
    },
};
use crate::values::{SESSION, USER, id, seconds, time};

/// The longest session that can be saved after the fact, and the longest activity.
pub const LONGEST: i64 = 31 * 24 * 3_600;

pub fn rows(tokens: &Tokens) -> Vec<Row> {
    let mut rows = start();
    rows.extend(ending::end());
    rows.extend(ending::record());
    rows.extend(ending::recorded_times());
    rows.extend(named::<HeartbeatRequest>(|r, id| r.session_id = id));
    rows.extend(named::<StreamHeartbeatsRequest>(|r, id| r.session_id = id));
    rows.extend(named::<PauseSessionRequest>(|r, id| r.session_id = id));
    rows.extend(named::<ResumeSessionRequest>(|r, id| r.session_id = id));
    rows.extend(named::<GetSessionRequest>(|r, id| r.session_id = id));
    rows.extend(listing::list(tokens));
    rows.extend(listing::revoke());
    rows.extend(log_activity());
    rows.extend(listing::list_activities(tokens));
    rows.extend(listing::watch(tokens));
    rows
}

macro_rules! right {
    ($($request:ident { $($field:ident: $value:expr),* $(,)? })*) => {
        $(impl Input for $request {
            fn right() -> Self {
                Self { $($field: $value,)* ..Self::default() }
            }
        })*
    };
}

right! {
    StartSessionRequest { user_id: USER.to_owned() }
    EndSessionRequest { session_id: SESSION.to_owned() }
    RecordSessionRequest { user_id: USER.to_owned(), duration: seconds(60) }
    ListSessionsRequest {}
    RevokeSessionsRequest { session_ids: vec![id(99)] }
    LogActivityRequest { session_id: SESSION.to_owned(), activity_type: "reading".to_owned() }
    ListActivitiesRequest { session_id: SESSION.to_owned() }
    WatchSessionsRequest {}
}

macro_rules! right_with_a_session {
    ($($request:ident)*) => {
        $(impl Input for $request {
            fn right() -> Self {
                Self { session_id: SESSION.to_owned() }
            }
        })*
    };
}

right_with_a_session! {
    HeartbeatRequest StreamHeartbeatsRequest PauseSessionRequest ResumeSessionRequest
    GetSessionRequest
}

fn start() -> Vec<Row> {
    type Request = StartSessionRequest;
    let mut rows = uuid("user_id", USER, |r: &mut Request, id| r.user_id = id);
    rows.extend(optional_uuid(
        "session_id",
        &id(2),
        |r: &mut Request, id| {
            r.session_id = id;
        },
    ));
    rows.extend(category("session_type", |r: &mut Request, t| {
        r.session_type = t;
    }));
    rows.extend(category("client_type", |r: &mut Request, t| {
        r.client_type = t;
    }));
    rows.extend(line("client_info", 255, |r: &mut Request, t| {
        r.client_info = t;
    }));
    let wrong = [
        "localhost",
        "256.1.1.1",
        "1.2.3",
        "01.2.3.4",
        "1.2.3.4:80",
        "[::1]",
        "fe80::1%eth0",
        "10.0.0.0/8",
        "1.2.3.4\0",
        " 1.2.3.4",
    ];
    let right = ["0.0.0.0", "::", "2001:DB8::0:1", "::ffff:1.2.3.4"];
    rows.extend(field(
        "ip_address",
        |r: &mut Request, ip: &str| r.ip_address = ip.into(),
        wrong,
        right,
    ));
    rows.extend(subject("subject", |r: &mut Request, subject| {
        r.subject = subject;
    }));
    rows.extend(line("location", 100, |r: &mut Request, t| r.location = t));
    rows.extend(metadata("metadata", |r: &mut Request, m| r.metadata = m));
    rows.extend([
        bad(&["client_type"], |r: &mut Request| {
            // The form is right, but it is none of the tenant's.
            r.client_type = "miro".into();
        }),
        bad(&["client_type", "user_id"], |r: &mut Request| {
            r.client_type = "miro".into();
            r.user_id = "ann".into();
        }),
        bad(
            &[
                "user_id",
                "session_id",
                "session_type",
                "client_type",
                "location",
            ],
            |r: &mut Request| {
                r.user_id.clear();
                r.session_id = "1".into();
                r.session_type = "A".into();
                r.client_type = "B".into();
                r.location = "\0".into();
            },
        ),
    ]);
    rows
}

/// A subject of which something must be given; its fields begin with `path`.
pub fn subject<R: Input>(path: &str, set: impl Fn(&mut R, Option<Subject>)) -> Vec<Row> {
    let [kind, id, name] = ["type", "id", "name"].map(|field| format!("{path}.{field}"));
    let class = |kind: &str, id: &str, name: &str| Subject {
        r#type: kind.to_owned(),
        id: id.to_owned(),
        name: name.to_owned(),
    };
    let of_type = |r: &mut R, t: String| set(r, Some(class(&t, "1", "")));
    let of_id = |r: &mut R, t: String| set(r, Some(class("class", &t, "")));
    let of_name = |r: &mut R, t: String| set(r, Some(class("class", "1", &t)));
    let mut rows = category(&kind, of_type);
    rows.extend(line(&id, 128, of_id));
    rows.extend(line(&name, 200, of_name));
    rows.extend([
        bad(&[&kind], |r| of_type(r, String::new())),
        bad(&[&id], |r| of_id(r, String::new())),
        bad(&[&kind, &id], |r| {
            set(r, Some(class("", "", "Spanish")));
        }),
        good(|r| set(r, Some(Subject::default()))),
    ]);
    rows
}

/// A request that names a session and nothing else.
fn named<R: Input>(set: impl Fn(&mut R, String)) -> Vec<Row> {
    uuid("session_id", SESSION, set)
}

fn log_activity() -> Vec<Row> {
    type Request = LogActivityRequest;
    let mut rows = uuid("session_id", SESSION, |r: &mut Request, id| {
        r.session_id = id;
    });
    rows.extend(optional_uuid(
        "activity_id",
        &id(5),
        |r: &mut Request, id| {
            r.activity_id = id;
        },
    ));
    rows.extend(category("activity_type", |r: &mut Request, t| {
        r.activity_type = t;
    }));
    rows.push(bad(&["activity_type"], |r: &mut Request| {
        r.activity_type.clear();
    }));
    rows.extend(category("content_type", |r: &mut Request, t| {
        r.content_type = t;
    }));
    rows.extend(line("content_id", 128, |r: &mut Request, t| {
        r.content_id = t;
    }));
    rows.extend(past_time(
        "start_time",
        "2026-03-02T09:00:00Z",
        |r: &mut Request, t| {
            r.start_time = t;
        },
    ));
    rows.extend(span("duration", LONGEST, |r: &mut Request, d| {
        r.duration = d;
    }));
    rows.extend(amount("items_completed", |r: &mut Request, n| {
        r.items_completed = n;
    }));
    rows.extend(amount("items_correct", |r: &mut Request, n| {
        r.items_completed = MOST;
        r.items_correct = n;
    }));
    rows.extend(metadata("metadata", |r: &mut Request, m| r.metadata = m));
    rows.extend([
        bad(&["items_correct"], |r: &mut Request| {
            r.items_completed = 1;
            r.items_correct = 2;
        }),
        bad(&["duration"], |r: &mut Request| {
            // It would end a second from now.
            r.start_time = time("2026-03-02T08:00:00Z");
            r.duration = seconds(3_601);
        }),
        bad(
            &[
                "session_id",
                "activity_type",
                "items_completed",
                "items_correct",
            ],
            |r: &mut Request| {
                r.session_id.clear();
                r.activity_type.clear();
                r.items_completed = -1;
                r.items_correct = -2;
            },
        ),
    ]);
    rows
}
