//! What is kept of practice as sessions end, and how it is read.

use std::time::Duration;

use chrono_tz::Tz;
use dwell::{
    domain::{
        commands::{EndSession, RecordSession, RecordedTime, RevokeSessions},
        ids::{SessionId, UserId},
        insights::{
            calendar::CalendarDay,
            frequency::PracticeTime,
            practice::{PracticeDay, PracticeTotals},
            subjects::SubjectCount,
        },
        period::DateRange,
        session::{CompletionStatus, EndReason, SessionContext, SessionReview, Subject},
        settings::SettingsPatch,
    },
    store::practice::UserCalendar,
};
use futures::future::{join, join_all};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, SqliteConnection};

use crate::fixture::{Fixture, HOUR, MINUTE, at, completed, context, day, days, user};

on_both_engines! {
    an_end_counts_for_the_day_of_its_start
    however_a_session_ends_it_is_counted_once
    what_is_counted_at_once_is_counted_once
    times_are_those_of_the_last_days
    a_calendar_has_the_days_of_the_range_and_their_sessions
    most_completed_sessions_come_first_then_types_then_ids
    subjects_are_of_the_type_the_range_and_the_limit
    a_subject_has_the_name_of_its_latest_day
    nobody_else_has_it
    what_was_there_before_is_counted_when_the_schema_changes
}

const JANE: UserId = user(7);

impl Fixture {
    /// Sets the zone before any of the history that follows.
    async fn always_in(&self, zone: Tz) {
        let now = self.now();
        self.set_clock("2026-01-01T00:00:00Z");
        self.set_zone(zone).await;
        self.clock.set(now);
    }

    /// Saves a session of so many seconds.
    async fn save(
        &self,
        start: &str,
        seconds: u64,
        completion: CompletionStatus,
        subject: Option<Subject>,
    ) -> SessionId {
        let id = SessionId(self.new_id());
        let start = at(start);
        let end = start + Duration::from_secs(seconds);
        let command = RecordSession {
            user_id: JANE,
            session_id: id,
            context: SessionContext {
                subject,
                ..context()
            },
            review: reviewed(completion),
            time: RecordedTime::Between { start, end },
            fingerprint: None,
        };
        self.submit(command).await.unwrap();
        id
    }

    async fn calendar(&self, range: DateRange, with_sessions: bool) -> UserCalendar {
        let found = self
            .store
            .get_user_calendar(self.tenant, JANE, range, with_sessions, self.now())
            .await;
        found.unwrap()
    }

    /// Type, id and completed sessions.
    async fn top(
        &self,
        kind: Option<&str>,
        range: DateRange,
        limit: u16,
    ) -> Vec<(String, String, i64)> {
        let subjects = self.subjects(kind, range, limit).await;
        let told = subjects.into_iter().map(|count| {
            let subject = count.subject;
            (subject.kind, subject.id, count.sessions)
        });
        told.collect()
    }

    async fn subjects(
        &self,
        kind: Option<&str>,
        range: DateRange,
        limit: u16,
    ) -> Vec<SubjectCount> {
        let kind = kind.map(str::to_owned);
        let found = self
            .store
            .list_top_subjects(self.tenant, JANE, kind, range, limit)
            .await;
        found.unwrap()
    }

    /// Runs statements on the database, past the service.
    pub async fn run(&self, sql: &str) {
        let sql = AssertSqlSafe(sql.to_owned());
        if self.url.starts_with("sqlite:") {
            let mut conn = SqliteConnection::connect(&self.url).await.unwrap();
            conn.execute(sqlx::raw_sql(sql)).await.unwrap();
        } else {
            let mut conn = PgConnection::connect(&self.url).await.unwrap();
            conn.execute(sqlx::raw_sql(sql)).await.unwrap();
        }
    }
}

fn reviewed(completion: CompletionStatus) -> SessionReview {
    SessionReview {
        completion: Some(completion),
        ..SessionReview::default()
    }
}

#[expect(clippy::unnecessary_wraps, reason = "sessions hold it so")]
fn about(kind: &str, id: &str) -> Option<Subject> {
    Some(Subject {
        kind: kind.to_owned(),
        id: id.to_owned(),
        name: format!("{kind} {id}"),
    })
}

fn practised(date: &str, totals: [i64; 5]) -> PracticeDay {
    let [ended, completed, partial, abandoned, completed_seconds] = totals;
    PracticeDay {
        date: day(date),
        totals: PracticeTotals {
            ended,
            completed,
            partial,
            abandoned,
            completed_seconds,
        },
    }
}

fn told(kind: &str, id: &str, sessions: i64) -> (String, String, i64) {
    (kind.to_owned(), id.to_owned(), sessions)
}

async fn an_end_counts_for_the_day_of_its_start(db: Fixture) {
    db.save(
        "2026-11-18T23:30:00Z",
        3_600,
        CompletionStatus::Completed,
        None,
    )
    .await;
    db.save("2026-11-19T08:00:00Z", 60, CompletionStatus::Partial, None)
        .await;
    db.save(
        "2026-11-19T09:00:00Z",
        61,
        CompletionStatus::Abandoned,
        None,
    )
    .await;
    db.save(
        "2026-11-19T10:00:00Z",
        62,
        CompletionStatus::Completed,
        None,
    )
    .await;
    let open = db.start(JANE).await;
    let history = db.practice(JANE).await;
    assert_eq!(
        history.days,
        [
            practised("2026-11-18", [1, 1, 0, 0, 3_600]),
            practised("2026-11-19", [3, 1, 1, 1, 62]),
        ]
    );
    let ids: Vec<_> = history.open.iter().map(|session| session.id).collect();
    assert_eq!(ids, [open]);
}

async fn however_a_session_ends_it_is_counted_once(db: Fixture) {
    db.set(SettingsPatch {
        max_open_sessions: Some(Some(2)),
        ..SettingsPatch::default()
    })
    .await;
    let ended = db.start(JANE).await;
    db.end(ended).await.unwrap();
    assert!(db.end(ended).await.unwrap().already);
    let expired = db.start(JANE).await;
    db.pass(31 * MINUTE);
    assert!(db.expire(expired).await.unwrap());
    db.expire(expired).await.unwrap();
    let evicted = db.start(JANE).await;
    db.pass(MINUTE);
    let revoked = db.start(JANE).await;
    db.pass(MINUTE);
    // Makes room, and is over before the next one looks.
    let silent = db.start(JANE).await;
    assert_eq!(
        db.session(evicted).await.session.end_reason(),
        Some(EndReason::Evicted)
    );
    let command = RevokeSessions {
        user_id: JANE,
        session_ids: Some(vec![revoked]),
        except: None,
    };
    db.submit(command).await.unwrap();
    db.pass(31 * MINUTE);
    assert!(db.heartbeat(silent).await.is_err());
    let history = db.practice(JANE).await;
    assert_eq!(history.days, [practised("2026-11-20", [5, 1, 0, 0, 0])]);
    assert!(history.open.is_empty());
}

async fn what_is_counted_at_once_is_counted_once(db: Fixture) {
    let done = CompletionStatus::Completed;
    let mut open = Vec::new();
    for _ in 0..8 {
        open.push(db.start(JANE).await);
    }
    db.pass(60);
    // What is saved needs nothing that is stored, but what ends does: so the batch decides again.
    let ends = join_all(open.iter().map(|id| {
        db.submit(EndSession {
            user_id: JANE,
            session_id: *id,
            review: completed(),
            end_time: None,
        })
    }));
    let starts = (0..8).map(|hour| format!("2026-11-20T0{hour}:00:00Z"));
    let saves = starts.map(|start| {
        let db = db.clone();
        async move { db.save(&start, 60, done, about("song", "a")).await }
    });
    let (ended, _) = join(ends, join_all(saves)).await;
    assert!(ended.iter().all(Result::is_ok));
    let history = db.practice(JANE).await;
    assert_eq!(history.days, [practised("2026-11-20", [16, 16, 0, 0, 960])]);
    let times = db.practice_times(JANE, 1).await;
    let sessions: Vec<_> = times.starts.iter().map(|(_, sessions)| *sessions).collect();
    assert_eq!(sessions, [1, 1, 1, 1, 1, 1, 1, 1, 8]);
    assert_eq!(
        db.top(None, DateRange::ALL, 10).await,
        [told("song", "a", 8)]
    );
}

async fn times_are_those_of_the_last_days(db: Fixture) {
    db.always_in(Tz::Pacific__Auckland).await;
    // It is one in the morning of the 21st there.
    for start in [
        "2026-11-19T10:59:59Z",
        "2026-11-19T11:00:00Z",
        "2026-11-20T10:30:00Z",
        "2026-11-20T10:44:59Z",
        "2026-11-20T11:00:00Z",
    ] {
        db.save(start, 60, CompletionStatus::Completed, None).await;
        db.save(start, 60, CompletionStatus::Partial, None).await;
    }
    let time = |date, quarter| PracticeTime {
        date: day(date),
        quarter,
    };
    let times = db.practice_times(JANE, 2).await;
    assert_eq!(
        times.starts,
        [
            (time("2026-11-20", -52), 1),
            (time("2026-11-20", 42), 2),
            (time("2026-11-21", -52), 1),
        ]
    );
    assert_eq!(times.settings.calendar.zone(), Tz::Pacific__Auckland);
    let today = db.practice_times(JANE, 1).await;
    assert_eq!(today.starts, [(time("2026-11-21", -52), 1)]);
    assert_eq!(db.practice_times(JANE, 366).await.starts.len(), 4);
}

async fn a_calendar_has_the_days_of_the_range_and_their_sessions(db: Fixture) {
    let done = CompletionStatus::Completed;
    let before = db.save("2026-11-17T23:00:00Z", 7_200, done, None).await;
    let second = db
        .save("2026-11-19T09:00:00Z", 60, CompletionStatus::Partial, None)
        .await;
    let first = db.save("2026-11-19T08:00:00Z", 60, done, None).await;
    let open = db.start(JANE).await;
    let entry = |date, started, completed, active_seconds| CalendarDay {
        date: day(date),
        started,
        completed,
        active_seconds,
    };
    let found = db.calendar(days("2026-11-18", "2026-11-20"), true).await;
    assert_eq!(
        found.days,
        [
            entry("2026-11-18", 0, 0, 3_600),
            entry("2026-11-19", 2, 1, 120),
            entry("2026-11-20", 1, 0, 0),
        ]
    );
    let ids: Vec<_> = found.sessions.iter().map(|view| view.session.id).collect();
    assert_eq!(ids, [first, second, open]);
    assert_eq!(found.open.len(), 1);
    // Over by then, also where it is only looked at.
    db.pass(HOUR);
    let found = db.calendar(days("2026-11-20", "2026-11-20"), true).await;
    assert!(!found.sessions[0].session.is_open());
    let found = db.calendar(days("2026-11-17", "2026-11-17"), false).await;
    assert_eq!(found.days, [entry("2026-11-17", 1, 1, 3_600)]);
    assert!(found.sessions.is_empty());
    let found = db.calendar(days("2026-11-17", "2026-11-17"), true).await;
    assert_eq!(found.sessions[0].session.id, before);
}

async fn most_completed_sessions_come_first_then_types_then_ids(db: Fixture) {
    let done = CompletionStatus::Completed;
    for (kind, id, sessions) in [
        ("song", "a", 2),
        ("asana", "z", 2),
        // In the order of code points capitals come before and accents behind.
        ("song", "é", 1),
        ("song", "b", 1),
        ("song", "B", 1),
        ("song", "zz", 1),
        ("asana", "z2", 3),
    ] {
        for hour in 0..sessions {
            let start = format!("2026-11-19T0{hour}:00:00Z");
            db.save(&start, 60, done, about(kind, id)).await;
        }
        let undone = CompletionStatus::Partial;
        db.save("2026-11-19T09:00:00Z", 60, undone, about(kind, id))
            .await;
    }
    db.save("2026-11-19T09:00:00Z", 60, done, None).await;
    assert_eq!(
        db.top(None, DateRange::ALL, 100).await,
        [
            told("asana", "z2", 3),
            told("asana", "z", 2),
            told("song", "a", 2),
            told("song", "B", 1),
            told("song", "b", 1),
            told("song", "zz", 1),
            told("song", "é", 1),
        ]
    );
}

async fn subjects_are_of_the_type_the_range_and_the_limit(db: Fixture) {
    let done = CompletionStatus::Completed;
    for (start, kind, id) in [
        ("2026-11-17T08:00:00Z", "song", "a"),
        ("2026-11-18T08:00:00Z", "song", "a"),
        ("2026-11-18T23:59:59Z", "song", "b"),
        ("2026-11-19T00:00:00Z", "asana", "a"),
    ] {
        db.save(start, 60, done, about(kind, id)).await;
    }
    let all = DateRange::ALL;
    assert_eq!(
        db.top(Some("song"), all, 10).await,
        [told("song", "a", 2), told("song", "b", 1)]
    );
    assert_eq!(db.top(None, all, 1).await, [told("song", "a", 2)]);
    assert_eq!(db.top(Some("book"), all, 10).await, []);
    assert_eq!(
        db.top(None, days("2026-11-18", "2026-11-19"), 10).await,
        [
            told("asana", "a", 1),
            told("song", "a", 1),
            told("song", "b", 1)
        ]
    );
    assert_eq!(db.top(None, days("2026-11-20", "2026-11-21"), 10).await, []);
}

async fn a_subject_has_the_name_of_its_latest_day(db: Fixture) {
    let done = CompletionStatus::Completed;
    let named = |name: &str| {
        Some(Subject {
            kind: "song".to_owned(),
            id: "a".to_owned(),
            name: name.to_owned(),
        })
    };
    db.save("2026-11-18T08:00:00Z", 60, done, named("newer"))
        .await;
    db.save("2026-11-18T09:00:00Z", 61, done, named("newest"))
        .await;
    db.save("2026-11-17T08:00:00Z", 62, done, named("older"))
        .await;
    let expected = |name, sessions, seconds| {
        [SubjectCount {
            subject: named(name).unwrap(),
            sessions,
            seconds,
        }]
    };
    let found = db.subjects(None, DateRange::ALL, 10).await;
    assert_eq!(found, expected("newest", 3, 183));
    let found = db
        .subjects(None, days("2026-11-01", "2026-11-17"), 10)
        .await;
    assert_eq!(found, expected("older", 1, 62));
}

async fn nobody_else_has_it(db: Fixture) {
    db.save(
        "2026-11-19T08:00:00Z",
        60,
        CompletionStatus::Completed,
        about("song", "a"),
    )
    .await;
    let neighbour = db.for_tenant(0x2);
    // The same user of another tenant, and another user.
    for (db, somebody) in [(&neighbour, JANE), (&db, user(8))] {
        let history = db.practice(somebody).await;
        assert_eq!((history.days.len(), history.open.len()), (0, 0));
        assert_eq!(db.practice_times(somebody, 366).await.starts, []);
    }
    assert_eq!(neighbour.top(None, DateRange::ALL, 10).await, []);
    let calendar = neighbour.calendar(DateRange::ALL, true).await;
    assert_eq!((calendar.days.len(), calendar.sessions.len()), (0, 0));
}

async fn what_was_there_before_is_counted_when_the_schema_changes(db: Fixture) {
    db.always_in(Tz::Asia__Kathmandu).await;
    let statuses = [
        CompletionStatus::Completed,
        CompletionStatus::Partial,
        CompletionStatus::Abandoned,
        CompletionStatus::Completed,
    ];
    // Through all hours, and on each day before and after midnight UTC.
    for number in 0..60_usize {
        let minutes = number * 97;
        let (date, minutes) = (14 + minutes / 1_440, minutes % 1_440);
        let start = format!(
            "2026-11-{date:02}T{:02}:{:02}:59.999999Z",
            minutes / 60,
            minutes % 60
        );
        let subject = match number % 3 {
            0 => None,
            1 => about("song", &format!("{}", number % 5)),
            _ => Some(Subject {
                kind: "song".to_owned(),
                id: "a".to_owned(),
                name: format!("{number}"),
            }),
        };
        // Those that are saved later are updated later.
        db.pass(1);
        let seconds = u64::try_from(number).unwrap();
        db.save(&start, seconds, statuses[number % 4], subject)
            .await;
    }
    let expired = db.start(JANE).await;
    db.pass(HOUR);
    assert!(db.expire(expired).await.unwrap());
    let open = db.start(JANE).await;
    let other = db.for_tenant(0x2);
    let id = other.start(JANE).await;
    other.end_with(id, completed(), None).await.unwrap();

    let before = everything(&db).await;
    let before_of_other = everything(&other).await;
    assert!(before.0.days.len() > 4 && before.1.len() > 20 && before.2.len() == 6);
    // As if it had never been.
    db.run(
        "DROP TABLE user_practice_times;
        DROP TABLE user_subject_days;
        ALTER TABLE user_usage_stats DROP COLUMN sessions_ended;
        ALTER TABLE user_usage_stats DROP COLUMN sessions_partial;
        ALTER TABLE user_usage_stats DROP COLUMN sessions_abandoned;
        ALTER TABLE user_usage_stats DROP COLUMN completed_seconds;
        DELETE FROM _sqlx_migrations WHERE version IN (3, 9);",
    )
    .await;
    let newer = db.second_instance().await;
    assert_eq!(everything(&newer).await, before);
    assert_eq!(everything(&newer.for_tenant(0x2)).await, before_of_other);
    newer.end(open).await.unwrap();
    let after = everything(&newer).await;
    let ended = |days: &[PracticeDay]| days.iter().map(|day| day.totals.ended).sum::<i64>();
    assert_eq!(ended(&after.0.days), ended(&before.0.days) + 1);
}

type Everything = (
    dwell::store::practice::PracticeHistory,
    Vec<(PracticeTime, i64)>,
    Vec<SubjectCount>,
);

async fn everything(db: &Fixture) -> Everything {
    let subjects = db.subjects(None, DateRange::ALL, 100).await;
    let times = db.practice_times(JANE, 366).await;
    (db.practice(JANE).await, times.starts, subjects)
}
