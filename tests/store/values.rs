//! What callers send comes back as it was, on both engines.

use std::{collections::BTreeMap, sync::Arc};

use dwell::domain::{
    activity::ActivityDetails,
    commands::{LogActivity, StartSession},
    fingerprint::Fingerprint,
    ids::{ActivityId, UserId},
    session::{CompletionStatus, SessionContext, SessionResult, SessionReview, Subject},
    time::Timestamp,
    usage::MAX_INCREMENT,
};
use serde_json::Value;
use uuid::Uuid;

use crate::fixture::{Fixture, at, context, seconds, session, start_session, start_with, user};

on_both_engines! {
    a_context_comes_back_as_it_was
    empty_strings_stay_empty
    a_review_comes_back_as_it_was
    scores_are_exact_to_the_last_bit
    metadata_keeps_its_numbers_and_names
    instants_are_exact_to_the_microsecond
    ids_of_any_bits_are_kept_and_sorted_alike
    feature_names_of_any_form_are_kept
}

/// Names and texts that a careless encoding would spoil.
const TEXT: &str = "né ☂ \u{1F469}\u{200D}\u{1F680} \u{FEFF}'\";--\\{}[]%_$1,NULL\u{10FFFF}";

fn json(text: &str) -> Arc<str> {
    let _: Value = serde_json::from_str(text).unwrap();
    Arc::from(text)
}

fn parsed(json: Option<&str>) -> Value {
    serde_json::from_str(json.unwrap()).unwrap()
}

/// The engines write JSON with other spaces, and maps in another order.
fn assert_same_context(mut left: SessionContext, mut right: SessionContext) {
    let (a, b) = (left.metadata.take(), right.metadata.take());
    assert_eq!(left, right);
    let value = |json: &Option<Arc<str>>| json.as_deref().map(|text| parsed(Some(text)));
    assert_eq!(value(&a), value(&b));
}

async fn a_context_comes_back_as_it_was(db: Fixture) {
    for (number, address) in [
        (1, "203.0.113.7"),
        (2, "2001:db8::7"),
        (3, "::ffff:1.2.3.4"),
    ] {
        let sent = SessionContext {
            session_type: "roleplay".to_owned(),
            client_info: TEXT.to_owned(),
            ip_address: Some(address.parse().unwrap()),
            subject: Some(Subject {
                kind: "class".to_owned(),
                id: TEXT.to_owned(),
                name: String::new(),
            }),
            focus_mode: true,
            location: TEXT.to_owned(),
            metadata: Some(json(r#"{"b":[1,{"ü":null}],"a":"☂\"\\"}"#)),
            ..context()
        };
        let command = start_with(user(1), session(number), sent.clone());
        db.submit(command.clone()).await.unwrap();
        assert_same_context(db.session(session(number)).await.session.context, sent);
        assert!(!db.submit(command).await.unwrap().created);
    }
}

async fn empty_strings_stay_empty(db: Fixture) {
    let sent = SessionContext {
        session_type: String::new(),
        subject: Some(Subject {
            kind: String::new(),
            id: String::new(),
            name: String::new(),
        }),
        metadata: Some(json("{}")),
        ..context()
    };
    let command = start_with(user(1), session(1), sent.clone());
    db.submit(command).await.unwrap();
    assert_same_context(db.session(session(1)).await.session.context, sent);
    let ended = db
        .end_with(session(1), SessionReview::default(), None)
        .await;
    let review = db.session(session(1)).await.session.review;
    assert_eq!(review, SessionReview::default());
    assert_eq!(review, ended.unwrap().view.session.review);
}

async fn a_review_comes_back_as_it_was(db: Fixture) {
    let statuses = [
        CompletionStatus::Completed,
        CompletionStatus::Partial,
        CompletionStatus::Abandoned,
    ];
    for (number, completion) in (1..).zip(statuses) {
        let sent = SessionReview {
            completion: Some(completion),
            notes: format!("{TEXT}\n{}", "x".repeat(4_000)),
            mood_rating: Some(1),
            productivity_rating: Some(5),
            result: Some(SessionResult {
                words_spoken: MAX_INCREMENT,
                scores: BTreeMap::from([(TEXT.to_owned(), 100.0)]),
                topics: vec![TEXT.to_owned(), String::new(), TEXT.to_owned()],
                vocabulary_learned: Vec::new(),
                areas_to_improve: vec!["a".to_owned()],
            }),
        };
        let id = session(number);
        db.start_as(user(1), id).await.unwrap();
        let ended = db.end_with(id, sent.clone(), None).await.unwrap();
        assert_eq!(ended.view.session.review, sent);
        assert_eq!(db.session(id).await.session.review, sent);
    }
}

async fn scores_are_exact_to_the_last_bit(db: Fixture) {
    let hard = [
        0.1 + 0.2,
        1.0 / 3.0,
        100.0 - 1e-14,
        5e-324,
        f64::MIN_POSITIVE,
        2.225_073_858_507_201e-308,
        1e-7,
        99.999_999_999_999_99,
        0.0,
    ];
    let scores: BTreeMap<_, _> = hard
        .iter()
        .enumerate()
        .map(|(number, score)| (format!("s{number}"), *score))
        .collect();
    let sent = SessionReview {
        result: Some(SessionResult {
            scores: scores.clone(),
            ..SessionResult::default()
        }),
        ..SessionReview::default()
    };
    db.start_as(user(1), session(1)).await.unwrap();
    db.end_with(session(1), sent, None).await.unwrap();
    let read = db.session(session(1)).await.session.review.result.unwrap();
    let bits = |scores: &BTreeMap<String, f64>| -> Vec<u64> {
        scores.values().map(|score| score.to_bits()).collect()
    };
    assert_eq!(bits(&read.scores), bits(&scores));
}

async fn metadata_keeps_its_numbers_and_names(db: Fixture) {
    let text = r#"{"big":9007199254740993,"deep":[[[[{}]]]],"e":1e300,"long name":-0.1,"":true}"#;
    db.start_as(user(1), session(1)).await.unwrap();
    let command = |user_id: UserId| LogActivity {
        user_id,
        session_id: session(1),
        activity_id: ActivityId(Uuid::from_u128(1)),
        details: ActivityDetails {
            activity_type: "reading".to_owned(),
            content_type: String::new(),
            content_id: TEXT.to_owned(),
            items_completed: i64::MAX,
            items_correct: 0,
            metadata: Some(json(text)),
        },
        start_time: None,
        duration: std::time::Duration::ZERO,
        fingerprint: Some(Fingerprint([7; 32])),
    };
    db.submit_for(session(1), command).await.unwrap();
    let page = db.store.list_activities(db.tenant, session(1), None, 1);
    let read = page.await.unwrap().unwrap().items.remove(0);
    assert_eq!(read.fingerprint, Some(Fingerprint([7; 32])));
    assert_eq!(read.details.content_id, TEXT);
    assert_eq!(read.details.items_completed, i64::MAX);
    let metadata = parsed(read.details.metadata.as_deref());
    let sent = parsed(Some(text));
    assert_eq!(metadata["e"].as_f64(), sent["e"].as_f64());
    for name in ["big", "deep", "long name", ""] {
        assert_eq!(metadata[name], sent[name]);
    }
}

async fn instants_are_exact_to_the_microsecond(db: Fixture) {
    for (number, time) in [
        (1, "2000-01-01T00:00:00.000001Z"),
        (2, "2026-11-20T12:00:00.999999Z"),
        (3, "2099-12-31T23:59:59.999999Z"),
    ] {
        db.set_clock(time);
        db.start_as(user(number), session(number)).await.unwrap();
        let view = db.session(session(number)).await;
        assert_eq!(view.session.started_at, at(time));
        let next = Timestamp::from_micros(at(time).micros() + 1);
        db.clock.set(next);
        db.heartbeat(session(number)).await.unwrap();
        let view = db.session(session(number)).await;
        assert_eq!(view.session.last_active_at, next);
    }
}

async fn ids_of_any_bits_are_kept_and_sorted_alike(db: Fixture) {
    let mut users: Vec<_> = [0, 1, u128::MAX, 1 << 127, (1 << 127) - 1, 0xff << 64]
        .into_iter()
        .map(user)
        .collect();
    for id in &users {
        let start = StartSession {
            fingerprint: None,
            ..start_session(*id, session(id.0.as_u128()))
        };
        db.submit(start).await.unwrap();
        db.record(*id, None, seconds(1)).await.unwrap();
    }
    users.sort();
    let page = db.store.list_users(db.tenant, None, None, 10, db.now());
    let rows = page.await.unwrap().items;
    let listed: Vec<_> = rows.iter().map(|row| row.user.id).collect();
    assert_eq!(listed[..], users[..]);
}

async fn feature_names_of_any_form_are_kept(db: Fixture) {
    let names = ["A.b", "c/d", "e:f", "g-h", "_", "0", "x.y.z/1:2-3", "\"'"];
    let mut more = seconds(0);
    more.feature_usage = names.map(|name| (name.to_owned(), 1)).into();
    for _ in 0..2 {
        db.record(user(1), None, more.clone()).await.unwrap();
    }
    let counters = db.counters(user(1), "2026-11-20").await;
    assert_eq!(counters.feature_usage.len(), names.len());
    assert!(counters.feature_usage.values().all(|count| *count == 2));
}
