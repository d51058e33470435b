//! Requests that say how a session ended.

use dwell::pb::v1::{EndSessionRequest, RecordSessionRequest, SessionResult};

use super::{
    rows::{
        Input, Row, amount, bad, category, enumeration, field, good, line, lines, metadata,
        optional_uuid, past_time, rating, share, span, uuid,
    },
    sessions::{LONGEST, subject},
};
use crate::values::{SESSION, USER, id, seconds, time};

pub fn end() -> Vec<Row> {
    type Request = EndSessionRequest;
    let mut rows = uuid("session_id", SESSION, |r: &mut Request, id| {
        r.session_id = id;
    });
    rows.extend(rating("mood_rating", |r: &mut Request, n| {
        r.mood_rating = n;
    }));
    rows.extend(rating("productivity_rating", |r: &mut Request, n| {
        r.productivity_rating = n;
    }));
    rows.extend(lines("notes", 4_000, |r: &mut Request, t| r.notes = t));
    rows.extend(enumeration("completion_status", 3, |r: &mut Request, n| {
        r.completion_status = n;
    }));
    rows.extend(share("progress", 1.0, |r: &mut Request, n| {
        r.progress = Some(n);
    }));
    rows.extend(result(|r: &mut Request, result| r.result = Some(result)));
    rows.extend(past_time(
        "end_time",
        "2026-03-02T09:00:00Z",
        |r: &mut Request, t| {
            r.end_time = t;
        },
    ));
    rows.push(bad(&["end_time"], |r: &mut Request| {
        // Before the session's start, which only the session knows.
        r.end_time = time("2026-03-02T08:58:59.999999Z");
    }));
    rows.push(bad(
        &["session_id", "mood_rating", "notes", "progress", "end_time"],
        |r: &mut Request| {
            r.session_id = "x".into();
            r.mood_rating = 6;
            r.notes = "\0".into();
            r.progress = Some(2.0);
            r.end_time = time("2026-03-03T00:00:00Z");
        },
    ));
    rows
}

fn result<R: Input>(set: impl Fn(&mut R, SessionResult)) -> Vec<Row> {
    let scores = |r: &mut R, scores: Vec<(String, f64)>| {
        set(
            r,
            SessionResult {
                scores: scores.into_iter().collect(),
                ..Default::default()
            },
        );
    };
    let mut rows = amount("result.words_spoken", |r, n| {
        set(
            r,
            SessionResult {
                words_spoken: n,
                ..Default::default()
            },
        );
    });
    rows.extend(share("result.scores", 100.0, |r, n| {
        scores(r, vec![("fluency".to_owned(), n)]);
    }));
    let named = |name: &str| vec![(name.to_owned(), 1.0)];
    let many = |count: usize| (0..count).map(|n| (n.to_string(), 1.0)).collect();
    rows.extend(field(
        "result.scores",
        scores,
        [
            named(""),
            named("a\0"),
            named("\n"),
            named(&"é".repeat(101)),
            many(33),
        ],
        [named(&"é".repeat(100)), many(32)],
    ));
    rows.extend(terms("topics", |r, terms| {
        set(
            r,
            SessionResult {
                topics: terms,
                ..Default::default()
            },
        );
    }));
    rows.extend(terms("vocabulary_learned", |r, terms| {
        set(
            r,
            SessionResult {
                vocabulary_learned: terms,
                ..Default::default()
            },
        );
    }));
    rows.extend(terms("areas_to_improve", |r, terms| {
        set(
            r,
            SessionResult {
                areas_to_improve: terms,
                ..Default::default()
            },
        );
    }));
    rows
}

fn terms<R: Input>(name: &str, set: impl Fn(&mut R, Vec<String>)) -> Vec<Row> {
    let whole = format!("result.{name}");
    let second = format!("{whole}[1]");
    let one = |r: &mut R, term: String| set(r, vec!["a".to_owned(), term]);
    let many = |count: usize| vec!["a".to_owned(); count];
    let mut rows = line(&second, 200, one);
    rows.push(bad(&[&second], |r| one(r, String::new())));
    rows.extend(field(&whole, &set, [many(101)], [many(100)]));
    rows
}

pub fn record() -> Vec<Row> {
    type Request = RecordSessionRequest;
    let mut rows = uuid("user_id", USER, |r: &mut Request, id| r.user_id = id);
    rows.extend(optional_uuid(
        "session_id",
        &id(3),
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
    rows.extend(subject("subject", |r: &mut Request, subject| {
        r.subject = subject;
    }));
    rows.extend(enumeration("completion_status", 3, |r: &mut Request, n| {
        r.completion_status = n;
    }));
    rows.extend(share("progress", 1.0, |r: &mut Request, n| {
        r.progress = Some(n);
    }));
    rows.extend(result(|r: &mut Request, result| r.result = Some(result)));
    rows.extend(rating("mood_rating", |r: &mut Request, n| {
        r.mood_rating = n;
    }));
    rows.extend(rating("productivity_rating", |r: &mut Request, n| {
        r.productivity_rating = n;
    }));
    rows.extend(lines("notes", 4_000, |r: &mut Request, t| r.notes = t));
    rows.extend(line("location", 100, |r: &mut Request, t| r.location = t));
    rows.extend(metadata("metadata", |r: &mut Request, m| r.metadata = m));
    rows.push(bad(&["client_type", "notes"], |r: &mut Request| {
        r.client_type = "miro".into();
        r.notes = "\0".into();
    }));
    rows
}

/// Start and one of end or duration, or only a duration.
pub fn recorded_times() -> Vec<Row> {
    type Request = RecordSessionRequest;
    let noon = "2026-03-01T12:00:00Z";
    let mut rows = span("duration", LONGEST, |r: &mut Request, d| r.duration = d);
    rows.extend(past_time(
        "start_time",
        "2026-03-02T08:59:00Z",
        |r: &mut Request, t| {
            r.start_time = t;
        },
    ));
    rows.extend(past_time(
        "end_time",
        "2026-03-02T09:00:00Z",
        |r: &mut Request, t| {
            r.start_time = time(noon);
            r.end_time = t;
            r.duration = None;
        },
    ));
    let given = |start, end, duration| {
        move |r: &mut Request| {
            r.start_time = start;
            r.end_time = end;
            r.duration = duration;
        }
    };
    rows.extend([
        bad(&["duration"], given(time(noon), time(noon), seconds(0))),
        bad(&["duration"], given(None, time(noon), seconds(0))),
        bad(&["duration"], given(None, None, None)),
        bad(&["end_time"], given(time(noon), None, None)),
        bad(&["start_time"], given(None, time(noon), None)),
        bad(
            &["end_time"],
            given(time(noon), time("2026-03-01T11:59:59Z"), None),
        ),
        bad(
            &["end_time"],
            given(
                time("2026-01-01T00:00:00Z"),
                time("2026-02-01T00:00:00.000001Z"),
                None,
            ),
        ),
        good(given(
            time("2026-01-01T00:00:00Z"),
            time("2026-02-01T00:00:00Z"),
            None,
        )),
        good(given(time(noon), time(noon), None)),
        good(given(time("2000-01-01T00:00:00Z"), None, seconds(0))),
        // It would end a second from now.
        bad(
            &["duration"],
            given(time("2026-03-02T08:00:00Z"), None, seconds(3_601)),
        ),
        good(given(time("2026-03-02T08:00:00Z"), None, seconds(3_600))),
    ]);
    rows
}
