//! Goals that users set, and how far along they are.
//!
//! What a goal's value is made of is [`count`]; a value by hand stands before it. [`progress`]
//! is its history with its milestones, and [`recurrence`] what comes after it. The rules of the
//! figures that are shown are here, in [`Goal::view`].

pub mod count;
pub mod progress;
pub mod recurrence;

use chrono::NaiveDate;
use serde::Serialize;

use self::{
    count::{GoalCount, GoalScope},
    recurrence::Recurrence,
};
use super::{
    calendar::Calendar,
    fingerprint::Fingerprint,
    hundredths::{Hundredths, float},
    ids::{GoalId, UserId},
    period::DateRange,
    session::{Session, Subject},
    time::Timestamp,
};

/// ACTIVE goals that one user may have: each end of a session looks at all of them.
pub const MAX_ACTIVE_GOALS: usize = 100;
/// The largest target, and the largest value by hand.
pub const MAX_VALUE: f64 = 1e9;

/// What moves a goal.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub enum GoalType {
    /// Whole minutes of ended sessions.
    StudyTime,
    /// Mean accuracy of `testing` activities with items, in percent.
    TestScore,
    /// Items completed in `assignment` activities.
    AssignmentCompletion,
    /// Accuracy over all items of `flashcards` activities, in percent.
    FlashcardMastery,
    /// Practised days in a row up to the latest practised day.
    Streak,
    /// Values by hand alone.
    Custom,
}

/// Where a goal is in its life. Only an abandoned one becomes active again.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub enum GoalStatus {
    Active,
    Completed,
    Abandoned,
    /// Past its target date, not reached.
    Expired,
}

/// How much a goal matters to its user.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub enum GoalPriority {
    Low,
    #[default]
    Medium,
    High,
}

/// A goal as its user describes it.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct GoalDetails {
    pub goal_type: GoalType,
    pub name: String,
    pub description: String,
    /// Over 0, at most [`MAX_VALUE`].
    pub target_value: f64,
    pub unit: String,
    pub priority: GoalPriority,
    /// `None` is once.
    pub recurrence: Option<Recurrence>,
    pub reminder_enabled: bool,
    /// Sessions about something else do not count for it.
    pub subject: Option<Subject>,
}

/// A value by hand.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct GivenValue {
    pub value: f64,
    /// What had been counted when it was given, as [`GoalCount::sum`].
    pub counted: i64,
}

/// A goal, as it is stored.
#[derive(Clone, PartialEq, Debug)]
pub struct Goal {
    pub id: GoalId,
    pub user_id: UserId,
    pub details: GoalDetails,
    /// From its start to its target date: what is done on other days does not count for it.
    pub dates: DateRange,
    pub status: GoalStatus,
    /// All that was counted within its dates.
    pub count: GoalCount,
    /// The value by hand that stands in the place of what was counted until then.
    pub given: Option<GivenValue>,
    /// The latest day of its progress.
    pub progress_date: Option<NaiveDate>,
    pub completed_at: Option<Timestamp>,
    /// Of the request that made it, if the caller chose its id.
    pub fingerprint: Option<Fingerprint>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl Goal {
    /// A goal of which nothing is counted yet.
    #[must_use]
    pub const fn new(
        id: GoalId,
        user_id: UserId,
        details: GoalDetails,
        dates: DateRange,
        now: Timestamp,
    ) -> Self {
        Self {
            id,
            user_id,
            details,
            dates,
            status: GoalStatus::Active,
            count: GoalCount::ZERO,
            given: None,
            progress_date: None,
            completed_at: None,
            fingerprint: None,
            created_at: now,
            updated_at: now,
        }
    }

    /// How far it has come. What is counted after a value by hand is added to it if it is a sum;
    /// a mean and a streak are what was counted again, once more of it is.
    #[must_use]
    pub fn value(&self) -> f64 {
        let goal_type = self.details.goal_type;
        match self.given {
            None => self.count.value(goal_type),
            Some(given) if goal_type.is_sum() => {
                given.value + self.count.since(given.counted).value(goal_type)
            }
            Some(given) => given.value,
        }
    }

    #[must_use]
    pub fn is_reached(&self) -> bool {
        self.value() >= self.details.target_value
    }

    /// Whether its last day is over, on `today`.
    #[must_use]
    pub fn is_past(&self, today: NaiveDate) -> bool {
        self.dates.end < today
    }

    /// The local day on which it was reached, if it was.
    #[must_use]
    pub fn completed_on(&self, calendar: &Calendar) -> Option<NaiveDate> {
        let completed = self.status == GoalStatus::Completed;
        let at = self.completed_at.filter(|_| completed);
        at.map(|at| calendar.date_of(at))
    }

    /// Whether a report of `date` tells of it: one of its days on which it was not reached yet,
    /// or the day on which it was. When one was abandoned is not known, so that is left out.
    #[must_use]
    pub fn is_of(&self, calendar: &Calendar, date: NaiveDate) -> bool {
        match self.completed_on(calendar) {
            Some(reached) => reached == date || self.dates.contains(date) && date < reached,
            None => self.status != GoalStatus::Abandoned && self.dates.contains(date),
        }
    }

    /// Whether what is done in the session counts for it.
    #[must_use]
    pub fn concerns(&self, session: &Session) -> bool {
        self.details.subject.as_ref().is_none_or(|own| {
            let other = session.context.subject.as_ref();
            other.is_some_and(|other| (&own.kind, &own.id) == (&other.kind, &other.id))
        })
    }

    /// Where what counts for it is kept.
    #[must_use]
    pub fn scope(&self) -> GoalScope {
        GoalScope::new(self.user_id, self.dates, self.details.subject.as_ref())
    }

    /// What does not change any more once it is over.
    #[must_use]
    pub const fn aim(&self) -> (GoalStatus, f64, NaiveDate, Option<Recurrence>) {
        let details = &self.details;
        let target_date = self.dates.end;
        (
            self.status,
            details.target_value,
            target_date,
            details.recurrence,
        )
    }

    /// Whether a session that ended may make the day of its start count for the streak that this
    /// is.
    #[must_use]
    pub fn is_moved_by_day(&self, session: &Session) -> bool {
        self.details.goal_type == GoalType::Streak
            && session.is_completed()
            && self.dates.contains(session.start_date)
            && self.count.last_date != Some(session.start_date)
    }

    /// Takes on what was counted. A mean and a streak forget the value by hand once it changes.
    pub fn set_count(&mut self, count: GoalCount) {
        if count != self.count && !self.details.goal_type.is_sum() {
            self.given = None;
        }
        self.count = count;
    }

    /// What is told of it on `today`: it is over once its last day is, whether or not the job
    /// has been there.
    ///
    /// It is on track if it is reached, or at least as far along as the calendar is: the days
    /// before today, as a share of all of its days.
    #[must_use]
    pub fn view(mut self, calendar: &Calendar, today: NaiveDate) -> GoalView {
        if self.status == GoalStatus::Active && self.is_past(today) {
            self.status = GoalStatus::Expired;
        }
        let value = self.value_on(calendar, today);
        let target = self.details.target_value;
        let all = self.dates.days_until(self.dates.end);
        let gone = (all - self.days_left(today)).max(0);
        let as_far = value * float(all) >= target * float(gone);
        GoalView {
            value,
            percentage: Hundredths::ratio(value, target),
            days_remaining: (self.days_left(today) - 1).max(0),
            on_track: self.status == GoalStatus::Completed || as_far,
            goal: self,
        }
    }

    /// Its value as it is shown: a streak is 0 once it cannot go on.
    fn value_on(&self, calendar: &Calendar, today: NaiveDate) -> f64 {
        let counted = self.details.goal_type == GoalType::Streak && self.given.is_none();
        let may_be_lost = counted && self.status != GoalStatus::Completed;
        let last_day = today.min(self.dates.end);
        if may_be_lost && !self.count.goes_on(calendar, last_day) {
            return 0.0;
        }
        self.value()
    }

    /// Days from `today` to its target date, both included; 0 after it.
    fn days_left(&self, today: NaiveDate) -> i64 {
        let rest = DateRange {
            start: today,
            end: self.dates.end,
        };
        rest.days_until(rest.end)
    }
}

/// What to change of a goal; `None` leaves it as it is.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct GoalPatch {
    pub name: Option<String>,
    pub description: Option<String>,
    pub target_value: Option<f64>,
    pub target_date: Option<NaiveDate>,
    pub unit: Option<String>,
    pub priority: Option<GoalPriority>,
    pub recurrence: Option<Option<Recurrence>>,
    pub reminder_enabled: Option<bool>,
    /// Abandoned, or active again.
    pub status: Option<GoalStatus>,
}

impl GoalPatch {
    /// Changes what it names, and nothing that follows from it.
    pub fn apply(&self, goal: &mut Goal) {
        fn set<T: Clone>(field: &mut T, value: Option<&T>) {
            if let Some(value) = value {
                field.clone_from(value);
            }
        }
        let details = &mut goal.details;
        set(&mut details.name, self.name.as_ref());
        set(&mut details.description, self.description.as_ref());
        set(&mut details.target_value, self.target_value.as_ref());
        set(&mut details.unit, self.unit.as_ref());
        set(&mut details.priority, self.priority.as_ref());
        set(&mut details.recurrence, self.recurrence.as_ref());
        set(
            &mut details.reminder_enabled,
            self.reminder_enabled.as_ref(),
        );
        set(&mut goal.dates.end, self.target_date.as_ref());
        set(&mut goal.status, self.status.as_ref());
    }
}

/// A goal as it is seen on one day.
#[derive(Clone, PartialEq, Debug)]
pub struct GoalView {
    pub goal: Goal,
    pub value: f64,
    /// `100 * value / target`.
    pub percentage: Hundredths,
    /// Days after today up to its target date; never negative.
    pub days_remaining: i64,
    pub on_track: bool,
}

/// Which goals of a user are asked for. `None` is all.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct GoalFilter {
    pub user_id: UserId,
    /// As it is seen, whether or not the job has been there.
    pub status: Option<GoalStatus>,
    pub subject_type: Option<String>,
    pub subject_id: Option<String>,
}
