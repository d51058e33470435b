//! Whose day a stay counts for, in the tenant's time zone.

use std::time::Duration;

use chrono_tz::Tz;
use dwell::domain::settings::SettingsPatch;

use crate::fixture::{Fixture, HOUR, MINUTE, at, completed, day, on_days, seconds, session, user};

on_both_engines! {
    a_stay_over_midnight_gives_each_local_day_its_own_seconds
    a_day_that_loses_an_hour_has_23_hours
    a_day_that_gains_an_hour_has_25_hours
    a_pause_over_midnight_counts_for_neither_day
    the_parts_of_a_stay_add_up_to_the_whole
    a_completed_session_counts_on_the_day_of_its_start
    an_expired_stay_is_split_like_any_other
    a_new_zone_leaves_earlier_days_as_they_were
    a_stay_over_a_change_of_zone_is_split_by_both
}

async fn a_stay_over_midnight_gives_each_local_day_its_own_seconds(db: Fixture) {
    db.set_zone(Tz::Asia__Kolkata).await;
    // Midnight in India is at 18:30 UTC.
    db.set_clock("2026-11-20T18:10:00Z");
    let id = db.start(user(1)).await;
    db.pass(29 * MINUTE);
    db.end(id).await.unwrap();
    assert_eq!(
        db.seconds_by_day(user(1)).await,
        on_days(&[("2026-11-20", 1_200), ("2026-11-21", 540)])
    );
    assert_eq!(db.session(id).await.session.start_date, day("2026-11-20"));
    assert_eq!(db.user(user(1)).await.user.total_usage_seconds, 1_740);
}

/// Stays from one time to another, giving signs of life.
async fn stay(db: &Fixture, from: &str, until: &str) {
    db.set(SettingsPatch {
        idle_timeout: Some(None),
        max_lifetime: Some(None),
        ..SettingsPatch::default()
    })
    .await;
    db.set_clock(from);
    let id = db.start(user(1)).await;
    db.set_clock(until);
    db.end(id).await.unwrap();
}

async fn a_day_that_loses_an_hour_has_23_hours(db: Fixture) {
    db.set_zone(Tz::Europe__Berlin).await;
    stay(
        &db,
        "2027-03-27T23:00:00+01:00",
        "2027-03-29T01:00:00+02:00",
    )
    .await;
    assert_eq!(
        db.seconds_by_day(user(1)).await,
        on_days(&[
            ("2027-03-27", 3_600),
            ("2027-03-28", 82_800),
            ("2027-03-29", 3_600)
        ])
    );
}

async fn a_day_that_gains_an_hour_has_25_hours(db: Fixture) {
    db.set_zone(Tz::America__New_York).await;
    stay(
        &db,
        "2027-11-06T23:00:00-04:00",
        "2027-11-08T01:00:00-05:00",
    )
    .await;
    assert_eq!(
        db.seconds_by_day(user(1)).await,
        on_days(&[
            ("2027-11-06", 3_600),
            ("2027-11-07", 90_000),
            ("2027-11-08", 3_600)
        ])
    );
}

async fn a_pause_over_midnight_counts_for_neither_day(db: Fixture) {
    db.set_clock("2026-11-20T23:50:00Z");
    let id = db.start(user(1)).await;
    db.pass(6 * MINUTE);
    db.pause(id).await.unwrap();
    db.pass(12 * MINUTE);
    db.resume(id).await.unwrap();
    db.pass(2 * MINUTE);
    db.end(id).await.unwrap();
    assert_eq!(
        db.seconds_by_day(user(1)).await,
        on_days(&[("2026-11-20", 360), ("2026-11-21", 120)])
    );
}

async fn the_parts_of_a_stay_add_up_to_the_whole(db: Fixture) {
    db.set_clock("2026-11-20T23:59:58.600Z");
    let id = db.start(user(1)).await;
    db.set_clock("2026-11-21T00:00:01.600Z");
    let ended = db.end(id).await.unwrap();
    assert_eq!(ended.view.duration, Duration::from_secs(3));
    assert_eq!(
        db.seconds_by_day(user(1)).await,
        on_days(&[("2026-11-20", 1), ("2026-11-21", 2)])
    );
    assert_eq!(db.user(user(1)).await.user.total_usage_seconds, 3);
}

async fn a_completed_session_counts_on_the_day_of_its_start(db: Fixture) {
    db.set_clock("2026-11-20T23:59:00Z");
    let id = db.start(user(1)).await;
    db.pass(2 * MINUTE);
    db.end(id).await.unwrap();
    let first = db.counters(user(1), "2026-11-20").await;
    let second = db.counters(user(1), "2026-11-21").await;
    assert_eq!((first.sessions_started, first.sessions_completed), (1, 1));
    assert_eq!((second.sessions_started, second.sessions_completed), (0, 0));
}

async fn an_expired_stay_is_split_like_any_other(db: Fixture) {
    db.set_clock("2026-11-20T23:50:00Z");
    let id = db.start(user(1)).await;
    db.pass(20 * MINUTE);
    db.heartbeat(id).await.unwrap();
    db.pass(3 * HOUR);
    assert!(db.expire(id).await.unwrap());
    assert_eq!(
        db.seconds_by_day(user(1)).await,
        on_days(&[("2026-11-20", 600), ("2026-11-21", 600)])
    );
}

async fn a_new_zone_leaves_earlier_days_as_they_were(db: Fixture) {
    db.set_clock("2026-11-18T23:30:00Z");
    db.record(user(1), None, seconds(1)).await.unwrap();
    let session = db.start(user(1)).await;
    db.end(session).await.unwrap();
    db.set_clock("2026-11-20T12:00:00Z");
    let settings = db.set_zone(Tz::Pacific__Auckland).await;
    assert_eq!(settings.calendar.zone(), Tz::Pacific__Auckland);
    assert_eq!(db.store.get_settings(db.tenant).await.unwrap(), settings);
    assert_eq!(
        db.session(session).await.session.start_date,
        day("2026-11-18")
    );
    // It is one in the morning of the 21st there.
    let today = db.record(user(1), None, seconds(2)).await.unwrap();
    assert_eq!(today.date, day("2026-11-21"));
    assert_eq!(
        db.seconds_by_day(user(1)).await,
        on_days(&[("2026-11-18", 1), ("2026-11-21", 2)])
    );
}

async fn a_stay_over_a_change_of_zone_is_split_by_both(db: Fixture) {
    db.set_clock("2026-11-20T10:50:00Z");
    db.start_as(user(1), session(1)).await.unwrap();
    db.pass(20 * MINUTE);
    // The 21st began at 11:00 UTC there; until then days are UTC's.
    db.set_zone(Tz::Pacific__Auckland).await;
    let ended = db.end_with(session(1), completed(), None).await.unwrap();
    assert_eq!(
        ended.view.session.ended_at(),
        Some(at("2026-11-20T11:10:00Z"))
    );
    assert_eq!(
        db.seconds_by_day(user(1)).await,
        on_days(&[("2026-11-20", 600), ("2026-11-21", 600)])
    );
}
