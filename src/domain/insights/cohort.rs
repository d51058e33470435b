//! A user among the tenant's active users: those who did anything in the period. In a metric
//! only those with a sample of it are ranked.

use super::{
    figures::{Figures, Metric},
    tally::Tally,
};

/// A rank among fewer users would say more of the others than of the user.
pub const MIN_USERS: i64 = 5;

/// Where a user stands in one metric.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Standing {
    /// Users with a sample of the metric, this one too.
    pub users: i64,
    /// Of them, those whose value is not above the user's, this one too.
    pub at_or_below: i64,
}

impl Standing {
    /// The share of the users at or below, 0 to 100, rounded to the nearest percent, a half up;
    /// `None` with fewer than [`MIN_USERS`].
    #[must_use]
    pub fn percentile_rank(&self) -> Option<i32> {
        if self.users < MIN_USERS {
            return None;
        }
        let doubled = 2 * self.users;
        i32::try_from((200 * self.at_or_below + self.users) / doubled).ok()
    }
}

/// The tenant's users in one period, and one of them among them.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Cohort {
    /// The user whose standing is asked for.
    pub own: Figures,
    /// In the order of [`Metric::ALL`].
    pub standings: [Standing; 5],
    /// Active users, this one too.
    pub users: i64,
    /// Their sums.
    pub total: Tally,
}

impl Cohort {
    /// Adds another user, or the user itself.
    pub fn add(&mut self, user: &Figures) {
        if user.tally.is_empty() {
            return;
        }
        self.users += 1;
        self.total += user.tally;
        for (metric, standing) in Metric::ALL.into_iter().zip(&mut self.standings) {
            if let Some(value) = user.rank_value(metric) {
                let below = self.own.rank_value(metric).is_some_and(|own| value <= own);
                standing.users += 1;
                standing.at_or_below += i64::from(below);
            }
        }
    }

    /// Adds so many other users, of whom it is known how many are at or below.
    pub fn add_many(&mut self, users: i64, standings: &[Standing; 5], total: Tally) {
        self.users += users;
        self.total += total;
        for (sum, more) in self.standings.iter_mut().zip(standings) {
            sum.users += more.users;
            sum.at_or_below += more.at_or_below;
        }
    }

    /// The user's rank in a metric; `None` without a sample, or with fewer than [`MIN_USERS`].
    #[must_use]
    pub fn percentile_rank(&self, metric: Metric) -> Option<i32> {
        self.own.rank_value(metric)?;
        let mut all = Metric::ALL.into_iter().zip(&self.standings);
        let (_, standing) = all.find(|(other, _)| *other == metric)?;
        standing.percentile_rank()
    }
}

/// All active users of one period, by what they are ranked by.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Crowd {
    /// Ascending, in the order of [`Metric::ALL`]; of those with a sample.
    values: [Vec<f64>; 5],
    users: i64,
    total: Tally,
}

impl Crowd {
    #[must_use]
    pub fn new(users: impl IntoIterator<Item = Figures>) -> Self {
        let mut crowd = Self::default();
        for user in users {
            crowd.users += 1;
            crowd.total += user.tally;
            for (metric, values) in Metric::ALL.into_iter().zip(&mut crowd.values) {
                values.extend(user.rank_value(metric));
            }
        }
        for values in &mut crowd.values {
            values.sort_unstable_by(f64::total_cmp);
            values.shrink_to_fit();
        }
        crowd
    }

    /// The user with these figures, who is one of them if active, among them.
    #[must_use]
    pub fn cohort(&self, own: Figures) -> Cohort {
        let mut cohort = Cohort {
            own,
            ..Cohort::default()
        };
        let mut standings = [Standing::default(); 5];
        let metrics = Metric::ALL.into_iter().zip(&self.values);
        for ((metric, values), standing) in metrics.zip(&mut standings) {
            let below = own
                .rank_value(metric)
                .map_or(0, |own| values.partition_point(|value| *value <= own));
            *standing = Standing {
                users: count(values.len()),
                at_or_below: count(below),
            };
        }
        cohort.add_many(self.users, &standings, self.total);
        cohort
    }

    /// How many values are kept.
    #[must_use]
    pub fn size(&self) -> usize {
        self.values.iter().map(Vec::len).sum()
    }
}

fn count(users: usize) -> i64 {
    users.try_into().unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tested(tests: i64, test_accuracy: i64) -> Figures {
        let tally = Tally {
            tests,
            test_accuracy,
            ..Tally::default()
        };
        Figures {
            tally,
            attended: 0,
            days: 30,
        }
    }

    fn cohort(own: Figures, others: &[Figures]) -> Cohort {
        let mut cohort = Cohort {
            own,
            ..Cohort::default()
        };
        cohort.add(&own);
        for other in others {
            cohort.add(other);
        }
        cohort
    }

    #[test]
    fn equal_values_are_at_or_below() {
        let own = tested(2, 14_000);
        // Below, the same mean of other sums, above, above.
        let others = [
            tested(1, 1),
            tested(3, 21_000),
            tested(1, 7_001),
            tested(1, 9_000),
        ];
        let cohort = cohort(own, &others);
        assert_eq!(cohort.percentile_rank(Metric::TestAverage), Some(60));
        assert_eq!(cohort.percentile_rank(Metric::StudyTime), None);
    }

    #[test]
    fn no_rank_among_four() {
        let own = tested(1, 5_000);
        let four = cohort(own, &[own, own, own]);
        assert_eq!(four.percentile_rank(Metric::TestAverage), None);
        let five = cohort(own, &[own, own, own, own]);
        assert_eq!(five.percentile_rank(Metric::TestAverage), Some(100));
    }

    #[test]
    fn a_user_without_a_sample_has_no_rank() {
        let others = [tested(1, 5_000); 6];
        let cohort = cohort(Figures::default(), &others);
        assert_eq!(cohort.percentile_rank(Metric::TestAverage), None);
        assert_eq!(cohort.total.tests, 6);
    }

    proptest! {
        #[test]
        fn the_rank_is_what_counting_comes_to(
            values in prop::collection::vec((1_i64..5, 0_i64..=100), 1..40),
        ) {
            let users: Vec<_> = values.iter().map(|(n, sum)| tested(*n, sum * n)).collect();
            let (own, others) = users.split_first().unwrap();
            let cohort = cohort(*own, others);
            let (_, mean) = values.first().unwrap();
            let below = values.iter().filter(|(_, other)| other <= mean).count();
            #[expect(clippy::cast_precision_loss, reason = "small numbers")]
            let share = (100.0 * below as f64 / values.len() as f64).round();
            let expected = (values.len() >= 5).then_some(share);
            let rank = cohort.percentile_rank(Metric::TestAverage);
            prop_assert_eq!(rank.map(f64::from), expected);
            // Whoever is kept in order is counted alike.
            prop_assert_eq!(Crowd::new(users.iter().copied()).cohort(*own), cohort);
        }
    }
}
