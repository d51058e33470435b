//! Enumerations as small integers: the numbers of the API, so that psql and grpcurl agree.

use crate::domain::{
    event::EventKind,
    goal::{GoalPriority, GoalStatus, GoalType, recurrence::Recurrence},
    session::{CompletionStatus, EndReason, Phase, SessionState},
    settings::OverLimitPolicy,
};

/// A closed set of values, each with its number in the database.
pub trait Code: Copy + PartialEq + 'static {
    const ALL: &'static [(Self, i16)];

    fn code(self) -> i16 {
        let found = Self::ALL.iter().find(|(value, _)| *value == self);
        found.map_or(0, |(_, code)| *code)
    }

    fn from_code(code: i16) -> Option<Self> {
        let found = Self::ALL.iter().find(|(_, known)| *known == code);
        found.map(|(value, _)| *value)
    }
}

impl Code for SessionState {
    const ALL: &'static [(Self, i16)] = &[(Self::Active, 1), (Self::Paused, 2), (Self::Ended, 3)];
}

impl Code for EndReason {
    const ALL: &'static [(Self, i16)] = &[
        (Self::Logout, 1),
        (Self::IdleTimeout, 2),
        (Self::MaxLifetime, 3),
        (Self::Revoked, 4),
        (Self::Evicted, 5),
        (Self::Recorded, 6),
    ];
}

impl Code for CompletionStatus {
    const ALL: &'static [(Self, i16)] = &[
        (Self::Completed, 1),
        (Self::Partial, 2),
        (Self::Abandoned, 3),
    ];
}

impl Code for OverLimitPolicy {
    const ALL: &'static [(Self, i16)] = &[(Self::Evict, 1), (Self::Deny, 2)];
}

impl Code for GoalType {
    const ALL: &'static [(Self, i16)] = &[
        (Self::StudyTime, 1),
        (Self::TestScore, 2),
        (Self::AssignmentCompletion, 3),
        (Self::FlashcardMastery, 4),
        (Self::Streak, 5),
        (Self::Custom, 6),
    ];
}

impl Code for GoalStatus {
    const ALL: &'static [(Self, i16)] = &[
        (Self::Active, 1),
        (Self::Completed, 2),
        (Self::Abandoned, 3),
        (Self::Expired, 4),
    ];
}

impl Code for GoalPriority {
    const ALL: &'static [(Self, i16)] = &[(Self::Low, 1), (Self::Medium, 2), (Self::High, 3)];
}

impl Code for EventKind {
    const ALL: &'static [(Self, i16)] = &[
        (Self::Started, 1),
        (Self::Paused, 2),
        (Self::Resumed, 3),
        (Self::Ended, 4),
        (Self::ActivityLogged, 5),
    ];
}

impl Code for Recurrence {
    const ALL: &'static [(Self, i16)] = &[(Self::Daily, 1), (Self::Weekly, 2), (Self::Monthly, 3)];
}

/// When a paused session was paused.
pub const fn paused_at(phase: Phase) -> Option<crate::domain::time::Timestamp> {
    match phase {
        Phase::Paused { since } => Some(since),
        _ => None,
    }
}
