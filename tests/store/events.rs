//! What happened to sessions, as those who watch read it.

use std::time::Duration;

use dwell::{
    domain::{
        commands::RevokeSessions,
        event::{EventKind, EventPlace},
        session::{EndReason, SessionReview, SessionView},
        settings::SettingsPatch,
    },
    jobs::{Jobs, retention::forget_events},
    store::{
        events::{EventPage, Rest, ToldEvent},
        privacy::{delete_user, purge_sessions},
    },
};
use futures::future::join_all;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, Row};

use crate::{
    fixture::{Fixture, HOUR, MINUTE, at, session, user},
    performance::recorded,
};

use EventKind::{ActivityLogged, Ended, Paused, Resumed, Started};

on_both_engines! {
    each_event_shows_the_session_as_it_was
    however_a_session_ends_it_is_told_once
    who_goes_on_misses_nothing_and_sees_nothing_twice
    from_now_nothing_is_told_that_was_before
    users_and_tenants_are_told_of_their_own
    what_was_forgotten_is_not_passed_over_in_silence
    what_is_deleted_is_told_no_more
    an_id_used_again_is_not_taken_for_the_one_before
}

impl Fixture {
    async fn events(&self, after: Option<EventPlace>, limit: usize) -> EventPage {
        let page = self.store.list_events(self.tenant, None, after, limit);
        page.await.unwrap().unwrap()
    }

    /// All there is after a place, in pages of a few: whatever transactions of other tests hold
    /// back for a moment too.
    async fn events_after(&self, place: EventPlace) -> Vec<ToldEvent> {
        let mut place = place;
        let mut told = Vec::new();
        loop {
            let page = self.events(Some(place), 3).await;
            place = page.upto;
            told.extend(page.events);
            match page.rest {
                Rest::Nothing => return told,
                Rest::More => {}
                Rest::HeldBack => tokio::task::yield_now().await,
            }
        }
    }

    async fn kinds_after(&self, place: EventPlace) -> Vec<(EventKind, u128)> {
        let events = self.events_after(place).await;
        events.iter().map(kind_and_session).collect()
    }

    fn jobs(&self) -> Jobs {
        Jobs {
            store: self.store.clone(),
            writer: self.writer.clone(),
            clock: self.clock.clone(),
            delivery: None,
        }
    }
}

fn kind_and_session(event: &ToldEvent) -> (EventKind, u128) {
    (event.kind, event.view.session.id.0.as_u128())
}

/// Without what nobody is told of.
fn told(mut view: SessionView) -> SessionView {
    view.session.pauses.clear();
    view.session.items_correct = 0;
    view.session.sweep_at = None;
    view
}

async fn each_event_shows_the_session_as_it_was(db: Fixture) {
    let begin = db.events(None, 1).await;
    assert_eq!((begin.events.len(), begin.rest), (0, Rest::Nothing));
    let id = session(1);
    let mut seen = Vec::new();
    db.start_as(user(1), id).await.unwrap();
    seen.push((Started, db.now(), db.session(id).await));
    db.pass(MINUTE);
    db.heartbeat(id).await.unwrap();
    // The same again is nothing that happens.
    for _ in 0..2 {
        db.start_as(user(1), id).await.unwrap();
        db.pause(id).await.unwrap();
    }
    seen.push((Paused, db.now(), db.session(id).await));
    db.pass(MINUTE);
    db.resume(id).await.unwrap();
    seen.push((Resumed, db.now(), db.session(id).await));
    db.resume(id).await.unwrap();
    db.pass(3 * MINUTE);
    db.log(id, "testing", (4, 3), None).await;
    seen.push((ActivityLogged, db.now(), db.session(id).await));
    db.pass(MINUTE);
    let review = SessionReview {
        notes: "well done".to_owned(),
        mood_rating: Some(4),
        ..SessionReview::default()
    };
    db.end_with(id, review, None).await.unwrap();
    seen.push((Ended, db.now(), db.session(id).await));
    assert!(db.end(id).await.unwrap().already);
    db.pass(MINUTE);
    db.log(id, "testing", (1, 1), None).await;
    seen.push((ActivityLogged, db.now(), db.session(id).await));

    let events = db.events_after(begin.upto).await;
    assert_eq!(events.len(), seen.len());
    for (event, (kind, now, view)) in events.into_iter().zip(seen) {
        assert_eq!((event.kind, event.at), (kind, now));
        assert_eq!(told(event.view), told(view), "{kind:?}");
    }
}

async fn however_a_session_ends_it_is_told_once(db: Fixture) {
    let begin = db.events(None, 1).await.upto;
    db.set(SettingsPatch {
        max_open_sessions: Some(Some(1)),
        ..SettingsPatch::default()
    })
    .await;
    db.start_as(user(1), session(1)).await.unwrap();
    db.start_as(user(1), session(2)).await.unwrap();
    db.submit(RevokeSessions {
        user_id: user(1),
        session_ids: None,
        except: None,
    })
    .await
    .unwrap();
    db.start_as(user(1), session(3)).await.unwrap();
    db.pass(31 * MINUTE);
    // Whatever finds it over first.
    assert!(db.heartbeat(session(3)).await.is_err());
    assert!(db.expire(session(3)).await.unwrap());
    let mut saved = recorded(user(1), "2026-11-19T10:00:00Z", 600);
    saved.session_id = session(4);
    db.submit(saved).await.unwrap();

    let events = db.events_after(begin).await;
    let kinds: Vec<_> = events.iter().map(kind_and_session).collect();
    let expected = [
        (Started, 1),
        (Ended, 1),
        (Started, 2),
        (Ended, 2),
        (Started, 3),
        (Ended, 3),
        (Ended, 4),
    ];
    assert_eq!(kinds, expected);
    let ends = events.iter().filter_map(|event| {
        let session = &event.view.session;
        Some((session.end_reason()?, session.ended_at()?, event.at))
    });
    let (noon, later) = (at("2026-11-20T12:00:00Z"), at("2026-11-20T12:31:00Z"));
    let expected = [
        (EndReason::Evicted, noon, noon),
        (EndReason::Revoked, noon, noon),
        (EndReason::IdleTimeout, noon, later),
        (EndReason::Recorded, at("2026-11-19T10:10:00Z"), later),
    ];
    assert_eq!(ends.collect::<Vec<_>>(), expected);
}

async fn who_goes_on_misses_nothing_and_sees_nothing_twice(db: Fixture) {
    let begin = db.events(None, 1).await.upto;
    let other = db.second_instance().await;
    let writes = (0..200_u128).map(|number| {
        let db = if number % 2 == 0 { &db } else { &other };
        async move {
            db.start_as(user(number % 7), session(number))
                .await
                .unwrap();
            db.end(session(number)).await.unwrap();
        }
    });
    // Reads beside the writes, here and there in turn.
    let read = async {
        let (mut place, mut told) = (begin, Vec::new());
        while told.len() < 400 {
            let db = if told.len() % 2 == 0 { &db } else { &other };
            let page = db.events(Some(place), 7).await;
            place = page.upto;
            told.extend(page.events);
        }
        told
    };
    let (_, told) = tokio::join!(join_all(writes), read);
    let mut kinds: Vec<_> = told.iter().map(kind_and_session).collect();
    for number in 0..200 {
        let of: Vec<_> = kinds.iter().filter(|(_, id)| *id == number).collect();
        assert_eq!(of, [&(Started, number), &(Ended, number)]);
    }
    // Any event is a place to go on, after a restart too.
    other.close().await;
    let again = db.second_instance().await;
    let rest = again.kinds_after(told[249].place).await;
    assert_eq!(rest, kinds.split_off(250));
    assert_eq!(again.kinds_after(told[399].place).await, []);
}

async fn from_now_nothing_is_told_that_was_before(db: Fixture) {
    let begin = db.events(None, 1).await.upto;
    db.start_as(user(1), session(1)).await.unwrap();
    let before = db.events_after(begin).await;
    // Told once, it is no more than known to be committed.
    let now = db.events(None, 1).await;
    assert_eq!(now.upto, before[0].place);
    db.end(session(1)).await.unwrap();
    assert_eq!(db.kinds_after(now.upto).await, [(Ended, 1)]);
}

async fn users_and_tenants_are_told_of_their_own(db: Fixture) {
    let neighbour = db.for_tenant(2);
    let begin = db.events(None, 1).await.upto;
    for db in [&db, &neighbour] {
        db.start_as(user(1), session(1)).await.unwrap();
        db.start_as(user(2), session(2)).await.unwrap();
    }
    neighbour.end(session(1)).await.unwrap();
    assert_eq!(db.kinds_after(begin).await, [(Started, 1), (Started, 2)]);
    let theirs = [(Started, 1), (Started, 2), (Ended, 1)];
    assert_eq!(neighbour.kinds_after(begin).await, theirs);
    let of_one = db
        .store
        .list_events(db.tenant, Some(user(2)), Some(begin), 10);
    let of_one = of_one.await.unwrap().unwrap();
    let kinds: Vec<_> = of_one.events.iter().map(kind_and_session).collect();
    assert_eq!(kinds, [(Started, 2)]);
    assert_eq!(of_one.upto, of_one.events[0].place);
}

async fn what_was_forgotten_is_not_passed_over_in_silence(db: Fixture) {
    let kept = Duration::from_secs(HOUR);
    let after = async |place| {
        let page = db.store.list_events(db.tenant, None, Some(place), 10);
        let page = page.await.unwrap();
        page.map(|page| page.events.iter().map(kind_and_session).collect::<Vec<_>>())
    };
    let begin = db.events(None, 1).await.upto;
    db.start_as(user(1), session(1)).await.unwrap();
    db.start_as(user(1), session(2)).await.unwrap();
    db.pass(HOUR);
    db.start_as(user(1), session(3)).await.unwrap();
    let places: Vec<_> = db.events_after(begin).await;
    assert_eq!(forget_events(&db.jobs(), kept).await, Ok(0));
    db.pass(1);
    assert_eq!(forget_events(&db.jobs(), kept).await, Ok(2));
    assert_eq!(forget_events(&db.jobs(), kept).await, Ok(0));
    assert_eq!(after(begin).await, None);
    assert_eq!(after(places[0].place).await, None);
    // Nothing is missing after the last that was forgotten.
    assert_eq!(after(places[1].place).await, Some(vec![(Started, 3)]));
    assert_eq!(after(places[2].place).await, Some(vec![]));
    db.pass(2 * HOUR);
    assert_eq!(forget_events(&db.jobs(), kept).await, Ok(1));
    // Without any event left, the place to begin is where the last one was.
    assert_eq!(db.events(None, 1).await.upto, places[2].place);
    assert_eq!(after(places[1].place).await, None);
    let other_epoch = EventPlace {
        epoch: places[2].place.epoch + 1,
        ..places[2].place
    };
    assert_eq!(after(other_epoch).await, None);
    // A neighbour has forgotten nothing.
    let neighbour = db.for_tenant(2);
    neighbour.start_as(user(1), session(1)).await.unwrap();
    assert_eq!(neighbour.kinds_after(begin).await, [(Started, 1)]);
}

async fn what_is_deleted_is_told_no_more(db: Fixture) {
    let begin = db.events(None, 1).await.upto;
    for number in [1, 2] {
        db.start_as(user(number), session(number)).await.unwrap();
        db.end(session(number)).await.unwrap();
        db.start_as(user(number), session(10 + number))
            .await
            .unwrap();
    }
    delete_user(&db.writer, db.tenant, user(1)).await.unwrap();
    db.pass(MINUTE);
    let expected = [(Started, 2), (Ended, 2), (Started, 12)];
    assert_eq!(db.kinds_after(begin).await, expected);
    let rows = db.stored_of(user(1)).await;
    assert!(rows.iter().all(|row| row.table == "users"), "{rows:#?}");
    let purged = purge_sessions(&db.store, &db.writer, db.tenant, db.now()).await;
    assert_eq!(purged, Ok(1));
    assert_eq!(db.kinds_after(begin).await, [(Started, 12)]);
}

async fn an_id_used_again_is_not_taken_for_the_one_before(db: Fixture) {
    let begin = db.events(None, 1).await.upto;
    db.start_as(user(1), session(1)).await.unwrap();
    db.end(session(1)).await.unwrap();
    db.pass(MINUTE);
    let purged = purge_sessions(&db.store, &db.writer, db.tenant, db.now()).await;
    assert_eq!(purged, Ok(1));
    db.start_as(user(2), session(1)).await.unwrap();
    let events = db.events_after(begin).await;
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].view.session.user_id, user(2));
    let of_one = db
        .store
        .list_events(db.tenant, Some(user(1)), Some(begin), 10);
    assert_eq!(of_one.await.unwrap().unwrap().events, []);
}

/// The last event again, in another transaction.
const AGAIN: &str = "
    INSERT INTO session_events
    SELECT tenant_id, epoch, pg_current_xact_id()::text::bigint, 0, user_id, session_id,
        started_at, kind, created_at, state, last_active_at, paused_at, ended_at, end_reason,
        duration_micros, points_earned, expires_at
    FROM session_events ORDER BY position DESC LIMIT 1
    RETURNING position";

async fn again(conn: &mut PgConnection) -> i64 {
    conn.execute("BEGIN").await.unwrap();
    let row = conn.fetch_one(AGAIN).await.unwrap();
    row.get("position")
}

#[tokio::test]
async fn a_transaction_that_commits_late_is_waited_for() {
    let db = Fixture::postgres().await;
    let begin = db.events(None, 1).await.upto;
    db.start_as(user(1), session(1)).await.unwrap();
    let begin = db.events_after(begin).await[0].place;
    let connect = || PgConnection::connect(&db.url);
    let (mut early, mut late) = (connect().await.unwrap(), connect().await.unwrap());
    // The one that begins first commits last.
    let first = again(&mut late).await;
    let second = again(&mut early).await;
    assert!(first < second);
    early.execute("COMMIT").await.unwrap();

    // Whoever reads by the numbers alone goes on after the second, and never sees the first.
    let mut naive = connect().await.unwrap();
    let sql = |after: i64| {
        let select = "SELECT position FROM session_events WHERE position";
        AssertSqlSafe(format!("{select} > {after} ORDER BY position"))
    };
    let mut read = async |after| {
        let rows = naive.fetch_all(sql(after)).await.unwrap();
        rows.iter()
            .map(|row| row.get("position"))
            .collect::<Vec<i64>>()
    };
    assert_eq!(read(begin.position).await, [second]);
    let page = db.events(Some(begin), 10).await;
    assert_eq!((page.events.len(), page.rest), (0, Rest::HeldBack));
    assert_eq!(page.upto, begin);
    // Nor is it passed over by who begins to watch now.
    assert_eq!(db.events(None, 1).await.upto, begin);

    late.execute("COMMIT").await.unwrap();
    assert_eq!(read(second).await, [0_i64; 0]);
    let events = db.events_after(begin).await;
    let positions: Vec<_> = events.iter().map(|event| event.place.position).collect();
    assert_eq!(positions, [first, second]);
}

#[tokio::test]
async fn instances_wake_each_other_also_after_a_lost_connection() {
    let db = Fixture::postgres().await;
    let other = db.second_instance().await;
    for store in [db.store.clone(), other.store.clone()] {
        tokio::spawn(async move { store.relay_wakes().await });
    }
    let wake = other.store.event_wake(db.tenant);
    let woken = async || {
        let woken = tokio::time::timeout(Duration::from_mins(1), wake.notified()).await;
        woken.unwrap();
    };
    // Once it listens, it may have missed something.
    woken().await;
    db.start_as(user(1), session(1)).await.unwrap();
    woken().await;
    let mut conn = PgConnection::connect(&db.url).await.unwrap();
    let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()
            AND (query LIKE 'LISTEN%' OR query LIKE '%pg_notify%')";
    assert_eq!(conn.execute(end).await.unwrap().rows_affected(), 2);
    woken().await;
    db.end(session(1)).await.unwrap();
    woken().await;
}

#[tokio::test]
async fn a_database_that_was_restored_elsewhere_tells_of_its_new_life_alone() {
    let db = Fixture::postgres().await;
    let begin = db.events(None, 1).await.upto;
    db.start_as(user(1), session(1)).await.unwrap();
    let old = db.events_after(begin).await;
    // As if by a server that had counted further.
    let mut conn = PgConnection::connect(&db.url).await.unwrap();
    let elsewhere = "UPDATE session_events SET epoch = epoch + 1, position = position + 1000000";
    conn.execute(elsewhere).await.unwrap();
    db.pass(MINUTE);
    let now = db.events(None, 1).await.upto;
    assert_eq!(now, begin);
    db.start_as(user(1), session(2)).await.unwrap();
    assert_eq!(db.kinds_after(now).await, [(Started, 2)]);
    let theirs = EventPlace {
        epoch: old[0].place.epoch + 1,
        position: old[0].place.position + 1_000_000,
        ..old[0].place
    };
    let gone = db.store.list_events(db.tenant, None, Some(theirs), 10);
    assert_eq!(gone.await, Ok(None));
    // Nor is a place known that this server has not come to.
    let ahead = EventPlace {
        position: theirs.position,
        ..old[0].place
    };
    let gone = db.store.list_events(db.tenant, None, Some(ahead), 10);
    assert_eq!(gone.await, Ok(None));
    let kept = Duration::from_secs(1);
    assert_eq!(forget_events(&db.jobs(), kept).await, Ok(1));
    assert_eq!(db.kinds_after(now).await, [(Started, 2)]);
}
