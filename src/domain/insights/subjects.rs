//! What was practised.

use crate::domain::session::Subject;

/// The completed sessions of one subject.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SubjectCount {
    /// By the name that it had on the latest of the days that count.
    pub subject: Subject,
    pub sessions: i64,
    pub seconds: i64,
}
