//! When a message that was not delivered is sent again.

use std::time::Duration;

use crate::domain::time::Timestamp;

/// How long after its first attempt a message is still sent again.
pub const PERIOD: Duration = Duration::from_hours(24);
const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_hours(1);

/// When to try again what failed at `now`, for the `attempts`-th time since `first`; `None` if
/// that is beyond [`PERIOD`].
///
/// The wait is a `share` (0 to 1, chosen at random) of a limit that doubles with each attempt,
/// from a second to an hour: exponential backoff with full jitter, which spreads those who
/// failed together.
/// Source: <https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/>
#[must_use]
pub fn again_at(first: Timestamp, attempts: u32, now: Timestamp, share: f64) -> Option<Timestamp> {
    let again = now + limit(attempts).mul_f64(share.clamp(0.0, 1.0));
    (again <= first + PERIOD).then_some(again)
}

/// The longest wait after so many attempts.
fn limit(attempts: u32) -> Duration {
    let factor = 2_u32.saturating_pow(attempts.saturating_sub(1));
    SHORTEST.saturating_mul(factor).min(LONGEST)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FIRST: Timestamp = Timestamp::FIRST;

    #[test]
    fn limits_double_up_to_an_hour() {
        let seconds: Vec<_> = (0..15).map(|n| limit(n).as_secs()).collect();
        let expected = [
            1, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024, 2_048, 3_600, 3_600,
        ];
        assert_eq!(seconds, expected);
        assert_eq!(limit(u32::MAX), LONGEST);
    }

    #[test]
    fn the_last_moment_of_the_day_is_one_of_it() {
        let last = FIRST + PERIOD;
        assert_eq!(again_at(FIRST, 60, last, 0.0), Some(last));
        assert_eq!(again_at(FIRST, 60, last, 0.001), None);
        assert_eq!(again_at(FIRST, 60, last + LONGEST, 0.0), None);
    }

    proptest! {
        #[test]
        fn a_wait_is_its_share_of_a_doubled_second_within_the_day(
            attempts in 1_u32..100,
            passed in 0_u64..100_000,
            share in 0.0_f64..1.0,
        ) {
            let now = FIRST + Duration::from_secs(passed);
            let mut longest = 1_u64;
            for _ in 1..attempts {
                longest = (longest * 2).min(3_600);
            }
            match again_at(FIRST, attempts, now, share) {
                Some(again) => {
                    let wait = again.since(now).as_secs_f64();
                    #[expect(clippy::cast_precision_loss, reason = "at most 3,600")]
                    let expected = longest as f64 * share;
                    prop_assert!((wait - expected).abs() < 1e-5);
                    prop_assert!(again.since(FIRST) <= Duration::from_hours(24));
                }
                None => prop_assert!(passed + longest > 24 * 3_600),
            }
        }

        #[test]
        fn whoever_keeps_failing_is_given_up_after_a_day_at_most(
            shares in prop::collection::vec(0.0_f64..1.0, 10),
        ) {
            let (mut now, mut attempts) = (FIRST, 1);
            for share in shares.iter().cycle() {
                match again_at(FIRST, attempts, now, share.max(0.01)) {
                    Some(again) => now = again,
                    None => break,
                }
                attempts += 1;
            }
            prop_assert!(now.since(FIRST) > Duration::from_hours(22));
            prop_assert!(now.since(FIRST) <= Duration::from_hours(24));
        }
    }
}
