//! The outbox of awards: who gets which, when and in what order.

use std::{collections::BTreeSet, time::Duration};

use dwell::{
    domain::{
        activity::ActivityDetails,
        commands::LogActivity,
        ids::{ActivityId, SessionId, UserId},
        points::award::{Award, ReferenceType},
        settings::SettingsPatch,
    },
    store::points::{Claim, Claims, Outcome},
};
use futures::future::join_all;
use sqlx::{Connection, PgConnection, SqliteConnection};
use uuid::Uuid;

use crate::fixture::{Fixture, HOUR, MINUTE, session, user};

on_both_engines! {
    what_earns_points_is_put_down_in_order
    what_earns_nothing_is_not_put_down
    a_session_that_ends_twice_earns_once
    an_id_used_again_after_its_session_is_gone_ends_all_the_same
    only_the_head_of_a_users_line_is_claimed
    lines_are_claimed_by_how_long_they_wait
    a_claim_is_nobody_elses_until_its_lease_ends
    what_failed_holds_up_its_line_until_then
    what_is_set_aside_lets_its_line_go_on
    a_late_word_changes_nothing_of_somebody_elses_claim
    a_long_line_is_worked_off_one_by_one
    many_claimers_never_have_the_same_award
    awards_of_another_tenant_are_not_seen
}

const LEASE: u64 = MINUTE;

impl Fixture {
    /// A session of ten minutes, for 5 points.
    async fn earn(&self, user: UserId, id: SessionId) {
        self.start_as(user, id).await.unwrap();
        self.pass(10 * MINUTE);
        self.end(id).await.unwrap();
    }

    async fn review_cards(&self, session: SessionId, number: u128, correct: i64) {
        self.submit_for(session, |user_id| LogActivity {
            user_id,
            session_id: session,
            activity_id: ActivityId(Uuid::from_u128(number)),
            details: ActivityDetails {
                activity_type: "flashcards".to_owned(),
                content_type: String::new(),
                content_id: String::new(),
                items_completed: correct,
                items_correct: correct,
                metadata: None,
            },
            start_time: None,
            duration: Duration::ZERO,
            fingerprint: None,
        })
        .await
        .unwrap();
    }

    async fn claim(&self, limit: usize) -> Claims {
        let now = self.now();
        let until = now + Duration::from_secs(LEASE);
        let claimed = self.store.claim_points(self.tenant, limit, now, until);
        claimed.await.unwrap()
    }

    /// What is claimed, by the number of the session or activity.
    async fn claimed(&self) -> Vec<u128> {
        numbers(&self.claim(10).await.claims)
    }

    async fn settle(&self, claims: Vec<Claim>, outcome: Outcome) {
        let outcomes = claims.into_iter().map(|claim| (claim, outcome)).collect();
        let now = self.now();
        let settled = self.store.settle_points(self.tenant, outcomes, now);
        settled.await.unwrap();
    }

    /// Claims and delivers until there is nothing more.
    async fn drain(&self, at_once: usize) -> Vec<Award> {
        let mut delivered = Vec::new();
        loop {
            let Claims { claims, more } = self.claim(at_once).await;
            if claims.is_empty() && !more {
                return delivered;
            }
            delivered.extend(claims.iter().map(|claim| claim.award));
            self.settle(claims, Outcome::Delivered).await;
        }
    }

    async fn tenants_with_points(&self) -> usize {
        let store = &self.store;
        let found = store.list_tenants_with_points(self.now(), None, 10).await;
        found.unwrap().len()
    }
}

fn numbers(claims: &[Claim]) -> Vec<u128> {
    let awards = claims.iter().map(|claim| claim.award);
    awards.map(|award| award.reference_id.as_u128()).collect()
}

fn award(user: UserId, kind: ReferenceType, number: u128, points: i64, db: &Fixture) -> Award {
    Award {
        user_id: user,
        points,
        reference_type: kind,
        reference_id: Uuid::from_u128(number),
        earned_at: db.now(),
    }
}

async fn what_earns_points_is_put_down_in_order(db: Fixture) {
    let mut expected = Vec::new();
    for number in 1..=3 {
        db.start_as(user(1), session(number)).await.unwrap();
        db.review_cards(session(number), 10 + number, 3).await;
        expected.push(award(user(1), ReferenceType::Activity, 10 + number, 3, &db));
        db.pass(10 * MINUTE);
        db.end(session(number)).await.unwrap();
        expected.push(award(user(1), ReferenceType::Session, number, 5, &db));
        // Of an ended session, too.
        db.review_cards(session(number), 20 + number, 1).await;
        expected.push(award(user(1), ReferenceType::Activity, 20 + number, 1, &db));
    }
    // One that goes silent ends at its last sign of life.
    db.start_as(user(1), session(4)).await.unwrap();
    db.pass(4 * MINUTE);
    db.heartbeat(session(4)).await.unwrap();
    db.pass(HOUR);
    db.expire(session(4)).await.unwrap();
    expected.push(award(user(1), ReferenceType::Session, 4, 2, &db));
    assert_eq!(db.drain(10).await, expected);
    assert_eq!(db.tenants_with_points().await, 0);
}

async fn what_earns_nothing_is_not_put_down(db: Fixture) {
    db.start_as(user(1), session(1)).await.unwrap();
    db.review_cards(session(1), 10, 0).await;
    db.pass(MINUTE);
    // A minute at half a point.
    db.end(session(1)).await.unwrap();
    assert_eq!(db.tenants_with_points().await, 0);
    db.set(SettingsPatch {
        points_per_minute: Some(0.0),
        ..SettingsPatch::default()
    })
    .await;
    db.earn(user(1), session(2)).await;
    assert_eq!(db.claimed().await, []);
}

async fn a_session_that_ends_twice_earns_once(db: Fixture) {
    db.start_as(user(1), session(1)).await.unwrap();
    db.pass(10 * MINUTE);
    let ends = (0..10).map(|_| db.end(session(1)));
    assert!(join_all(ends).await.iter().all(Result::is_ok));
    assert_eq!(db.drain(10).await.len(), 1);
    db.end(session(1)).await.unwrap();
    assert_eq!(db.drain(10).await, []);
}

async fn an_id_used_again_after_its_session_is_gone_ends_all_the_same(db: Fixture) {
    db.earn(user(1), session(1)).await;
    let gone = "DELETE FROM user_sessions";
    if db.url.starts_with("sqlite") {
        let mut conn = SqliteConnection::connect(&db.url).await.unwrap();
        sqlx::query(gone).execute(&mut conn).await.unwrap();
    } else {
        let mut conn = PgConnection::connect(&db.url).await.unwrap();
        sqlx::query(gone).execute(&mut conn).await.unwrap();
    }
    db.earn(user(1), session(1)).await;
    assert_eq!(db.drain(10).await.len(), 1);
}

async fn only_the_head_of_a_users_line_is_claimed(db: Fixture) {
    for number in 1..=3 {
        db.earn(user(1), session(number)).await;
    }
    db.start_as(user(1), session(5)).await.unwrap();
    db.earn(user(2), session(4)).await;
    let first = db.claim(10).await.claims;
    assert_eq!(numbers(&first), [1, 4]);
    assert_eq!(
        (first[0].attempts, first[0].first_attempt_at),
        (1, db.now())
    );
    // What comes later waits as well.
    db.end(session(5)).await.unwrap();
    assert_eq!(db.claimed().await, []);
    db.settle(first, Outcome::Delivered).await;
    let second = db.claim(10).await.claims;
    assert_eq!(numbers(&second), [2]);
    db.settle(second, Outcome::Delivered).await;
    assert_eq!(db.drain(10).await.len(), 2);
}

async fn lines_are_claimed_by_how_long_they_wait(db: Fixture) {
    for number in [3, 1, 2] {
        db.earn(user(number), session(number)).await;
    }
    let first = db.claim(2).await;
    assert_eq!((numbers(&first.claims), first.more), (vec![3, 1], true));
    let second = db.claim(2).await;
    assert_eq!((numbers(&second.claims), second.more), (vec![2], false));
}

async fn a_claim_is_nobody_elses_until_its_lease_ends(db: Fixture) {
    db.earn(user(1), session(1)).await;
    let claim = db.claim(10).await.claims;
    assert_eq!(db.tenants_with_points().await, 0);
    let other = db.second_instance().await;
    db.pass(LEASE - 1);
    assert_eq!(other.claimed().await, []);
    db.pass(1);
    assert_eq!(other.tenants_with_points().await, 1);
    let again = other.claim(10).await.claims;
    assert_eq!(again[0].award, claim[0].award);
    assert_eq!(again[0].attempts, 2);
    assert_eq!(again[0].first_attempt_at, claim[0].first_attempt_at);
}

async fn what_failed_holds_up_its_line_until_then(db: Fixture) {
    db.earn(user(1), session(1)).await;
    db.earn(user(1), session(2)).await;
    let claims = db.claim(10).await.claims;
    let again_at = db.now() + Duration::from_secs(HOUR);
    db.settle(claims, Outcome::Failed { again_at }).await;
    assert_eq!(db.claimed().await, []);
    db.pass(HOUR - 1);
    assert_eq!(db.claimed().await, []);
    db.pass(1);
    let oldest = db.store.oldest_points(db.tenant).await.unwrap();
    assert!(oldest.is_some_and(|oldest| db.now().since(oldest) > Duration::from_secs(HOUR)));
    let drained = db.drain(10).await;
    let ids: Vec<_> = drained
        .iter()
        .map(|award| award.reference_id.as_u128())
        .collect();
    assert_eq!(ids, [1, 2]);
    assert_eq!(db.store.oldest_points(db.tenant).await.unwrap(), None);
}

async fn what_is_set_aside_lets_its_line_go_on(db: Fixture) {
    for number in 1..=3 {
        db.earn(user(1), session(number)).await;
    }
    let claims = db.claim(10).await.claims;
    db.settle(claims, Outcome::SetAside).await;
    let drained = db.drain(10).await;
    let ids: Vec<_> = drained
        .iter()
        .map(|award| award.reference_id.as_u128())
        .collect();
    assert_eq!(ids, [2, 3]);
    db.pass(100 * HOUR);
    assert_eq!(db.claimed().await, []);
    db.earn(user(1), session(4)).await;
    assert_eq!(db.claimed().await, [4]);
}

async fn a_late_word_changes_nothing_of_somebody_elses_claim(db: Fixture) {
    db.earn(user(1), session(1)).await;
    db.earn(user(1), session(2)).await;
    let late = db.claim(10).await.claims;
    db.pass(LEASE);
    let theirs = db.claim(10).await.claims;
    for outcome in [Outcome::Failed { again_at: db.now() }, Outcome::SetAside] {
        db.settle(late.clone(), outcome).await;
        assert_eq!(db.claimed().await, []);
    }
    db.settle(theirs, Outcome::Delivered).await;
    // That it was delivered is true whoever says so, and of no other award.
    db.settle(late, Outcome::Delivered).await;
    assert_eq!(db.claimed().await, [2]);
}

async fn a_long_line_is_worked_off_one_by_one(db: Fixture) {
    let activities = (1..=250).map(|number| 1_000 + number);
    db.start_as(user(1), session(1)).await.unwrap();
    for number in activities.clone() {
        db.review_cards(session(1), number, 1).await;
    }
    // Behind more rows than are looked at in one claim.
    db.earn(user(2), session(2)).await;
    let mut claims = db.claim(10).await;
    let mut found = numbers(&claims.claims);
    while claims.more {
        claims = db.claim(10).await;
        found.extend(numbers(&claims.claims));
    }
    assert_eq!(found, [1_001, 2]);
    db.pass(LEASE);
    let drained = db.drain(10).await;
    let line = drained.iter().filter(|award| award.user_id == user(1));
    let ids: Vec<_> = line.map(|award| award.reference_id.as_u128()).collect();
    let expected: Vec<_> = activities.collect();
    assert_eq!(ids[..250], expected);
}

async fn many_claimers_never_have_the_same_award(db: Fixture) {
    let other = db.second_instance().await;
    for number in 0..60 {
        db.earn(user(number % 30), session(number)).await;
    }
    let claimers = (0..20).map(|number| {
        let db = if number % 2 == 0 { &db } else { &other };
        db.claim(3)
    });
    let claims = join_all(claimers).await;
    let claims: Vec<_> = claims
        .into_iter()
        .flat_map(|claims| claims.claims)
        .collect();
    let users: BTreeSet<_> = claims.iter().map(|claim| claim.award.user_id).collect();
    assert_eq!(users.len(), claims.len());
    let mut all = claims.len();
    db.settle(claims, Outcome::Delivered).await;
    let (one, two) = tokio::join!(db.drain(4), other.drain(4));
    all += one.len() + two.len();
    // Whoever found a line locked left it to the other one.
    all += db.drain(4).await.len();
    assert_eq!(all, 60);
}

async fn awards_of_another_tenant_are_not_seen(db: Fixture) {
    let other = db.for_tenant(2);
    db.earn(user(1), session(1)).await;
    assert_eq!(other.claimed().await, []);
    assert_eq!(other.store.oldest_points(other.tenant).await.unwrap(), None);
    other.earn(user(1), session(1)).await;
    assert_eq!(db.tenants_with_points().await, 2);
    let theirs = other.claim(10).await.claims;
    assert_eq!(numbers(&theirs), [1]);
    // A word under the wrong tenant reaches nothing.
    db.settle(theirs, Outcome::Delivered).await;
    assert_eq!(db.drain(10).await.len(), 1);
    other.pass(LEASE);
    assert_eq!(other.drain(10).await.len(), 1);
}
