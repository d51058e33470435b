//! A deleted user: what stays, what is refused, and what becomes of writes beside a deletion.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use dwell::{
    domain::{
        commands::{
            CreateGoal, DeleteUser, EraseRows, Erased, PurgeSession, RecordUsage, RevokeSessions,
        },
        forgotten::UserRows,
        goal::GoalType,
        ids::{GoalId, SessionId, UserId},
        rejection::{Entity, Rejection},
        session::SessionFilter,
        settings::SettingsPatch,
        time::Timestamp,
    },
    jobs::{Jobs, expiry::sweep, privacy::finish_deletions},
    store::{
        Error,
        privacy::{Receipt, delete_user},
    },
};
use futures::future::{BoxFuture, join_all};

use crate::{
    fixture::{Fixture, MINUTE, at, day, days, not_found, seconds, session, start_with, user},
    goals::details,
    performance::recorded,
};

on_both_engines! {
    nothing_stays_of_a_deleted_user_but_a_mark
    a_deleted_user_is_as_one_never_heard_of
    a_deletion_again_finds_what_was_left
    late_writes_do_not_bring_a_user_back
    a_late_write_leaves_the_others_of_its_batch_alone
    a_deletion_goes_in_pieces
    a_deletion_beside_writes_of_every_kind_leaves_nothing
    deletions_side_by_side_count_each_row_once
    an_interrupted_deletion_is_finished_by_the_job
    the_sweep_passes_over_users_who_are_being_deleted
}

/// Something of the user in every table.
pub async fn some_of_everything(db: &Fixture, user: UserId, open: SessionId) {
    let mut context = crate::fixture::context();
    context.ip_address = Some("203.0.113.7".parse().unwrap());
    "a browser".clone_into(&mut context.client_info);
    context.metadata = Some(Arc::from(r#"{"seat": "4b"}"#));
    db.submit(start_with(user, open, context)).await.unwrap();
    for number in 1..=3 {
        let mut session = recorded(user, &format!("2026-11-0{number}T10:00:00Z"), 600);
        session.context.subject = Some(dwell::domain::session::Subject {
            kind: "class".to_owned(),
            id: format!("c{number}"),
            name: "Algebra".to_owned(),
        });
        let id = db.keep(session).await;
        db.log(id, "testing", (4, 3), Some("2026-11-03T10:00:00Z"))
            .await;
    }
    let request = user.0.as_u128();
    db.record_once(user, seconds(60), request).await.unwrap();
    db.submit(CreateGoal {
        user_id: user,
        goal_id: GoalId(user.0),
        details: details(GoalType::StudyTime, 1_000.0),
        start_date: Some(day("2026-11-01")),
        target_date: day("2026-11-30"),
        fingerprint: None,
    })
    .await
    .unwrap();
}

async fn delete(db: &Fixture, user: UserId) -> Result<Receipt, Error> {
    delete_user(&db.writer, db.tenant, user).await
}

fn counted(rows: &[(&'static str, i64); 13]) -> BTreeMap<&'static str, i64> {
    BTreeMap::from(*rows)
}

fn of_everything() -> BTreeMap<&'static str, i64> {
    counted(&[
        ("users", 1),
        ("user_sessions", 4),
        ("session_activities", 3),
        ("usage_requests", 1),
        ("user_usage_stats", 4),
        ("user_practice_times", 3),
        ("user_subject_days", 3),
        ("performance_days", 5),
        ("performance_months", 1),
        ("goals", 1),
        ("goal_progress", 1),
        ("points_outbox", 6),
        ("session_events", 7),
    ])
}

fn nothing() -> BTreeMap<&'static str, i64> {
    let tables = of_everything().into_keys();
    tables.map(|table| (table, 0)).collect()
}

/// Only the mark is stored, which says nothing but when.
pub async fn assert_gone(db: &Fixture, user: UserId, deleted_at: Timestamp) {
    let rows = db.stored_of(user).await;
    assert_eq!(rows.len(), 1, "{rows:#?}");
    assert_eq!(rows[0].table, "users");
    let micros = deleted_at.micros().to_string();
    let time = deleted_at.to_utc().format("%Y-%m-%d %H:%M:%S").to_string();
    for cell in rows[0].text.trim_matches(['(', ')']).split(',') {
        let cell = cell.trim_matches(['"', '\'']);
        let id = cell.to_lowercase().replace(['-', 'x', '\''], "");
        let says_nothing = matches!(cell, "" | "0" | "f" | "NULL")
            || cell == micros
            || cell.starts_with(&time)
            || cell == deleted_at.utc_date().to_string()
            || id == user.0.simple().to_string()
            || id == db.tenant.uuid().simple().to_string();
        assert!(says_nothing, "{cell} of {}", rows[0].text);
    }
}

async fn nothing_stays_of_a_deleted_user_but_a_mark(db: Fixture) {
    for (number, db) in [(1, &db), (2, &db), (1, &db.for_tenant(2))] {
        some_of_everything(db, user(number), session(number)).await;
    }
    let before = db.stored().await;
    let counted = db.store.count_user_rows(db.tenant, user(1)).await.unwrap();
    let would = Receipt {
        deleted_at: None,
        rows: of_everything(),
    };
    assert_eq!(counted, Some(would.clone()));
    assert_eq!(db.stored().await, before);

    let receipt = delete(&db, user(1)).await.unwrap();
    let did = Receipt {
        deleted_at: Some(db.now()),
        ..would
    };
    assert_eq!(receipt, did);
    assert_gone(&db, user(1), db.now()).await;
    // Of the others, and what all users add up to.
    let others = |mut rows: Vec<crate::stored::StoredRow>| {
        rows.retain(|row| !row.is_of(db.tenant, user(1)));
        // That something went is noted.
        rows.retain(|row| row.table != "performance_changes");
        rows
    };
    assert_eq!(others(db.stored().await), others(before));
}

async fn a_deleted_user_is_as_one_never_heard_of(db: Fixture) {
    some_of_everything(&db, user(1), session(1)).await;
    delete(&db, user(1)).await.unwrap();
    assert_eq!(db.find_user(user(1)).await, None);
    let (store, tenant, now) = (&db.store, db.tenant, db.now());
    let users = store.list_users(tenant, None, None, 10, now).await.unwrap();
    assert_eq!(users.items, []);
    assert_eq!(db.find_session(session(1)).await, None);
    let filter = SessionFilter::default();
    let listed = store.list_sessions(tenant, filter, None, 10, now).await;
    assert_eq!(listed.unwrap().items, []);
    assert_eq!(db.days(user(1)).await, []);
    let range = days("2026-11-01", "2026-11-30");
    let listed = store.list_days(tenant, range, Vec::new(), None, 10).await;
    assert_eq!(listed.unwrap().items, []);
    assert_eq!(db.practice(user(1)).await.days, []);
    let rows = store.list_user_rows(tenant, user(2), None, 10).await;
    assert_eq!(rows.unwrap().items, Vec::<String>::new());
}

async fn a_deletion_again_finds_what_was_left(db: Fixture) {
    let nobody: Error = Rejection::NotFound(Entity::User).into();
    assert_eq!(delete(&db, user(1)).await, Err(nobody.clone()));
    let erase = EraseRows { user_id: user(1) };
    assert_eq!(db.submit(erase.clone()).await, Err(nobody.clone()));
    let counted = db.store.count_user_rows(db.tenant, user(1)).await;
    assert_eq!(counted, Ok(None));

    some_of_everything(&db, user(1), session(1)).await;
    assert_eq!(db.submit(erase).await, Err(nobody));
    let deleted_at = db.now();
    delete(&db, user(1)).await.unwrap();
    db.pass(MINUTE);
    let again = Receipt {
        deleted_at: Some(deleted_at),
        rows: nothing(),
    };
    assert_eq!(delete(&db, user(1)).await, Ok(again.clone()));
    let counted = db.store.count_user_rows(db.tenant, user(1)).await;
    assert_eq!(counted, Ok(Some(again)));
}

async fn late_writes_do_not_bring_a_user_back(db: Fixture) {
    some_of_everything(&db, user(1), session(1)).await;
    // Its user is remembered.
    db.heartbeat(session(1)).await.unwrap();
    let deleted_at = db.now();
    delete(&db, user(1)).await.unwrap();
    db.pass(MINUTE);
    let deleted: Error = Rejection::UserDeleted { at: deleted_at }.into();
    for limit in [None, Some(3)] {
        db.set(SettingsPatch {
            max_open_sessions: Some(limit),
            ..SettingsPatch::default()
        })
        .await;
        for id in [session(1), session(9)] {
            let started = db.start_as(user(1), id).await.map(drop);
            assert_eq!(started, Err(deleted.clone()));
        }
        let mut kept = recorded(user(1), "2026-11-05T10:00:00Z", 60);
        kept.session_id = SessionId(db.new_id());
        let kept = db.submit(kept).await.map(drop);
        assert_eq!(kept, Err(deleted.clone()));
        let used = db.record_once(user(1), seconds(60), 1).await.map(drop);
        assert_eq!(used, Err(deleted.clone()));
        let used = db.record(user(1), None, seconds(60)).await.map(drop);
        assert_eq!(used, Err(deleted.clone()));
        for outcome in join_all(on_session(&db, user(1), session(1))).await {
            assert_eq!(outcome, Err(not_found()));
        }
        let revoke = RevokeSessions {
            user_id: user(1),
            session_ids: None,
            except: None,
        };
        assert_eq!(db.submit(revoke).await.unwrap().session_ids, []);
    }
    assert_gone(&db, user(1), deleted_at).await;
}

type Outcome<'a> = BoxFuture<'a, Result<(), Error>>;

/// Every write on a session.
fn on_session(db: &Fixture, user_id: UserId, id: SessionId) -> Vec<Outcome<'_>> {
    vec![
        Box::pin(async move { db.heartbeat(id).await.map(drop) }),
        Box::pin(async move { db.pause(id).await.map(drop) }),
        Box::pin(async move { db.resume(id).await.map(drop) }),
        Box::pin(async move { db.try_log(id, "testing", (4, 3), None).await }),
        Box::pin(async move { db.expire(id).await.map(drop) }),
        Box::pin(async move { db.end(id).await.map(drop) }),
        Box::pin(async move {
            let purge = PurgeSession {
                user_id,
                session_id: id,
                before: db.now(),
            };
            match db.submit(purge).await {
                Ok(false) => Err(not_found()),
                purged => purged.map(drop),
            }
        }),
    ]
}

/// Every other write for a user.
fn for_user(db: &Fixture, user_id: UserId, number: u128) -> Vec<Outcome<'_>> {
    vec![
        Box::pin(async move { db.start_as(user_id, session(number)).await.map(drop) }),
        Box::pin(async move {
            let mut kept = recorded(user_id, "2026-11-05T10:00:00Z", 60);
            kept.session_id = session(number + 1);
            db.submit(kept).await.map(drop)
        }),
        Box::pin(async move {
            let used = db.record_once(user_id, seconds(1), number).await;
            used.map(drop)
        }),
        Box::pin(async move {
            let revoke = RevokeSessions {
                user_id,
                session_ids: None,
                except: None,
            };
            db.submit(revoke).await.map(drop)
        }),
    ]
}

async fn a_late_write_leaves_the_others_of_its_batch_alone(db: Fixture) {
    some_of_everything(&db, user(7), session(7)).await;
    let at = db.now();
    delete(&db, user(7)).await.unwrap();
    // No write in it asks for locks.
    let writes = (0..40).map(|number| db.start_as(user(number % 10), session(100 + number)));
    let answers = join_all(writes).await;
    for (number, answer) in answers.into_iter().enumerate() {
        let deleted: Error = Rejection::UserDeleted { at }.into();
        let expected = if number % 10 == 7 {
            Err(deleted)
        } else {
            Ok(())
        };
        assert_eq!(answer.map(drop), expected, "{number}");
    }
    assert_gone(&db, user(7), at).await;
    assert_eq!(db.user(user(6)).await.user.login_count, 4);
}

async fn a_deletion_goes_in_pieces(db: Fixture) {
    const DAYS: u16 = 1_234;
    let first = crate::fixture::day("2020-01-01");
    let records = first.iter_days().take(DAYS.into()).map(|date| {
        db.submit(RecordUsage {
            user_id: user(1),
            date: Some(date),
            increment: seconds(1),
            request: None,
        })
    });
    for recorded in join_all(records).await {
        recorded.unwrap();
    }
    db.submit(DeleteUser { user_id: user(1) }).await.unwrap();
    let erase = EraseRows { user_id: user(1) };
    let days = |rows| {
        Erased::Rows(UserRows {
            table: "user_usage_stats",
            rows,
        })
    };
    assert_eq!(db.submit(erase.clone()).await, Ok(days(1_000)));
    assert_eq!(db.days(user(1)).await.len(), 234);
    assert_eq!(db.submit(erase.clone()).await, Ok(days(234)));
    assert_eq!(db.submit(erase).await, Ok(Erased::Nothing));
    assert_gone(&db, user(1), db.now()).await;
}

async fn a_deletion_beside_writes_of_every_kind_leaves_nothing(db: Fixture) {
    let other = db.second_instance().await;
    for round in 0..10 {
        let victim = user(100 + round);
        let ids = 1_000 * (round + 1);
        for number in 0..8 {
            db.start_as(victim, session(ids + number)).await.unwrap();
        }
        db.end(session(ids + 7)).await.unwrap();
        let mut writes: Vec<Outcome<'_>> = Vec::new();
        for number in 0..8 {
            // Some by one instance and some by the other, for each session.
            let instance = if number % 2 == 0 { &db } else { &other };
            writes.extend(on_session(instance, victim, session(ids + number)));
            writes.extend(for_user(instance, victim, ids + 100 + 2 * number));
        }
        let late = async {
            // After as many commits as there are rounds before.
            for _ in 0..round {
                db.record(user(1), None, seconds(1)).await.unwrap();
            }
            delete(&db, victim).await
        };
        let (receipt, outcomes) = tokio::join!(late, join_all(writes));
        let at = receipt.unwrap().deleted_at.unwrap();
        let deleted: Error = Rejection::UserDeleted { at }.into();
        for outcome in outcomes {
            let fits = match &outcome {
                Ok(()) | Err(Error::Rejected(Rejection::SessionEnded { .. })) => true,
                Err(error) => *error == deleted || *error == not_found(),
            };
            assert!(fits, "{outcome:?}");
        }
        assert_gone(&db, victim, at).await;
    }
}

async fn deletions_side_by_side_count_each_row_once(db: Fixture) {
    some_of_everything(&db, user(1), session(1)).await;
    let other = db.second_instance().await;
    let receipts = join_all([
        delete(&db, user(1)),
        delete(&other, user(1)),
        delete(&db, user(1)),
    ]);
    let mut sums = nothing();
    for receipt in receipts.await {
        for (table, rows) in receipt.unwrap().rows {
            *sums.entry(table).or_default() += rows;
        }
    }
    assert_eq!(sums, of_everything());
}

async fn an_interrupted_deletion_is_finished_by_the_job(db: Fixture) {
    for number in [1, 2] {
        some_of_everything(&db, user(number), session(number)).await;
    }
    let deleted_at = db.now();
    db.submit(DeleteUser { user_id: user(1) }).await.unwrap();
    let erase = EraseRows { user_id: user(1) };
    assert!(matches!(db.submit(erase).await, Ok(Erased::Rows(_))));
    // The process ends between two pieces.
    db.close().await;
    let db = db.second_instance().await;
    assert!(db.stored_of(user(1)).await.len() > 1);
    let jobs = Jobs {
        store: db.store.clone(),
        writer: db.writer.clone(),
        clock: db.clock.clone(),
        delivery: None,
    };
    // Somebody may be at it still.
    db.clock.advance(Duration::from_mins(10));
    assert_eq!(finish_deletions(&jobs).await, Ok(0));
    db.clock.advance(Duration::from_secs(1));
    assert_eq!(finish_deletions(&jobs).await, Ok(1));
    assert_gone(&db, user(1), deleted_at).await;
    assert_eq!(finish_deletions(&jobs).await, Ok(0));
    assert!(db.find_user(user(2)).await.is_some());
    assert_eq!(deleted_at, at("2026-11-20T12:00:00Z"));
}

async fn the_sweep_passes_over_users_who_are_being_deleted(db: Fixture) {
    // As many as the sweep looks at in one go.
    let starts = (1..=500).map(|number| db.start_as(user(1), session(number)));
    for started in join_all(starts).await {
        started.unwrap();
    }
    db.submit(DeleteUser { user_id: user(1) }).await.unwrap();
    db.pass(60 * MINUTE);
    let jobs = Jobs {
        store: db.store.clone(),
        writer: db.writer.clone(),
        clock: db.clock.clone(),
        delivery: None,
    };
    // One that goes round in them would never come back.
    let swept = tokio::time::timeout(Duration::from_mins(1), sweep(&jobs)).await;
    assert_eq!(swept.unwrap(), Ok(0));
}
