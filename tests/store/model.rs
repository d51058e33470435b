//! Whatever is done in whatever order, both engines come to what the plain rules say.

use std::time::Duration;

use chrono::{DateTime, Offset, TimeZone};
use chrono_tz::Tz;
use dwell::{
    domain::{
        rejection::Rejection,
        session::{EndReason, SessionReview, SessionView},
        settings::SettingsPatch,
        time::Timestamp,
    },
    store::Error,
};
use proptest::{prelude::*, test_runner::Config};

use crate::{
    fixture::{Fixture, completed, days, invalid_field, seconds, session, user},
    property::try_cases,
    reference::{DAY, Dates, Reference, SECOND},
};

#[derive(Clone, Debug)]
enum Step {
    Start(usize),
    Heartbeat(usize),
    Pause(usize),
    Resume(usize),
    /// At a share of the time since its start, in thousandths; now if `None`.
    End(usize, Option<i64>, bool),
    Expire(usize),
    /// Seconds under a request id.
    Record(usize, i64, u8),
    Pass(i64),
}

#[derive(Clone, Debug)]
struct Case {
    zone: Tz,
    /// An hour since 2022.
    hour: i64,
    /// Whether it begins shortly before the zone next changes its offset.
    near_change: bool,
    idle: Option<u64>,
    lifetime: Option<u64>,
    limit: Option<u32>,
    users: usize,
    steps: Vec<Step>,
}

fn steps() -> impl Strategy<Value = Step> {
    let which = 0_usize..64;
    let pass = prop_oneof![
        4 => 0..120 * SECOND,
        4 => 0..40 * 60 * SECOND,
        2 => 0..9 * 3_600 * SECOND,
        1 => -90 * SECOND..0,
    ];
    prop_oneof![
        3 => which.clone().prop_map(Step::Start),
        4 => which.clone().prop_map(Step::Heartbeat),
        2 => which.clone().prop_map(Step::Pause),
        2 => which.clone().prop_map(Step::Resume),
        2 => (which.clone(), prop::option::of(-50_i64..=1_000), any::<bool>())
            .prop_map(|(index, share, done)| Step::End(index, share, done)),
        1 => which.clone().prop_map(Step::Expire),
        1 => (which, 1_i64..5_000, 0_u8..4)
            .prop_map(|(user, seconds, request)| Step::Record(user, seconds, request)),
        8 => pass.prop_map(Step::Pass),
    ]
}

fn cases() -> impl Strategy<Value = Case> {
    let zone = prop_oneof![
        prop::sample::select(chrono_tz::TZ_VARIANTS.to_vec()),
        // Where the clock skips midnight, is set back over it, or moves by half an hour.
        prop::sample::select(vec![
            Tz::Africa__Cairo,
            Tz::America__Havana,
            Tz::Asia__Beirut,
            Tz::Australia__Lord_Howe,
            Tz::America__Santiago,
            Tz::Atlantic__Azores,
            Tz::America__Scoresbysund,
            Tz::Europe__Berlin,
        ]),
    ];
    (
        (zone, 0_i64..5 * 365 * 24, any::<bool>()),
        prop::sample::select(vec![None, Some(601), Some(2_700)]),
        prop::sample::select(vec![None, Some(7_207), Some(94_003)]),
        prop::sample::select(vec![None, Some(1), Some(2)]),
        1_usize..=3,
        prop::collection::vec(steps(), 1..60),
    )
        .prop_map(
            |((zone, hour, near_change), idle, lifetime, limit, users, steps)| Case {
                zone,
                hour,
                near_change,
                idle,
                lifetime,
                limit,
                users,
                steps,
            },
        )
}

/// When a case begins.
fn beginning(case: &Case) -> i64 {
    let start = 1_640_995_200 + case.hour * 3_600;
    let offset = |hour: i64| {
        let time = DateTime::from_timestamp(start + hour * 3_600, 0).unwrap();
        let offset = case.zone.offset_from_utc_datetime(&time.naive_utc());
        offset.fix().local_minus_utc()
    };
    let change = (1..24 * 366).find(|hour| offset(*hour) != offset(hour - 1));
    let hours = change.filter(|_| case.near_change).unwrap_or(0) - 10;
    (start + hours * 3_600) * SECOND
}

/// The store's answer where the model says how the session ended, if it has.
fn assert_touched(answer: Result<SessionView, Error>, over: Option<(i64, EndReason)>) {
    let expected = over.map(|(at, reason)| {
        let at = Timestamp::from_micros(at);
        Error::Rejected(Rejection::SessionEnded { at, reason })
    });
    assert_eq!(answer.err(), expected);
}

async fn take(step: &Step, case: &Case, model: &mut Reference, engines: &[Fixture; 2]) {
    let now = engines[0].now().micros();
    let count = model.stays.len();
    let pick = |index: &usize| (count > 0).then(|| index % count.max(1));
    let id = |index: usize| session(u128::try_from(index).unwrap());
    let someone = |number: usize| user(u128::try_from(number).unwrap());
    match step {
        Step::Start(number) => {
            let number = number % case.users;
            model.start(number, now);
            for db in engines {
                assert!(
                    db.start_as(someone(number), id(count))
                        .await
                        .unwrap()
                        .created
                );
            }
        }
        Step::Heartbeat(index) => {
            let Some(index) = pick(index) else { return };
            let over = model.heartbeat(index, now);
            for db in engines {
                assert_touched(db.heartbeat(id(index)).await, over);
            }
        }
        Step::Pause(index) => {
            let Some(index) = pick(index) else { return };
            let over = model.pause(index, now);
            for db in engines {
                assert_touched(db.pause(id(index)).await, over);
            }
        }
        Step::Resume(index) => {
            let Some(index) = pick(index) else { return };
            let over = model.resume(index, now);
            for db in engines {
                assert_touched(db.resume(id(index)).await, over);
            }
        }
        Step::End(index, share, done) => {
            let Some(index) = pick(index) else { return };
            let start = model.stays[index].start;
            let at = share
                .filter(|_| now > start)
                .map(|share| start + (now - start) / 1_000 * share);
            let already = model.end(index, at, *done, now);
            let review = if *done {
                completed()
            } else {
                SessionReview::default()
            };
            for db in engines {
                let at = at.map(Timestamp::from_micros);
                let answer = db.end_with(id(index), review.clone(), at).await;
                match already {
                    Some(already) => assert_eq!(answer.unwrap().already, already),
                    None => assert_eq!(invalid_field(answer), "end_time"),
                }
            }
        }
        Step::Expire(index) => {
            let Some(index) = pick(index) else { return };
            let over = model.settle(index, now).is_some();
            for db in engines {
                assert_eq!(db.expire(id(index)).await, Ok(over));
            }
        }
        Step::Record(number, amount, request) => {
            let number = number % case.users;
            // A repeated id has the same content, or it is refused.
            let fresh = !model.requests.contains(request);
            if fresh {
                model.record(number, *amount, *request, now);
            }
            for db in engines {
                let request = u128::from(*request);
                let answer = db
                    .record_once(someone(number), seconds(*amount), request)
                    .await;
                assert!(answer.is_ok() || !fresh);
                if fresh {
                    let again = db.record_once(someone(number), seconds(*amount), request);
                    assert_eq!(again.await, answer);
                }
            }
        }
        Step::Pass(micros) => {
            for db in engines {
                db.clock.set(Timestamp::from_micros(now + micros));
            }
        }
    }
}

/// Compares what both engines tell now with what the model says.
async fn compare(case: &Case, model: &Reference, engines: &[Fixture; 2]) {
    let now = engines[0].now().micros();
    for (index, stay) in model.stays.iter().enumerate() {
        let id = session(u128::try_from(index).unwrap());
        let view = engines[0].session(id).await;
        assert_eq!(view, engines[1].session(id).await);
        let mut stay = stay.clone();
        stay.end = model.over(&stay, now);
        let micros = stay.micros(&model.dates, now);
        assert_eq!(i64::try_from(view.duration.as_micros()).unwrap(), micros);
        let end = view.session.ended_at().map(Timestamp::micros);
        assert_eq!(end.zip(view.session.end_reason()), stay.end);
        let last = stay.end.map_or(stay.last, |(end, _)| stay.last.max(end));
        assert_eq!(view.session.last_active_at.micros(), last);
        let points = stay.end.map_or(0, |_| micros / (120 * SECOND));
        assert_eq!(view.session.points_earned, points);
        let date = model.dates.at(stay.start);
        assert_eq!(view.session.start_date, date);
    }
    for number in 0..case.users {
        let id = user(u128::try_from(number).unwrap());
        let found = engines[0].find_user(id).await;
        assert_eq!(found, engines[1].find_user(id).await);
        let rows = engines[0].days(id).await;
        assert_eq!(rows, engines[1].days(id).await);
        let Some(mut person) = model.people.get(&number).cloned() else {
            assert_eq!(found, None);
            continue;
        };
        let mut open = 0;
        for stay in model.stays.iter().filter(|stay| stay.user == number) {
            let mut over = stay.clone();
            over.end = model.over(stay, now);
            match (stay.end, over.end) {
                (None, Some((end, _))) => {
                    person.seconds += over.micros(&model.dates, now) / SECOND;
                    person.last_active = person.last_active.max(Some(end));
                }
                (None, None) => open += 1,
                _ => {}
            }
        }
        let summary = found.unwrap();
        assert_eq!(summary.open_sessions, open);
        let known = summary.user;
        assert_eq!(known.login_count, person.logins);
        assert_eq!(
            known.last_login_at.map(Timestamp::micros),
            person.last_login
        );
        assert_eq!(known.last_session_start, known.last_login_at);
        assert_eq!(Some(known.first_seen_at.micros()), person.first_seen);
        assert_eq!(Some(known.last_active_at.micros()), person.last_active);
        assert_eq!(known.total_usage_seconds, person.seconds);
        let told = rows.iter().map(|row| {
            let sums = &row.counters;
            let (started, done) = (sums.sessions_started, sums.sessions_completed);
            (
                row.date,
                [sums.login_count, sums.active_seconds, started, done],
            )
        });
        let expected = model.days.iter().filter(|((owner, _), _)| *owner == number);
        // A stay of less than a second leaves a day without use.
        let told: Vec<_> = told.filter(|(_, day)| *day != [0; 4]).collect();
        let expected: Vec<_> = expected
            .map(|((_, date), day)| (*date, *day))
            .filter(|(_, day)| *day != [0; 4])
            .collect();
        assert_eq!(told, expected);
        compare_practice(number, model, engines).await;
    }
}

async fn compare_practice(number: usize, model: &Reference, engines: &[Fixture; 2]) {
    let id = user(u128::try_from(number).unwrap());
    let history = engines[0].practice(id).await;
    assert_eq!(history, engines[1].practice(id).await);
    let told = history.days.iter().map(|day| {
        let totals = day.totals;
        let counts = [totals.ended, totals.completed, totals.completed_seconds];
        (day.date, counts)
    });
    let own = model.practice.iter();
    let own = own.filter(|((owner, _), _)| *owner == number);
    let expected: Vec<_> = own.map(|((_, date), counts)| (*date, *counts)).collect();
    assert_eq!(told.collect::<Vec<_>>(), expected);

    let times = engines[0].practice_times(id, 366).await;
    assert_eq!(times, engines[1].practice_times(id, 366).await);
    let told = times.starts.iter().map(|(time, sessions)| {
        let midnight = Timestamp::from(time.date.and_hms_opt(0, 0, 0).unwrap().and_utc());
        let quarter = midnight.micros() + i64::from(time.quarter) * 900 * SECOND;
        (time.date, quarter, *sessions)
    });
    let today = model.dates.at(engines[0].now().micros());
    let own = model.times.iter();
    // A clock that was set back may be on the day before.
    let own = own.filter(|((owner, date, _), _)| *owner == number && *date <= today);
    let expected = own.map(|((_, date, quarter), sessions)| (*date, *quarter, *sessions));
    assert_eq!(told.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
}

async fn run(case: &Case, engines: &[Fixture; 2]) {
    let begin = beginning(case);
    for db in engines {
        // Days before, so that all of the case is in one zone.
        db.clock.set(Timestamp::from_micros(begin - 4 * DAY));
        db.set(SettingsPatch {
            time_zone: Some(case.zone),
            idle_timeout: Some(case.idle.map(Duration::from_secs)),
            max_lifetime: Some(case.lifetime.map(Duration::from_secs)),
            max_open_sessions: Some(case.limit),
            ..SettingsPatch::default()
        })
        .await;
        db.clock.set(Timestamp::from_micros(begin));
    }
    let micros = |span: Option<u64>| span.map(|span| i64::try_from(span).unwrap() * SECOND);
    let mut model = Reference {
        dates: Dates::of(case.zone, begin - 3 * DAY, begin + 50 * DAY),
        idle: micros(case.idle),
        lifetime: micros(case.lifetime),
        limit: case.limit.map(|limit| usize::try_from(limit).unwrap()),
        stays: Vec::new(),
        people: std::collections::BTreeMap::new(),
        days: std::collections::BTreeMap::new(),
        practice: std::collections::BTreeMap::new(),
        times: std::collections::BTreeMap::new(),
        requests: std::collections::BTreeSet::new(),
    };
    for (number, step) in case.steps.iter().enumerate() {
        take(step, case, &mut model, engines).await;
        if number % 16 == 15 {
            compare(case, &model, engines).await;
        }
    }
    compare(case, &model, engines).await;
    // At last everything is over, and what users are said to have used is the sum of their days.
    for index in 0..model.stays.len() {
        take(&Step::End(index, None, true), case, &mut model, engines).await;
    }
    compare(case, &model, engines).await;
    let range = days("2000-01-01", "2100-01-01");
    for (number, person) in &model.people {
        let id = user(u128::try_from(*number).unwrap());
        let [db, _] = engines;
        let found = db.store.get_user_days(db.tenant, id, range).await.unwrap();
        let sum: i64 = found
            .days
            .iter()
            .map(|row| row.counters.active_seconds)
            .sum();
        assert_eq!(sum, person.seconds);
        assert!(found.open.is_empty());
    }
}

#[test]
fn both_engines_do_what_the_plain_rules_say() {
    let config = Config {
        cases: 64,
        max_shrink_iters: 400,
        ..Config::default()
    };
    try_cases(&config, &cases(), &run);
}
