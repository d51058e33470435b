//! What is kept of how well users perform.

use std::time::Duration;

use dwell::domain::{
    activity::ActivityDetails,
    commands::{LogActivity, RecordSession, RecordedTime},
    ids::{ActivityId, SessionId, UserId},
    insights::{
        performance::{Performance, PerformanceQuery, Scope},
        recent::Window,
        stats::SessionStats,
        tally::Tally,
    },
    period::Granularity,
    session::Subject,
};

use crate::fixture::{Fixture, HOUR, MINUTE, at, completed, context, day, days, user};

on_both_engines! {
    a_session_adds_to_the_days_that_it_touched
    an_activity_adds_to_the_day_of_its_own_start
    one_subject_is_what_its_sessions_and_their_activities_add
    a_subject_has_the_name_that_it_had_last
    a_session_that_is_over_counts_before_the_sweep_and_once
    a_session_that_is_open_adds_nothing_but_its_activities
    the_same_session_and_activity_again_add_nothing
    days_are_those_of_the_zone_of_their_time
    nobody_has_done_nothing
    what_was_there_before_is_counted_when_the_schema_changes
}

pub fn subject(id: &str, name: &str) -> Subject {
    Subject {
        kind: "course".to_owned(),
        id: id.to_owned(),
        name: name.to_owned(),
    }
}

/// A session that is saved after the fact.
pub fn recorded(user_id: UserId, start: &str, seconds: u64) -> RecordSession {
    RecordSession {
        user_id,
        session_id: SessionId(uuid::Uuid::nil()),
        context: context(),
        review: completed(),
        time: RecordedTime::Between {
            start: at(start),
            end: at(start) + Duration::from_secs(seconds),
        },
        fingerprint: None,
    }
}

impl Fixture {
    pub async fn keep(&self, session: RecordSession) -> SessionId {
        let session_id = SessionId(self.new_id());
        let session = RecordSession {
            session_id,
            ..session
        };
        self.submit(session).await.unwrap();
        session_id
    }

    async fn keep_about(&self, session: RecordSession, about: Subject) -> SessionId {
        let mut session = session;
        session.context.subject = Some(about);
        self.keep(session).await
    }

    pub async fn log(
        &self,
        session_id: SessionId,
        kind: &str,
        items: (i64, i64),
        start: Option<&str>,
    ) {
        self.try_log(session_id, kind, items, start).await.unwrap();
    }

    pub async fn try_log(
        &self,
        session_id: SessionId,
        kind: &str,
        (items_completed, items_correct): (i64, i64),
        start: Option<&str>,
    ) -> Result<(), dwell::store::Error> {
        let activity_id = ActivityId(self.new_id());
        let start_time = start.map(at);
        self.submit_for(session_id, |user_id| LogActivity {
            user_id,
            session_id,
            activity_id,
            details: ActivityDetails {
                activity_type: kind.to_owned(),
                content_type: String::new(),
                content_id: String::new(),
                items_completed,
                items_correct,
                metadata: None,
            },
            start_time,
            duration: Duration::ZERO,
            fingerprint: None,
        })
        .await
        .map(drop)
    }

    pub async fn performance(&self, query: PerformanceQuery) -> Performance {
        let found = self.store.get_performance(self.tenant, query, self.now());
        found.await.unwrap()
    }

    /// The sums of the last days, oldest first, and whether they were attended.
    async fn last_days(&self, user: UserId, periods: usize) -> Vec<(Tally, i64)> {
        let query = PerformanceQuery {
            periods,
            ..query(user, Granularity::Day, Scope::Own(None))
        };
        let periods = self.performance(query).await.periods.into_iter();
        periods
            .map(|one| (one.tally, one.attended.count()))
            .collect()
    }
}

pub fn query(user: UserId, granularity: Granularity, scope: Scope) -> PerformanceQuery {
    PerformanceQuery {
        user,
        granularity,
        date: None,
        periods: 1,
        scope,
    }
}

pub fn time(sessions: i64, active_seconds: i64) -> Tally {
    Tally {
        sessions,
        active_seconds,
        ..Tally::default()
    }
}

async fn a_session_adds_to_the_days_that_it_touched(db: Fixture) {
    // From 23:59:30 to 00:01, and a short one.
    db.keep(recorded(user(1), "2026-11-18T23:59:30Z", 90)).await;
    db.keep(recorded(user(1), "2026-11-18T08:00:00Z", 600))
        .await;
    let days = db.last_days(user(1), 3).await;
    assert_eq!(days, [(time(2, 630), 1), (time(0, 60), 0), (time(0, 0), 0)]);
    let month = db
        .performance(query(user(1), Granularity::Month, Scope::Cohort))
        .await;
    assert_eq!(month.today, day("2026-11-20"));
    assert_eq!(month.periods[0].tally, time(2, 690));
    assert_eq!(month.periods[0].attended.count(), 1);
    let cohort = month.cohort.unwrap();
    assert_eq!((cohort.users, cohort.total), (1, time(2, 690)));
}

async fn an_activity_adds_to_the_day_of_its_own_start(db: Fixture) {
    let id = db.keep(recorded(user(1), "2026-11-19T10:00:00Z", 60)).await;
    db.log(id, "testing", (3, 2), None).await;
    db.log(id, "testing", (2, 2), Some("2026-11-19T10:00:00Z"))
        .await;
    db.log(id, "testing", (0, 0), None).await;
    db.log(id, "flashcards", (20, 15), None).await;
    db.log(id, "assignment", (5, 0), None).await;
    db.log(id, "reading", (9, 9), None).await;
    let days = db.last_days(user(1), 2).await;
    let first = Tally {
        tests: 1,
        test_accuracy: 10_000,
        ..time(1, 60)
    };
    let second = Tally {
        tests: 1,
        test_accuracy: 6_667,
        flashcards: 20,
        flashcards_correct: 15,
        assignments: 1,
        assignment_items: 5,
        ..Tally::default()
    };
    assert_eq!(days, [(first, 1), (second, 0)]);
}

async fn one_subject_is_what_its_sessions_and_their_activities_add(db: Fixture) {
    let algebra = subject("algebra", "Algebra");
    let session = recorded(user(1), "2026-11-20T08:00:00Z", 600);
    let id = db.keep_about(session, algebra.clone()).await;
    db.log(id, "testing", (4, 3), None).await;
    let session = recorded(user(1), "2026-11-19T08:00:00Z", 300);
    db.keep_about(session, subject("history", "History")).await;
    db.keep(recorded(user(1), "2026-11-20T09:00:00Z", 60)).await;

    let of = async |scope| {
        let found = db
            .performance(query(user(1), Granularity::Week, scope))
            .await;
        (found.periods[0].tally, found.periods[0].attended.count())
    };
    let tested = Tally {
        tests: 1,
        test_accuracy: 7_500,
        ..time(1, 600)
    };
    // Whatever it is called now.
    let renamed = subject("algebra", "Linear algebra");
    assert_eq!(of(Scope::Own(Some(renamed))).await, (tested, 1));
    let unknown = subject("unknown", "");
    assert_eq!(of(Scope::Own(Some(unknown))).await, (Tally::default(), 0));
    let all = tested + time(2, 360);
    assert_eq!(of(Scope::Own(None)).await, (all, 2));
    assert_eq!(of(Scope::Cohort).await, (all, 2));
}

async fn a_subject_has_the_name_that_it_had_last(db: Fixture) {
    for (start, seconds, id, name) in [
        ("2026-11-18T08:00:00Z", 60, "a", "First"),
        ("2026-11-19T08:00:00Z", 60, "a", "Second"),
        ("2026-11-19T09:00:00Z", 60, "a", "Third"),
        ("2026-11-17T09:00:00Z", 60, "a", "Said last of a day before"),
        ("2026-10-31T09:00:00Z", 60, "a", "Of another month"),
        ("2026-11-02T09:00:00Z", 90, "b", "Other"),
    ] {
        let session = recorded(user(1), start, seconds);
        db.keep_about(session, subject(id, name)).await;
    }
    db.keep(recorded(user(1), "2026-11-20T08:00:00Z", 60)).await;
    // Over by itself, and not swept: of a subject that is known, and of one that is not.
    db.set_clock("2026-11-20T12:00:00Z");
    let mut open = Vec::new();
    for id in ["a", "c"] {
        let session_id = SessionId(db.new_id());
        open.push(session_id);
        let mut start = crate::fixture::start_session(user(1), session_id);
        start.context.subject = Some(subject(id, "Open"));
        db.submit(start).await.unwrap();
        db.pass(MINUTE);
        db.heartbeat(session_id).await.unwrap();
    }
    db.pass(HOUR);
    let read = async || {
        let found = db.store.list_subject_tallies(
            db.tenant,
            user(1),
            Granularity::Month,
            Some(day("2026-11-05")),
            db.now(),
        );
        let mut found = found.await.unwrap();
        found.sort_by(|a, b| a.subject.id.cmp(&b.subject.id));
        let named = found
            .into_iter()
            .map(|one| (one.subject.id, one.subject.name, one.tally));
        named.collect::<Vec<_>>()
    };
    let told = |id: &str, name: &str, tally| (id.to_owned(), name.to_owned(), tally);
    let expected = [
        told("a", "Open", time(5, 300)),
        told("b", "Other", time(1, 90)),
        told("c", "Open", time(1, 60)),
    ];
    assert_eq!(read().await, expected);
    for id in open {
        assert!(db.expire(id).await.unwrap());
    }
    assert_eq!(read().await, expected);
}

async fn a_session_that_is_over_counts_before_the_sweep_and_once(db: Fixture) {
    let id = db.start(user(1)).await;
    db.pass(10 * MINUTE);
    db.heartbeat(id).await.unwrap();
    assert_eq!(db.last_days(user(1), 1).await, [(Tally::default(), 0)]);
    db.pass(HOUR);
    let month = || query(user(1), Granularity::Month, Scope::Cohort);
    let before = db.performance(month()).await;
    let of_day = async |date| db.counted(user(1), Window::On(days(date, date))).await;
    let counted = of_day("2026-11-20").await;
    assert_eq!(counted.total_sessions, 1);
    assert_eq!(of_day("2026-11-19").await, SessionStats::default());
    assert_eq!(before.periods[0].tally, time(1, 600));
    assert_eq!(before.cohort.as_ref().unwrap().total, time(1, 600));
    assert!(db.expire(id).await.unwrap());
    assert_eq!(of_day("2026-11-20").await, counted);
    assert_eq!(db.performance(month()).await, before);
    assert!(db.end(id).await.unwrap().already);
    assert_eq!(db.performance(month()).await, before);
}

async fn a_session_that_is_open_adds_nothing_but_its_activities(db: Fixture) {
    let id = db.start(user(1)).await;
    db.log(id, "assignment", (2, 0), None).await;
    let open = Tally {
        assignments: 1,
        assignment_items: 2,
        ..Tally::default()
    };
    assert_eq!(db.last_days(user(1), 1).await, [(open, 0)]);
    db.pass(MINUTE);
    db.end(id).await.unwrap();
    assert_eq!(db.last_days(user(1), 1).await, [(open + time(1, 60), 1)]);
}

async fn the_same_session_and_activity_again_add_nothing(db: Fixture) {
    let print = dwell::domain::fingerprint::Fingerprint::of("a", &1);
    let session_id = SessionId(db.new_id());
    let session = RecordSession {
        session_id,
        fingerprint: Some(print),
        ..recorded(user(1), "2026-11-20T08:00:00Z", 60)
    };
    let activity = LogActivity {
        user_id: user(1),
        session_id,
        activity_id: ActivityId(db.new_id()),
        details: ActivityDetails {
            activity_type: "testing".to_owned(),
            content_type: String::new(),
            content_id: String::new(),
            items_completed: 2,
            items_correct: 1,
            metadata: None,
        },
        start_time: None,
        duration: Duration::ZERO,
        fingerprint: Some(print),
    };
    for _ in 0..2 {
        db.submit(session.clone()).await.unwrap();
        db.submit(activity.clone()).await.unwrap();
    }
    let once = Tally {
        tests: 1,
        test_accuracy: 5_000,
        ..time(1, 60)
    };
    assert_eq!(db.last_days(user(1), 1).await, [(once, 1)]);
}

async fn days_are_those_of_the_zone_of_their_time(db: Fixture) {
    // 22:30 in Auckland, on the 18th, and half past midnight, on the 19th.
    db.set_clock("2026-11-01T00:00:00Z");
    db.set_zone(chrono_tz::Tz::Pacific__Auckland).await;
    db.set_clock("2026-11-19T12:00:00Z");
    db.keep(recorded(user(1), "2026-11-18T09:30:00Z", 60)).await;
    let id = db
        .keep(recorded(user(1), "2026-11-18T11:30:00Z", 120))
        .await;
    db.log(id, "assignment", (1, 0), Some("2026-11-18T10:59:59Z"))
        .await;
    let work = Tally {
        assignments: 1,
        assignment_items: 1,
        ..Tally::default()
    };
    let told = [
        (time(1, 60) + work, 1),
        (time(1, 120), 1),
        (Tally::default(), 0),
    ];
    // It is past midnight there.
    assert_eq!(db.last_days(user(1), 3).await, told);
    // A new zone leaves days as they were; today is another one.
    db.set_zone(chrono_tz::Tz::America__Los_Angeles).await;
    assert_eq!(db.last_days(user(1), 2).await, told[..2]);
}

async fn nobody_has_done_nothing(db: Fixture) {
    let ask = query(user(1), Granularity::Month, Scope::Cohort);
    let found = db.performance(ask).await;
    assert_eq!(found.periods[0].tally, Tally::default());
    assert_eq!(found.cohort.unwrap().users, 0);
    let now = db.now();
    let subjects = db
        .store
        .list_subject_tallies(db.tenant, user(1), Granularity::Week, None, now);
    assert!(subjects.await.unwrap().is_empty());
    let window = Window::On(days("2000-01-01", "2100-01-01"));
    let outcomes = db.store.list_outcomes(db.tenant, user(1), window, now);
    assert!(outcomes.await.unwrap().is_empty());
}

async fn what_was_there_before_is_counted_when_the_schema_changes(db: Fixture) {
    // Sessions within a day, with activities on the day of their start: days are not split anew.
    for number in 0..40_i64 {
        let who = user(u128::try_from(number % 6).unwrap());
        let start = format!(
            "2026-{:02}-{:02}T08:00:00Z",
            9 + number % 3,
            1 + number % 19
        );
        let mut session = recorded(who, &start, u64::try_from(number * 61).unwrap());
        if number % 4 > 0 {
            let id = (number % 4).to_string();
            session.context.subject = Some(subject(&id, &format!("Subject {id}")));
        }
        let id = db.keep(session).await;
        for (kind, items) in [
            ("testing", (number % 9, number % 9 / 2)),
            ("flashcards", (number, number / 3)),
            ("assignment", (number % 3, 0)),
            ("reading", (7, 7)),
        ] {
            db.log(id, kind, items, Some(&start)).await;
        }
    }
    let open = db.start(user(1)).await;
    let other = db.for_tenant(0x2);
    other
        .keep(recorded(user(1), "2026-11-02T08:00:00Z", 60))
        .await;

    let before = everything(&db).await;
    let before_of_other = everything(&other).await;
    // As if it had never been.
    db.run(
        "DROP TABLE performance_days;
        DROP TABLE performance_months;
        DELETE FROM _sqlx_migrations WHERE version IN (4, 8, 9);",
    )
    .await;
    let newer = db.second_instance().await;
    assert_eq!(everything(&newer).await, before);
    assert_eq!(everything(&newer.for_tenant(0x2)).await, before_of_other);
    newer.pass(MINUTE);
    newer.end(open).await.unwrap();
    let days = newer.last_days(user(1), 1).await;
    assert_eq!(days, [(time(1, 60), 1)]);
}

/// All that is told of all users.
async fn everything(db: &Fixture) -> Vec<String> {
    let mut all = Vec::new();
    for number in 0..6 {
        for granularity in [Granularity::Month, Granularity::Week] {
            let query = PerformanceQuery {
                periods: 3,
                ..query(user(number), granularity, Scope::Cohort)
            };
            all.push(format!("{:?}", db.performance(query).await));
        }
        for month in [9, 10, 11] {
            let date = day(&format!("2026-{month:02}-01"));
            let (granularity, now) = (Granularity::Month, db.now());
            let subjects = db.store.list_subject_tallies(
                db.tenant,
                user(number),
                granularity,
                Some(date),
                now,
            );
            let mut subjects = subjects.await.unwrap();
            subjects.sort_by(|a, b| a.subject.id.cmp(&b.subject.id));
            all.push(format!("{subjects:?}"));
        }
    }
    all
}
