//! Logging what is done within a session.

use std::time::Duration;

use dwell::{
    domain::{
        activity::{Activity, ActivityDetails},
        commands::LogActivity,
        fingerprint::Fingerprint,
        hundredths::Hundredths,
        ids::{ActivityId, SessionId},
        rejection::{Rejection, UsedId},
        settings::SettingsPatch,
        time::Timestamp,
    },
    store::Error,
};
use uuid::Uuid;

use crate::fixture::{Fixture, HOUR, MINUTE, at, not_found, session, user};

on_both_engines! {
    an_activity_is_kept_and_is_a_sign_of_life
    an_activity_without_a_start_ended_just_now
    correct_items_earn_points_together_rounded_down_once
    the_same_activity_again_counts_once
    another_activity_under_the_same_id_is_refused
    an_ended_session_takes_activities_and_stays_ended
    an_expired_session_takes_activities_and_stays_expired
    an_activity_of_no_session_is_not_found
    activities_come_oldest_first_page_by_page
}

fn items(correct: i64) -> ActivityDetails {
    ActivityDetails {
        activity_type: "flashcards".to_owned(),
        content_type: "flashcard_deck".to_owned(),
        content_id: "deck-1".to_owned(),
        items_completed: 10,
        items_correct: correct,
        metadata: None,
    }
}

async fn log(
    db: &Fixture,
    session: SessionId,
    number: u128,
    details: ActivityDetails,
    start_time: Option<Timestamp>,
) -> Result<Activity, Error> {
    let print = Fingerprint::of("LogActivity", &(session, &details, start_time));
    db.submit_for(session, |user_id| LogActivity {
        user_id,
        session_id: session,
        activity_id: ActivityId(Uuid::from_u128(number)),
        details: details.clone(),
        start_time,
        duration: Duration::from_secs(30),
        fingerprint: Some(print),
    })
    .await
}

async fn list(db: &Fixture, session: SessionId) -> Vec<Activity> {
    let page = db.store.list_activities(db.tenant, session, None, 100);
    page.await.unwrap().unwrap().items
}

async fn an_activity_is_kept_and_is_a_sign_of_life(db: Fixture) {
    let id = db.start(user(1)).await;
    db.pass(20 * MINUTE);
    let start = at("2026-11-20T12:10:00Z");
    let logged = log(&db, id, 1, items(4), Some(start)).await.unwrap();
    assert_eq!(logged.session_id, id);
    assert_eq!(logged.user_id, user(1));
    assert_eq!(logged.details, items(4));
    assert_eq!(logged.started_at, start);
    assert_eq!(logged.ended_at, at("2026-11-20T12:10:30Z"));
    assert_eq!(logged.created_at, db.now());
    assert_eq!(logged.points_earned, 4);
    assert_eq!(logged.details.accuracy(), Some(Hundredths(4_000)));
    assert_eq!(list(&db, id).await, [logged]);
    let view = db.session(id).await;
    assert_eq!(view.session.last_active_at, db.now());
    assert_eq!(view.session.points_earned, 4);
    assert_eq!(view.session.items_correct, 4);
    assert_eq!(db.user(user(1)).await.user.last_active_at, db.now());
}

async fn an_activity_without_a_start_ended_just_now(db: Fixture) {
    let id = db.start(user(1)).await;
    db.pass(MINUTE);
    let logged = log(&db, id, 1, items(0), None).await.unwrap();
    assert_eq!(logged.ended_at, db.now());
    assert_eq!(logged.started_at, at("2026-11-20T12:00:30Z"));
}

async fn correct_items_earn_points_together_rounded_down_once(db: Fixture) {
    db.set(SettingsPatch {
        points_per_correct_item: Some(0.4),
        points_per_minute: Some(0.3),
        ..SettingsPatch::default()
    })
    .await;
    let id = db.start(user(1)).await;
    let mut sum = 0;
    for number in 1..=5 {
        let logged = log(&db, id, number, items(1), None).await.unwrap();
        sum += logged.points_earned;
    }
    // Five items at 0.4 are 2 points, though each alone is none.
    assert_eq!(sum, 2);
    db.pass(10 * MINUTE);
    let ended = db.end(id).await.unwrap();
    assert_eq!(ended.view.session.points_earned, 2 + 3);
    log(&db, id, 6, items(5), None).await.unwrap();
    assert_eq!(db.session(id).await.session.points_earned, 4 + 3);
}

async fn the_same_activity_again_counts_once(db: Fixture) {
    let id = db.start(user(1)).await;
    let first = log(&db, id, 1, items(4), None).await.unwrap();
    db.pass(MINUTE);
    let again = log(&db, id, 1, items(4), None).await.unwrap();
    assert_eq!(again, first);
    let same = (0..20).map(|_| log(&db, id, 2, items(3), None));
    for answer in futures::future::join_all(same).await {
        assert_eq!(answer.unwrap().points_earned, 3);
    }
    assert_eq!(list(&db, id).await.len(), 2);
    assert_eq!(db.session(id).await.session.points_earned, 7);
}

async fn another_activity_under_the_same_id_is_refused(db: Fixture) {
    let taken: Error = Rejection::IdTaken(UsedId::Activity).into();
    let id = db.start(user(1)).await;
    let other = db.start(user(2)).await;
    log(&db, id, 1, items(4), None).await.unwrap();
    let answer = log(&db, id, 1, items(5), None).await;
    assert_eq!(answer.unwrap_err(), taken);
    let answer = log(&db, other, 1, items(4), None).await;
    assert_eq!(answer.unwrap_err(), taken);
    assert_eq!(db.session(id).await.session.points_earned, 4);
    assert_eq!(list(&db, other).await, []);
}

async fn an_ended_session_takes_activities_and_stays_ended(db: Fixture) {
    let id = db.start(user(1)).await;
    db.pass(4 * MINUTE);
    let ended = db.end(id).await.unwrap().view;
    db.pass(HOUR);
    log(&db, id, 1, items(4), None).await.unwrap();
    let view = db.session(id).await;
    assert_eq!(view.session.points_earned, 2 + 4);
    assert_eq!(view.session.phase, ended.session.phase);
    assert_eq!(view.session.last_active_at, ended.session.last_active_at);
    assert_eq!(view.duration, ended.duration);
    assert_eq!(db.counters(user(1), "2026-11-20").await.active_seconds, 240);
}

async fn an_expired_session_takes_activities_and_stays_expired(db: Fixture) {
    let id = db.start(user(1)).await;
    db.pass(4 * MINUTE);
    db.heartbeat(id).await.unwrap();
    db.pass(HOUR);
    log(&db, id, 1, items(4), None).await.unwrap();
    let view = db.session(id).await;
    assert_eq!(view.session.ended_at(), Some(at("2026-11-20T12:04:00Z")));
    assert_eq!(view.session.points_earned, 2 + 4);
    assert_eq!(db.counters(user(1), "2026-11-20").await.active_seconds, 240);
}

async fn an_activity_of_no_session_is_not_found(db: Fixture) {
    let answer = log(&db, session(404), 1, items(1), None).await;
    assert_eq!(answer.unwrap_err(), not_found());
    let page = db.store.list_activities(db.tenant, session(404), None, 10);
    assert_eq!(page.await.unwrap(), None);
    let id = db.start(user(1)).await;
    assert_eq!(list(&db, id).await, []);
}

async fn activities_come_oldest_first_page_by_page(db: Fixture) {
    let id = db.start(user(1)).await;
    let other = db.start(user(1)).await;
    let (early, late) = (at("2026-11-20T10:00:00Z"), at("2026-11-20T11:00:00Z"));
    for (number, start) in [(5, late), (4, early), (3, late), (2, early), (1, late)] {
        log(&db, id, number, items(0), Some(start)).await.unwrap();
    }
    log(&db, other, 9, items(0), Some(early)).await.unwrap();
    for limit in 1..=6 {
        let (mut numbers, mut after) = (Vec::new(), None);
        loop {
            let page = db.store.list_activities(db.tenant, id, after, limit).await;
            let page = page.unwrap().unwrap();
            assert!(page.items.len() <= limit);
            assert!(numbers.len() < 100, "pages go round in circles");
            numbers.extend(page.items.iter().map(|row| row.id.0.as_u128()));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(numbers, [2, 4, 1, 3, 5], "in pages of {limit}");
    }
}
