//! What reports are made of, and sessions for files.

use dwell::{
    domain::{
        ids::{SessionId, UserId},
        insights::{
            effort::Effort,
            performance::{PerformanceQuery, Scope},
        },
        period::Granularity,
        session::{SessionFilter, SessionReview},
    },
    store::report::{ReportGoals, ReportParts, ReportQuery},
};

use crate::{
    fixture::{Fixture, HOUR, MINUTE, at, completed, day, start_session, user},
    performance::{query, recorded, subject},
};

on_both_engines! {
    sessions_of_the_days_come_oldest_first_and_no_more_than_asked
    subjects_come_no_more_than_asked
    a_tenant_has_reports_of_its_own
    nobody_has_a_report_of_nothing
    an_activity_counts_on_its_own_day_and_an_end_on_that_of_the_start
    figures_stay_when_sessions_are_gone
    what_was_there_before_is_told_when_the_schema_changes
    files_have_each_session_once_newest_first
}

impl Fixture {
    /// With any number of sessions and subjects.
    pub async fn report(&self, performance: PerformanceQuery) -> ReportParts {
        let query = ReportQuery {
            performance,
            sessions: u16::MAX,
            subjects: u16::MAX,
            goals: ReportGoals::None,
        };
        self.report_of(query).await
    }

    async fn report_of(&self, query: ReportQuery) -> ReportParts {
        let found = self.store.get_report(self.tenant, query, self.now());
        found.await.unwrap()
    }

    async fn effort(&self, user: UserId, date: &str) -> Effort {
        let query = PerformanceQuery {
            date: Some(day(date)),
            ..of_day(user)
        };
        self.report(query).await.basis.effort
    }
}

fn of_day(user: UserId) -> PerformanceQuery {
    query(user, Granularity::Day, Scope::Own(None))
}

async fn sessions_of_the_days_come_oldest_first_and_no_more_than_asked(db: Fixture) {
    let second = db.keep(recorded(user(1), "2026-11-20T09:00:00Z", 60)).await;
    let first = db.keep(recorded(user(1), "2026-11-20T08:00:00Z", 60)).await;
    db.keep(recorded(user(1), "2026-11-19T23:00:00Z", 9_000))
        .await;
    db.keep(recorded(user(2), "2026-11-20T08:00:00Z", 60)).await;
    let open = db.start(user(1)).await;
    for limit in 0..4 {
        let query = ReportQuery {
            performance: of_day(user(1)),
            sessions: limit,
            subjects: 0,
            goals: ReportGoals::None,
        };
        let found = db.report_of(query).await.sessions;
        let ids: Vec<_> = found.iter().map(|view| view.session.id).collect();
        assert_eq!(ids, [first, second, open][..usize::from(limit)]);
    }
}

async fn subjects_come_no_more_than_asked(db: Fixture) {
    for (id, count) in [("a", 1), ("b", 3), ("c", 2)] {
        for number in 0..count {
            let start = format!("2026-11-{:02}T08:00:00Z", 16 + number);
            let mut session = recorded(user(1), &start, 60);
            session.context.subject = Some(subject(id, id));
            db.keep(session).await;
        }
    }
    for limit in 0..4 {
        let query = ReportQuery {
            performance: query(user(1), Granularity::Week, Scope::Own(None)),
            sessions: 0,
            subjects: limit,
            goals: ReportGoals::None,
        };
        let found = db.report_of(query).await.subjects;
        let ids: Vec<_> = found.iter().map(|one| one.subject.id.as_str()).collect();
        assert_eq!(ids, ["b", "c", "a"][..usize::from(limit)]);
    }
}

async fn a_tenant_has_reports_of_its_own(db: Fixture) {
    let nothing = db.report(of_day(user(1))).await;
    let id = db
        .for_tenant(0x2)
        .keep(recorded(user(1), "2026-11-20T08:00:00Z", 600))
        .await;
    db.for_tenant(0x2).log(id, "notes", (1, 1), None).await;
    assert_eq!(db.report(of_day(user(1))).await, nothing);
    let foreign = db.for_tenant(0x2).report(of_day(user(1))).await;
    assert_eq!(foreign.basis.effort.points_earned, 6);
    let page = db
        .store
        .export_sessions(db.tenant, SessionFilter::default(), None, 9, db.now());
    assert!(page.await.unwrap().items.is_empty());
}

async fn nobody_has_a_report_of_nothing(db: Fixture) {
    let found = db
        .report(query(user(1), Granularity::Month, Scope::Cohort))
        .await;
    assert!(found.sessions.is_empty() && found.subjects.is_empty());
    let basis = found.basis;
    assert_eq!(basis.range.start, day("2026-11-01"));
    assert!(basis.history.is_empty() && basis.days.is_empty() && basis.open.is_empty());
    assert_eq!(basis.effort, Effort::default());
}

async fn an_activity_counts_on_its_own_day_and_an_end_on_that_of_the_start(db: Fixture) {
    let mut session = recorded(user(1), "2026-11-18T23:50:00Z", 1_200);
    session.context.focus_mode = true;
    session.review = SessionReview {
        notes: "x".to_owned(),
        productivity_rating: Some(4),
        ..completed()
    };
    let id = db.keep(session).await;
    db.log(id, "reading", (9, 7), Some("2026-11-19T00:05:00Z"))
        .await;
    db.log(id, "notes", (0, 0), Some("2026-11-19T00:06:00Z"))
        .await;
    // As before, with no activity and before its end.
    let open = SessionId(db.new_id());
    let mut start = start_session(user(1), open);
    start.context.focus_mode = true;
    db.submit(start).await.unwrap();
    db.log(open, "testing", (4, 3), None).await;
    let first = Effort {
        points_earned: 10,
        notes_created: 1,
        ratings: 1,
        rating_sum: 4,
        focus_seconds: 600,
    };
    let second = Effort {
        points_earned: 7,
        notes_created: 1,
        focus_seconds: 600,
        ..Effort::default()
    };
    let third = Effort {
        points_earned: 3,
        ..Effort::default()
    };
    let found = [
        db.effort(user(1), "2026-11-18").await,
        db.effort(user(1), "2026-11-19").await,
        db.effort(user(1), "2026-11-20").await,
    ];
    assert_eq!(found, [first, second, third]);
    db.pass(10 * MINUTE);
    db.end(open).await.unwrap();
    let ended = Effort {
        points_earned: 8,
        focus_seconds: 600,
        ..Effort::default()
    };
    assert_eq!(db.effort(user(1), "2026-11-20").await, ended);
}

async fn figures_stay_when_sessions_are_gone(db: Fixture) {
    let month = || query(user(1), Granularity::Month, Scope::Cohort);
    for start in ["2026-11-17T08:00:00Z", "2026-11-18T23:50:00Z"] {
        let mut session = recorded(user(1), start, 1_800);
        session.context.subject = Some(subject("a", "Algebra"));
        let id = db.keep(session).await;
        db.log(id, "testing", (4, 3), None).await;
    }
    let before = db.report(month()).await;
    assert_eq!((before.sessions.len(), before.subjects.len()), (2, 1));
    db.run("DELETE FROM session_activities; DELETE FROM user_sessions;")
        .await;
    let after = db.report(month()).await;
    assert!(after.sessions.is_empty());
    assert_eq!(
        (after.basis, after.subjects),
        (before.basis, before.subjects)
    );
}

async fn what_was_there_before_is_told_when_the_schema_changes(db: Fixture) {
    // Within a day, with activities on it: nothing is split anew.
    for number in 0..30_u64 {
        let who = user(u128::from(number % 3));
        let start = format!("2026-11-{:02}T08:00:00Z", 1 + number % 11);
        let mut session = recorded(who, &start, number * 97);
        session.context.focus_mode = number % 2 == 0;
        session.review.productivity_rating = u8::try_from(number % 6).ok().filter(|one| *one > 0);
        session.review.notes = "x".repeat(usize::from(number % 5 == 0));
        if number % 4 > 0 {
            session.context.subject = Some(subject(&(number % 4).to_string(), "Subject"));
        }
        let id = db.keep(session).await;
        for kind in ["notes", "reading", "testing"] {
            let done = i64::try_from(number % 7).unwrap();
            db.log(id, kind, (done, done / 2), Some(&start)).await;
        }
    }
    let open = db.start(user(1)).await;
    db.log(open, "reading", (5, 5), None).await;
    let before = everything(&db).await;
    // As if they had never been.
    db.run(
        "ALTER TABLE performance_days DROP COLUMN points_earned;
        ALTER TABLE performance_days DROP COLUMN notes_created;
        ALTER TABLE performance_days DROP COLUMN ratings;
        ALTER TABLE performance_days DROP COLUMN rating_sum;
        ALTER TABLE performance_days DROP COLUMN focus_seconds;
        DELETE FROM performance_days WHERE sessions + active_seconds + tests = 0;
        DELETE FROM _sqlx_migrations WHERE version = 8;",
    )
    .await;
    let newer = db.second_instance().await;
    assert_eq!(everything(&newer).await, before);
    newer.pass(10 * MINUTE);
    newer.end(open).await.unwrap();
    assert_eq!(newer.effort(user(1), "2026-11-20").await.points_earned, 10);
}

async fn everything(db: &Fixture) -> Vec<Effort> {
    let mut all = Vec::new();
    for number in 0..3 {
        for date in 1..=20 {
            all.push(db.effort(user(number), &format!("2026-11-{date:02}")).await);
        }
    }
    assert!(all.iter().filter(|one| **one != Effort::default()).count() > 20);
    all
}

async fn files_have_each_session_once_newest_first(db: Fixture) {
    let mut expected = Vec::new();
    for number in 0..7 {
        let start = format!("2026-11-{:02}T08:00:00Z", 10 + number / 2);
        expected.push((at(&start), db.keep(recorded(user(1), &start, 60)).await));
    }
    expected.sort_unstable();
    expected.reverse();
    let mut found = Vec::new();
    let mut after = None;
    loop {
        let filter = SessionFilter::default();
        let page = db
            .store
            .export_sessions(db.tenant, filter, after, 3, db.now());
        let page = page.await.unwrap();
        found.extend(
            page.items
                .iter()
                .map(|view| (view.session.started_at, view.session.id)),
        );
        after = page.next;
        if after.is_none() {
            break;
        }
        // One that starts meanwhile is not in it.
        db.start(user(2)).await;
        db.pass(HOUR);
    }
    assert_eq!(found, expected);
}
