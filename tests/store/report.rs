//! The sums that are kept for reports, against plain sets of what was recorded.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use dwell::domain::{
    commands::RecordUsage,
    period::DateRange,
    report::UserCounts,
    usage::{UsageCounters, UsageIncrement},
};
use proptest::{collection::vec, test_runner::Config};

use crate::{
    fixture::{Fixture, at, day, user},
    property::try_cases,
};

/// Users and days of November, recorded at once.
type Batch = Vec<(u8, u8)>;

fn date(number: u8) -> NaiveDate {
    day(&format!("2026-11-{number:02}"))
}

/// What one record adds.
fn increment(number: u8) -> UsageIncrement {
    UsageIncrement {
        active_seconds: 1 + i64::from(number),
        documents_accessed: 1,
        feature_usage: BTreeMap::from([(format!("of-{number}"), 1), ("shared".to_owned(), 2)]),
        ..UsageIncrement::default()
    }
}

async fn record(db: &Fixture, batch: &Batch) {
    let records = batch.iter().map(|(number, date_number)| {
        db.submit(RecordUsage {
            user_id: user(u128::from(*number)),
            date: Some(date(*date_number)),
            increment: increment(*number),
            request: None,
        })
    });
    for recorded in futures::future::join_all(records).await {
        recorded.unwrap();
    }
}

/// Every period, of every length.
fn periods() -> Vec<DateRange> {
    let days = || (1..=12).map(date);
    let all = days().flat_map(|start| days().map(move |end| DateRange { start, end }));
    all.filter(|range| range.start <= range.end).collect()
}

fn counted(recorded: &[(u8, u8)], range: DateRange) -> UserCounts {
    let users = |from: &dyn Fn(NaiveDate) -> bool| {
        let some = recorded.iter().filter(|(_, number)| from(date(*number)));
        some.map(|(number, _)| *number).collect::<BTreeSet<_>>()
    };
    let active = users(&|date| range.contains(date));
    let before = users(&|date| date < range.start);
    let count = |users: usize| i64::try_from(users).unwrap();
    UserCounts {
        active: count(active.len()),
        new: count(active.difference(&before).count()),
    }
}

fn summed(recorded: &[(u8, u8)]) -> BTreeMap<NaiveDate, UsageCounters> {
    let mut days = BTreeMap::<_, UsageCounters>::new();
    for (number, date_number) in recorded {
        let day = days.entry(date(*date_number)).or_default();
        day.add(&increment(*number)).unwrap();
    }
    days
}

async fn check(db: &Fixture, batches: &[Batch]) {
    db.clock.set(at("2026-11-20T12:00:00Z"));
    let mut recorded = Vec::new();
    for batch in batches {
        record(db, batch).await;
        recorded.extend(batch);
    }
    let range = DateRange {
        start: date(1),
        end: date(12),
    };
    let data = db.store.get_report_data(db.tenant, range, periods()).await;
    let data = data.unwrap();
    let expected = periods().into_iter();
    let expected = expected.map(|period| (period, counted(&recorded, period)));
    let expected: BTreeMap<_, _> = expected.filter(|(_, users)| users.active > 0).collect();
    assert_eq!(data.users, expected);
    assert_eq!(data.days, summed(&recorded));
}

#[test]
fn reports_of_any_period_are_what_counting_anew_would_give() {
    let config = Config {
        cases: 32,
        ..Config::default()
    };
    let batches = vec(vec((0..4_u8, 1..=12_u8), 1..8), 1..8);
    try_cases(
        &config,
        &batches,
        &async |batches: &Vec<Batch>, engines: &[Fixture; 2]| {
            for db in engines {
                check(db, batches).await;
            }
        },
    );
}
