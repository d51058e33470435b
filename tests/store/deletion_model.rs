//! Whatever users did, and whoever of them is deleted: nothing stays of that one, and everything
//! of the others.

use dwell::store::privacy::delete_user;
use proptest::{prelude::*, test_runner::Config};

use crate::{
    deletion::assert_gone,
    fixture::{Fixture, MINUTE, at, seconds, session, user},
    performance::recorded,
    property::try_cases,
    stored::StoredRow,
};

const USERS: u128 = 3;

#[derive(Clone, Debug)]
enum Step {
    Start,
    Heartbeat,
    End,
    Log,
    Keep(u8),
    Use(u8, bool),
    Pass(u64),
}

/// What one of the users does.
type Act = (u8, Step);

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let step = prop_oneof![
        3 => Just(Step::Start),
        1 => Just(Step::Heartbeat),
        3 => Just(Step::End),
        2 => Just(Step::Log),
        2 => (1..=19_u8).prop_map(Step::Keep),
        2 => (1..=20_u8, any::<bool>()).prop_map(|(day, once)| Step::Use(day, once)),
        2 => (0..40 * MINUTE).prop_map(Step::Pass),
    ];
    prop::collection::vec((0..3_u8, step), 1..24)
}

/// Acts in this tenant; a session is the latest that its user started.
async fn act(db: &Fixture, acts: &[Act]) {
    let mut latest = [None; 3];
    for (number, (who, step)) in (0_u128..).zip(acts) {
        let who_is = user(1 + u128::from(*who));
        let started = &mut latest[usize::from(*who)];
        // What is refused is refused.
        match (step, *started) {
            (Step::Start, _) => {
                db.start_as(who_is, session(1_000 + number)).await.unwrap();
                *started = Some(session(1_000 + number));
            }
            (Step::Heartbeat, Some(id)) => drop(db.heartbeat(id).await),
            (Step::End, Some(id)) => drop(db.end(id).await),
            (Step::Log, Some(id)) => db.log(id, "testing", (3, 2), None).await,
            (Step::Heartbeat | Step::End | Step::Log, None) => {}
            (Step::Keep(day), _) => {
                let start = format!("2026-11-{day:02}T23:50:00Z");
                db.keep(recorded(who_is, &start, 20 * MINUTE)).await;
            }
            (Step::Use(_, true), _) => {
                drop(db.record_once(who_is, seconds(9), number).await);
            }
            (Step::Use(day, false), _) => {
                let date = format!("2026-11-{day:02}");
                db.record(who_is, Some(&date), seconds(7)).await.unwrap();
            }
            (Step::Pass(span), _) => db.pass(*span),
        }
    }
}

/// What is stored of both tenants, but for one user of the first.
async fn others(db: &Fixture, neighbour: &Fixture, victim: u128) -> Vec<StoredRow> {
    let tenants = [db, neighbour].map(|db| Some(db.tenant.uuid()));
    let mut rows = db.stored().await;
    rows.retain(|row| tenants.contains(&row.tenant) && !row.is_of(db.tenant, user(victim)));
    // That something went is noted.
    rows.retain(|row| row.table != "performance_changes");
    rows
}

async fn check(db: &Fixture, all: &[Act], victim: u128) {
    db.clock.set(at("2026-11-20T12:00:00Z"));
    let neighbour = db.for_tenant(db.tenant.uuid().as_u128() + 1_000_000);
    for db in [db, &neighbour] {
        // Somebody else is there in any case.
        db.start(user(9)).await;
        act(db, all).await;
    }
    let before = others(db, &neighbour, victim).await;
    let known = db.find_user(user(victim)).await.is_some();
    let counted = db.store.count_user_rows(db.tenant, user(victim)).await;
    let deleted = delete_user(&db.writer, db.tenant, user(victim)).await;
    assert_eq!(deleted.is_ok(), known);
    if let Ok(receipt) = deleted {
        assert_eq!(receipt.rows, counted.unwrap().unwrap().rows);
        assert_gone(db, user(victim), receipt.deleted_at.unwrap()).await;
    }
    assert_eq!(others(db, &neighbour, victim).await, before);
    // Life goes on for the others.
    let mut rest = all.to_vec();
    rest.retain(|(who, _)| 1 + u128::from(*who) != victim);
    db.pass(MINUTE);
    for (who, _) in rest {
        db.start(user(1 + u128::from(who))).await;
    }
}

#[test]
fn whoever_is_deleted_the_others_keep_everything() {
    let config = Config {
        cases: 24,
        ..Config::default()
    };
    try_cases(
        &config,
        &(acts(), 1..=USERS),
        &async |(acts, victim): &(Vec<Act>, u128), engines: &[Fixture; 2]| {
            for db in engines {
                check(db, acts, *victim).await;
            }
        },
    );
}
