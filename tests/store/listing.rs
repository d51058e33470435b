//! Pages and sums of sessions.

use std::collections::BTreeSet;

use dwell::domain::{
    commands::{RecordSession, RecordedTime, RevokeSessions},
    ids::SessionId,
    session::{
        CompletionStatus, EndReason, SessionFilter, SessionReview, SessionState, SessionTotals,
        Subject,
    },
};

use crate::fixture::{Fixture, HOUR, MINUTE, at, context, session, start_with, user};

on_both_engines! {
    sessions_come_newest_start_first_and_equal_starts_by_id
    every_filter_and_every_two_of_them_find_what_matches
    all_filters_together_find_one_session
    pages_of_any_size_neither_repeat_nor_miss
    totals_of_nothing_are_zero
    totals_tell_ended_time_from_all_time
    a_page_without_matches_is_empty_and_the_last
    a_new_session_does_not_move_the_next_page
}

/// What is known of a session without asking the store.
#[derive(Clone, Debug)]
struct Known {
    id: SessionId,
    user: u128,
    kind: &'static str,
    client: &'static str,
    subject: Option<(&'static str, &'static str)>,
    start: &'static str,
    state: SessionState,
    reason: Option<EndReason>,
    completion: Option<CompletionStatus>,
    seconds: i64,
}

impl Known {
    fn matches(&self, filter: &SessionFilter) -> bool {
        let subject = |pick: fn((&'static str, &'static str)) -> &'static str,
                       value: &Option<_>| {
            value.is_none() || self.subject.map(pick).map(String::from) == *value
        };
        filter.user_id.is_none_or(|id| id == user(self.user))
            && (filter.states.is_empty() || filter.states.contains(&self.state))
            && filter
                .session_type
                .as_deref()
                .is_none_or(|kind| kind == self.kind)
            && filter
                .client_type
                .as_deref()
                .is_none_or(|client| client == self.client)
            && (filter.completion.is_none() || filter.completion == self.completion)
            && (filter.end_reason.is_none() || filter.end_reason == self.reason)
            && subject(|pair| pair.0, &filter.subject_type)
            && subject(|pair| pair.1, &filter.subject_id)
            && filter
                .started_from
                .is_none_or(|from| from <= at(self.start))
            && filter
                .started_until
                .is_none_or(|until| at(self.start) < until)
    }
}

const EARLY: &str = "2026-11-20T10:00:00Z";
const LATE: &str = "2026-11-20T12:00:00Z";

/// Sessions of every kind, among them some that are over and not swept. It is 12:40 then.
async fn some_sessions(db: &Fixture) -> Vec<Known> {
    let mut known = Vec::new();
    for start in [EARLY, LATE] {
        db.set_clock(start);
        for number in 0..12 {
            let id = SessionId(db.new_id());
            let mut row = Known {
                id,
                user: number % 2,
                kind: if number % 3 == 0 { "solo" } else { "normal" },
                client: if number % 4 < 2 { "web" } else { "mobile" },
                subject: [
                    None,
                    Some(("class", "a")),
                    Some(("class", "b")),
                    Some(("course", "a")),
                ][usize::try_from(number % 4).unwrap()],
                start,
                state: SessionState::Ended,
                reason: Some(EndReason::IdleTimeout),
                completion: None,
                seconds: 0,
            };
            let mut context = context();
            context.session_type = row.kind.to_owned();
            context.client_type = row.client.to_owned();
            context.subject = row.subject.map(|(kind, id)| Subject {
                kind: kind.to_owned(),
                id: id.to_owned(),
                name: String::new(),
            });
            db.submit(start_with(user(row.user), id, context))
                .await
                .unwrap();
            db.pass(MINUTE);
            match number {
                0 | 5 => {
                    let completion = [CompletionStatus::Completed, CompletionStatus::Partial]
                        [usize::from(number == 5)];
                    row.completion = Some(completion);
                    row.reason = Some(EndReason::Logout);
                    row.seconds = 60;
                    let review = SessionReview {
                        completion: row.completion,
                        ..SessionReview::default()
                    };
                    db.end_with(id, review, None).await.unwrap();
                }
                1 => {
                    row.reason = Some(EndReason::Revoked);
                    row.seconds = 60;
                    let command = RevokeSessions {
                        user_id: user(row.user),
                        session_ids: Some(vec![id]),
                        except: None,
                    };
                    db.submit(command).await.unwrap();
                }
                2 | 3 => {
                    db.pause(id).await.unwrap();
                    row.seconds = 60;
                    if start == LATE {
                        (row.state, row.reason) = (SessionState::Paused, None);
                    }
                }
                4 | 6 | 7 => {
                    db.heartbeat(id).await.unwrap();
                    row.seconds = 60;
                    if start == LATE {
                        (row.state, row.reason) = (SessionState::Active, None);
                        row.seconds = 40 * 60;
                    }
                }
                // Silent since its start.
                _ => {}
            }
            known.push(row);
            db.set_clock(start);
        }
        if start == LATE {
            db.pass(20 * MINUTE);
            for row in known.iter().filter(|row| row.state != SessionState::Ended) {
                db.heartbeat(row.id).await.unwrap();
            }
        }
    }
    db.set_clock("2026-11-20T12:40:00Z");
    known
}

async fn list(db: &Fixture, filter: &SessionFilter, limit: usize) -> Vec<SessionId> {
    let (mut ids, mut after) = (Vec::new(), None);
    loop {
        let page = db
            .store
            .list_sessions(db.tenant, filter.clone(), after, limit, db.now());
        let page = page.await.unwrap();
        assert!(page.items.len() == limit || page.next.is_none());
        assert!(ids.len() < 100, "pages go round in circles");
        ids.extend(page.items.iter().map(|view| view.session.id));
        after = page.next;
        if after.is_none() {
            return ids;
        }
    }
}

async fn totals(db: &Fixture, filter: &SessionFilter) -> SessionTotals {
    let totals = db.store.sum_sessions(db.tenant, filter.clone(), db.now());
    totals.await.unwrap()
}

/// Compares the list and the totals with what is known.
async fn check(db: &Fixture, known: &[Known], filter: &SessionFilter) {
    let mut matching: Vec<_> = known.iter().filter(|row| row.matches(filter)).collect();
    matching.sort_by_key(|row| std::cmp::Reverse((at(row.start), row.id)));
    let ids: Vec<_> = matching.iter().map(|row| row.id).collect();
    assert_eq!(list(db, filter, 7).await, ids, "{filter:?}");
    let ended = |row: &&&Known| row.state == SessionState::Ended;
    let count = |rows: usize| i64::try_from(rows).unwrap();
    let expected = SessionTotals {
        count: count(matching.len()),
        seconds: matching.iter().map(|row| row.seconds).sum(),
        ended_count: count(matching.iter().filter(ended).count()),
        ended_seconds: matching.iter().filter(ended).map(|row| row.seconds).sum(),
    };
    assert_eq!(totals(db, filter).await, expected, "{filter:?}");
}

type Setting = fn(&mut SessionFilter);

/// Values for each field of the filter.
fn settings() -> Vec<Vec<Setting>> {
    use SessionState::{Active, Ended, Paused};
    vec![
        vec![|filter| filter.user_id = Some(user(1)), |filter| {
            filter.user_id = Some(user(404));
        }],
        vec![
            |filter| filter.states = vec![Active],
            |filter| filter.states = vec![Paused],
            |filter| filter.states = vec![Ended],
            |filter| filter.states = vec![Paused, Ended],
            |filter| filter.states = vec![Active, Paused, Ended],
        ],
        vec![|filter| filter.session_type = Some("solo".to_owned())],
        vec![|filter| filter.client_type = Some("mobile".to_owned())],
        vec![
            |filter| filter.completion = Some(CompletionStatus::Completed),
            |filter| filter.completion = Some(CompletionStatus::Abandoned),
        ],
        vec![
            |filter| filter.end_reason = Some(EndReason::Logout),
            |filter| filter.end_reason = Some(EndReason::IdleTimeout),
            |filter| filter.end_reason = Some(EndReason::Revoked),
        ],
        vec![|filter| filter.subject_type = Some("class".to_owned())],
        vec![|filter| filter.subject_id = Some("a".to_owned())],
        vec![|filter| filter.started_from = Some(at(LATE))],
        vec![|filter| filter.started_until = Some(at(LATE)), |filter| {
            filter.started_until = Some(at(EARLY));
        }],
    ]
}

async fn every_filter_and_every_two_of_them_find_what_matches(db: Fixture) {
    let known = some_sessions(&db).await;
    check(&db, &known, &SessionFilter::default()).await;
    let settings = settings();
    for (field, values) in settings.iter().enumerate() {
        for value in values {
            let mut one = SessionFilter::default();
            value(&mut one);
            check(&db, &known, &one).await;
            for other in settings.iter().skip(field + 1).flatten() {
                let mut two = one.clone();
                other(&mut two);
                check(&db, &known, &two).await;
            }
        }
    }
}

async fn all_filters_together_find_one_session(db: Fixture) {
    let known = some_sessions(&db).await;
    let filter = SessionFilter {
        user_id: Some(user(1)),
        states: vec![SessionState::Ended],
        session_type: Some("normal".to_owned()),
        client_type: Some("web".to_owned()),
        completion: Some(CompletionStatus::Partial),
        end_reason: Some(EndReason::Logout),
        subject_type: Some("class".to_owned()),
        subject_id: Some("a".to_owned()),
        started_from: Some(at(LATE)),
        started_until: Some(at("2026-11-20T12:00:00.000001Z")),
    };
    check(&db, &known, &filter).await;
    assert_eq!(list(&db, &filter, 10).await.len(), 1);
}

async fn sessions_come_newest_start_first_and_equal_starts_by_id(db: Fixture) {
    for (number, time) in [(3, LATE), (1, LATE), (9, EARLY), (2, LATE)] {
        db.set_clock(time);
        db.start_as(user(1), session(number)).await.unwrap();
    }
    let all = list(&db, &SessionFilter::default(), 10).await;
    assert_eq!(all, [3, 2, 1, 9].map(session));
}

async fn pages_of_any_size_neither_repeat_nor_miss(db: Fixture) {
    let known = some_sessions(&db).await;
    let mut filter = SessionFilter::default();
    for states in [
        vec![],
        vec![SessionState::Active],
        vec![SessionState::Ended],
    ] {
        filter.states = states;
        let expected: BTreeSet<_> = known
            .iter()
            .filter(|row| row.matches(&filter))
            .map(|row| row.id)
            .collect();
        for limit in 1..=25 {
            let ids = list(&db, &filter, limit).await;
            assert_eq!(ids.len(), expected.len(), "in pages of {limit}");
            assert_eq!(ids.into_iter().collect::<BTreeSet<_>>(), expected);
        }
    }
}

async fn totals_of_nothing_are_zero(db: Fixture) {
    let filter = SessionFilter::default();
    assert_eq!(totals(&db, &filter).await, SessionTotals::default());
}

async fn totals_tell_ended_time_from_all_time(db: Fixture) {
    let recorded = RecordSession {
        user_id: user(1),
        session_id: session(1),
        context: context(),
        review: SessionReview::default(),
        time: RecordedTime::Between {
            start: at("2026-11-01T00:00:00Z"),
            end: at("2026-11-01T02:00:00.900Z"),
        },
        fingerprint: None,
    };
    db.submit(recorded).await.unwrap();
    db.start_as(user(1), session(2)).await.unwrap();
    db.pass(10 * MINUTE);
    let sums = totals(&db, &SessionFilter::default()).await;
    let expected = SessionTotals {
        count: 2,
        seconds: 7_800,
        ended_count: 1,
        ended_seconds: 7_200,
    };
    assert_eq!(sums, expected);
    // Silent for an hour: it was over at its start, swept or not.
    db.pass(HOUR);
    let over = SessionTotals {
        seconds: 7_200,
        ended_count: 2,
        ..expected
    };
    assert_eq!(totals(&db, &SessionFilter::default()).await, over);
    db.expire(session(2)).await.unwrap();
    assert_eq!(totals(&db, &SessionFilter::default()).await, over);
}

async fn a_page_without_matches_is_empty_and_the_last(db: Fixture) {
    db.start(user(1)).await;
    let filter = SessionFilter {
        states: vec![SessionState::Paused],
        ..SessionFilter::default()
    };
    assert_eq!(list(&db, &filter, 1).await, []);
}

async fn a_new_session_does_not_move_the_next_page(db: Fixture) {
    for number in 1..=4 {
        db.start_as(user(1), session(number)).await.unwrap();
    }
    let filter = SessionFilter::default();
    let page = db
        .store
        .list_sessions(db.tenant, filter.clone(), None, 2, db.now());
    let page = page.await.unwrap();
    db.pass(1);
    db.start_as(user(1), session(9)).await.unwrap();
    let rest = db
        .store
        .list_sessions(db.tenant, filter, page.next, 2, db.now());
    let rest = rest.await.unwrap();
    let ids: Vec<_> = rest.items.iter().map(|view| view.session.id).collect();
    assert_eq!(ids, [session(2), session(1)]);
    assert_eq!(rest.next, None);
}
