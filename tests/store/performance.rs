//! What is kept of how well users perform, and what the tenant's others do.

use std::time::Duration;

use dwell::store::privacy::delete_user;

use dwell::domain::{
    activity::ActivityDetails,
    commands::{LogActivity, PurgeSession, RecordSession, RecordedTime},
    ids::{ActivityId, SessionId, UserId},
    insights::{
        cohort::Standing,
        figures::Metric,
        performance::{Performance, PerformanceQuery, Scope},
        recent::{Outcome, Window},
        stats::CountedDays,
        tally::Tally,
    },
    period::Granularity,
    session::{SessionResult, SessionReview, Subject},
    settings::SettingsPatch,
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
    users_are_ranked_among_those_with_a_sample
    others_that_are_over_are_ranked_before_the_sweep
    a_tenant_is_a_cohort_of_its_own
    nobody_has_done_nothing
    outcomes_are_of_ended_sessions_that_started_in_the_window
    outcomes_of_days_are_those_of_their_start_date
    what_is_not_counted_by_day_is_read_of_the_sessions
    what_is_counted_by_day_stays_when_sessions_go
    what_is_sent_again_is_counted_by_day_once
    who_is_deleted_is_not_counted_by_day
    users_are_remembered_until_there_is_a_change
    a_change_on_any_day_of_a_period_is_seen
    what_is_remembered_is_the_tenants_own
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

fn time(sessions: i64, active_seconds: i64) -> Tally {
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
    assert_eq!(before.periods[0].tally, time(1, 600));
    assert_eq!(before.cohort.as_ref().unwrap().total, time(1, 600));
    assert!(db.expire(id).await.unwrap());
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

async fn users_are_ranked_among_those_with_a_sample(db: Fixture) {
    // Users 1 to 6 study 1 to 6 minutes on as many days; 2 to 6 take a test.
    for number in 1..=6_u64 {
        let who = user(number.into());
        for n in 1..=number {
            let start = format!("2026-11-{:02}T08:00:00Z", n + 1);
            let id = db.keep(recorded(who, &start, 60)).await;
            if n == 1 && number > 1 {
                let correct = i64::try_from(number).unwrap();
                db.log(id, "testing", (6, correct), Some(&start)).await;
            }
        }
    }
    // Of the month before, and of the one after.
    db.keep(recorded(user(7), "2026-10-31T08:00:00Z", 60)).await;
    let ask = async |number: u128, granularity, date: &str| {
        let query = PerformanceQuery {
            date: Some(day(date)),
            ..query(user(number), granularity, Scope::Cohort)
        };
        db.performance(query).await.cohort.unwrap()
    };
    let standings = |study, test, attendance| {
        let of = |(users, at_or_below)| Standing { users, at_or_below };
        let none = Standing::default();
        [of(study), of(test), none, none, of(attendance)]
    };
    let month = ask(3, Granularity::Month, "2026-11-30").await;
    assert_eq!(month.standings, standings((6, 3), (5, 2), (6, 3)));
    assert_eq!((month.users, month.total.sessions), (6, 21));
    assert_eq!(month.total.active_seconds, 21 * 60);
    assert_eq!(month.percentile_rank(Metric::StudyTime), Some(50));
    assert_eq!(month.percentile_rank(Metric::TestAverage), Some(40));
    // Nothing of one's own is nothing to compare with.
    let idle = ask(9, Granularity::Month, "2026-11-30").await;
    assert_eq!(idle.standings, standings((6, 0), (5, 0), (6, 0)));
    // The week from the 2nd to the 8th is all of it; of the 5th there are users 4 to 6.
    let week = ask(3, Granularity::Week, "2026-11-05").await;
    assert_eq!((week.standings, week.total), (month.standings, month.total));
    let date = ask(6, Granularity::Day, "2026-11-05").await;
    assert_eq!(date.standings, standings((3, 3), (0, 0), (3, 3)));
    assert_eq!((date.users, date.total), (3, time(3, 180)));
}

async fn others_that_are_over_are_ranked_before_the_sweep(db: Fixture) {
    db.keep(recorded(user(1), "2026-11-20T08:00:00Z", 600))
        .await;
    db.keep(recorded(user(2), "2026-11-19T08:00:00Z", 500))
        .await;
    // With this they have 620 seconds, as much as 620, and nothing.
    let mut open = Vec::new();
    for (number, seconds) in [(2, 120), (3, 620), (4, 0)] {
        let id = db.start(user(number)).await;
        open.push((id, seconds));
    }
    let start = db.now();
    for (id, seconds) in &open {
        db.clock.set(start + Duration::from_secs(*seconds));
        db.heartbeat(*id).await.unwrap();
    }
    db.set_clock("2026-11-20T20:00:00Z");
    for granularity in [Granularity::Month, Granularity::Week] {
        let ask = async || {
            let query = query(user(1), granularity, Scope::Cohort);
            db.performance(query).await.cohort.unwrap()
        };
        let before = ask().await;
        // Whoever asks again is not told of what is stored alone.
        for _ in 0..2 {
            assert_eq!(ask().await, before);
        }
        let study = Standing {
            users: 4,
            at_or_below: 2,
        };
        assert_eq!(before.standings[0], study);
        assert_eq!(before.total, time(5, 1_840));
        if granularity == Granularity::Week {
            for (id, _) in &open {
                assert!(db.expire(*id).await.unwrap());
            }
            assert_eq!(ask().await, before);
        }
    }
}

async fn a_tenant_is_a_cohort_of_its_own(db: Fixture) {
    for tenant in [1, 2] {
        let db = db.for_tenant(tenant);
        for number in 0..tenant {
            db.keep(recorded(user(number), "2026-11-20T08:00:00Z", 60))
                .await;
        }
    }
    let ask = query(user(0), Granularity::Month, Scope::Cohort);
    let found = db.for_tenant(1).performance(ask).await;
    assert_eq!(found.periods[0].tally, time(1, 60));
    assert_eq!(found.cohort.unwrap().users, 1);
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

impl Fixture {
    async fn outcomes(&self, user: UserId, window: Window) -> Vec<Outcome> {
        let found = self
            .store
            .list_outcomes(self.tenant, user, window, self.now());
        let mut found = found.await.unwrap();
        found.sort_by_key(|one| one.seconds);
        found
    }
}

impl Fixture {
    pub async fn counted(&self, user: UserId, window: Window) -> CountedDays {
        let found = self
            .store
            .count_outcomes(self.tenant, user, window, self.now());
        found.await.unwrap()
    }

    /// The same of the sessions themselves.
    pub async fn one_by_one(&self, user: UserId, window: Window) -> CountedDays {
        let found = self
            .store
            .list_outcomes(self.tenant, user, window, self.now());
        let mut counted = CountedDays::default();
        for outcome in found.await.unwrap() {
            counted.add_session(&outcome);
        }
        counted
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
        assert_eq!(counted.stats().total_words_spoken, 1_140);
    }
    // An older dwell has counted none.
    db.run("UPDATE user_usage_stats SET outcomes = '{}'").await;
    db.keep_with("2026-11-18T09:00:00Z", 2).await;
    for window in windows {
        let counted = db.counted(user(1), window).await;
        assert_eq!(counted, db.one_by_one(user(1), window).await);
        assert_eq!(counted.stats().total_words_spoken, 1_150);
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
    assert_eq!(db.one_by_one(user(1), window).await, CountedDays::default());
}

async fn what_is_sent_again_is_counted_by_day_once(db: Fixture) {
    let saved = RecordSession {
        session_id: SessionId(db.new_id()),
        fingerprint: Some(dwell::domain::fingerprint::Fingerprint::of("a", &1)),
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
    let stats = counted.stats();
    assert_eq!((stats.total_sessions, stats.total_words_spoken), (2, 10));
}

async fn who_is_deleted_is_not_counted_by_day(db: Fixture) {
    db.keep_with("2026-11-16T08:00:00Z", 2).await;
    let other = recorded(user(2), "2026-11-16T08:00:00Z", 60);
    db.keep(other).await;
    delete_user(&db.writer, db.tenant, user(1)).await.unwrap();
    let window = Window::On(days("2026-11-16", "2026-11-16"));
    assert_eq!(db.counted(user(1), window).await, CountedDays::default());
    assert_eq!(db.counted(user(2), window).await.stats().total_sessions, 1);
}

async fn users_are_remembered_until_there_is_a_change(db: Fixture) {
    let mut last = SessionId(uuid::Uuid::nil());
    for number in 1..=5 {
        let session = recorded(user(number), "2026-11-17T08:00:00Z", 60);
        last = db.keep(session).await;
    }
    let ask = async |granularity| {
        let mut all = Vec::new();
        // To count them, to remember them, to tell what is remembered.
        for _ in 0..3 {
            let query = query(user(1), granularity, Scope::Cohort);
            all.push(db.performance(query).await.cohort.unwrap());
        }
        assert!(all.iter().all(|one| *one == all[0]));
        let told = &all[0];
        (told.users, told.total.sessions, told.total.tests)
    };
    for granularity in [Granularity::Month, Granularity::Week] {
        assert_eq!(ask(granularity).await, (5, 5, 0));
    }
    db.log(last, "testing", (2, 1), Some("2026-11-17T08:00:00Z"))
        .await;
    for granularity in [Granularity::Month, Granularity::Week] {
        assert_eq!(ask(granularity).await, (5, 5, 1));
    }
    // By another instance, in the past.
    let session = recorded(user(6), "2026-11-16T08:00:00Z", 60);
    db.second_instance().await.keep(session).await;
    for granularity in [Granularity::Month, Granularity::Week] {
        assert_eq!(ask(granularity).await, (6, 6, 1));
    }
    delete_user(&db.writer, db.tenant, user(5)).await.unwrap();
    for granularity in [Granularity::Month, Granularity::Week] {
        assert_eq!(ask(granularity).await, (5, 5, 0));
    }
    // What nobody noted is seen after a while.
    db.run("UPDATE performance_months SET tests = 7 WHERE sessions = 1")
        .await;
    assert_eq!(ask(Granularity::Month).await, (5, 5, 0));
    db.pass(MINUTE);
    assert_eq!(ask(Granularity::Month).await, (5, 5, 35));
}

async fn a_change_on_any_day_of_a_period_is_seen(db: Fixture) {
    for (granularity, middle, changes) in [
        (
            Granularity::Day,
            "2026-11-11",
            [
                "2026-11-11T00:00:00Z",
                "2026-11-11T23:59:30Z",
                "2026-11-10T23:59:30Z",
            ],
        ),
        (
            Granularity::Week,
            "2026-11-05",
            [
                "2026-11-02T00:00:00Z",
                "2026-11-08T23:59:30Z",
                "2026-11-01T23:59:30Z",
            ],
        ),
        (
            Granularity::Month,
            "2026-09-10",
            [
                "2026-09-01T00:00:00Z",
                "2026-09-30T23:59:30Z",
                "2026-08-31T23:59:30Z",
            ],
        ),
    ] {
        let ask = async || {
            let mut seconds = Vec::new();
            for _ in 0..3 {
                let query = PerformanceQuery {
                    date: Some(day(middle)),
                    ..query(user(1), granularity, Scope::Cohort)
                };
                let cohort = db.performance(query).await.cohort.unwrap();
                seconds.push(cohort.total.active_seconds);
            }
            seconds
        };
        assert_eq!(ask().await, [0; 3]);
        // On its first day; on its last one up to midnight; on its first one from midnight on.
        for (start, seconds) in changes.into_iter().zip([60, 90, 120]) {
            db.keep(recorded(user(2), start, 60)).await;
            assert_eq!(ask().await, [seconds; 3], "{start}");
        }
    }
}

async fn what_is_remembered_is_the_tenants_own(db: Fixture) {
    let tenants = [(1, 60), (2, 120)];
    // The same changes at the same time.
    for (tenant, seconds) in tenants {
        let db = db.for_tenant(tenant);
        db.keep(recorded(user(1), "2026-11-17T08:00:00Z", seconds))
            .await;
    }
    for _ in 0..3 {
        for (tenant, seconds) in tenants {
            let query = query(user(1), Granularity::Month, Scope::Cohort);
            let cohort = db.for_tenant(tenant).performance(query).await.cohort;
            let total = cohort.unwrap().total.active_seconds;
            assert_eq!(total, i64::try_from(seconds).unwrap());
        }
    }
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
