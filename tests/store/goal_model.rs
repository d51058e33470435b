//! Whatever is practised in whatever order, and whenever a goal is set, its value is what counting
//! everything again comes to.

use std::{collections::BTreeSet, time::Duration};

use chrono::NaiveDate;
use chrono_tz::Tz;
use dwell::domain::{
    activity::ActivityDetails,
    calendar::plus_days,
    commands::{CreateGoal, LogActivity, RecordSession, RecordedTime, UpdateGoal},
    goal::{GoalPatch, GoalStatus, GoalType},
    ids::{ActivityId, SessionId},
    rejection::Rejection,
    session::Subject,
    time::Timestamp,
};
use dwell::store::Error;
use proptest::{prelude::*, test_runner::Config};

use crate::{
    fixture::{Fixture, completed, context, user},
    goals::{details, goal_id},
    property::try_cases,
    reference::{DAY, Dates, SECOND},
};

const TYPES: [GoalType; 5] = [
    GoalType::StudyTime,
    GoalType::TestScore,
    GoalType::AssignmentCompletion,
    GoalType::FlashcardMastery,
    GoalType::Streak,
];
const KINDS: [&str; 3] = ["testing", "assignment", "flashcards"];

#[derive(Clone, Debug)]
enum Step {
    /// A goal of a type, with a subject, from so many days ago for so many days.
    Set(usize, Option<u8>, i64, i64),
    /// About a subject, so many seconds ago, for so many at most, completed or not.
    Record(Option<u8>, i64, i64, bool),
    /// In a session: its type, items and the correct ones, seconds ago.
    Log(usize, usize, i64, i64, i64),
    /// A goal is abandoned, or goes on.
    Turn(usize),
    Pass(i64),
}

fn steps() -> impl Strategy<Value = Step> {
    let subject = || prop::option::of(0_u8..2);
    let ago = || prop_oneof![0_i64..90_000, 0_i64..12 * 86_400];
    prop_oneof![
        2 => (0..TYPES.len(), subject(), 0_i64..9, 5_i64..30)
            .prop_map(|(kind, about, ago, days)| Step::Set(kind, about, ago, days)),
        5 => (subject(), ago(), 0_i64..100_000, any::<bool>())
            .prop_map(|(about, ago, length, done)| Step::Record(about, ago, length, done)),
        5 => (0_usize..64, 0..KINDS.len(), 0_i64..9, 0_i64..9, ago())
            .prop_map(|(at, kind, items, right, ago)| Step::Log(at, kind, items, right, ago)),
        1 => (0_usize..64).prop_map(Step::Turn),
        2 => (0_i64..40_000).prop_map(Step::Pass),
    ]
}

fn cases() -> impl Strategy<Value = (Tz, i64, Vec<Step>)> {
    let zone = prop::sample::select(vec![
        Tz::UTC,
        Tz::Pacific__Auckland,
        Tz::America__Havana,
        Tz::Asia__Kathmandu,
    ]);
    (
        zone,
        0_i64..4 * 365 * 24,
        prop::collection::vec(steps(), 1..40),
    )
}

struct Goal {
    kind: GoalType,
    subject: Option<u8>,
    start: NaiveDate,
    end: NaiveDate,
    abandoned: bool,
}

/// Everything that was done, as plainly as can be; times in microseconds.
#[derive(Default)]
struct Past {
    /// Subject, start, end, completed.
    stays: Vec<(Option<u8>, i64, i64, bool)>,
    /// Session, kind, items, correct, when.
    done: Vec<(usize, usize, i64, i64, i64)>,
}

impl Past {
    fn value(&self, goal: &Goal, dates: &Dates) -> f64 {
        let within = |date: NaiveDate| goal.start <= date && date <= goal.end;
        let asked = |subject: Option<u8>| goal.subject.is_none() || subject == goal.subject;
        let done = |kind: &'static str| {
            self.done.iter().filter(move |(at, k, _, _, when)| {
                asked(self.stays[*at].0) && KINDS[*k] == kind && within(dates.at(*when))
            })
        };
        match goal.kind {
            GoalType::StudyTime => {
                let mut seconds = 0;
                for (subject, start, end, _) in &self.stays {
                    let mut at = *start;
                    while asked(*subject) && at < *end {
                        // No change of the date is within.
                        let until = ((at / (900 * SECOND) + 1) * 900 * SECOND).min(*end);
                        seconds += if within(dates.at(at)) {
                            (until - at) / SECOND
                        } else {
                            0
                        };
                        at = until;
                    }
                }
                whole(seconds / 60)
            }
            GoalType::TestScore => {
                let tests: Vec<_> = done("testing").filter(|test| test.2 > 0).collect();
                let sum: i64 = tests
                    .iter()
                    .map(|(_, _, items, right, _)| (20_000 * right + items) / (2 * items))
                    .sum();
                share(sum, i64::try_from(tests.len()).unwrap())
            }
            GoalType::AssignmentCompletion => whole(done("assignment").map(|work| work.2).sum()),
            GoalType::FlashcardMastery => {
                let items = done("flashcards").map(|round| round.2).sum();
                share(
                    10_000 * done("flashcards").map(|round| round.3).sum::<i64>(),
                    items,
                )
            }
            GoalType::Streak | GoalType::Custom => {
                let practised = self.stays.iter().filter(|stay| asked(stay.0) && stay.3);
                let days: BTreeSet<_> = practised.map(|stay| dates.at(stay.1)).collect();
                let days: BTreeSet<_> = days.into_iter().filter(|date| within(*date)).collect();
                let Some(last) = days.last() else { return 0.0 };
                let row = (0_i64..).take_while(|back| days.contains(&plus_days(*last, -back)));
                whole(i64::try_from(row.count()).unwrap())
            }
        }
    }
}

fn whole(count: i64) -> f64 {
    f64::from(i32::try_from(count).unwrap())
}

/// Hundredths of a percent as a percentage, a half rounded up.
fn share(sum: i64, count: i64) -> f64 {
    if count == 0 {
        return 0.0;
    }
    whole((2 * sum + count) / (2 * count)) / 100.0
}

fn subject(number: u8) -> Subject {
    Subject {
        kind: "course".to_owned(),
        id: number.to_string(),
        name: String::new(),
    }
}

async fn record(db: &Fixture, number: usize, about: Option<u8>, start: i64, end: i64, done: bool) {
    let mut context = context();
    context.subject = about.map(subject);
    let mut review = completed();
    if !done {
        review.completion = None;
    }
    db.submit(RecordSession {
        user_id: user(7),
        session_id: crate::fixture::session(0x5000 + u128::try_from(number).unwrap()),
        context,
        review,
        time: RecordedTime::Between {
            start: Timestamp::from_micros(start),
            end: Timestamp::from_micros(end),
        },
        fingerprint: None,
    })
    .await
    .unwrap();
}

async fn log(db: &Fixture, at: usize, kind: &str, items: i64, right: i64, when: i64) {
    let session_id = crate::fixture::session(0x5000 + u128::try_from(at).unwrap());
    let session_id: SessionId = session_id;
    let id = ActivityId(db.new_id());
    db.submit_for(session_id, |user_id| LogActivity {
        user_id,
        session_id,
        activity_id: id,
        details: ActivityDetails {
            activity_type: kind.to_owned(),
            content_type: String::new(),
            content_id: String::new(),
            items_completed: items,
            items_correct: right,
            metadata: None,
        },
        start_time: Some(Timestamp::from_micros(when)),
        duration: Duration::ZERO,
        fingerprint: None,
    })
    .await
    .unwrap();
}

async fn take(step: &Step, dates: &Dates, past: &mut Past, goals: &mut Vec<Goal>, db: &Fixture) {
    let now = db.now().micros();
    let today = dates.at(now);
    match step {
        Step::Set(kind, about, ago, length) => {
            let start = plus_days(today, -ago);
            let end = plus_days(today, *length);
            let mut details = details(TYPES[*kind], 1e9);
            details.subject = about.map(subject);
            let command = CreateGoal {
                user_id: user(7),
                goal_id: goal_id(u128::try_from(goals.len()).unwrap()),
                details,
                start_date: Some(start),
                target_date: end,
                fingerprint: None,
            };
            db.submit(command).await.unwrap();
            goals.push(Goal {
                kind: TYPES[*kind],
                subject: *about,
                start,
                end,
                abandoned: false,
            });
        }
        Step::Record(about, ago, length, done) => {
            let start = now - ago * SECOND;
            let end = now.min(start + length * SECOND);
            record(db, past.stays.len(), *about, start, end, *done).await;
            past.stays.push((*about, start, end, *done));
        }
        Step::Log(at, kind, items, right, ago) => {
            let Some(at) = at.checked_rem(past.stays.len()) else {
                return;
            };
            let (right, when) = ((*right).min(*items), now - ago * SECOND);
            log(db, at, KINDS[*kind], *items, right, when).await;
            past.done.push((at, *kind, *items, right, when));
        }
        Step::Turn(number) => {
            let Some(number) = number.checked_rem(goals.len()) else {
                return;
            };
            let goal = &mut goals[number];
            goal.abandoned = !goal.abandoned;
            turn(db, number, goal.abandoned).await;
        }
        Step::Pass(seconds) => db.pass(seconds.unsigned_abs()),
    }
}

async fn turn(db: &Fixture, number: usize, abandon: bool) {
    let status = if abandon {
        GoalStatus::Abandoned
    } else {
        GoalStatus::Active
    };
    let patch = GoalPatch {
        status: Some(status),
        ..GoalPatch::default()
    };
    let command = UpdateGoal {
        user_id: user(7),
        goal_id: goal_id(u128::try_from(number).unwrap()),
        patch,
    };
    match db.submit(command).await {
        // It is over, and stays so.
        Ok(_) | Err(Error::Rejected(Rejection::GoalNotActive { .. })) => {}
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn a_goal_is_what_counting_everything_again_comes_to() {
    let run = async |(zone, hour, steps): &(Tz, i64, Vec<Step>), engines: &[Fixture; 2]| {
        // 2022-01-01, and so many hours.
        let now = Timestamp::from_micros((1_640_995_200 + hour * 3_600) * SECOND);
        for db in engines {
            db.clock
                .set(Timestamp::from_micros(now.micros() - 60 * DAY));
            db.set_zone(*zone).await;
            db.clock.set(now);
            let dates = Dates::of(*zone, now.micros() - 50 * DAY, now.micros() + 30 * DAY);
            let (mut past, mut goals) = (Past::default(), Vec::new());
            for step in steps {
                take(step, &dates, &mut past, &mut goals, db).await;
            }
            for (number, goal) in goals.iter().enumerate() {
                if goal.abandoned {
                    turn(db, number, false).await;
                }
                // Those that are over do not move any more.
                let view = db.goal(u128::try_from(number).unwrap()).await;
                if view.goal.status == GoalStatus::Active {
                    let (found, expected) = (view.goal.value(), past.value(goal, &dates));
                    assert!(found.total_cmp(&expected).is_eq(), "{found} {expected}");
                }
            }
        }
    };
    try_cases(&Config::with_cases(60), &cases(), &run);
}
