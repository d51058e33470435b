//! Why a request that was understood is not carried out.

use super::{goal::GoalStatus, session::EndReason, time::Timestamp};

/// One field of a request, and what would be right in it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Violation {
    /// Path of the field, as the contract names it: `result.scores`.
    pub field: String,
    /// What the field must be.
    pub description: String,
}

impl Violation {
    pub fn new(field: impl Into<String>, description: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            description: description.into(),
        }
    }
}

/// What was not there. Another tenant's looks the same.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Entity {
    Session,
    User,
    Goal,
}

/// What an id was used for before.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum UsedId {
    Session,
    Activity,
    Request,
    Goal,
}

/// A refusal that is the caller's to act on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Rejection {
    NotFound(Entity),
    /// The id stands for something else already.
    IdTaken(UsedId),
    /// The session is over, and since when and why.
    SessionEnded {
        at: Timestamp,
        reason: EndReason,
    },
    /// The user has as many open sessions as the tenant allows.
    TooManySessions {
        limit: u32,
    },
    /// The session keeps as many pauses as it can.
    TooManyPauses {
        limit: usize,
    },
    /// The user has as many ACTIVE goals as there may be.
    TooManyGoals {
        limit: usize,
    },
    /// The goal is not what it would have to be: ACTIVE, or not over.
    GoalNotActive {
        status: GoalStatus,
    },
    Invalid(Vec<Violation>),
}

impl Rejection {
    /// One field is wrong.
    pub fn invalid(field: &str, description: impl Into<String>) -> Self {
        Self::Invalid(vec![Violation::new(field, description)])
    }
}
