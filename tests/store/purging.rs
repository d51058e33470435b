//! Old sessions that go, clients that are cleared, and what stays.

use dwell::{
    domain::{
        ids::SessionId,
        rejection::{Rejection, UsedId},
        session::{SessionContext, SessionFilter},
        settings::SettingsPatch,
        time::Timestamp,
    },
    jobs::{Jobs, privacy::forget_sessions},
    store::{Error, privacy::purge_sessions},
};

use crate::{
    fixture::{Fixture, HOUR, MINUTE, at, context, session, start_with, user},
    performance::recorded,
};

on_both_engines! {
    sessions_that_ended_before_go_with_their_activities
    what_was_added_up_stays
    purges_side_by_side_count_each_session_once
    pages_go_on_where_sessions_were_purged
    a_purged_id_is_as_one_never_used
    settings_say_how_long_sessions_are_kept
    clients_of_ended_sessions_are_cleared_once
}

async fn purge(db: &Fixture, before: &str) -> usize {
    let purged = purge_sessions(&db.store, &db.writer, db.tenant, at(before)).await;
    purged.unwrap()
}

async fn count(db: &Fixture, before: &str) -> i64 {
    let counted = db
        .store
        .count_sessions_ended_before(db.tenant, at(before))
        .await;
    counted.unwrap()
}

/// A session of an hour with an activity, on the 20 days before.
async fn history(db: &Fixture) -> Vec<SessionId> {
    let mut ids = Vec::new();
    for day in 0..20_u8 {
        let start = format!("2026-11-{:02}T09:00:00Z", day % 19 + 1);
        let id = db
            .keep(recorded(user(u128::from(day % 3)), &start, HOUR))
            .await;
        db.log(id, "testing", (4, 3), Some(&start)).await;
        ids.push(id);
    }
    ids
}

async fn sessions(db: &Fixture) -> Vec<Timestamp> {
    let found = db
        .store
        .list_sessions(db.tenant, SessionFilter::default(), None, 1_000, db.now())
        .await;
    let views = found.unwrap().items.into_iter();
    views.map(|view| view.session.started_at).collect()
}

async fn sessions_that_ended_before_go_with_their_activities(db: Fixture) {
    let other = db.for_tenant(2);
    let ids = history(&db).await;
    history(&other).await;
    db.start_as(user(1), session(1)).await.unwrap();
    let at_end = "2026-11-10T10:00:00Z";
    // That of the 10th ends at that very instant: not before it.
    assert_eq!(count(&db, at_end).await, 10);
    assert_eq!(sessions(&db).await.len(), 21);
    assert_eq!(purge(&db, at_end).await, 10);
    assert_eq!((count(&db, at_end).await, purge(&db, at_end).await), (0, 0));
    let left = sessions(&db).await;
    assert_eq!(left.len(), 11);
    assert_eq!(left.last(), Some(&at("2026-11-10T09:00:00Z")));
    for id in &ids {
        let activities = db.store.list_activities(db.tenant, *id, None, 10).await;
        let there = db.find_session(*id).await.is_some();
        let page = activities.unwrap();
        assert_eq!(page.map(|page| page.items.len()), there.then_some(1));
    }
    let activities = db.stored().await;
    let of = |db: &Fixture| {
        let mut rows = activities.iter();
        let tenant = Some(db.tenant.uuid());
        rows.by_ref()
            .filter(|row| row.table == "session_activities" && row.tenant == tenant)
            .count()
    };
    assert_eq!((of(&db), of(&other)), (10, 20));
    assert_eq!(sessions(&other).await.len(), 20);
    // An open session stays however old.
    db.set(SettingsPatch {
        idle_timeout: Some(None),
        max_lifetime: Some(None),
        ..SettingsPatch::default()
    })
    .await;
    db.set_clock("2027-11-20T12:00:00Z");
    assert_eq!(purge(&db, "2027-11-20T12:00:00Z").await, 10);
    assert_eq!(sessions(&db).await, [at("2026-11-20T12:00:00Z")]);
    db.heartbeat(session(1)).await.unwrap();
}

async fn what_was_added_up_stays(db: Fixture) {
    history(&db).await;
    let mut before = db.stored().await;
    assert_eq!(purge(&db, "2026-11-20T00:00:00Z").await, 20);
    before.retain(|row| !["user_sessions", "session_activities"].contains(&&*row.table));
    assert_eq!(db.stored().await, before);
    assert_eq!(db.user(user(0)).await.user.total_usage_seconds, 7 * 3_600);
}

async fn purges_side_by_side_count_each_session_once(db: Fixture) {
    history(&db).await;
    let other = db.second_instance().await;
    let before = "2026-11-15T00:00:00Z";
    let (one, two, three) = tokio::join!(
        purge(&db, before),
        purge(&other, before),
        purge(&db, before)
    );
    assert_eq!(one + two + three, 15);
}

async fn pages_go_on_where_sessions_were_purged(db: Fixture) {
    history(&db).await;
    let filter = SessionFilter::default();
    let page = db
        .store
        .list_sessions(db.tenant, filter.clone(), None, 12, db.now())
        .await
        .unwrap();
    // The row that the next page goes on after is gone too.
    assert_eq!(purge(&db, "2026-11-09T00:00:00Z").await, 9);
    let rest = db
        .store
        .list_sessions(db.tenant, filter, page.next, 12, db.now())
        .await
        .unwrap();
    assert!(page.next.is_some() && rest.next.is_none());
    assert_eq!(rest.items, []);
}

async fn a_purged_id_is_as_one_never_used(db: Fixture) {
    db.start_as(user(1), session(1)).await.unwrap();
    db.end(session(1)).await.unwrap();
    db.pass(HOUR);
    assert_eq!(purge(&db, "2026-11-20T13:00:00Z").await, 1);
    assert!(db.start_as(user(2), session(1)).await.unwrap().created);
    assert_eq!(db.session(session(1)).await.session.user_id, user(2));
}

fn jobs(db: &Fixture) -> Jobs {
    Jobs {
        store: db.store.clone(),
        writer: db.writer.clone(),
        clock: db.clock.clone(),
        delivery: None,
    }
}

async fn settings_say_how_long_sessions_are_kept(db: Fixture) {
    let (short, none) = (db.for_tenant(2), db.for_tenant(3));
    for (db, days) in [(&db, Some(10)), (&short, Some(3)), (&none, None)] {
        history(db).await;
        db.set(SettingsPatch {
            session_retention: Some(days.map(|days| std::time::Duration::from_hours(24 * days))),
            ..SettingsPatch::default()
        })
        .await;
    }
    // To the 10th, to the 17th, and none.
    assert_eq!(forget_sessions(&jobs(&db)).await, Ok(11 + 18));
    assert_eq!(sessions(&db).await.len(), 9);
    assert_eq!(sessions(&short).await.len(), 2);
    assert_eq!(sessions(&none).await.len(), 20);
    assert_eq!(forget_sessions(&jobs(&db)).await, Ok(0));
    db.pass(24 * HOUR);
    assert_eq!(forget_sessions(&jobs(&db)).await, Ok(1 + 1));
}

fn with_client() -> SessionContext {
    let mut context = context();
    context.ip_address = Some("203.0.113.7".parse().unwrap());
    "a browser".clone_into(&mut context.client_info);
    context
}

async fn clients_of_ended_sessions_are_cleared_once(db: Fixture) {
    for number in [1, 2, 3] {
        let start = start_with(user(1), session(number), with_client());
        db.submit(start).await.unwrap();
    }
    let address_only = SessionContext {
        client_info: String::new(),
        ..with_client()
    };
    db.submit(start_with(user(2), session(4), address_only))
        .await
        .unwrap();
    for number in [1, 4] {
        db.end(session(number)).await.unwrap();
    }
    db.pass(MINUTE);
    db.end(session(2)).await.unwrap();
    let unset = jobs(&db);
    assert_eq!(forget_sessions(&unset).await, Ok(0));
    db.set(SettingsPatch {
        client_retention: Some(Some(std::time::Duration::from_hours(1))),
        idle_timeout: Some(None),
        ..SettingsPatch::default()
    })
    .await;
    db.pass(HOUR - 1);
    assert_eq!(forget_sessions(&jobs(&db)).await, Ok(2));
    assert_eq!(forget_sessions(&jobs(&db)).await, Ok(0));
    let told = async |number| {
        let context = db.session(session(number)).await.session.context;
        (context.ip_address.is_some(), context.client_info)
    };
    assert_eq!(told(1).await, (false, String::new()));
    assert_eq!(told(4).await, (false, String::new()));
    for number in [2, 3] {
        assert_eq!(told(number).await, (true, "a browser".to_owned()));
    }
    // No trace in the hash of the start either, so it is not known again.
    let again = start_with(user(1), session(1), with_client());
    let taken: Error = Rejection::IdTaken(UsedId::Session).into();
    assert_eq!(db.submit(again).await.map(drop), Err(taken));
    let again = start_with(user(1), session(2), with_client());
    assert!(!db.submit(again).await.unwrap().created);
    db.pass(1);
    assert_eq!(forget_sessions(&jobs(&db)).await, Ok(0));
    db.pass(1);
    assert_eq!(forget_sessions(&jobs(&db)).await, Ok(1));
}
