//! How many distinct names a tenant uses in a day: features, scores and tags. What is told by
//! name (reports, statistics) grows with them, so a caller that puts an id where a name belongs is
//! to hear of it on the first day.
//!
//! They are counted in memory, in UTC days, so no write waits for a read: exactly for one instance
//! of the service from its start on.

use std::{
    collections::{HashMap, HashSet},
    hash::{BuildHasher, RandomState},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use chrono::NaiveDate;

use crate::{
    config::LimitArgs,
    domain::{
        calendar::plus_days, ids::TenantId, session::SessionResult, time::Timestamp,
        usage::UsageIncrement,
    },
};

/// Names that are remembered for all tenants, some 40 MB. Beyond them counting begins anew.
const REMEMBERED: usize = 2_000_000;

/// What a name is of.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Kind {
    Feature,
    Score,
    /// Topics and areas to improve.
    Tag,
}

/// A write would use more names than a tenant may in a day.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TooManyNames {
    pub kind: Kind,
    pub limit: usize,
    /// The time until the day is over.
    pub wait: Duration,
}

/// The names of today.
pub struct Names {
    features: usize,
    scores: usize,
    tags: usize,
    hash: RandomState,
    today: Mutex<Today>,
}

#[derive(Default)]
struct Today {
    date: NaiveDate,
    /// Names by their hash, which takes less room and which no caller can choose.
    known: HashMap<(TenantId, Kind), HashSet<u64>>,
    count: usize,
}

impl Names {
    #[must_use]
    pub fn new(limits: &LimitArgs) -> Self {
        let size = |limit: u32| usize::try_from(limit).unwrap_or(usize::MAX);
        Self {
            features: size(limits.max_feature_names),
            scores: size(limits.max_score_names),
            tags: size(limits.max_tags),
            hash: RandomState::new(),
            today: Mutex::default(),
        }
    }

    /// Counts the feature names of an increment.
    ///
    /// # Errors
    /// If there would be too many; none of them is counted then.
    pub fn of_usage(
        &self,
        tenant: TenantId,
        increment: &UsageIncrement,
        now: Timestamp,
    ) -> Result<(), TooManyNames> {
        self.count(tenant, Kind::Feature, increment.feature_usage.keys(), now)
    }

    /// Counts the names in a session's result.
    ///
    /// # Errors
    /// If there would be too many of a kind; none of that kind is counted then.
    pub fn of_result(
        &self,
        tenant: TenantId,
        result: Option<&SessionResult>,
        now: Timestamp,
    ) -> Result<(), TooManyNames> {
        let Some(result) = result else {
            return Ok(());
        };
        self.count(tenant, Kind::Score, result.scores.keys(), now)?;
        let tags = result.topics.iter().chain(&result.areas_to_improve);
        self.count(tenant, Kind::Tag, tags, now)
    }

    fn count<'a>(
        &self,
        tenant: TenantId,
        kind: Kind,
        names: impl Iterator<Item = &'a String>,
        now: Timestamp,
    ) -> Result<(), TooManyNames> {
        let mut names = names.map(|name| self.hash.hash_one(name)).peekable();
        if names.peek().is_none() {
            return Ok(());
        }
        let limit = match kind {
            Kind::Feature => self.features,
            Kind::Score => self.scores,
            Kind::Tag => self.tags,
        };
        // Whole after each statement.
        let mut today = self.today.lock().unwrap_or_else(PoisonError::into_inner);
        today.turn_to(now.utc_date());
        today.add(tenant, kind, names, limit).map_err(|()| {
            let midnight = plus_days(now.utc_date(), 1).and_hms_opt(0, 0, 0);
            let wait = midnight.map(|end| Timestamp::from(end.and_utc()).since(now));
            let wait = wait.unwrap_or_default();
            TooManyNames { kind, limit, wait }
        })
    }
}

impl Today {
    fn turn_to(&mut self, date: NaiveDate) {
        if self.date != date || self.count > REMEMBERED {
            *self = Self {
                date,
                ..Self::default()
            };
        }
    }

    fn add(
        &mut self,
        tenant: TenantId,
        kind: Kind,
        names: impl Iterator<Item = u64>,
        limit: usize,
    ) -> Result<(), ()> {
        let known = self.known.entry((tenant, kind)).or_default();
        let new: HashSet<_> = names.filter(|name| !known.contains(name)).collect();
        if known.len() + new.len() > limit {
            return Err(());
        }
        self.count += new.len();
        known.extend(new);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use uuid::Uuid;

    use super::*;
    use crate::config::Cli;

    const START: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);

    #[expect(clippy::disallowed_methods, reason = "tests make their tenants")]
    fn tenant(number: u128) -> TenantId {
        TenantId::from_verified(Uuid::from_u128(number))
    }

    fn names() -> Names {
        let args = "dwell --max-feature-names 3 --max-score-names 2 --max-tags 2";
        Names::new(&Cli::parse_from(args.split(' ')).serve.limits)
    }

    fn increment(features: &[&str]) -> UsageIncrement {
        let uses = features.iter().map(|name| ((*name).to_owned(), 1));
        UsageIncrement {
            feature_usage: uses.collect(),
            ..UsageIncrement::default()
        }
    }

    #[test]
    fn a_name_is_counted_once_a_day_for_each_tenant() {
        let names = names();
        let of = |number, features: &[&str], now| {
            names.of_usage(tenant(number), &increment(features), now)
        };
        assert_eq!(of(1, &["a", "b"], START), Ok(()));
        assert_eq!(of(1, &["a", "b", "c"], START), Ok(()));
        let refused = of(1, &["d"], START).unwrap_err();
        assert_eq!((refused.kind, refused.limit), (Kind::Feature, 3));
        assert_eq!(of(1, &["c"], START), Ok(()));
        assert_eq!(of(2, &["d"], START), Ok(()));
        assert_eq!(of(1, &["d"], START + refused.wait), Ok(()));
        let before = START + refused.wait.saturating_sub(Duration::from_micros(1));
        assert_eq!(before.utc_date(), START.utc_date());
    }

    #[test]
    fn what_is_refused_is_not_counted() {
        let names = names();
        let of = |features: &[&str]| names.of_usage(tenant(1), &increment(features), START);
        assert!(of(&["a", "b", "c", "d"]).is_err());
        assert_eq!(of(&["e", "f", "g"]), Ok(()));
    }

    #[test]
    fn scores_and_tags_are_counted_apart() {
        let names = names();
        let result = |score: &str, topic: &str, area: &str| SessionResult {
            scores: [(score.to_owned(), 1.0)].into(),
            topics: vec![topic.to_owned()],
            areas_to_improve: vec![area.to_owned()],
            ..SessionResult::default()
        };
        let of = |result| names.of_result(tenant(1), Some(&result), START);
        assert_eq!(of(result("a", "a", "b")), Ok(()));
        assert_eq!(of(result("b", "b", "b")), Ok(()));
        let kind = |result| of(result).unwrap_err().kind;
        assert_eq!(kind(result("c", "a", "a")), Kind::Score);
        assert_eq!(kind(result("a", "a", "c")), Kind::Tag);
    }

    #[test]
    fn what_is_remembered_has_an_end() {
        let mut today = Today::default();
        let date = START.utc_date();
        let mut most = 0;
        for number in 0..3_000 {
            today.turn_to(date);
            let first = u64::try_from(number).unwrap() * 1_000;
            let added = today.add(tenant(number), Kind::Tag, first..first + 1_000, 1_000);
            assert_eq!(added, Ok(()));
            most = most.max(today.count);
        }
        assert!((REMEMBERED..=REMEMBERED + 1_000).contains(&most));
    }
}
