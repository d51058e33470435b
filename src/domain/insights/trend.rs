//! Whether a metric goes up or down, and when that can be said at all.
//!
//! The test: both periods have at least [`min_sample`] observations of the metric, or there is
//! no verdict. A percentage is improving or declining if it changed by [`MIN_POINTS`] or more; an
//! amount, counted by the day, if it changed by [`MIN_CHANGE_PERCENT`] of the earlier one or
//! more. What changed by less is stable. Amounts are counted by the day because periods differ
//! in length and a running one is not over: only its days that have begun are counted.

use super::figures::{Figures, Metric};
use crate::domain::hundredths::Hundredths;

/// Observations that each of the two periods must have.
#[must_use]
pub const fn min_sample(metric: Metric) -> i64 {
    match metric {
        // Items come by the dozen, and a single one says little.
        Metric::FlashcardMastery => 20,
        _ => 3,
    }
}

/// Percentage points that make a percentage improve or decline.
pub const MIN_POINTS: Hundredths = Hundredths(500);
/// Percent of the earlier amount a day that make an amount improve or decline.
pub const MIN_CHANGE_PERCENT: i64 = 10;

/// A verdict on two periods or more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Trend {
    Improving,
    Declining,
    Stable,
    /// There are not enough observations for a verdict.
    InsufficientData,
}

/// How `later` compares with `earlier`.
#[must_use]
pub fn trend(metric: Metric, earlier: &Figures, later: &Figures) -> Trend {
    let enough =
        |figures: &Figures| figures.days > 0 && figures.sample_size(metric) >= min_sample(metric);
    if !enough(earlier) || !enough(later) {
        return Trend::InsufficientData;
    }
    let (change, least) = if metric.is_percentage() {
        let of = |figures: &Figures| i128::from(figures.percentage(metric).unwrap_or_default().0);
        (of(later) - of(earlier), i128::from(MIN_POINTS.0))
    } else {
        // Both amounts a day, times the days of both: whole numbers.
        let of = |figures: &Figures, other: &Figures| {
            i128::from(figures.amount(metric)) * i128::from(other.days)
        };
        let (before, after) = (of(earlier, later), of(later, earlier));
        let least = before * i128::from(MIN_CHANGE_PERCENT);
        ((after - before) * 100, least)
    };
    match change {
        0 => Trend::Stable,
        up if up > 0 && up >= least => Trend::Improving,
        down if down < 0 && -down >= least => Trend::Declining,
        _ => Trend::Stable,
    }
}

/// The verdict on a series, oldest first: its later half against its earlier half, each taken
/// together. Of an odd number the one in the middle is in neither.
#[must_use]
pub fn overall_trend(metric: Metric, series: &[Figures]) -> Trend {
    let half = series.len() / 2;
    let pool = |part: &[Figures]| {
        let sum = part.iter().copied().reduce(|sum, more| sum + more);
        sum.unwrap_or_default()
    };
    let (earlier, rest) = series.split_at(half);
    let (_, later) = rest.split_at(rest.len() - half);
    trend(metric, &pool(earlier), &pool(later))
}

/// The last value against the first, in percent of the first to two decimals; 0 if there are
/// not two, or the first is 0.
#[must_use]
pub fn change_percentage(values: &[f64]) -> f64 {
    match values {
        [first, .., last] if *first > 0.0 => ((last - first) / first * 10_000.0).round() / 100.0,
        _ => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::insights::tally::Tally;

    fn tests(count: i64, hundredths: i64) -> Figures {
        let tally = Tally {
            tests: count,
            test_accuracy: count * hundredths,
            ..Tally::default()
        };
        Figures {
            tally,
            attended: 0,
            days: 30,
        }
    }

    fn study(sessions: i64, active_seconds: i64, days: i64) -> Figures {
        let tally = Tally {
            sessions,
            active_seconds,
            ..Tally::default()
        };
        Figures {
            tally,
            attended: 0,
            days,
        }
    }

    #[test]
    fn five_points_are_a_change_and_less_is_not() {
        let verdict = |later| trend(Metric::TestAverage, &tests(3, 7_000), &tests(3, later));
        assert_eq!(verdict(7_500), Trend::Improving);
        assert_eq!(verdict(7_499), Trend::Stable);
        assert_eq!(verdict(6_501), Trend::Stable);
        assert_eq!(verdict(6_500), Trend::Declining);
    }

    #[test]
    fn a_tenth_a_day_is_a_change_and_less_is_not() {
        let before = study(3, 30_000, 30);
        let verdict = |seconds, days| trend(Metric::StudyTime, &before, &study(3, seconds, days));
        assert_eq!(verdict(33_000, 30), Trend::Improving);
        assert_eq!(verdict(32_999, 30), Trend::Stable);
        assert_eq!(verdict(27_001, 30), Trend::Stable);
        assert_eq!(verdict(27_000, 30), Trend::Declining);
        // A third of a month that is running, and as much a day.
        assert_eq!(verdict(10_000, 10), Trend::Stable);
        assert_eq!(verdict(11_000, 10), Trend::Improving);
    }

    #[test]
    fn too_few_observations_are_no_verdict() {
        let enough = tests(3, 9_000);
        for (earlier, later) in [(2, 3), (3, 2), (0, 3), (3, 0), (0, 0)] {
            let (earlier, later) = (tests(earlier, 1_000), tests(later, 9_000));
            let verdict = trend(Metric::TestAverage, &earlier, &later);
            assert_eq!(verdict, Trend::InsufficientData);
        }
        let verdict = trend(Metric::TestAverage, &tests(3, 1_000), &enough);
        assert_eq!(verdict, Trend::Improving);
        assert_eq!(
            overall_trend(Metric::TestAverage, &[]),
            Trend::InsufficientData
        );
        assert_eq!(
            overall_trend(Metric::TestAverage, &[enough]),
            Trend::InsufficientData
        );
    }

    #[test]
    fn a_series_is_judged_by_its_halves() {
        let series = [
            tests(2, 6_000),
            tests(2, 6_000),
            tests(1, 0),
            tests(1, 6_000),
            tests(3, 8_000),
        ];
        // 60 of 4 tests, and 75 of 4 tests; the one in the middle is left out.
        assert_eq!(
            overall_trend(Metric::TestAverage, &series),
            Trend::Improving
        );
    }

    #[test]
    fn changes_are_told_in_percent_of_the_first() {
        let series: [&[f64]; 5] = [
            &[80.0, 10.0, 60.0],
            &[30.0, 40.0],
            &[0.0, 40.0],
            &[30.0],
            &[],
        ];
        let changes = series.map(|values| change_percentage(values).to_string());
        assert_eq!(changes, ["-25", "33.33", "0", "0", "0"]);
    }

    /// The rule again, with fractions as they are said.
    fn plainly(earlier: &Figures, later: &Figures) -> Trend {
        #[expect(clippy::cast_precision_loss, reason = "small numbers")]
        let rate = |figures: &Figures| figures.tally.active_seconds as f64 / figures.days as f64;
        if earlier.tally.sessions < 3 || later.tally.sessions < 3 {
            return Trend::InsufficientData;
        }
        let (before, after) = (rate(earlier), rate(later));
        if after > before && after + 1e-9 >= before * 1.1 {
            Trend::Improving
        } else if after < before && after - 1e-9 <= before * 0.9 {
            Trend::Declining
        } else {
            Trend::Stable
        }
    }

    proptest! {
        #[test]
        fn amounts_are_judged_by_the_day(
            before in (0_i64..6, 0_i64..2_000, 1_i64..32),
            after in (0_i64..6, 0_i64..2_000, 1_i64..32),
        ) {
            let of = |(sessions, seconds, days)| study(sessions, seconds, days);
            let (earlier, later) = (of(before), of(after));
            prop_assert_eq!(
                trend(Metric::StudyTime, &earlier, &later),
                plainly(&earlier, &later)
            );
        }

        #[test]
        fn what_improves_declines_the_other_way_round(
            before in (3_i64..9, 0_i64..=10_000),
            after in (3_i64..9, 0_i64..=10_000),
        ) {
            let of = |(count, accuracy)| tests(count, accuracy);
            let forth = trend(Metric::TestAverage, &of(before), &of(after));
            let back = trend(Metric::TestAverage, &of(after), &of(before));
            let opposite = match forth {
                Trend::Improving => Trend::Declining,
                Trend::Declining => Trend::Improving,
                other => other,
            };
            prop_assert_eq!(back, opposite);
        }
    }
}
