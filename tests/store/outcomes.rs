//! What sessions said, one by one and added up by day.

use std::time::Duration;

use dwell::{
    domain::{
        commands::{PurgeSession, RecordSession},
        fingerprint::Fingerprint,
        ids::{SessionId, UserId},
        insights::{
            recent::{Outcome, Window},
            stats::{CountedDays, SessionStats},
        },
        session::{SessionResult, SessionReview},
        settings::SettingsPatch,
    },
    store::privacy::delete_user,
};

use crate::{
    fixture::{Fixture, HOUR, MINUTE, completed, day, days, user},
    performance::recorded,
};

on_both_engines! {
    outcomes_are_of_ended_sessions_that_started_in_the_window
    outcomes_of_days_are_those_of_their_start_date
    what_is_not_counted_by_day_is_read_of_the_sessions
    where_a_window_cuts_days_each_session_is_counted_once
    what_is_counted_by_day_stays_when_sessions_go
    what_is_sent_again_is_counted_by_day_once
    who_is_deleted_is_not_counted_by_day
}

impl Fixture {
    async fn outcomes(&self, user: UserId, window: Window) -> Vec<Outcome> {
        let found = self
            .store
            .list_outcomes(self.tenant, user, window, self.now());
        let mut found = found.await.unwrap();
        found.sort_by_key(|one| one.seconds);
        found
    }

    pub async fn counted(&self, user: UserId, window: Window) -> SessionStats {
        let found = self
            .store
            .count_outcomes(self.tenant, user, window, self.now());
        found.await.unwrap().stats()
    }

    /// The same of the sessions themselves.
    pub async fn one_by_one(&self, user: UserId, window: Window) -> SessionStats {
        let found = self
            .store
            .list_outcomes(self.tenant, user, window, self.now());
        let mut counted = CountedDays::default();
        for outcome in found.await.unwrap() {
            counted.add_session(&outcome);
        }
        counted.stats()
    }

    async fn keep_with(&self, start: &str, topics: usize) -> SessionId {
        self.keep(with_topics(start, topics)).await
    }
}

/// A session with ten words, a score and so many topics.
fn with_topics(start: &str, topics: usize) -> RecordSession {
    let topics = (0..topics).map(|number| number.to_string());
    let result = SessionResult {
        words_spoken: 10,
        scores: [("fluency".to_owned(), 70.1)].into(),
        topics: topics.collect(),
        ..SessionResult::default()
    };
    let review = SessionReview {
        result: Some(result),
        ..completed()
    };
    RecordSession {
        review,
        ..recorded(user(1), start, 60)
    }
}

async fn what_is_not_counted_by_day_is_read_of_the_sessions(db: Fixture) {
    // One that says too much to keep, and more in a day than are kept.
    for day in [15, 16, 18] {
        let start = format!("2026-11-{day}T08:00:00Z");
        db.keep_with(&start, 2).await;
    }
    db.keep_with("2026-11-16T09:00:00Z", 100).await;
    for second in 0..110 {
        let start = format!("2026-11-14T{:02}:{:02}:00Z", second / 60, second % 60);
        db.keep_with(&start, 1).await;
    }
    // So that no row grows and grows.
    let mut stored = db.stored_of(user(1)).await.into_iter();
    let full =
        stored.find(|row| row.table == "user_usage_stats" && row.text.contains("2026-11-14"));
    let full = full.unwrap().text.replace(['"', ' '], "");
    assert!(full.contains("n:normal:100"), "{full}");
    let windows = [
        Window::On(days("2026-11-01", "2026-11-30")),
        Window::Until {
            now: db.now(),
            span: Duration::from_hours(30 * 24),
        },
    ];
    for window in windows {
        let counted = db.counted(user(1), window).await;
        assert_eq!(counted, db.one_by_one(user(1), window).await);
        assert_eq!(counted.total_words_spoken, 1_140);
    }
    // An older dwell has counted none.
    db.run("UPDATE user_usage_stats SET outcomes = '{}'").await;
    db.keep_with("2026-11-18T09:00:00Z", 2).await;
    for window in windows {
        let counted = db.counted(user(1), window).await;
        assert_eq!(counted, db.one_by_one(user(1), window).await);
        assert_eq!(counted.total_words_spoken, 1_150);
    }
}

async fn where_a_window_cuts_days_each_session_is_counted_once(db: Fixture) {
    // It is noon of 20 November, and was 30 days ago: days in between are whole in every zone from
    // 23 October to 19 November.
    for start in [
        "2026-10-21T11:59:59Z",
        "2026-10-21T12:00:00Z",
        "2026-10-22T23:00:00Z",
        "2026-10-23T00:00:00Z",
        "2026-10-23T12:00:00Z",
        "2026-11-19T12:00:00Z",
        "2026-11-19T23:59:00Z",
        "2026-11-20T00:00:00Z",
        "2026-11-20T11:00:00Z",
    ] {
        db.keep_with(start, 1).await;
    }
    let month = Window::Until {
        now: db.now(),
        span: Duration::from_hours(30 * 24),
    };
    let whole = Window::On(days("2026-10-23", "2026-11-19"));
    for (window, sessions) in [(month, 8), (whole, 4)] {
        let counted = db.counted(user(1), window).await;
        assert_eq!(counted, db.one_by_one(user(1), window).await);
        assert_eq!(counted.total_sessions, sessions);
    }
}

async fn what_is_counted_by_day_stays_when_sessions_go(db: Fixture) {
    let mut ids = Vec::new();
    for (start, topics) in [
        ("2026-11-16T08:00:00Z", 2),
        ("2026-11-16T09:00:00Z", 3),
        ("2026-11-16T10:00:00Z", 0),
        ("2026-11-17T08:00:00Z", 1),
    ] {
        ids.push(db.keep_with(start, topics).await);
    }
    let window = Window::On(days("2026-11-01", "2026-11-30"));
    let before = db.counted(user(1), window).await;
    assert_eq!(before, db.one_by_one(user(1), window).await);
    for session_id in ids {
        let purge = PurgeSession {
            user_id: user(1),
            session_id,
            before: db.now(),
        };
        assert!(db.submit(purge).await.unwrap());
    }
    assert_eq!(db.counted(user(1), window).await, before);
    assert_eq!(
        db.one_by_one(user(1), window).await,
        SessionStats::default()
    );
}

async fn what_is_sent_again_is_counted_by_day_once(db: Fixture) {
    let saved = RecordSession {
        session_id: SessionId(db.new_id()),
        fingerprint: Some(Fingerprint::of("a", &1)),
        ..with_topics("2026-11-20T08:00:00Z", 2)
    };
    let started = db.start(user(1)).await;
    db.pass(MINUTE);
    for _ in 0..2 {
        db.submit(saved.clone()).await.unwrap();
        db.end(started).await.unwrap();
    }
    let window = Window::On(days("2026-11-20", "2026-11-20"));
    let counted = db.counted(user(1), window).await;
    assert_eq!(counted, db.one_by_one(user(1), window).await);
    let sums = (counted.total_sessions, counted.total_words_spoken);
    assert_eq!(sums, (2, 10));
}

async fn who_is_deleted_is_not_counted_by_day(db: Fixture) {
    db.keep_with("2026-11-16T08:00:00Z", 2).await;
    let other = recorded(user(2), "2026-11-16T08:00:00Z", 60);
    db.keep(other).await;
    delete_user(&db.writer, db.tenant, user(1)).await.unwrap();
    let window = Window::On(days("2026-11-16", "2026-11-16"));
    assert_eq!(db.counted(user(1), window).await, SessionStats::default());
    assert_eq!(db.counted(user(2), window).await.total_sessions, 1);
}

fn lengths(outcomes: &[Outcome]) -> Vec<i64> {
    outcomes.iter().map(|one| one.seconds).collect()
}

async fn outcomes_are_of_ended_sessions_that_started_in_the_window(db: Fixture) {
    // It is noon of the 20th.
    for (start, seconds) in [
        ("2026-11-13T11:59:59.999999Z", 1),
        ("2026-11-13T12:00:00Z", 2),
        ("2026-11-20T11:00:00Z", 3),
    ] {
        db.keep(recorded(user(1), start, seconds)).await;
    }
    db.keep(recorded(user(2), "2026-11-20T11:00:00Z", 9)).await;
    let result = SessionResult {
        words_spoken: 7,
        scores: [("fluency".to_owned(), 81.1)].into(),
        topics: vec!["travel".to_owned()],
        ..SessionResult::default()
    };
    let review = SessionReview {
        result: Some(result.clone()),
        ..completed()
    };
    let session = recorded(user(1), "2026-11-19T23:59:56Z", 5);
    db.keep(RecordSession { review, ..session }).await;
    let now = db.now();
    let week = Window::Until {
        now,
        span: Duration::from_hours(7 * 24),
    };
    db.start(user(1)).await;
    let found = db.outcomes(user(1), week).await;
    assert_eq!(lengths(&found), [2, 3, 5]);
    assert_eq!(found[2].result, Some(result));
    assert_eq!(found[2].start_date, day("2026-11-19"));
    assert_eq!(found[2].session_type, "normal");
    // It is over, at its start; the window is where it was.
    db.pass(HOUR);
    assert_eq!(lengths(&db.outcomes(user(1), week).await), [0, 2, 3, 5]);
}

async fn outcomes_of_days_are_those_of_their_start_date(db: Fixture) {
    db.set_clock("2026-11-01T00:00:00Z");
    db.set(SettingsPatch {
        time_zone: Some(chrono_tz::Tz::Pacific__Kiritimati),
        ..SettingsPatch::default()
    })
    .await;
    db.set_clock("2026-11-20T12:00:00Z");
    // 14 hours ahead: the 18th is from 10:00 of the 17th.
    for (start, seconds) in [
        ("2026-11-17T09:59:59Z", 1),
        ("2026-11-17T10:00:00Z", 2),
        ("2026-11-18T09:59:59Z", 3),
        ("2026-11-18T10:00:00Z", 4),
    ] {
        db.keep(recorded(user(1), start, seconds)).await;
    }
    let window = Window::On(days("2026-11-18", "2026-11-18"));
    assert_eq!(lengths(&db.outcomes(user(1), window).await), [2, 3]);
}
