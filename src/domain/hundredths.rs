//! Shares to two decimals, in whole numbers: so that sums and means of them are the same to the
//! last bit in whatever order they are added.

use std::fmt;

/// A number in hundredths: 8,750 is 87.5.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Hundredths(pub i64);

impl Hundredths {
    /// `100 * part / whole`, a half rounded up; `None` if `whole` is not positive.
    #[must_use]
    pub fn percent(part: i64, whole: i64) -> Option<Self> {
        Self::rounded(i128::from(part) * 10_000, whole)
    }

    /// `100 * part / whole` of measures, a half rounded away from zero; as large as can be where
    /// it would be larger.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the cast from float saturates"
    )]
    pub fn ratio(part: f64, whole: f64) -> Self {
        Self((10_000.0 * part / whole).round() as i64)
    }

    /// The mean of `count` values whose hundredths add up to `sum`.
    #[must_use]
    pub fn mean(sum: i64, count: i64) -> Option<Self> {
        Self::rounded(sum.into(), count)
    }

    fn rounded(dividend: i128, divisor: i64) -> Option<Self> {
        let divisor = i128::from(divisor);
        let twice = divisor.checked_mul(2).filter(|twice| *twice > 0)?;
        let rounded = (2 * dividend + divisor).div_euclid(twice);
        i64::try_from(rounded).ok().map(Self)
    }

    /// The nearest number that a message can hold.
    #[must_use]
    pub fn value(self) -> f64 {
        float(self.0) / 100.0
    }
}

impl fmt::Display for Hundredths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value().fmt(f)
    }
}

/// A count as a number that a message can hold; exact up to 2^53.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "no count comes near 2^53")]
pub const fn float(count: i64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_are_rounded_up() {
        let percent = |part, whole| Hundredths::percent(part, whole).map(|share| share.0);
        assert_eq!(percent(1, 3), Some(3_333));
        assert_eq!(percent(2, 3), Some(6_667));
        // 0.625 %, which no binary fraction times 10,000 comes to.
        assert_eq!(percent(1, 160), Some(63));
        assert_eq!(percent(0, 7), Some(0));
        assert_eq!(percent(1_000_000_000, 1_000_000_000), Some(10_000));
        assert_eq!(percent(1, 0), None);
        assert_eq!(Hundredths::mean(10_001, 2), Some(Hundredths(5_001)));
    }

    #[test]
    fn shown_without_needless_zeros() {
        assert_eq!(Hundredths(8_750).to_string(), "87.5");
        assert_eq!(Hundredths(9_000).to_string(), "90");
        assert_eq!(Hundredths(3_333).to_string(), "33.33");
    }
}
