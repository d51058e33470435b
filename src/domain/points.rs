//! What practice earns, and what is told of it to the service that keeps points.

pub mod award;
pub mod retry;
pub mod signature;

/// Points for minutes and for correct items.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct PointRates {
    /// For each whole minute of a session, 0 to 1,000.
    pub per_minute: f64,
    /// For each correct item, 0 to 1,000.
    pub per_correct_item: f64,
}

impl Default for PointRates {
    fn default() -> Self {
        Self {
            per_minute: 0.5,
            per_correct_item: 1.0,
        }
    }
}

impl PointRates {
    /// Points for so many whole minutes, the product rounded down.
    #[must_use]
    pub fn for_minutes(&self, minutes: i64) -> i64 {
        floor(minutes, self.per_minute)
    }

    /// Points that `more` correct items add to a session that has `before` of them already.
    ///
    /// Over all activities of a session they add up to the floor of the whole product, so
    /// many small activities earn what one large one does.
    #[must_use]
    pub fn for_correct_items(&self, before: i64, more: i64) -> i64 {
        floor(before.saturating_add(more), self.per_correct_item)
            - floor(before, self.per_correct_item)
    }
}

/// `floor(count * rate)`, forgiving the product an error of representation: 100 * 0.29 is 29
/// points, not 28.999999999999996.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "the cast from float saturates, and counts stay far below 2^53"
)]
fn floor(count: i64, rate: f64) -> i64 {
    let product = count as f64 * rate;
    (product + product.abs() * 1e-12).floor() as i64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn half_a_point_a_minute_is_rounded_down() {
        assert_eq!(PointRates::default().for_minutes(45), 22);
    }

    #[test]
    fn a_product_that_is_whole_on_paper_is_whole() {
        let rates = PointRates {
            per_minute: 0.29,
            per_correct_item: 0.0,
        };
        assert_eq!(rates.for_minutes(100), 29);
    }

    proptest! {
        #[test]
        fn activities_earn_together_what_their_items_earn_at_once(
            parts in prop::collection::vec(0_i64..1_000, 0..20),
            hundredths in 0_u32..100_000,
        ) {
            let rates = PointRates { per_minute: 0.0, per_correct_item: f64::from(hundredths) / 100.0 };
            let mut before = 0;
            let mut sum = 0;
            for part in parts {
                let points = rates.for_correct_items(before, part);
                prop_assert!(points >= 0);
                sum += points;
                before += part;
            }
            prop_assert_eq!(sum, rates.for_correct_items(0, before));
        }
    }
}
