//! Reading what a user's report is made of, and sessions for a file.

use async_trait::async_trait;

use super::{Error, Page, SessionKey};
use crate::domain::{
    goal::GoalView,
    ids::TenantId,
    insights::{performance::PerformanceQuery, report::ReportBasis, subjects::SubjectCount},
    session::{SessionFilter, SessionView},
    time::Timestamp,
};

/// What a report is to hold.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReportQuery {
    /// Whose, and of which period: the last one. Those before it are what it is compared with.
    pub performance: PerformanceQuery,
    /// At most so many sessions that started in the period.
    pub sessions: u16,
    /// At most so many subjects of it.
    pub subjects: u16,
    /// Which goals.
    pub goals: ReportGoals,
}

/// Which goals a report tells of, at most [`MAX_GOALS`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ReportGoals {
    None,
    /// Those of the period's first day, earliest target date first, equal ones by id, as
    /// [`Goal::is_of`](crate::domain::goal::Goal::is_of) says.
    OfDay,
    /// Those that were reached on a day of the period, the one reached first leads.
    Achieved,
}

/// Goals that a report tells of.
pub const MAX_GOALS: i64 = 1_000;

/// What a report is made of, of one instant.
#[derive(Clone, PartialEq, Debug)]
pub struct ReportParts {
    pub basis: ReportBasis,
    /// Oldest start first, equal starts by id.
    pub sessions: Vec<SessionView>,
    /// As [`list_top_subjects`](super::practice::PracticeStore::list_top_subjects) has them.
    pub subjects: Vec<SubjectCount>,
    /// As they stand at the instant.
    pub goals: Vec<GoalView>,
}

/// What is read for reports and exports: a part of [`Store`](super::Store), and as it says. It
/// may come from a replica.
#[async_trait]
pub trait ReportStore: Send + Sync {
    async fn get_report(
        &self,
        tenant: TenantId,
        query: ReportQuery,
        now: Timestamp,
    ) -> Result<ReportParts, Error>;

    /// As [`list_sessions`](super::Store::list_sessions) has them.
    async fn export_sessions(
        &self,
        tenant: TenantId,
        filter: SessionFilter,
        after: Option<SessionKey>,
        limit: usize,
        now: Timestamp,
    ) -> Result<Page<SessionView, SessionKey>, Error>;
}
