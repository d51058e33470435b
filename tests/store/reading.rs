//! The other reads: owners, days, reports, users, sweeps, keys.

use std::collections::BTreeMap;

use dwell::{
    domain::{
        commands::{RecordSession, RecordedTime},
        period::{DateRange, Granularity},
        report::{UserCounts, tenant_usage_report},
        session::SessionReview,
        usage::UsageIncrement,
    },
    store::{DayKey, UserKey},
};

use crate::fixture::{Fixture, HOUR, MINUTE, at, context, day, days, seconds, session, user};

on_both_engines! {
    owners_are_those_of_the_sessions_that_exist
    what_is_not_there_is_none
    a_read_sees_every_write_that_was_answered
    a_users_days_are_those_in_the_range_oldest_first
    a_users_days_come_with_the_sessions_stored_as_open
    days_come_by_date_and_user_page_by_page
    days_of_some_users_leave_the_others_out
    a_report_sums_each_day_and_counts_distinct_users
    users_come_the_longest_silent_first_page_by_page
    dormant_users_are_those_not_active_since
    users_tell_of_sessions_that_are_over_and_not_swept
    sessions_to_sweep_come_the_longest_due_first
    tenants_to_sweep_come_by_id
    a_service_key_is_made_once
    a_database_that_answers_is_alive
}

async fn owners_are_those_of_the_sessions_that_exist(db: Fixture) {
    db.start_as(user(1), session(1)).await.unwrap();
    db.start_as(user(2), session(2)).await.unwrap();
    db.end(session(2)).await.unwrap();
    let ids = vec![session(404), session(2), session(1)];
    let mut owners = db.store.list_owners(db.tenant, ids).await.unwrap();
    owners.sort();
    assert_eq!(owners, [(session(1), user(1)), (session(2), user(2))]);
    let none = db.store.list_owners(db.tenant, Vec::new()).await.unwrap();
    assert_eq!(none, []);
}

async fn what_is_not_there_is_none(db: Fixture) {
    assert_eq!(db.find_session(session(1)).await, None);
    assert_eq!(db.find_user(user(1)).await, None);
    assert_eq!(db.days(user(1)).await, []);
    let range = days("2026-11-01", "2026-11-30");
    let page = db.store.list_days(db.tenant, range, Vec::new(), None, 10);
    assert_eq!(page.await.unwrap().items, []);
    let data = db.store.get_report_data(db.tenant, range, vec![range]);
    let data = data.await.unwrap();
    assert!(data.days.is_empty() && data.users.is_empty());
}

async fn a_read_sees_every_write_that_was_answered(db: Fixture) {
    for number in 0..50 {
        db.start_as(user(number), session(number)).await.unwrap();
        assert!(db.find_session(session(number)).await.is_some());
        db.end(session(number)).await.unwrap();
        assert!(!db.session(session(number)).await.session.is_open());
    }
}

async fn a_users_days_are_those_in_the_range_oldest_first(db: Fixture) {
    for date in ["2026-11-03", "2026-11-01", "2026-11-04", "2026-11-02"] {
        db.record(user(1), Some(date), seconds(1)).await.unwrap();
        db.record(user(2), Some(date), seconds(2)).await.unwrap();
    }
    let range = days("2026-11-02", "2026-11-03");
    let found = db
        .store
        .get_user_days(db.tenant, user(1), range)
        .await
        .unwrap();
    let dates: Vec<_> = found.days.iter().map(|row| row.date).collect();
    assert_eq!(dates, [day("2026-11-02"), day("2026-11-03")]);
    assert!(found.days.iter().all(|row| row.user_id == user(1)));
}

async fn a_users_days_come_with_the_sessions_stored_as_open(db: Fixture) {
    db.start_as(user(1), session(1)).await.unwrap();
    db.start_as(user(1), session(2)).await.unwrap();
    db.start_as(user(2), session(3)).await.unwrap();
    db.end(session(2)).await.unwrap();
    db.pass(HOUR);
    let range = days("2026-11-20", "2026-11-20");
    let found = db
        .store
        .get_user_days(db.tenant, user(1), range)
        .await
        .unwrap();
    let open: Vec<_> = found.open.iter().map(|row| row.id).collect();
    assert_eq!(open, [session(1)]);
    let settings = db.store.get_settings(db.tenant).await.unwrap();
    assert_eq!(found.settings, settings);
}

/// Users 0 to 4 on the first three days of November, user 4 on the second only.
async fn some_days(db: &Fixture) -> Vec<DayKey> {
    let mut keys = Vec::new();
    for date in ["2026-11-02", "2026-11-01", "2026-11-03"] {
        for number in [3, 1, 4, 2, 0] {
            if number < 4 || date == "2026-11-02" {
                db.record(user(number), Some(date), seconds(1))
                    .await
                    .unwrap();
                keys.push((day(date), user(number)));
            }
        }
    }
    keys.sort();
    keys
}

async fn list_days(db: &Fixture, range: DateRange, users: &[u128], limit: usize) -> Vec<DayKey> {
    let users: Vec<_> = users.iter().copied().map(user).collect();
    let (mut keys, mut after) = (Vec::new(), None);
    loop {
        let page = db
            .store
            .list_days(db.tenant, range, users.clone(), after, limit);
        let page = page.await.unwrap();
        assert!(page.items.len() == limit || page.next.is_none());
        assert!(keys.len() < 100, "pages go round in circles");
        keys.extend(page.items.iter().map(|row| (row.date, row.user_id)));
        after = page.next;
        if after.is_none() {
            return keys;
        }
    }
}

async fn days_come_by_date_and_user_page_by_page(db: Fixture) {
    let keys = some_days(&db).await;
    for limit in 1..=14 {
        let all = list_days(&db, days("2026-11-01", "2026-11-03"), &[], limit).await;
        assert_eq!(all, keys, "in pages of {limit}");
    }
    let one_day = list_days(&db, days("2026-11-02", "2026-11-02"), &[], 2).await;
    assert_eq!(one_day, keys[4..9]);
    assert_eq!(
        list_days(&db, days("2026-11-04", "2026-11-09"), &[], 2).await,
        []
    );
}

async fn days_of_some_users_leave_the_others_out(db: Fixture) {
    let mut keys = some_days(&db).await;
    keys.retain(|(_, id)| [user(1), user(4)].contains(id));
    for limit in 1..=5 {
        let found = list_days(
            &db,
            days("2026-11-01", "2026-11-03"),
            &[4, 404, 1, 1],
            limit,
        );
        assert_eq!(found.await, keys, "in pages of {limit}");
    }
}

async fn a_report_sums_each_day_and_counts_distinct_users(db: Fixture) {
    let increment = |name: &str| UsageIncrement {
        login_count: 1,
        active_seconds: 10,
        simulation_runs: 2,
        documents_accessed: 3,
        feature_usage: BTreeMap::from([(name.to_owned(), 1), ("shared".to_owned(), 2)]),
    };
    // 2026-11-02 is a Monday. User 1 was seen before, user 3 is new in the second week.
    for (number, date) in [
        (1, "2026-10-20"),
        (1, "2026-11-02"),
        (2, "2026-11-02"),
        (1, "2026-11-08"),
        (2, "2026-11-09"),
        (3, "2026-11-09"),
        (3, "2026-11-10"),
    ] {
        let name = format!("of-{number}");
        db.record(user(number), Some(date), increment(&name))
            .await
            .unwrap();
    }
    let range = days("2026-11-02", "2026-11-30");
    let weeks = range.periods(Granularity::Week);
    let data = db.store.get_report_data(db.tenant, range, weeks.clone());
    let data = data.await.unwrap();
    let counts = |active, new| UserCounts { active, new };
    let expected = [(weeks[0], counts(2, 1)), (weeks[1], counts(2, 1))];
    assert_eq!(data.users, BTreeMap::from(expected));
    let dates: Vec<_> = data.days.keys().copied().collect();
    let used = ["2026-11-02", "2026-11-08", "2026-11-09", "2026-11-10"];
    assert_eq!(dates, used.map(day));
    let monday = &data.days[&day("2026-11-02")];
    assert_eq!((monday.login_count, monday.active_seconds), (2, 20));
    assert_eq!((monday.simulation_runs, monday.documents_accessed), (4, 6));
    let features = [("of-1", 1), ("of-2", 1), ("shared", 4)];
    let features = features.map(|(name, count)| (name.to_owned(), count));
    assert_eq!(monday.feature_usage, BTreeMap::from(features));

    // A user of two weeks is one user of the whole.
    let data = db.store.get_report_data(db.tenant, range, vec![range]);
    let data = data.await.unwrap();
    assert_eq!(data.users, BTreeMap::from([(range, counts(3, 2))]));
    let report = tenant_usage_report(range, &[range], &data.days, &data.users);
    assert_eq!(report.total.counters.active_seconds, 60);
    assert_eq!(report.total.counters.feature_usage["shared"], 12);
}

async fn list_users(db: &Fixture, since: Option<&str>, limit: usize) -> Vec<UserKey> {
    let (mut keys, mut after) = (Vec::new(), None);
    loop {
        let now = db.now();
        let page = db
            .store
            .list_users(db.tenant, since.map(at), after, limit, now);
        let page = page.await.unwrap();
        assert!(page.items.len() == limit || page.next.is_none());
        let rows = page.items.iter().map(|row| &row.user);
        assert!(keys.len() < 100, "pages go round in circles");
        keys.extend(rows.map(|row| (row.last_active_at.utc_date(), row.id)));
        after = page.next;
        if after.is_none() {
            return keys;
        }
    }
}

/// Users 5 and 2 on one day, 4 at noon of the next, 3 and 1 an hour later; 1 was there on the
/// first day too.
async fn some_users(db: &Fixture) -> Vec<UserKey> {
    let first = at("2026-11-19T12:00:00Z");
    let (noon, later) = (at("2026-11-20T12:00:00Z"), at("2026-11-20T13:00:00Z"));
    let seen = [
        (first, 1),
        (first, 5),
        (first, 2),
        (noon, 4),
        (later, 3),
        (later, 1),
    ];
    for (time, number) in seen {
        db.clock.set(time);
        db.record(user(number), None, seconds(1)).await.unwrap();
    }
    let keys = [(19, 2), (19, 5), (20, 1), (20, 3), (20, 4)];
    let keys = keys.map(|(date, number)| (day(&format!("2026-11-{date}")), user(number)));
    keys.to_vec()
}

async fn users_come_the_longest_silent_first_page_by_page(db: Fixture) {
    let keys = some_users(&db).await;
    for limit in 1..=6 {
        assert_eq!(
            list_users(&db, None, limit).await,
            keys,
            "in pages of {limit}"
        );
    }
}

async fn dormant_users_are_those_not_active_since(db: Fixture) {
    let keys = some_users(&db).await;
    assert_eq!(list_users(&db, Some("2026-11-19T12:00:00Z"), 1).await, []);
    for since in ["2026-11-19T12:00:00.000001Z", "2026-11-20T12:00:00Z"] {
        assert_eq!(list_users(&db, Some(since), 1).await, keys[..2]);
    }
    for since in ["2026-11-20T12:00:00.000001Z", "2026-11-20T13:00:00Z"] {
        let dormant = list_users(&db, Some(since), 1).await;
        assert_eq!(dormant, [keys[0], keys[1], keys[4]]);
    }
}

async fn users_tell_of_sessions_that_are_over_and_not_swept(db: Fixture) {
    db.start(user(1)).await;
    let beating = db.start(user(1)).await;
    db.pass(20 * MINUTE);
    db.heartbeat(beating).await.unwrap();
    db.pass(20 * MINUTE);
    let page = db.store.list_users(db.tenant, None, None, 10, db.now());
    let page = page.await.unwrap();
    assert_eq!(page.items, [db.user(user(1)).await]);
    assert_eq!(page.items[0].open_sessions, 1);
    assert_eq!(page.items[0].user.total_usage_seconds, 0);
    db.pass(20 * MINUTE);
    let summary = db.user(user(1)).await;
    assert_eq!(summary.open_sessions, 0);
    assert_eq!(summary.user.total_usage_seconds, 1_200);
    let page = db.store.list_users(db.tenant, None, None, 10, db.now());
    assert_eq!(page.await.unwrap().items, [summary]);
}

async fn sessions_to_sweep_come_the_longest_due_first(db: Fixture) {
    for number in [3, 1, 2] {
        db.start_as(user(number), session(number)).await.unwrap();
        db.pass(MINUTE);
    }
    let due = async |time, limit| {
        let found = db.store.list_sessions_to_sweep(db.tenant, at(time), limit);
        let found = found.await.unwrap();
        found
            .iter()
            .map(|(id, _)| id.0.as_u128())
            .collect::<Vec<_>>()
    };
    assert_eq!(due("2026-11-20T12:29:59Z", 10).await, []);
    assert_eq!(due("2026-11-20T12:30:00Z", 10).await, [3]);
    assert_eq!(due("2026-11-20T13:00:00Z", 10).await, [3, 1, 2]);
    assert_eq!(due("2026-11-20T13:00:00Z", 2).await, [3, 1]);
    db.end(session(3)).await.unwrap();
    assert_eq!(due("2026-11-20T13:00:00Z", 10).await, [1, 2]);
    let found = db
        .store
        .list_sessions_to_sweep(db.tenant, db.now() + HOUR_LONG, 1);
    assert_eq!(found.await.unwrap(), [(session(1), user(1))]);
}

const HOUR_LONG: std::time::Duration = std::time::Duration::from_secs(HOUR);

async fn tenants_to_sweep_come_by_id(db: Fixture) {
    for number in [7, 5, 6] {
        db.for_tenant(number).start(user(1)).await;
    }
    let recorded = RecordSession {
        user_id: user(1),
        session_id: session(1),
        context: context(),
        review: SessionReview::default(),
        time: RecordedTime::Last(HOUR_LONG),
        fingerprint: None,
    };
    db.for_tenant(8).submit(recorded).await.unwrap();
    let [five, six, seven] = [5, 6, 7].map(|number| db.for_tenant(number).tenant);
    let tenants = async |after, limit| {
        let found = db.store.list_tenants_to_sweep(db.now(), after, limit).await;
        found.unwrap()
    };
    assert_eq!(tenants(None, 10).await, []);
    db.pass(HOUR);
    assert_eq!(tenants(None, 10).await, [five, six, seven]);
    assert_eq!(tenants(None, 2).await, [five, six]);
    assert_eq!(tenants(Some(six), 10).await, [seven]);
    assert_eq!(tenants(Some(seven), 10).await, []);
}

async fn a_service_key_is_made_once(db: Fixture) {
    let keys = (0..8).map(|_| db.store.service_key("pages"));
    let keys = futures::future::join_all(keys).await;
    let first = keys[0].clone().unwrap();
    assert!(first.len() >= 32);
    assert!(keys.iter().all(|key| key.as_ref() == Ok(&first)));
    assert_ne!(db.store.service_key("other").await.unwrap(), first);
}

async fn a_database_that_answers_is_alive(db: Fixture) {
    assert_eq!(db.store.ping().await, Ok(()));
}
