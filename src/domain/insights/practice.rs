//! How much of what was planned got done, and what is kept of it as sessions end.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::{
    frequency::PracticeTime,
    recent::Outcome,
    stats::kept_counts,
    subjects::{SubjectDay, SubjectDayKey},
};
use crate::domain::{
    calendar::seconds,
    ids::UserId,
    session::{CompletionStatus, Session},
};

/// Sums over ended sessions.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct PracticeTotals {
    /// However they ended. Those that ended by themselves, were revoked or made room are
    /// neither completed nor partial nor abandoned: nobody said what got done.
    pub ended: i64,
    pub completed: i64,
    pub partial: i64,
    pub abandoned: i64,
    /// Of the completed ones.
    pub completed_seconds: i64,
}

impl PracticeTotals {
    /// What one session adds; nothing while it is open.
    #[must_use]
    pub fn of(session: &Session) -> Self {
        let Some(ended_at) = session.ended_at() else {
            return Self::default();
        };
        let one_if = |status| i64::from(session.review.completion == Some(status));
        let completed = one_if(CompletionStatus::Completed);
        Self {
            ended: 1,
            completed,
            partial: one_if(CompletionStatus::Partial),
            abandoned: one_if(CompletionStatus::Abandoned),
            completed_seconds: completed * seconds(session.duration(ended_at)),
        }
    }

    pub fn add(&mut self, other: &Self) {
        let sums = [
            (&mut self.ended, other.ended),
            (&mut self.completed, other.completed),
            (&mut self.partial, other.partial),
            (&mut self.abandoned, other.abandoned),
            (&mut self.completed_seconds, other.completed_seconds),
        ];
        for (sum, more) in sums {
            *sum = sum.saturating_add(more);
        }
    }
}

/// The ended sessions that started on one local day.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PracticeDay {
    pub date: NaiveDate,
    pub totals: PracticeTotals,
}

impl PracticeDay {
    /// Whether a session started on it that was COMPLETED. Streaks, calendars, frequency,
    /// reports and goals all mean this by a practised day.
    #[must_use]
    pub const fn is_practised(&self) -> bool {
        self.totals.completed > 0
    }
}

/// What ended sessions add to the rows that insights are read from. Everything is a sum, so no
/// row has to be read first.
#[derive(Debug, Default)]
pub struct PracticeAdditions {
    days: BTreeMap<(UserId, NaiveDate), PracticeTotals>,
    outcomes: BTreeMap<(UserId, NaiveDate), BTreeMap<String, i64>>,
    times: BTreeMap<(UserId, PracticeTime), i64>,
    subjects: BTreeMap<SubjectDayKey, SubjectDay>,
}

impl PracticeAdditions {
    /// Counts one session; nothing while it is open.
    pub fn count(&mut self, session: &Session) {
        let totals = PracticeTotals::of(session);
        let day = (session.user_id, session.start_date);
        self.days.entry(day).or_default().add(&totals);
        if let Some(outcome) = Outcome::of(session) {
            let sums = self.outcomes.entry(day).or_default();
            for (key, count) in kept_counts(&outcome) {
                *sums.entry(key).or_default() += count;
            }
        }
        if totals.completed == 0 {
            return;
        }
        let time = (session.user_id, PracticeTime::of(session));
        *self.times.entry(time).or_default() += 1;
        if let Some(subject) = &session.context.subject {
            let key = SubjectDayKey {
                user: session.user_id,
                kind: subject.kind.clone(),
                id: subject.id.clone(),
                date: session.start_date,
            };
            let day = self.subjects.entry(key).or_default();
            day.name.clone_from(&subject.name);
            day.sessions += 1;
            day.seconds = day.seconds.saturating_add(totals.completed_seconds);
        }
    }

    /// What is added to a user's day.
    #[must_use]
    pub fn of_day(&self, user: UserId, date: NaiveDate) -> PracticeTotals {
        self.days.get(&(user, date)).copied().unwrap_or_default()
    }

    /// What its sessions said is added to a user's day, if there are any.
    #[must_use]
    pub fn outcomes_of_day(&self, user: UserId, date: NaiveDate) -> Option<&BTreeMap<String, i64>> {
        self.outcomes.get(&(user, date))
    }

    /// Days of a user to which a completed session was added, one of the subject (type and id)
    /// if there is one; some of them twice.
    pub fn practised(
        &self,
        user: UserId,
        subject: Option<&(String, String)>,
    ) -> impl Iterator<Item = NaiveDate> {
        let days = self.days.iter().filter(move |((of, _), totals)| {
            subject.is_none() && *of == user && totals.completed > 0
        });
        let subjects = self.subjects.keys().filter(move |key| {
            key.user == user && subject.is_some_and(|(kind, id)| (kind, id) == (&key.kind, &key.id))
        });
        let days = days.map(|((_, date), _)| *date);
        days.chain(subjects.map(|key| key.date))
    }

    /// Completed sessions by user and the time of their start.
    pub fn times(&self) -> impl Iterator<Item = (&(UserId, PracticeTime), &i64)> {
        self.times.iter()
    }

    /// Completed sessions by user, subject and day.
    pub fn subjects(&self) -> impl Iterator<Item = (&SubjectDayKey, &SubjectDay)> {
        self.subjects.iter()
    }

    pub fn clear(&mut self) {
        *self = Self::default();
    }
}
