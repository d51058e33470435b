//! What the tenant's users do in a period, and that it is remembered for no longer than it is so.

use std::time::Duration;

use dwell::{
    domain::{
        ids::SessionId,
        insights::{
            cohort::Standing,
            figures::Metric,
            performance::{PerformanceQuery, Scope},
        },
        period::Granularity,
    },
    store::privacy::delete_user,
};

use crate::{
    fixture::{Fixture, MINUTE, day, user},
    performance::{query, recorded, time},
};

on_both_engines! {
    users_are_ranked_among_those_with_a_sample
    others_that_are_over_are_ranked_before_the_sweep
    a_tenant_is_a_cohort_of_its_own
    users_are_remembered_until_there_is_a_change
    a_change_on_any_day_of_a_period_is_seen
    what_is_remembered_is_the_tenants_own
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
