//! What was practised.

use chrono::NaiveDate;

use crate::domain::{ids::UserId, session::Subject};

/// A user's day with a subject.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct SubjectDayKey {
    pub user: UserId,
    pub kind: String,
    pub id: String,
    /// The local day of the sessions' start.
    pub date: NaiveDate,
}

/// The completed sessions of a day with a subject.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SubjectDay {
    /// As the session said that was counted last.
    pub name: String,
    pub sessions: i64,
    pub seconds: i64,
}

/// The completed sessions of one subject.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SubjectCount {
    /// By the name that it had on the latest of the days that count.
    pub subject: Subject,
    pub sessions: i64,
    pub seconds: i64,
}
