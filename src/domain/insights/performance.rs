//! What is asked of a user's performance, and what is brought for it.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::{
    advice::MetricReport,
    cohort::Cohort,
    figures::{Metric, PeriodTally},
    tally::Tally,
};
use crate::domain::{
    ids::UserId,
    period::{DateRange, Granularity},
    session::{Session, Subject},
    settings::TenantSettings,
    time::Timestamp,
};

/// Whose figures are asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Scope {
    /// The user's, of one subject or of all there are, also none.
    Own(Option<Subject>),
    /// The user's of all subjects, and those of the tenant's users in the last period.
    Cohort,
}

/// Which periods of a user are asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PerformanceQuery {
    pub user: UserId,
    pub granularity: Granularity,
    /// A day of the last period; today, if `None`.
    pub date: Option<NaiveDate>,
    /// How many, the last one included.
    pub periods: usize,
    pub scope: Scope,
}

impl PerformanceQuery {
    /// The periods, oldest first.
    #[must_use]
    pub fn ranges(&self, today: NaiveDate) -> Vec<DateRange> {
        self.granularity
            .last(self.periods, self.date.unwrap_or(today))
    }

    /// The one subject that is asked for.
    #[must_use]
    pub const fn subject(&self) -> Option<&Subject> {
        match &self.scope {
            Scope::Own(subject) => subject.as_ref(),
            Scope::Cohort => None,
        }
    }
}

/// What was asked for.
#[derive(Clone, PartialEq, Debug)]
pub struct Performance {
    /// In the tenant's time zone.
    pub today: NaiveDate,
    /// Each of the periods, oldest first.
    pub periods: Vec<PeriodTally>,
    /// The last period's, if it was asked for.
    pub cohort: Option<Cohort>,
}

impl Performance {
    /// The last period's metrics against those of the one before it, in the order of
    /// [`Metric::ALL`]; nothing if there is only one.
    #[must_use]
    pub fn metrics(&self) -> Vec<MetricReport> {
        let [.., before, period] = self.periods.as_slice() else {
            return Vec::new();
        };
        let (previous, current) = (before.figures(self.today), period.figures(self.today));
        let metrics = Metric::ALL.map(|metric| {
            let cohort = self.cohort.as_ref();
            let rank = cohort.and_then(|cohort| cohort.percentile_rank(metric));
            MetricReport::new(metric, previous, current, rank)
        });
        metrics.to_vec()
    }
}

/// What is kept of users' periods.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Tallies(BTreeMap<(UserId, DateRange), PeriodTally>);

impl Tallies {
    /// All of `keys`, with what is stored of them.
    #[must_use]
    pub fn new(
        keys: impl IntoIterator<Item = (UserId, DateRange)>,
        stored: impl IntoIterator<Item = (UserId, PeriodTally)>,
    ) -> Self {
        let empty = |(user, range)| ((user, range), PeriodTally::empty(range));
        let mut tallies: BTreeMap<_, _> = keys.into_iter().map(empty).collect();
        let stored = stored.into_iter();
        tallies.extend(stored.map(|(user, period)| ((user, period.range), period)));
        Self(tallies)
    }

    /// Adds sessions that are over but not yet counted, if they are about the subject.
    pub fn add_ended(
        &mut self,
        sessions: &[Session],
        subject: Option<&Subject>,
        settings: &TenantSettings,
        now: Timestamp,
    ) {
        for session in sessions.iter().filter(|one| is_about(one, subject)) {
            for (date, tally) in Tally::of_session(session, settings, now) {
                for ((user, _), period) in &mut self.0 {
                    if *user == session.user_id {
                        period.add(date, tally);
                    }
                }
            }
        }
    }

    /// A user's period; an empty one if it was not asked for.
    #[must_use]
    pub fn get(&self, user: UserId, range: DateRange) -> PeriodTally {
        let found = self.0.get(&(user, range)).copied();
        found.unwrap_or_else(|| PeriodTally::empty(range))
    }
}

/// What is kept of one subject in some days.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SubjectTally {
    /// By the name that was given last on the last of the days.
    pub subject: Subject,
    /// The last of the days on which there is anything.
    pub last_date: NaiveDate,
    pub tally: Tally,
}

/// Adds sessions that are over but not yet counted to the subjects of a range.
pub fn add_ended_to_subjects(
    subjects: &mut Vec<SubjectTally>,
    sessions: &[Session],
    range: DateRange,
    settings: &TenantSettings,
    now: Timestamp,
) {
    for session in sessions {
        let Some(subject) = &session.context.subject else {
            continue;
        };
        let days = Tally::of_session(session, settings, now).into_iter();
        for (date, tally) in days.filter(|(date, _)| range.contains(*date)) {
            match subjects
                .iter_mut()
                .find(|one| is_same(&one.subject, subject))
            {
                Some(known) => {
                    known.tally += tally;
                    if known.last_date <= date {
                        known.last_date = date;
                        known.subject.name.clone_from(&subject.name);
                    }
                }
                None => subjects.push(SubjectTally {
                    subject: subject.clone(),
                    last_date: date,
                    tally,
                }),
            }
        }
    }
}

fn is_about(session: &Session, subject: Option<&Subject>) -> bool {
    let Some(wanted) = subject else { return true };
    let own = session.context.subject.as_ref();
    own.is_some_and(|own| is_same(own, wanted))
}

/// By type and id; the name does not matter.
fn is_same(a: &Subject, b: &Subject) -> bool {
    (&a.kind, &a.id) == (&b.kind, &b.id)
}
