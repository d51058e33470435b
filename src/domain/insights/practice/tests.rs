//! Practice against plain walks through time: nothing of the calendar's arithmetic is used.

#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::{collections::BTreeSet, time::Duration};

use chrono::{DateTime, Datelike, Timelike};
use chrono_tz::Tz;
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::domain::{
    calendar::Calendar,
    ids::SessionId,
    insights::{
        frequency::frequency,
        last_days,
        statistics::user_statistics,
        streak::{Streak, streak},
    },
    period::DateRange,
    session::{EndReason, SessionContext, SessionReview, Subject},
    settings::TenantSettings,
    time::Timestamp,
};

const HOUR: i64 = 3_600_000_000;
const QUARTER: i64 = HOUR / 4;

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn days(texts: &[&str]) -> Vec<PracticeDay> {
    let totals = PracticeTotals {
        ended: 1,
        completed: 1,
        ..PracticeTotals::default()
    };
    let dates = texts.iter().map(|text| day(text));
    dates.map(|date| PracticeDay { date, totals }).collect()
}

fn settings(zone: Tz) -> TenantSettings {
    TenantSettings {
        calendar: Calendar::of(zone),
        ..TenantSettings::default()
    }
}

fn recorded(
    settings: &TenantSettings,
    start: i64,
    seconds: u64,
    completion: Option<CompletionStatus>,
) -> Session {
    let context = SessionContext {
        session_type: "normal".to_owned(),
        client_type: "web".to_owned(),
        client_info: String::new(),
        ip_address: None,
        subject: Some(Subject {
            kind: "topic".to_owned(),
            id: "a".to_owned(),
            name: seconds.to_string(),
        }),
        focus_mode: false,
        location: String::new(),
        metadata: None,
    };
    let start = Timestamp::from_micros(start);
    let (id, user) = (SessionId(Uuid::nil()), UserId(Uuid::nil()));
    let mut session = Session::start(id, user, context, settings, start);
    let review = SessionReview {
        completion,
        ..SessionReview::default()
    };
    let end = start + Duration::from_secs(seconds);
    session.end(end, EndReason::Recorded, review, settings);
    session
}

/// What is kept of these sessions, as the store would bring it back.
fn kept(sessions: &[Session]) -> (Vec<PracticeDay>, Vec<(PracticeTime, i64)>) {
    let mut additions = PracticeAdditions::default();
    for session in sessions {
        additions.count(session);
    }
    let days = additions.days.iter();
    let days = days.map(|((_, date), totals)| PracticeDay {
        date: *date,
        totals: *totals,
    });
    let times = additions
        .times()
        .map(|((_, time), sessions)| (*time, *sessions));
    (days.collect(), times.collect())
}

#[test]
fn a_streak_ends_today_or_yesterday() {
    let calendar = Calendar::of(Tz::UTC);
    let row = days(&[
        "2026-11-10",
        "2026-11-11",
        "2026-11-12",
        "2026-11-19",
        "2026-11-20",
    ]);
    let at = |today| streak(&row, &calendar, day(today));
    let today = Streak {
        current: 2,
        longest: 3,
        last_date: Some(day("2026-11-20")),
        done_today: true,
    };
    assert_eq!(at("2026-11-20"), today);
    assert!(!today.is_at_risk());
    let tomorrow = Streak {
        done_today: false,
        ..today
    };
    assert_eq!(at("2026-11-21"), tomorrow);
    assert!(tomorrow.is_at_risk());
    let lost = Streak {
        current: 0,
        ..tomorrow
    };
    assert_eq!(at("2026-11-22"), lost);
    assert!(!lost.is_at_risk());
    // A tenant that moved from Auckland to Honolulu is back on the day before.
    assert_eq!(at("2026-11-19"), today);
}

#[test]
fn nothing_makes_no_streak() {
    let calendar = Calendar::of(Tz::UTC);
    assert_eq!(streak(&[], &calendar, day("2026-11-20")), Streak::default());
    let totals = PracticeTotals {
        ended: 3,
        partial: 2,
        ..PracticeTotals::default()
    };
    let date = day("2026-11-20");
    let unpractised = [PracticeDay { date, totals }];
    assert_eq!(streak(&unpractised, &calendar, date), Streak::default());
}

#[test]
fn a_streak_goes_on_over_a_day_that_never_was() {
    // Samoa skipped 2011-12-30.
    let apia = Calendar::of(Tz::Pacific__Apia);
    let row = days(&["2011-12-28", "2011-12-29", "2011-12-31"]);
    let found = streak(&row, &apia, day("2011-12-31"));
    assert_eq!((found.current, found.longest), (3, 3));
    let before = streak(&row[..2], &apia, day("2011-12-31"));
    assert_eq!(before.current, 2);
    assert!(before.is_at_risk());
    let utc = streak(&row, &Calendar::of(Tz::UTC), day("2011-12-31"));
    assert_eq!((utc.current, utc.longest), (1, 2));
}

#[test]
fn half_past_eleven_at_night_in_auckland_is_aucklands_day() {
    let settings = settings(Tz::Pacific__Auckland);
    let start = DateTime::parse_from_rfc3339("2026-11-20T23:30:00+13:00").unwrap();
    let start = start.timestamp_micros();
    let session = recorded(&settings, start, 3_600, Some(CompletionStatus::Completed));
    let (days, times) = kept(&[session]);
    assert_eq!(days[0].date, day("2026-11-20"));
    // Half past ten in the morning of the same day in UTC.
    assert_eq!(times[0].0.quarter, 42);
    let found = frequency(&times, &settings.calendar);
    // A Friday.
    assert_eq!(found.weekday_hours[4][23], 1);
    let next = recorded(
        &settings,
        start + HOUR / 2,
        60,
        Some(CompletionStatus::Completed),
    );
    // Eleven in the morning before: the day began thirteen hours before UTC's.
    assert_eq!(PracticeTime::of(&next).quarter, -52);
    assert_eq!(next.start_date, day("2026-11-21"));
}

#[test]
fn hours_of_every_zone_begin_with_a_quarter_of_an_hour_of_utc() {
    for zone in chrono_tz::TZ_VARIANTS {
        for week in 0..52 * 101 {
            let time = DateTime::from_timestamp(946_684_800 + week * 7 * 86_400, 0).unwrap();
            let minutes = time.with_timezone(&zone).time().num_seconds_from_midnight();
            assert_eq!(minutes % 900, 0, "{zone} {time}");
        }
    }
}

#[test]
fn a_rate_has_two_decimals() {
    let rate = |completed, ended| {
        let totals = PracticeTotals {
            ended,
            completed,
            completed_seconds: 5_400 * completed,
            ..PracticeTotals::default()
        };
        (
            totals.completion_percentage(),
            totals.hours(),
            totals.average_minutes(),
        )
    };
    assert_eq!(rate(0, 0), (0.0, 0.0, 0.0));
    assert_eq!(rate(0, 5), (0.0, 0.0, 0.0));
    assert_eq!(rate(2, 3), (66.67, 3.0, 90.0));
    assert_eq!(rate(1, 3), (33.33, 1.5, 90.0));
    assert_eq!(rate(1, 8), (12.5, 1.5, 90.0));
    assert_eq!(rate(7, 7), (100.0, 10.5, 90.0));
}

#[test]
fn only_the_last_thirty_days_are_recent() {
    let settings = settings(Tz::UTC);
    let row = days(&["2026-10-21", "2026-10-22", "2026-11-20", "2026-11-21"]);
    let now = Timestamp::from(day("2026-11-20").and_hms_opt(12, 0, 0).unwrap().and_utc());
    let found = user_statistics(&row, &[], &settings, DateRange::ALL, now);
    assert_eq!(found.recent_sessions, 2);
    assert_eq!(found.totals.completed, 4);
    let only = last_days(day("2026-10-21"), 1);
    let found = user_statistics(&row, &[], &settings, only, now);
    assert_eq!((found.recent_sessions, found.totals.completed), (2, 1));
}

#[test]
fn the_name_of_a_subject_is_the_one_that_was_counted_last() {
    let settings = settings(Tz::UTC);
    let done = Some(CompletionStatus::Completed);
    let mut additions = PracticeAdditions::default();
    for (seconds, completion) in [
        (60, done),
        (90, done),
        (30, Some(CompletionStatus::Partial)),
    ] {
        additions.count(&recorded(&settings, 0, seconds, completion));
    }
    let subjects: Vec<_> = additions.subjects().map(|(_, day)| day.clone()).collect();
    let expected = SubjectDay {
        name: "90".to_owned(),
        sessions: 2,
        seconds: 150,
    };
    assert_eq!(subjects, [expected]);
}

/// The local days from `from` on, each as often as it has a quarter of an hour. Set back over
/// midnight, a clock does not bring the day before back.
fn walk(zone: Tz, from: i64, quarters: i64) -> Vec<(NaiveDate, u32)> {
    let mut latest = NaiveDate::MIN;
    let walked = (0..quarters).map(|quarter| {
        let time = DateTime::from_timestamp_micros(from + quarter * QUARTER).unwrap();
        let local = time.with_timezone(&zone);
        let (date, hour) = (local.date_naive(), local.hour());
        if date < latest {
            return (latest, 0);
        }
        latest = date;
        (date, hour)
    });
    walked.collect()
}

fn zones() -> impl Strategy<Value = Tz> {
    prop_oneof![
        prop::sample::select(chrono_tz::TZ_VARIANTS.to_vec()),
        prop::sample::select(vec![
            Tz::Pacific__Apia,
            Tz::America__St_Johns,
            Tz::America__Havana,
            Tz::Africa__Cairo,
            Tz::Asia__Kathmandu,
            Tz::Australia__Lord_Howe,
            Tz::Pacific__Auckland,
            Tz::Europe__Berlin,
        ]),
    ]
}

/// Quarters of an hour in which history happens: 60 days.
const QUARTERS: i64 = 60 * 24 * 4;

fn statuses() -> impl Strategy<Value = Option<CompletionStatus>> {
    prop_oneof![
        6 => Just(Some(CompletionStatus::Completed)),
        1 => Just(Some(CompletionStatus::Partial)),
        1 => Just(Some(CompletionStatus::Abandoned)),
        1 => Just(None),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Streaks are told by looking at every day, statistics by looking at every session.
    #[test]
    fn figures_are_those_of_a_walk_through_all_days(
        zone in zones(),
        // The changes of the clock of two years, and the day that Samoa skipped.
        week in prop_oneof![0_i64..104, Just(101)],
        stays in prop::collection::vec((0..QUARTERS, 0_u64..9_000, statuses()), 0..90),
        today in 0..QUARTERS,
        (from, length) in (0_i64..60, 0_i64..60),
    ) {
        // From 2010-01-01.
        let begin = 1_262_304_000_000_000 + week * 7 * 24 * HOUR;
        let settings = settings(zone);
        let sessions: Vec<_> = stays
            .iter()
            .map(|(quarter, seconds, status)| {
                recorded(&settings, begin + quarter * QUARTER + 1, *seconds, *status)
            })
            .collect();
        let (days, times) = kept(&sessions);
        let walked = walk(zone, begin, QUARTERS);
        let at = |quarter: i64| walked[usize::try_from(quarter).unwrap()];

        let completed = |status: &Option<_>| *status == Some(CompletionStatus::Completed);
        let done = || stays.iter().filter(|(_, _, status)| completed(status));
        let practised: BTreeSet<_> = done().map(|(quarter, _, _)| at(*quarter).0).collect();
        let all: Vec<_> = walked.iter().map(|(date, _)| *date).collect::<BTreeSet<_>>()
            .into_iter().collect();
        let (today_date, _) = at(today);
        // What comes after today has not happened.
        let past: Vec<_> = days.iter().copied().filter(|day| day.date <= today_date).collect();
        let mut expected = Streak::default();
        let mut row = 0;
        for date in all.iter().filter(|date| **date <= today_date) {
            if practised.contains(date) {
                row += 1;
                expected.last_date = Some(*date);
            } else if *date != today_date {
                row = 0;
            }
            expected.longest = expected.longest.max(row);
        }
        expected.current = row;
        expected.done_today = practised.contains(&today_date);
        prop_assert_eq!(streak(&past, &settings.calendar, today_date), expected);

        let now = Timestamp::from_micros(begin + today * QUARTER);
        let start = DateTime::from_timestamp_micros(begin).unwrap().date_naive();
        let range = DateRange {
            start: start + chrono::Days::new(u64::try_from(from).unwrap()),
            end: start + chrono::Days::new(u64::try_from(from + length).unwrap()),
        };
        let found = user_statistics(&past, &[], &settings, range, now);
        let inside = |quarter: &i64| {
            let (date, _) = at(*quarter);
            range.start <= date && date <= range.end && date <= today_date
        };
        let mut totals = PracticeTotals::default();
        for (quarter, seconds, status) in &stays {
            if !inside(quarter) {
                continue;
            }
            totals.ended += 1;
            match status {
                Some(CompletionStatus::Completed) => {
                    totals.completed += 1;
                    totals.completed_seconds += i64::try_from(*seconds).unwrap();
                }
                Some(CompletionStatus::Partial) => totals.partial += 1,
                Some(CompletionStatus::Abandoned) => totals.abandoned += 1,
                None => {}
            }
        }
        prop_assert_eq!(found.totals, totals);

        let mut grid = [[0_i64; 24]; 7];
        for (quarter, _, _) in done() {
            let (date, hour) = at(*quarter);
            grid[date.weekday().num_days_from_monday() as usize][hour as usize] += 1;
        }
        let found = frequency(&times, &settings.calendar);
        prop_assert_eq!(found.weekday_hours, grid);
        let counts: Vec<_> = found.days.iter().map(|day| (day.date, day.sessions)).collect();
        let expected: Vec<_> = practised
            .iter()
            .map(|date| {
                let of_day = done().filter(|(quarter, _, _)| at(*quarter).0 == *date);
                (*date, i64::try_from(of_day.count()).unwrap())
            })
            .collect();
        prop_assert_eq!(counts, expected);
    }
}
