//! Reports against plain walks through time: nothing of the calendar's arithmetic is used.

#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::time::Duration;

use chrono::DateTime;
use chrono_tz::Tz;
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::domain::{
    calendar::Calendar,
    goal::{Goal, GoalDetails, GoalPriority, GoalStatus, GoalType},
    ids::{GoalId, SessionId, UserId},
    insights::{figures::PeriodTally, practice::PracticeAdditions, tally::Tally},
    period::Granularity,
    session::{CompletionStatus, EndReason, SessionContext, SessionReview},
};

const HOUR: i64 = 3_600_000_000;
const QUARTER: i64 = HOUR / 4;
const USER: UserId = UserId(Uuid::nil());

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn at(text: &str) -> Timestamp {
    text.parse::<DateTime<chrono::Utc>>().unwrap().into()
}

fn settings(zone: Tz) -> TenantSettings {
    TenantSettings {
        calendar: Calendar::of(zone),
        ..TenantSettings::default()
    }
}

/// A session as the caller tells it.
#[derive(Clone, Copy, Debug)]
struct Told {
    start: i64,
    seconds: u64,
    completed: bool,
    rating: Option<u8>,
    focus_mode: bool,
    with_notes: bool,
}

impl Told {
    fn session(self, settings: &TenantSettings) -> Session {
        let context = SessionContext {
            session_type: "normal".to_owned(),
            client_type: "web".to_owned(),
            client_info: String::new(),
            ip_address: None,
            subject: None,
            focus_mode: self.focus_mode,
            location: String::new(),
            metadata: None,
        };
        let start = Timestamp::from_micros(self.start);
        let id = SessionId(Uuid::nil());
        let mut session = Session::start(id, USER, context, settings, start);
        let completion = if self.completed {
            CompletionStatus::Completed
        } else {
            CompletionStatus::Partial
        };
        let review = SessionReview {
            completion: Some(completion),
            notes: if self.with_notes { "x" } else { "" }.to_owned(),
            productivity_rating: self.rating,
            ..SessionReview::default()
        };
        let end = start + Duration::from_secs(self.seconds);
        session.end(end, EndReason::Recorded, review, settings);
        session
    }
}

/// What the store would bring of these sessions.
fn basis(sessions: &[Session], settings: &TenantSettings, range: DateRange) -> ReportBasis {
    let mut kept = PracticeAdditions::default();
    let mut effort = Effort::default();
    let mut period = PeriodTally::empty(range);
    let now = Timestamp::END;
    for session in sessions {
        kept.count(session);
        for (date, tally) in Tally::of_session(session, settings, now) {
            period.add(date, tally);
        }
        for (_, more) in Effort::of_session(session, settings, now)
            .into_iter()
            .filter(|(date, _)| range.contains(*date))
        {
            effort += more;
        }
    }
    let dates = sessions.iter().map(|session| session.start_date);
    let dates: std::collections::BTreeSet<_> = dates.collect();
    let history = dates.iter().map(|date| PracticeDay {
        date: *date,
        totals: kept.of_day(USER, *date),
    });
    let calendar = days(range.start, range.end).map(|date| {
        let own = sessions.iter().filter(|session| session.start_date == date);
        let parts = sessions
            .iter()
            .flat_map(|one| one.seconds_by_day(settings, now));
        CalendarDay {
            date,
            started: own.clone().count().try_into().unwrap(),
            completed: own
                .filter(|one| one.is_completed())
                .count()
                .try_into()
                .unwrap(),
            active_seconds: parts
                .filter(|(day, _)| *day == date)
                .map(|(_, part)| part)
                .sum(),
        }
    });
    ReportBasis {
        settings: settings.clone(),
        range,
        history: history.collect(),
        days: calendar.collect(),
        effort,
        open: Vec::new(),
        performance: Performance {
            today: settings.calendar.date_of(now),
            periods: vec![period],
            cohort: None,
        },
    }
}

fn histories() -> impl Strategy<Value = Vec<Told>> {
    // About the changes of clocks in 2026, and midnights.
    let start = (1_767_225_600_i64..1_798_761_600).prop_map(|start| start * 1_000_000);
    let told = (
        start,
        prop_oneof![0_u64..7_200, 0_u64..200_000],
        any::<bool>(),
        prop::option::of(1_u8..=5),
        any::<bool>(),
        any::<bool>(),
    );
    let told = told.prop_map(
        |(start, seconds, completed, rating, focus_mode, with_notes)| Told {
            start,
            seconds,
            completed,
            rating,
            focus_mode,
            with_notes,
        },
    );
    prop::collection::vec(told, 0..40)
}

fn zones() -> impl Strategy<Value = Tz> {
    prop::sample::select(vec![
        Tz::UTC,
        Tz::America__Havana,
        Tz::Europe__Berlin,
        Tz::Australia__Lord_Howe,
        Tz::Pacific__Auckland,
    ])
}

/// The seconds of a stay on days of the range, a quarter of an hour at a time. A day that a
/// clock set back shows again has begun already.
fn seconds_within(told: &Told, zone: Tz, range: DateRange) -> i64 {
    let date = |time: i64| {
        let local = |time| {
            let time = DateTime::from_timestamp_micros(time).unwrap();
            time.with_timezone(&zone).date_naive()
        };
        local(time).max(local(time - HOUR))
    };
    let end = told.start + i64::try_from(told.seconds).unwrap() * 1_000_000;
    let (mut from, mut sum) = (told.start, 0);
    while from < end {
        let until = ((from / QUARTER + 1) * QUARTER).min(end);
        if range.contains(date(from)) {
            sum += (until - from) / 1_000_000;
        }
        from = until;
    }
    sum
}

proptest! {
    #[test]
    fn the_days_add_up_to_the_period(
        told in histories(),
        zone in zones(),
        offset in 0_i64..365,
        granularity in prop::sample::select(vec![Granularity::Week, Granularity::Month]),
    ) {
        let settings = settings(zone);
        let sessions: Vec<_> = told.iter().map(|one| one.session(&settings)).collect();
        let range = granularity.holding(plus_days(day("2026-01-01"), offset));
        let report = |range| user_report(&basis(&sessions, &settings, range), Timestamp::END);
        let whole = report(range);
        let mut sum = Summary::default();
        for day in &whole.days {
            let part = report(Granularity::Day.holding(day.date));
            prop_assert_eq!(&part.days, std::slice::from_ref(day));
            let part = part.summary;
            prop_assert_eq!(part.totals.completed, day.completed);
            prop_assert_eq!(part.active_seconds, day.active_seconds);
            sum.active_seconds += part.active_seconds;
            sum.begun_days += part.begun_days;
            sum.practised_days += part.practised_days;
            sum.totals.add(&part.totals);
            sum.effort += part.effort;
            sum.figures = sum.figures + part.figures;
        }
        sum.streak_days = whole.summary.streak_days;
        sum.streak_maintained = whole.summary.streak_maintained;
        prop_assert_eq!(whole.summary, sum);
    }

    #[test]
    fn a_period_is_what_its_sessions_come_to_one_by_one(
        told in histories(),
        zone in zones(),
        offset in 0_i64..365,
        granularity in prop::sample::select(vec![Granularity::Week, Granularity::Month]),
    ) {
        let settings = settings(zone);
        let sessions: Vec<_> = told.iter().map(|one| one.session(&settings)).collect();
        let range = granularity.holding(plus_days(day("2026-01-01"), offset));
        let report = user_report(&basis(&sessions, &settings, range), Timestamp::END);
        let summary = report.summary;
        let own: Vec<_> = told
            .iter()
            .zip(&sessions)
            .filter(|(_, session)| range.contains(session.start_date))
            .collect();
        let count = |is: &dyn Fn(&Told) -> bool| {
            i64::try_from(own.iter().filter(|(told, _)| is(told)).count()).unwrap()
        };
        prop_assert_eq!(summary.totals.completed, count(&|told| told.completed));
        prop_assert_eq!(summary.effort.notes_created, count(&|told| told.with_notes));
        prop_assert_eq!(summary.effort.ratings, count(&|told| told.rating.is_some()));
        let points: i64 = own.iter().map(|(_, session)| session.points_earned).sum();
        prop_assert_eq!(summary.effort.points_earned, points);
        let seconds = |is: &dyn Fn(&Told) -> bool| -> i64 {
            let told = told.iter().filter(|told| is(told));
            told.map(|told| seconds_within(told, zone, range)).sum()
        };
        prop_assert_eq!(summary.active_seconds, seconds(&|_| true));
        prop_assert_eq!(summary.figures.tally.active_seconds, seconds(&|_| true));
        prop_assert_eq!(summary.effort.focus_seconds, seconds(&|told| told.focus_mode));
        let completed = own.iter().filter(|(told, _)| told.completed);
        let seconds: u64 = completed.clone().map(|(told, _)| told.seconds).sum();
        #[expect(clippy::cast_precision_loss, reason = "small numbers")]
        let mean = seconds as f64 / 60.0 / (completed.count().max(1) as f64);
        prop_assert!((summary.average_session_minutes().value() - mean).abs() <= 0.005_001);
        let productivity = summary.productivity();
        prop_assert_eq!(productivity.is_some(), summary.effort.ratings > 0);
        prop_assert!((0..=10_000).contains(&productivity.unwrap_or_default().0));
    }
}

/// An hour on each of the days, by the clock of UTC.
fn practised(dates: &[&str], settings: &TenantSettings) -> Vec<Session> {
    let told = dates.iter().map(|date| Told {
        start: at(&format!("{date}T12:00:00Z")).micros(),
        seconds: 3_600,
        completed: true,
        rating: None,
        focus_mode: false,
        with_notes: false,
    });
    told.map(|told| told.session(settings)).collect()
}

#[test]
fn a_streak_is_told_as_it_stood_when_the_period_was_over() {
    let settings = settings(Tz::UTC);
    let sessions = practised(
        &[
            "2026-11-13",
            "2026-11-14",
            "2026-11-15",
            "2026-11-16",
            "2026-11-17",
        ],
        &settings,
    );
    let at = |label: &str, now: &str| {
        let range = Granularity::Week.labelled(label).unwrap();
        let summary = user_report(&basis(&sessions, &settings, range), at(now)).summary;
        (
            summary.streak_days,
            summary.streak_maintained,
            summary.practised_days,
        )
    };
    // It went on over the end of the week, and the next one is running.
    assert_eq!(at("2026-W46", "2026-11-17T13:00:00Z"), (3, false, 3));
    assert_eq!(at("2026-W47", "2026-11-17T13:00:00Z"), (5, true, 2));
    // Not today yet: the streak is not lost, but not every day has been.
    assert_eq!(at("2026-W47", "2026-11-18T13:00:00Z"), (5, false, 2));
    assert_eq!(at("2026-W47", "2026-11-19T13:00:00Z"), (0, false, 2));
    assert_eq!(at("2026-W48", "2026-11-17T13:00:00Z"), (5, false, 0));
    let day = |date: &str| {
        let range = Granularity::Day.labelled(date).unwrap();
        let now = super::tests::at("2026-11-30T00:00:00Z");
        user_report(&basis(&sessions, &settings, range), now)
            .summary
            .streak_days
    };
    assert_eq!(
        ["2026-11-12", "2026-11-13", "2026-11-17", "2026-11-18"].map(day),
        [0, 1, 5, 0]
    );
}

#[test]
fn a_date_that_was_skipped_breaks_no_week() {
    // Samoa had no 30 December 2011.
    let settings = settings(Tz::Pacific__Apia);
    let before = ["2011-12-26", "2011-12-27", "2011-12-28", "2011-12-29"];
    // From then on noon in UTC was early on the next day.
    let after = ["2011-12-30", "2011-12-31"];
    let sessions = practised(&[&before[..], &after[..]].concat(), &settings);
    assert!(
        !sessions
            .iter()
            .any(|one| one.start_date == day("2011-12-30"))
    );
    let range = Granularity::Week.labelled("2011-W52").unwrap();
    let now = at("2012-01-10T00:00:00Z");
    let summary = user_report(&basis(&sessions, &settings, range), now).summary;
    assert_eq!(
        (
            summary.streak_maintained,
            summary.streak_days,
            summary.practised_days
        ),
        (true, 6, 6)
    );
    let fewer = user_report(&basis(&sessions[1..], &settings, range), now).summary;
    assert!(!fewer.streak_maintained);
}

#[test]
fn a_goal_is_told_of_on_its_days_until_it_is_reached() {
    let calendar = Calendar::of(Tz::Pacific__Auckland);
    let details = GoalDetails {
        goal_type: GoalType::Custom,
        name: "Read".to_owned(),
        description: String::new(),
        target_value: 1.0,
        unit: String::new(),
        priority: GoalPriority::Medium,
        recurrence: None,
        reminder_enabled: false,
        subject: None,
    };
    let dates = DateRange {
        start: day("2026-11-10"),
        end: day("2026-11-20"),
    };
    let goal = Goal::new(
        GoalId(Uuid::nil()),
        USER,
        details,
        dates,
        at("2026-11-01T00:00:00Z"),
    );
    let told = |goal: &Goal, dates: &[&str]| -> Vec<bool> {
        dates
            .iter()
            .map(|date| goal.is_of(&calendar, day(date)))
            .collect()
    };
    let all = [
        "2026-11-09",
        "2026-11-10",
        "2026-11-15",
        "2026-11-20",
        "2026-11-21",
    ];
    assert_eq!(told(&goal, &all), [false, true, true, true, false]);
    let with = |status, completed_at| Goal {
        status,
        completed_at,
        ..goal.clone()
    };
    assert_eq!(
        told(&with(GoalStatus::Expired, None), &all),
        told(&goal, &all)
    );
    assert_eq!(told(&with(GoalStatus::Abandoned, None), &all), [false; 5]);
    // At noon in UTC it is the next day there.
    let reached = with(GoalStatus::Completed, Some(at("2026-11-14T12:00:00Z")));
    assert_eq!(reached.completed_on(&calendar), Some(day("2026-11-15")));
    let about = [
        "2026-11-09",
        "2026-11-10",
        "2026-11-14",
        "2026-11-15",
        "2026-11-16",
    ];
    assert_eq!(told(&reached, &about), [false, true, true, true, false]);
    let early = with(GoalStatus::Completed, Some(at("2026-11-05T00:00:00Z")));
    assert_eq!(
        told(&early, &["2026-11-04", "2026-11-05", "2026-11-10"]),
        [false, true, false]
    );
}

#[test]
fn a_new_user_has_a_page_of_zeros() {
    let range = Granularity::Month.labelled("2026-02").unwrap();
    let basis = basis(&[], &settings(Tz::UTC), range);
    let report = user_report(&basis, at("2026-02-10T00:00:00Z"));
    assert_eq!(report.days.len(), 28);
    assert!(
        report
            .days
            .iter()
            .all(|one| *one == CalendarDay::empty(one.date))
    );
    let summary = Summary {
        begun_days: 10,
        figures: Figures {
            days: 10,
            ..Figures::default()
        },
        ..Summary::default()
    };
    assert_eq!(report.summary, summary);
    assert_eq!(report.summary.productivity(), None);
    assert_eq!(report.summary.average_session_minutes(), Hundredths(0));
}
