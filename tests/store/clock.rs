//! The clock steps back and forward under what goes on: nothing ends early, or twice, or lasts
//! less than no time.

use std::{collections::BTreeMap, time::Duration};

use dwell::{
    domain::{
        session::{EndReason, SessionView},
        settings::SettingsPatch,
        time::Timestamp,
    },
    store::Error,
};
use proptest::{prelude::*, test_runner::Config};

use crate::{
    fixture::{Fixture, HOUR, MINUTE, completed, session, user},
    property::try_cases,
};

const IDLE: Duration = Duration::from_secs(30 * MINUTE);
const LIFETIME: Duration = Duration::from_secs(8 * HOUR);
const SESSIONS: u128 = 4;

#[derive(Clone, Copy, Debug)]
enum Step {
    Start(u128),
    Heartbeat(u128),
    Pause(u128),
    Resume(u128),
    End(u128),
    Sweep(u128),
    /// Seconds, of either sign.
    Clock(i64),
}

fn steps() -> impl Strategy<Value = Step> {
    let hour = i64::try_from(HOUR).unwrap();
    let clock = prop_oneof![
        4 => 1..20 * 60_i64,
        2 => -hour..=-1,
        1 => Just(-hour),
        1 => Just(24 * hour),
    ];
    let which = 1..=SESSIONS;
    prop_oneof![
        3 => which.clone().prop_map(Step::Start),
        3 => which.clone().prop_map(Step::Heartbeat),
        2 => which.clone().prop_map(Step::Pause),
        2 => which.clone().prop_map(Step::Resume),
        1 => which.clone().prop_map(Step::End),
        2 => which.prop_map(Step::Sweep),
        6 => clock.prop_map(Step::Clock),
    ]
}

/// What is known of the sessions of one case.
#[derive(Default)]
struct Seen {
    /// By session: how it ended, and how long it was.
    ends: BTreeMap<u128, (Timestamp, EndReason, Duration)>,
    /// By session: the last sign of life that was seen.
    active: BTreeMap<u128, Timestamp>,
}

impl Seen {
    /// A session as it is seen at `now`.
    fn look(&mut self, number: u128, view: &SessionView, now: Timestamp) {
        let row = &view.session;
        let longest = row.last_active_at.max(now).since(row.started_at);
        assert!(view.duration <= longest, "{number}: {view:?}");
        let active = self.active.get(&number).copied();
        assert!(active <= Some(row.last_active_at), "{number} went back");
        let end = row.ended_at().zip(row.end_reason());
        let end = end.map(|(at, reason)| (at, reason, view.duration));
        if let Some(known) = self.ends.get(&number) {
            assert_eq!(Some(*known), end, "{number} ended twice");
            return;
        }
        let Some((at, reason, duration)) = end else {
            return;
        };
        assert!(at >= row.started_at, "{number} ended before it began");
        assert!(duration <= at.since(row.started_at));
        match reason {
            EndReason::IdleTimeout => {
                assert!(now >= at + IDLE, "{number} ended early");
                assert!(active.is_none_or(|active| at >= active));
            }
            EndReason::MaxLifetime => {
                assert_eq!(at, row.started_at + LIFETIME);
                assert!(now >= at, "{number} ended early");
            }
            _ => assert!(active.is_none_or(|active| at >= active)),
        }
    }

    /// The same where it is what was written, to be held against what comes later: what is only
    /// seen to be over would go on if the clock stepped back.
    fn keep(&mut self, number: u128, view: &SessionView, now: Timestamp) {
        self.look(number, view, now);
        let row = &view.session;
        self.active.insert(number, row.last_active_at);
        if let Some((at, reason)) = row.ended_at().zip(row.end_reason()) {
            self.ends.insert(number, (at, reason, view.duration));
        }
    }
}

async fn take(step: Step, db: &Fixture, seen: &mut Seen) {
    let id = session;
    let written = match step {
        Step::Start(number) => {
            let started = db.start_as(user(1), id(number)).await.unwrap();
            if !started.created {
                return;
            }
            number
        }
        Step::Heartbeat(number) => touched(number, db.heartbeat(id(number)).await),
        Step::Pause(number) => touched(number, db.pause(id(number)).await),
        Step::Resume(number) => touched(number, db.resume(id(number)).await),
        Step::End(number) => {
            let ended = db.end_with(id(number), completed(), None).await;
            if let Ok(ended) = &ended {
                let was_over = seen.ends.contains_key(&number);
                let by_itself = ended.view.session.end_reason() != Some(EndReason::Logout);
                assert_eq!(ended.already, was_over || by_itself);
            }
            touched(number, ended)
        }
        Step::Sweep(number) => match db.expire(id(number)).await {
            Ok(true) => number,
            // Open, over for long, or not there.
            Ok(false) | Err(Error::Rejected(_)) => return,
            Err(other) => panic!("{other:?}"),
        },
        Step::Clock(seconds) => {
            let span = Duration::from_secs(seconds.unsigned_abs());
            let now = db.now();
            let then = if seconds < 0 {
                now.before(span)
            } else {
                now + span
            };
            db.clock.set(then);
            return;
        }
    };
    if let Some(view) = db.find_session(id(written)).await {
        seen.keep(written, &view, db.now());
    }
}

/// The session that was touched, if it is there: what finds it over writes that down.
fn touched<T: std::fmt::Debug>(number: u128, answer: Result<T, Error>) -> u128 {
    match answer {
        Ok(_) | Err(Error::Rejected(_)) => number,
        Err(other) => panic!("{other:?}"),
    }
}

async fn run(steps: &[Step], engines: &[Fixture; 2]) {
    for db in engines {
        let patch = SettingsPatch {
            idle_timeout: Some(Some(IDLE)),
            max_lifetime: Some(Some(LIFETIME)),
            ..SettingsPatch::default()
        };
        db.set_clock("2026-11-20T12:00:00Z");
        db.set(patch).await;
        let mut seen = Seen::default();
        for step in steps {
            take(*step, db, &mut seen).await;
            for number in 1..=SESSIONS {
                if let Some(view) = db.find_session(session(number)).await {
                    seen.look(number, &view, db.now());
                }
            }
        }
        agree(db, &mut seen).await;
    }
}

/// At last each session is ended, and its seconds are in the sums once.
async fn agree(db: &Fixture, seen: &mut Seen) {
    let mut expected = (0, 0, 0);
    for number in 1..=SESSIONS {
        let Some(view) = db.find_session(session(number)).await else {
            continue;
        };
        take(Step::End(number), db, seen).await;
        let (_, _, duration) = seen.ends[&number];
        let row = db.session(session(number)).await.session;
        let seconds: i64 = row
            .seconds_by_day(&db.store.get_settings(db.tenant).await.unwrap(), db.now())
            .iter()
            .map(|(_, seconds)| seconds)
            .sum();
        assert_eq!(
            u64::try_from(seconds).unwrap(),
            duration.as_secs(),
            "{view:?}"
        );
        expected.0 += 1;
        expected.1 += i64::from(row.is_completed());
        expected.2 += seconds;
    }
    let days = db.days(user(1)).await;
    let sum = days.iter().fold((0, 0, 0), |sum, row| {
        let day = &row.counters;
        assert!(day.active_seconds >= 0);
        (
            sum.0 + day.sessions_started,
            sum.1 + day.sessions_completed,
            sum.2 + day.active_seconds,
        )
    });
    assert_eq!(sum, expected);
    if let Some(summary) = db.find_user(user(1)).await {
        assert_eq!(summary.user.total_usage_seconds, expected.2);
        assert_eq!(summary.open_sessions, 0);
    }
}

#[test]
fn a_clock_that_steps_ends_nothing_early_or_twice() {
    let config = Config {
        cases: 48,
        max_shrink_iters: 400,
        ..Config::default()
    };
    let steps = prop::collection::vec(steps(), 1..50);
    try_cases(
        &config,
        &steps,
        &async |steps: &Vec<Step>, engines: &[Fixture; 2]| {
            run(steps, engines).await;
        },
    );
}
