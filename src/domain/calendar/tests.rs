#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]

use proptest::prelude::*;

use super::*;

fn at(text: &str) -> Timestamp {
    chrono::DateTime::parse_from_rfc3339(text)
        .unwrap()
        .to_utc()
        .into()
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn split(zone: Tz, start: &str, end: &str) -> Vec<(NaiveDate, i64)> {
    Calendar::of(zone).split(&[Span {
        start: at(start),
        end: at(end),
    }])
}

#[test]
fn a_stay_over_midnight_gives_each_day_its_own_seconds() {
    let days = split(
        Tz::Pacific__Auckland,
        "2026-11-20T23:30:00+13:00",
        "2026-11-21T00:15:00+13:00",
    );
    assert_eq!(days, [(day("2026-11-20"), 1_800), (day("2026-11-21"), 900)]);
}

#[test]
fn the_day_that_loses_an_hour_has_23_and_the_other_25() {
    let spring = split(
        Tz::Europe__Berlin,
        "2026-03-28T00:00:00+01:00",
        "2026-03-30T00:00:00+02:00",
    );
    assert_eq!(
        spring,
        [(day("2026-03-28"), 86_400), (day("2026-03-29"), 82_800)]
    );
    let autumn = split(
        Tz::Europe__Berlin,
        "2026-10-25T00:00:00+02:00",
        "2026-10-26T00:00:00+01:00",
    );
    assert_eq!(autumn, [(day("2026-10-25"), 90_000)]);
}

#[test]
fn where_the_clock_skips_midnight_the_day_begins_at_the_skip() {
    // Cairo went from 2024-04-25T23:59:59+02:00 to 2024-04-26T01:00:00+03:00.
    let cairo = Calendar::of(Tz::Africa__Cairo);
    assert_eq!(
        cairo.day_start(day("2024-04-26")),
        at("2024-04-25T22:00:00Z")
    );
    assert_eq!(cairo.date_of(at("2024-04-25T21:59:59Z")), day("2024-04-25"));
    assert_eq!(cairo.date_of(at("2024-04-25T22:00:00Z")), day("2024-04-26"));
}

#[test]
fn a_day_that_never_was_holds_nothing() {
    // Samoa skipped 2011-12-30.
    let days = split(
        Tz::Pacific__Apia,
        "2011-12-29T23:00:00-10:00",
        "2011-12-31T01:00:00+14:00",
    );
    assert_eq!(
        days,
        [(day("2011-12-29"), 3_600), (day("2011-12-31"), 3_600)]
    );
}

#[test]
fn what_rounding_cuts_off_one_day_counts_for_the_next() {
    let days = split(
        Tz::UTC,
        "2026-11-20T23:59:58.600Z",
        "2026-11-21T00:00:01.600Z",
    );
    assert_eq!(days, [(day("2026-11-20"), 1), (day("2026-11-21"), 2)]);
}

#[test]
fn a_new_zone_counts_from_the_day_it_is_set() {
    let mut calendar = Calendar::of(Tz::UTC);
    calendar.change_zone(Tz::Pacific__Auckland, at("2026-11-20T12:00:00Z"));
    assert_eq!(
        calendar.date_of(at("2026-11-20T10:59:59Z")),
        day("2026-11-20")
    );
    assert_eq!(
        calendar.date_of(at("2026-11-20T11:00:00Z")),
        day("2026-11-21")
    );
    assert_eq!(
        calendar.date_of(at("2026-11-10T23:00:00Z")),
        day("2026-11-10")
    );
    let parts = calendar.split(&[Span {
        start: at("2026-11-20T10:00:00Z"),
        end: at("2026-11-20T12:00:00Z"),
    }]);
    assert_eq!(
        parts,
        [(day("2026-11-20"), 3_600), (day("2026-11-21"), 3_600)]
    );
}

#[test]
fn setting_the_zone_back_on_the_same_day_leaves_no_trace() {
    let mut calendar = Calendar::of(Tz::UTC);
    calendar.change_zone(Tz::Europe__Berlin, at("2026-11-20T12:00:00Z"));
    calendar.change_zone(Tz::UTC, at("2026-11-20T12:01:00Z"));
    assert_eq!(calendar.zone(), Tz::UTC);
    assert_eq!(
        calendar.date_of(at("2026-11-20T23:30:00Z")),
        day("2026-11-20")
    );
}

fn zones() -> impl Strategy<Value = Tz> {
    prop::sample::select(chrono_tz::TZ_VARIANTS.to_vec())
}

proptest! {
    #[test]
    fn parts_add_up_and_each_fits_its_day(
        zone in zones(),
        start in 946_684_800_000_000_i64..4_000_000_000_000_000,
        length in 0_i64..8_000_000_000_000,
    ) {
        let calendar = Calendar::of(zone);
        let span = Span {
            start: Timestamp::from_micros(start),
            end: Timestamp::from_micros(start + length),
        };
        let parts = calendar.split(&[span]);
        prop_assert_eq!(
            parts.iter().map(|(_, part)| part).sum::<i64>(),
            length / 1_000_000
        );
        for (date, part) in &parts {
            let hours = calendar
                .day_start(plus_days(*date, 1))
                .since(calendar.day_start(*date));
            prop_assert!((0..=seconds(hours) + 1).contains(part));
        }
        prop_assert!(parts.is_sorted_by_key(|(date, _)| *date));
    }

    #[test]
    fn days_never_go_back(
        zone in zones(),
        start in 946_684_800_000_000_i64..4_000_000_000_000_000,
        step in 0_i64..200_000_000_000,
    ) {
        let calendar = Calendar::of(zone);
        let first = calendar.date_of(Timestamp::from_micros(start));
        let later = calendar.date_of(Timestamp::from_micros(start + step));
        prop_assert!(first <= later);
    }

    #[test]
    fn days_and_hours_are_those_of_a_walk_through_the_hours(
        (first, second) in (zones(), zones()),
        start in 946_684_800_000_000_i64..4_000_000_000_000_000,
        change in 0_u64..200,
    ) {
        // Whoever looks every quarter of an hour sees every day that there was.
        let quarter = Duration::from_mins(15);
        let start = Timestamp::from_micros(start / 900_000_000 * 900_000_000);
        let mut calendar = Calendar::of(first);
        calendar.change_zone(second, start + Duration::from_hours(change));
        let mut seen = Vec::new();
        for step in 0..24 * 4 * 12 {
            let time = start + quarter * step;
            let date = calendar.date_of(time);
            if seen.last() != Some(&date) {
                seen.push(date);
            }
            let zone = calendar.zone_at(time);
            let local = time.to_utc().with_timezone(&zone);
            let wall = local.format("%F %H").to_string();
            let told = format!("{date} {:02}", calendar.hour_of(time));
            prop_assert!(told == wall || told > wall && told.ends_with(" 00"), "{told} {wall}");
        }
        // The first and the last may have been seen in part by another zone.
        for (date, next) in seen.iter().zip(&seen[1..]) {
            prop_assert!(next <= date || calendar.follows(*date, *next), "{seen:?}");
        }
        for date in days(seen[0], seen[seen.len() - 1]) {
            prop_assert_eq!(calendar.has(date), seen.contains(&date), "{:?} {}", seen, date);
        }
    }

    #[test]
    fn a_day_begins_within_itself(zone in zones(), offset in 0_i64..36_000) {
        let date = plus_days(crate::domain::time::FIRST_DATE, offset);
        let calendar = Calendar::of(zone);
        let start = calendar.day_start(date);
        let found = calendar.date_of(start);
        // Only a day that the zone skipped altogether is not found at its own start.
        if found == date {
            prop_assert!(calendar.date_of(start.before(Duration::from_micros(1))) < date);
        } else {
            prop_assert!(found > date);
        }
    }
}

#[test]
fn the_hour_is_that_of_the_clock_on_the_wall() {
    let auckland = Calendar::of(Tz::Pacific__Auckland);
    assert_eq!(auckland.hour_of(at("2026-11-20T23:30:00+13:00")), 23);
    let kathmandu = Calendar::of(Tz::Asia__Kathmandu);
    assert_eq!(kathmandu.hour_of(at("2026-11-20T18:14:59Z")), 23);
    assert_eq!(kathmandu.hour_of(at("2026-11-20T18:15:00Z")), 0);
    // Berlin skips 2:00 and, in autumn, has it twice.
    let berlin = Calendar::of(Tz::Europe__Berlin);
    assert_eq!(berlin.hour_of(at("2026-03-29T00:59:59Z")), 1);
    assert_eq!(berlin.hour_of(at("2026-03-29T01:00:00Z")), 3);
    assert_eq!(berlin.hour_of(at("2026-10-25T00:30:00Z")), 2);
    assert_eq!(berlin.hour_of(at("2026-10-25T01:30:00Z")), 2);
}

#[test]
fn an_hour_before_midnight_that_comes_again_is_the_new_days_first() {
    // St. John's went back from 2010-11-07T00:01:00-02:30 to 2010-11-06T23:01:00-03:30.
    let st_johns = Calendar::of(Tz::America__St_Johns);
    let (before, again) = (at("2010-11-07T02:29:59Z"), at("2010-11-07T02:31:00Z"));
    assert_eq!(st_johns.date_of(before), day("2010-11-06"));
    assert_eq!(st_johns.hour_of(before), 23);
    assert_eq!(st_johns.date_of(again), day("2010-11-07"));
    assert_eq!(st_johns.hour_of(again), 0);
}

#[test]
fn a_day_that_never_was_does_not_come_between() {
    let apia = Calendar::of(Tz::Pacific__Apia);
    assert!(apia.follows(day("2011-12-29"), day("2011-12-31")));
    assert!(apia.follows(day("2011-12-28"), day("2011-12-29")));
    assert!(!apia.follows(day("2011-12-28"), day("2011-12-31")));
    assert!(!apia.follows(day("2011-12-29"), day("2011-12-29")));
    assert!(!apia.follows(day("2011-12-31"), day("2011-12-29")));
    let samoa_once = Calendar::of(Tz::Pacific__Pago_Pago);
    assert!(!samoa_once.follows(day("2011-12-29"), day("2011-12-31")));
}

#[test]
fn a_day_that_a_change_of_zone_skipped_does_not_come_between() {
    // It is the 20th in Honolulu and has been the 21st on Kiritimati for two hours, so the
    // 20th ends as it begins.
    let mut calendar = Calendar::of(Tz::Pacific__Honolulu);
    assert!(!calendar.follows(day("2026-11-19"), day("2026-11-21")));
    calendar.change_zone(Tz::Pacific__Kiritimati, at("2026-11-20T12:00:00Z"));
    assert!(calendar.follows(day("2026-11-19"), day("2026-11-21")));
    assert!(calendar.follows(day("2026-11-21"), day("2026-11-22")));
}
