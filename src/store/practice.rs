//! Reading when and how much a user practised.

use async_trait::async_trait;

use super::Error;
use crate::domain::{
    ids::{TenantId, UserId},
    insights::{
        calendar::CalendarDay, frequency::PracticeTime, practice::PracticeDay,
        subjects::SubjectCount,
    },
    period::DateRange,
    session::{Session, SessionView},
    settings::TenantSettings,
    time::Timestamp,
};

/// All that is known of how much a user practised.
#[derive(Clone, PartialEq, Debug)]
pub struct PracticeHistory {
    pub settings: TenantSettings,
    /// The days on which sessions started that are stored as ended, oldest first.
    pub days: Vec<PracticeDay>,
    /// The sessions stored as open, in no order.
    pub open: Vec<Session>,
}

/// When a user began to practise.
#[derive(Clone, PartialEq, Debug)]
pub struct PracticeTimes {
    pub settings: TenantSettings,
    /// How many completed sessions started at each time, oldest first.
    pub starts: Vec<(PracticeTime, i64)>,
}

/// A user's days, and the sessions that started on them.
#[derive(Clone, PartialEq, Debug)]
pub struct UserCalendar {
    pub settings: TenantSettings,
    /// Oldest first.
    pub days: Vec<CalendarDay>,
    /// The sessions stored as open, in no order.
    pub open: Vec<Session>,
    /// Oldest start first, equal starts by id.
    pub sessions: Vec<SessionView>,
}

/// What is read of a user's practice: a part of [`Store`](super::Store), and as it says. Each
/// answer is of one instant. It comes by index range from rows that are kept as sessions end,
/// and from sessions only where they are asked for.
#[async_trait]
pub trait PracticeStore: Send + Sync {
    async fn get_practice_history(
        &self,
        tenant: TenantId,
        user: UserId,
    ) -> Result<PracticeHistory, Error>;

    /// Of so many local days, up to and with the one that holds `now`.
    async fn get_practice_times(
        &self,
        tenant: TenantId,
        user: UserId,
        days: u16,
        now: Timestamp,
    ) -> Result<PracticeTimes, Error>;

    /// The user's days in the range, and the sessions that started on them if `with_sessions`.
    async fn get_user_calendar(
        &self,
        tenant: TenantId,
        user: UserId,
        range: DateRange,
        with_sessions: bool,
        now: Timestamp,
    ) -> Result<UserCalendar, Error>;

    /// Subjects of this type (`None` is all) by the completed sessions that started on a day of
    /// the range: most first, equal counts by type and then by id, in the order of code points.
    async fn list_top_subjects(
        &self,
        tenant: TenantId,
        user: UserId,
        kind: Option<String>,
        range: DateRange,
        limit: u16,
    ) -> Result<Vec<SubjectCount>, Error>;
}
