//! Whatever is practised in whatever order, both engines tell of it what counting one by one
//! comes to, before the sweep and after it.

use std::{collections::BTreeSet, time::Duration};

use chrono::{Datelike, NaiveDate};
use chrono_tz::Tz;
use dwell::domain::{
    commands::{LogActivity, RecordSession, RecordedTime},
    ids::{ActivityId, SessionId},
    insights::{
        cohort::Cohort,
        effort::Effort,
        figures::{Figures, Metric},
        performance::{PerformanceQuery, Scope},
        recent::Window,
        report::{Summary, user_report},
        tally::Tally,
    },
    period::{DateRange, Granularity},
    session::{SessionResult, SessionReview, Subject},
    settings::SettingsPatch,
    time::Timestamp,
};
use proptest::{prelude::*, test_runner::Config};
use uuid::Uuid;

use crate::{
    fixture::{Fixture, completed, context, session, start_session, user},
    performance::query,
    property::try_cases,
    reference::{DAY, Dates, SECOND},
};

const USERS: usize = 7;
const IDLE: i64 = 1_800 * SECOND;

#[derive(Clone, Debug)]
enum Step {
    /// By a user, about a subject, so many seconds ago, for so many at most.
    Record(usize, Option<u8>, i64, i64),
    Start(usize, Option<u8>),
    /// In a session: its type, items completed and the correct share in tenths, seconds ago.
    Log(usize, usize, i64, i64, Option<i64>),
    Sweep,
    Pass(i64),
}

#[derive(Clone, Debug)]
struct Case {
    zone: Tz,
    /// An hour since 2022.
    hour: i64,
    steps: Vec<Step>,
    granularity: Granularity,
    /// The days from today to the one that is asked for.
    offset: i64,
    subject: u8,
}

const KINDS: [&str; 5] = ["testing", "flashcards", "assignment", "reading", "notes"];

fn steps() -> impl Strategy<Value = Step> {
    let subject = || prop::option::of(0_u8..3);
    let ago = || prop_oneof![0_i64..90_000, 0_i64..40 * 86_400];
    prop_oneof![
        4 => (0..USERS, subject(), ago(), 0_i64..40_000)
            .prop_map(|(user, subject, ago, length)| Step::Record(user, subject, ago, length)),
        3 => (0..USERS, subject()).prop_map(|(user, subject)| Step::Start(user, subject)),
        5 => (0_usize..64, 0..KINDS.len(), 0_i64..9, 0_i64..=10, prop::option::of(ago()))
            .prop_map(|(at, kind, items, share, ago)| Step::Log(at, kind, items, share, ago)),
        1 => Just(Step::Sweep),
        4 => prop_oneof![0_i64..3_000, 0_i64..200_000].prop_map(Step::Pass),
    ]
}

fn cases() -> impl Strategy<Value = Case> {
    let zone = prop::sample::select(vec![
        Tz::UTC,
        Tz::Pacific__Auckland,
        Tz::America__Havana,
        Tz::Australia__Lord_Howe,
        Tz::Asia__Kathmandu,
        Tz::Pacific__Kiritimati,
    ]);
    let granularity = prop::sample::select(vec![
        Granularity::Day,
        Granularity::Week,
        Granularity::Month,
    ]);
    let steps = prop::collection::vec(steps(), 1..50);
    (
        zone,
        0_i64..4 * 365 * 24,
        steps,
        granularity,
        -9_i64..=1,
        0_u8..3,
    )
        .prop_map(|(zone, hour, steps, granularity, offset, subject)| Case {
            zone,
            hour,
            steps,
            granularity,
            offset,
            subject,
        })
}

/// A session as plainly as can be; times in microseconds.
#[derive(Clone, Debug)]
struct Stay {
    user: usize,
    subject: Option<u8>,
    start: i64,
    last: i64,
    ended: bool,
    rating: Option<u8>,
    with_notes: bool,
    focus_mode: bool,
}

#[derive(Clone, Debug)]
struct Done {
    user: usize,
    subject: Option<u8>,
    kind: usize,
    completed: i64,
    correct: i64,
    at: i64,
}

struct Reference {
    dates: Dates,
    stays: Vec<Stay>,
    done: Vec<Done>,
}

fn same_period(granularity: Granularity, a: NaiveDate, b: NaiveDate) -> bool {
    match granularity {
        Granularity::Day => a == b,
        Granularity::Week => a.iso_week() == b.iso_week(),
        Granularity::Month => (a.year(), a.month()) == (b.year(), b.month()),
    }
}

impl Reference {
    /// What a user did on the days that `within` holds, and on how many of them.
    fn tally(
        &self,
        user: usize,
        subject: Option<u8>,
        now: i64,
        within: impl Fn(NaiveDate) -> bool,
    ) -> (Tally, i64) {
        let mut tally = Tally::default();
        let mut attended = BTreeSet::new();
        let asked = |own: Option<u8>| subject.is_none() || own == subject;
        for stay in self
            .stays
            .iter()
            .filter(|one| one.user == user && asked(one.subject))
        {
            if !stay.ended && stay.last + IDLE > now {
                continue;
            }
            let start_date = self.dates.at(stay.start);
            if within(start_date) {
                tally.sessions += 1;
                attended.insert(start_date);
            }
            // Second by second, in steps that no change of the date is within.
            let mut at = stay.start;
            while at < stay.last {
                let next = (at / (900 * SECOND) + 1) * 900 * SECOND;
                let until = next.min(stay.last);
                if within(self.dates.at(at)) {
                    tally.active_seconds += (until - at) / SECOND;
                }
                at = until;
            }
        }
        for one in self
            .done
            .iter()
            .filter(|one| one.user == user && asked(one.subject))
        {
            if !within(self.dates.at(one.at)) {
                continue;
            }
            match KINDS[one.kind] {
                "testing" if one.completed > 0 => {
                    tally.tests += 1;
                    let hundredths = 20_000 * one.correct + one.completed;
                    tally.test_accuracy += hundredths / (2 * one.completed);
                }
                "flashcards" => {
                    tally.flashcards += one.completed;
                    tally.flashcards_correct += one.correct;
                }
                "assignment" => {
                    tally.assignments += 1;
                    tally.assignment_items += one.completed;
                }
                _ => {}
            }
        }
        (tally, attended.len().try_into().unwrap())
    }

    /// What only reports tell of a user's days that `within` holds. Half a point a minute, and
    /// one for each correct item.
    fn effort(&self, user: usize, now: i64, within: impl Fn(NaiveDate) -> bool) -> Effort {
        let mut effort = Effort::default();
        let stays = self.stays.iter().filter(|one| one.user == user);
        for stay in stays.filter(|one| one.ended || one.last + IDLE <= now) {
            if within(self.dates.at(stay.start)) {
                effort.points_earned += (stay.last - stay.start) / (120 * SECOND);
                effort.notes_created += i64::from(stay.with_notes);
                effort.ratings += i64::from(stay.rating.is_some());
                effort.rating_sum += stay.rating.map_or(0, i64::from);
            }
            let mut at = stay.start;
            while at < stay.last {
                let until = ((at / (900 * SECOND) + 1) * 900 * SECOND).min(stay.last);
                if stay.focus_mode && within(self.dates.at(at)) {
                    effort.focus_seconds += (until - at) / SECOND;
                }
                at = until;
            }
        }
        for one in self.done.iter().filter(|one| one.user == user) {
            if within(self.dates.at(one.at)) {
                effort.points_earned += one.correct;
                effort.notes_created += i64::from(KINDS[one.kind] == "notes");
            }
        }
        effort
    }
}

fn subject(number: u8) -> Subject {
    Subject {
        kind: "course".to_owned(),
        id: number.to_string(),
        name: format!("Course {number}"),
    }
}

async fn take(step: &Step, number: usize, model: &mut Reference, engines: &[Fixture; 2]) {
    let now = engines[0].now().micros();
    let id = Uuid::from_u128(0x1000 + u128::try_from(number).unwrap());
    let next = session(u128::try_from(model.stays.len()).unwrap());
    let rating = u8::try_from(number % 6).ok().filter(|rating| *rating > 0);
    let (with_notes, focus_mode) = (number.is_multiple_of(3), number % 4 < 2);
    match step {
        Step::Record(who, about, ago, length) => {
            let start = now - ago * SECOND;
            let end = now.min(start + length * SECOND);
            let stay = Stay {
                user: *who,
                subject: *about,
                start,
                last: end,
                ended: true,
                rating,
                with_notes,
                focus_mode,
            };
            record(&stay, next, engines).await;
            model.stays.push(stay);
        }
        Step::Start(who, about) => {
            for db in engines {
                let mut start = start_session(user(u128::try_from(*who).unwrap()), next);
                start.context.subject = about.map(subject);
                start.context.focus_mode = focus_mode;
                db.submit(start).await.unwrap();
            }
            let stay = Stay {
                user: *who,
                subject: *about,
                start: now,
                last: now,
                ended: false,
                rating: None,
                with_notes: false,
                focus_mode,
            };
            model.stays.push(stay);
        }
        Step::Log(at, kind, items, share, ago) => {
            let Some(at) = at.checked_rem(model.stays.len()) else {
                return;
            };
            let correct = items * share / 10;
            let when = now - ago.unwrap_or(0) * SECOND;
            for db in engines {
                let session_id = session(u128::try_from(at).unwrap());
                db.submit_for(session_id, |user_id| LogActivity {
                    user_id,
                    session_id,
                    activity_id: ActivityId(id),
                    details: dwell::domain::activity::ActivityDetails {
                        activity_type: KINDS[*kind].to_owned(),
                        content_type: String::new(),
                        content_id: String::new(),
                        items_completed: *items,
                        items_correct: correct,
                        metadata: None,
                    },
                    start_time: ago.map(|_| Timestamp::from_micros(when)),
                    duration: Duration::ZERO,
                    fingerprint: None,
                })
                .await
                .unwrap();
            }
            let stay = &mut model.stays[at];
            stay.ended |= stay.last + IDLE <= now;
            if !stay.ended {
                stay.last = now;
            }
            let (user, subject) = (stay.user, stay.subject);
            model.done.push(Done {
                user,
                subject,
                kind: *kind,
                completed: *items,
                correct,
                at: when,
            });
        }
        Step::Sweep => sweep(engines).await,
        Step::Pass(seconds) => {
            for db in engines {
                db.pass(seconds.unsigned_abs());
            }
        }
    }
}

/// Saves a stay that is over.
async fn record(stay: &Stay, session_id: SessionId, engines: &[Fixture; 2]) {
    for db in engines {
        let mut context = context();
        context.subject = stay.subject.map(subject);
        context.focus_mode = stay.focus_mode;
        let command = RecordSession {
            user_id: user(u128::try_from(stay.user).unwrap()),
            session_id,
            context,
            review: SessionReview {
                notes: if stay.with_notes { "x" } else { "" }.to_owned(),
                productivity_rating: stay.rating,
                result: result(stay.start),
                ..completed()
            },
            time: RecordedTime::Between {
                start: Timestamp::from_micros(stay.start),
                end: Timestamp::from_micros(stay.last),
            },
            fingerprint: None,
        };
        db.submit(command).await.unwrap();
    }
}

/// What two of three sessions said.
fn result(start: i64) -> Option<SessionResult> {
    let number = start / SECOND;
    let score = f64::from(u8::try_from(number % 99).unwrap()) / 0.99;
    let term = |of: i64| format!("{:x}", number % of);
    (number % 3 > 0).then(|| SessionResult {
        words_spoken: number % 100,
        scores: [(term(2), score)].into(),
        topics: vec![term(7), term(5), term(7)],
        vocabulary_learned: Vec::new(),
        areas_to_improve: vec![term(4)],
    })
}

async fn sweep(engines: &[Fixture; 2]) {
    for db in engines {
        let due = db.store.list_sessions_to_sweep(db.tenant, db.now(), 1_000);
        for (id, _) in due.await.unwrap() {
            db.expire(id).await.unwrap();
        }
    }
}

/// A user's place, by comparing fractions and not quotients.
fn at_or_below(metric: Metric, other: &Figures, own: &Figures) -> bool {
    let of = |figures: &Figures| {
        let sums = figures.tally;
        match metric {
            Metric::StudyTime => (sums.active_seconds, 1),
            Metric::TestAverage => (sums.test_accuracy, sums.tests),
            Metric::FlashcardMastery => (sums.flashcards_correct, sums.flashcards),
            Metric::AssignmentCompletion => (sums.assignment_items, 1),
            Metric::Attendance => (figures.attended, 1),
        }
    };
    let ((a, b), (c, d)) = (of(other), of(own));
    a * d <= c * b
}

async fn compare(case: &Case, model: &Reference, engines: &[Fixture; 2]) {
    let now = engines[0].now().micros();
    let today = model.dates.at(now);
    let asked = dwell::domain::calendar::plus_days(today, case.offset);
    let within = |date| same_period(case.granularity, date, asked);
    for who in 0..USERS {
        let query = |scope| PerformanceQuery {
            user: user(u128::try_from(who).unwrap()),
            granularity: case.granularity,
            date: Some(asked),
            periods: 2,
            scope,
        };
        let about = Scope::Own(Some(subject(case.subject)));
        for (scope, chosen) in [
            (about, Some(case.subject)),
            (Scope::Own(None), None),
            (Scope::Cohort, None),
        ] {
            let found = engines[0].performance(query(scope.clone())).await;
            assert_eq!(found, engines[1].performance(query(scope)).await);
            assert_eq!(found.today, today);
            let last = &found.periods[1];
            assert!(within(last.range.start) && within(last.range.end));
            let told = (last.tally, last.attended.count());
            assert_eq!(told, model.tally(who, chosen, now, within), "user {who}");
            let before = &found.periods[0];
            let earlier = |date| same_period(case.granularity, date, before.range.start);
            let told = (before.tally, before.attended.count());
            assert_eq!(told, model.tally(who, chosen, now, earlier));
            if let Some(cohort) = found.cohort {
                standings(&cohort, model, now, within);
            }
        }
    }
    report(case, model, engines, asked).await;
    outcomes(case, engines, asked).await;
}

/// What is kept of days is what the sessions come to one by one.
async fn outcomes(case: &Case, engines: &[Fixture; 2], asked: NaiveDate) {
    let until = |days: u64| Window::Until {
        now: engines[0].now(),
        span: Duration::from_hours(24 * days),
    };
    let windows = [
        Window::On(case.granularity.holding(asked)),
        Window::On(DateRange::ALL),
        until(2),
        until(7),
        until(30),
    ];
    for window in windows {
        for who in 0..USERS {
            let who = user(u128::try_from(who).unwrap());
            for db in engines {
                assert_eq!(
                    db.counted(who, window).await,
                    db.one_by_one(who, window).await
                );
            }
        }
        let [one, other] = engines;
        let on_other = other.counted(user(0), window).await;
        assert_eq!(one.counted(user(0), window).await, on_other);
    }
}

/// A report tells what insights tell and what only it does, and its days add up to it.
async fn report(case: &Case, model: &Reference, engines: &[Fixture; 2], asked: NaiveDate) {
    let now = engines[0].now();
    let query = |granularity, date| PerformanceQuery {
        date: Some(date),
        ..query(user(0), granularity, Scope::Own(None))
    };
    let parts = engines[0].report(query(case.granularity, asked)).await;
    let on_other = engines[1].report(query(case.granularity, asked)).await;
    let whole = user_report(&parts.basis, now);
    assert_eq!(whole, user_report(&on_other.basis, now));
    assert_eq!(parts.sessions, on_other.sessions);
    assert_eq!(parts.subjects, on_other.subjects);
    let within = |date| same_period(case.granularity, date, asked);
    let (tally, attended) = model.tally(0, None, now.micros(), within);
    assert_eq!(whole.summary.effort, model.effort(0, now.micros(), within));
    assert_eq!(whole.summary.figures.tally, tally);
    assert_eq!(whole.summary.active_seconds, tally.active_seconds);
    assert_eq!(whole.summary.totals.ended, tally.sessions);
    assert_eq!(whole.summary.figures.attended, attended);
    let mut sum = Summary {
        streak_days: whole.summary.streak_days,
        streak_maintained: whole.summary.streak_maintained,
        ..Summary::default()
    };
    for day in &whole.days {
        let parts = engines[0].report(query(Granularity::Day, day.date)).await;
        assert_eq!(i64::try_from(parts.sessions.len()).unwrap(), day.started);
        let report = user_report(&parts.basis, now);
        assert_eq!(report.days, std::slice::from_ref(day));
        sum.active_seconds += report.summary.active_seconds;
        sum.begun_days += report.summary.begun_days;
        sum.practised_days += report.summary.practised_days;
        sum.totals.add(&report.summary.totals);
        sum.effort += report.summary.effort;
        sum.figures = sum.figures + report.summary.figures;
    }
    assert_eq!(whole.summary, sum);
}

fn standings(
    cohort: &Cohort,
    model: &Reference,
    now: i64,
    within: impl Fn(NaiveDate) -> bool + Copy,
) {
    let own = cohort.own;
    let all = (0..USERS).map(|other| {
        let (tally, attended) = model.tally(other, None, now, within);
        Figures {
            tally,
            attended,
            days: own.days,
        }
    });
    let all: Vec<_> = all
        .filter(|figures| figures.tally != Tally::default())
        .collect();
    assert_eq!(usize::try_from(cohort.users).unwrap(), all.len());
    let total = all
        .iter()
        .fold(Tally::default(), |sum, figures| sum + figures.tally);
    assert_eq!(cohort.total, total);
    for (metric, standing) in Metric::ALL.into_iter().zip(cohort.standings) {
        let with: Vec<_> = all.iter().filter(|figures| figures.has(metric)).collect();
        assert_eq!(
            usize::try_from(standing.users).unwrap(),
            with.len(),
            "{metric:?}"
        );
        let below = with
            .iter()
            .filter(|other| at_or_below(metric, other, &own))
            .count();
        let below = if own.has(metric) { below } else { 0 };
        assert_eq!(
            usize::try_from(standing.at_or_below).unwrap(),
            below,
            "{metric:?}"
        );
    }
}

async fn run(case: &Case, engines: &[Fixture; 2]) {
    let begin = 1_640_995_200 * SECOND + case.hour * 3_600 * SECOND;
    for db in engines {
        // Long before, so that all of the case is in one zone.
        db.clock.set(Timestamp::from_micros(begin - 60 * DAY));
        db.set(SettingsPatch {
            time_zone: Some(case.zone),
            idle_timeout: Some(Some(Duration::from_micros(IDLE.unsigned_abs()))),
            max_lifetime: Some(None),
            max_open_sessions: Some(None),
            ..SettingsPatch::default()
        })
        .await;
        db.clock.set(Timestamp::from_micros(begin));
    }
    let mut model = Reference {
        dates: Dates::of(case.zone, begin - 50 * DAY, begin + 130 * DAY),
        stays: Vec::new(),
        done: Vec::new(),
    };
    for (number, step) in case.steps.iter().enumerate() {
        // What was told before is not told again.
        if number == case.steps.len() / 2 {
            compare(case, &model, engines).await;
        }
        take(step, number, &mut model, engines).await;
    }
    compare(case, &model, engines).await;
    sweep(engines).await;
    compare(case, &model, engines).await;
}

#[test]
fn both_engines_tell_what_counting_one_by_one_comes_to() {
    let config = Config {
        cases: 40,
        max_shrink_iters: 200,
        ..Config::default()
    };
    try_cases(&config, &cases(), &run);
}
