//! What sessions and activities add to a user's local days.
//!
//! Everything is a whole number, so that sums are the same in whatever order they are made.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::{Add, AddAssign},
};

use chrono::NaiveDate;

use super::effort::Effort;
use crate::domain::{
    activity::ActivityDetails,
    ids::UserId,
    period::Granularity,
    session::{Session, Subject},
    settings::TenantSettings,
    time::Timestamp,
};

/// The type of activity that is a test.
pub const TESTING: &str = "testing";
/// The type of activity that is a round of flashcards.
pub const FLASHCARDS: &str = "flashcards";
/// The type of activity that is work on an assignment.
pub const ASSIGNMENT: &str = "assignment";

/// Sums over ended sessions and over activities, of a day or of many.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Tally {
    /// Ended sessions, however much was done in them, on the day of their start.
    pub sessions: i64,
    /// Each day's own seconds of ended sessions.
    pub active_seconds: i64,
    /// `testing` activities with items.
    pub tests: i64,
    /// The sum of their accuracies, in hundredths of a percent.
    pub test_accuracy: i64,
    /// Items completed in `flashcards` activities.
    pub flashcards: i64,
    /// Of them, the correct ones.
    pub flashcards_correct: i64,
    /// `assignment` activities.
    pub assignments: i64,
    /// Items completed in them.
    pub assignment_items: i64,
}

impl Tally {
    /// What an activity adds to the local day of its own start, whether its session has ended
    /// or not; nothing if no metric asks for activities of its type.
    #[must_use]
    pub fn of_activity(details: &ActivityDetails) -> Self {
        let mut tally = Self::default();
        match &*details.activity_type {
            TESTING => {
                if let Some(accuracy) = details.accuracy() {
                    tally.tests = 1;
                    tally.test_accuracy = accuracy.0;
                }
            }
            FLASHCARDS => {
                tally.flashcards = details.items_completed;
                tally.flashcards_correct = details.items_correct;
            }
            ASSIGNMENT => {
                tally.assignments = 1;
                tally.assignment_items = details.items_completed;
            }
            _ => {}
        }
        tally
    }

    /// What an ended session adds to each local day: itself to the day of its start, its time
    /// to the days on which it was spent. Nothing while it is open.
    #[must_use]
    pub fn of_session(
        session: &Session,
        settings: &TenantSettings,
        now: Timestamp,
    ) -> Vec<(NaiveDate, Self)> {
        if session.is_open() {
            return Vec::new();
        }
        let mut days = vec![(
            session.start_date,
            Self {
                sessions: 1,
                ..Self::default()
            },
        )];
        for (date, active_seconds) in session.seconds_by_day(settings, now) {
            let time = Self {
                active_seconds,
                ..Self::default()
            };
            match days.iter_mut().find(|(other, _)| *other == date) {
                Some((_, tally)) => *tally += time,
                None if active_seconds > 0 => days.push((date, time)),
                None => {}
            }
        }
        days
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        let sums = [
            (&mut self.sessions, other.sessions),
            (&mut self.active_seconds, other.active_seconds),
            (&mut self.tests, other.tests),
            (&mut self.test_accuracy, other.test_accuracy),
            (&mut self.flashcards, other.flashcards),
            (&mut self.flashcards_correct, other.flashcards_correct),
            (&mut self.assignments, other.assignments),
            (&mut self.assignment_items, other.assignment_items),
        ];
        for (sum, more) in sums {
            *sum = sum.saturating_add(more);
        }
    }
}

impl Add for Tally {
    type Output = Self;

    fn add(mut self, other: Self) -> Self {
        self += other;
        self
    }
}

/// Days of a period of at most 31: bit `n` is its day `n`, counted from 0.
///
/// Unlike a count it can be added to without knowing what is there: a day that is marked twice
/// is marked.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct DaySet(pub i64);

impl DaySet {
    /// The day `date` of a period that begins on `start`; nothing if it is not within 31 days.
    #[must_use]
    pub fn of(start: NaiveDate, date: NaiveDate) -> Self {
        match u32::try_from(date.signed_duration_since(start).num_days()) {
            Ok(day) if day < 31 => Self(1 << day),
            _ => Self::default(),
        }
    }

    /// Those in either.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// How many they are.
    #[must_use]
    pub fn count(self) -> i64 {
        self.0.count_ones().into()
    }
}

/// What is added to a user's day with one subject.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DayAddition {
    pub user_id: UserId,
    pub date: NaiveDate,
    /// All empty where the session has none.
    pub subject: Subject,
    pub tally: Tally,
    pub effort: Effort,
}

/// What is added to a user's month.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MonthAddition {
    pub user_id: UserId,
    /// Its first day.
    pub month: NaiveDate,
    pub tally: Tally,
    /// Days to mark as attended.
    pub attended: DaySet,
}

/// What a batch of writes adds, folded by key. Nothing of it is read before it is written.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Additions {
    days: BTreeMap<(UserId, NaiveDate, String, String), DayAddition>,
    months: BTreeMap<(NaiveDate, UserId), MonthAddition>,
}

impl Additions {
    /// Adds what was done in a session on `date`. The latest name of a subject stays.
    pub fn add(&mut self, session: &Session, date: NaiveDate, tally: Tally) {
        if tally.is_empty() {
            return;
        }
        let user_id = session.user_id;
        self.day(session, date).tally += tally;
        let month = Granularity::Month.holding(date).start;
        let sum = self
            .months
            .entry((month, user_id))
            .or_insert(MonthAddition {
                user_id,
                month,
                tally: Tally::default(),
                attended: DaySet::default(),
            });
        sum.tally += tally;
        if tally.sessions > 0 {
            sum.attended = sum.attended.union(DaySet::of(month, date));
        }
    }

    /// Adds what only reports tell of a session on `date`, which is kept by day alone.
    pub fn add_effort(&mut self, session: &Session, date: NaiveDate, effort: Effort) {
        if effort != Effort::default() {
            self.day(session, date).effort += effort;
        }
    }

    fn day(&mut self, session: &Session, date: NaiveDate) -> &mut DayAddition {
        let user_id = session.user_id;
        let subject = session.context.subject.clone().unwrap_or_default();
        let key = (user_id, date, subject.kind.clone(), subject.id.clone());
        let day = self.days.entry(key).or_insert_with(|| DayAddition {
            user_id,
            date,
            subject: Subject::default(),
            tally: Tally::default(),
            effort: Effort::default(),
        });
        day.subject = subject;
        day
    }

    /// In key order.
    pub fn days(&self) -> impl Iterator<Item = &DayAddition> {
        self.days.values()
    }

    /// The dates of all days, in order.
    #[must_use]
    pub fn dates(&self) -> BTreeSet<NaiveDate> {
        self.days.values().map(|day| day.date).collect()
    }

    /// In key order.
    pub fn months(&self) -> impl Iterator<Item = &MonthAddition> {
        self.months.values()
    }

    pub fn clear(&mut self) {
        self.days.clear();
        self.months.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::domain::{
        calendar::plus_days,
        ids::{SessionId, UserId},
        session::{EndReason, SessionContext, SessionReview},
        time::FIRST_DATE,
    };

    fn activity(kind: &str, completed: i64, correct: i64) -> Tally {
        Tally::of_activity(&ActivityDetails {
            activity_type: kind.to_owned(),
            content_type: String::new(),
            content_id: String::new(),
            items_completed: completed,
            items_correct: correct,
            metadata: None,
        })
    }

    #[test]
    fn an_activity_counts_for_the_metric_of_its_type() {
        let test = activity(TESTING, 3, 2);
        assert_eq!((test.tests, test.test_accuracy), (1, 6_667));
        let round = activity(FLASHCARDS, 20, 15);
        assert_eq!((round.flashcards, round.flashcards_correct), (20, 15));
        let work = activity(ASSIGNMENT, 5, 0);
        assert_eq!((work.assignments, work.assignment_items), (1, 5));
        assert!(activity("reading", 9, 9).is_empty());
        assert!(activity(TESTING, 0, 0).is_empty());
    }

    fn session(start: Timestamp, seconds: u64, settings: &TenantSettings) -> Session {
        let context = SessionContext {
            session_type: "normal".into(),
            client_type: "web".into(),
            client_info: String::new(),
            ip_address: None,
            subject: None,
            focus_mode: false,
            location: String::new(),
            metadata: None,
        };
        let id = uuid::Uuid::nil();
        let mut session = Session::start(SessionId(id), UserId(id), context, settings, start);
        let end = start + std::time::Duration::from_secs(seconds);
        let review = SessionReview::default();
        session.end(end, EndReason::Recorded, review, settings);
        session
    }

    #[test]
    fn a_batch_is_folded_by_day_and_subject_and_by_month() {
        let settings = TenantSettings::default();
        let at = |day: i64| Timestamp::from_micros(day * 86_400_000_000);
        let mut added = Additions::default();
        // The 30th and 31st of January, twice, and the 1st of February 1970, at midnight.
        for (day, name) in [
            (29, "Old"),
            (30, "Old"),
            (29, "New"),
            (31, "New"),
            (30, "New"),
        ] {
            let mut session = session(at(day), 60, &settings);
            session.context.subject = Some(Subject {
                kind: "course".into(),
                id: "a".into(),
                name: name.into(),
            });
            for (date, tally) in Tally::of_session(&session, &settings, at(day)) {
                added.add(&session, date, tally);
                added.add(&session, date, activity("reading", 1, 1));
                added.add(&session, date, activity(ASSIGNMENT, 2, 0));
            }
        }
        let told = |tally: &Tally| [tally.sessions, tally.active_seconds, tally.assignment_items];
        let days = added
            .days()
            .map(|day| (told(&day.tally), &*day.subject.name));
        let expected = [[2, 120, 4], [2, 120, 4], [1, 60, 2]];
        assert_eq!(days.collect::<Vec<_>>(), expected.map(|day| (day, "New")));
        let months = added
            .months()
            .map(|month| (told(&month.tally), month.attended.count()));
        assert_eq!(
            months.collect::<Vec<_>>(),
            [([4, 240, 8], 2), ([1, 60, 2], 1)]
        );
    }

    proptest! {
        #[test]
        fn a_session_is_counted_once_and_all_of_its_seconds(
            start in 0_i64..2_000_000_000,
            seconds in 0_u64..4 * 86_400,
        ) {
            let settings = TenantSettings::default();
            let start = Timestamp::from_micros(start * 1_000_000);
            let ended = session(start, seconds, &settings);
            let days = Tally::of_session(&ended, &settings, start);
            let by_day: BTreeMap<_, _> = days.iter().copied().collect();
            prop_assert_eq!(by_day.len(), days.len());
            prop_assert_eq!(by_day.get(&ended.start_date).map(|day| day.sessions), Some(1));
            let sum = days.into_iter().fold(Tally::default(), |sum, (_, day)| sum + day);
            prop_assert_eq!(sum.sessions, 1);
            prop_assert_eq!(sum.active_seconds, i64::try_from(seconds).unwrap());
        }

        #[test]
        fn a_set_of_days_counts_each_day_once(
            marked in prop::collection::vec(-5_i64..40, 0..60),
        ) {
            let set = marked.iter().fold(DaySet::default(), |set, day| {
                set.union(DaySet::of(FIRST_DATE, plus_days(FIRST_DATE, *day)))
            });
            let each = (0..31).filter(|day| marked.contains(day)).count();
            prop_assert_eq!(set.count(), i64::try_from(each).unwrap());
        }
    }
}
