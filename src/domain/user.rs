//! What is known of one user.

use super::{
    calendar::seconds, ids::UserId, session::Session, settings::TenantSettings, time::Timestamp,
};

/// A user's sums over all time, which are the sums of the user's days; or what a batch of
/// writes adds to them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct User {
    pub id: UserId,
    pub login_count: i64,
    pub last_login_at: Option<Timestamp>,
    pub last_session_start: Option<Timestamp>,
    /// The last sign of life of any kind.
    pub last_active_at: Timestamp,
    pub total_usage_seconds: i64,
    /// Goals that are ACTIVE.
    pub active_goals: i64,
    /// The earliest thing that is known.
    pub first_seen_at: Timestamp,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl User {
    /// Nothing to add to somebody at `now`: to who is there it makes no difference, and who is
    /// new must be [seen](User::seen).
    #[must_use]
    pub const fn unseen(id: UserId, now: Timestamp) -> Self {
        Self {
            id,
            login_count: 0,
            last_login_at: None,
            last_session_start: None,
            last_active_at: Timestamp::FIRST,
            total_usage_seconds: 0,
            active_goals: 0,
            first_seen_at: Timestamp::END,
            created_at: now,
            updated_at: now,
        }
    }

    /// A sign of life at `time`, early or late.
    pub fn seen(&mut self, time: Timestamp) {
        self.last_active_at = self.last_active_at.max(time);
        self.first_seen_at = self.first_seen_at.min(time);
    }

    /// What is told of the user at `now`: sessions that are over count as such, whether or
    /// not the sweep has been there. `open` are the sessions stored as open.
    #[must_use]
    pub fn summary<'a>(
        mut self,
        open: impl IntoIterator<Item = &'a Session>,
        settings: &TenantSettings,
        now: Timestamp,
    ) -> UserSummary {
        let mut open_sessions = 0;
        for session in open {
            let view = session.clone().view(settings, now);
            if let Some(ended_at) = view.session.ended_at() {
                self.seen(ended_at);
                let total = self.total_usage_seconds;
                self.total_usage_seconds = total.saturating_add(seconds(view.duration));
            } else {
                open_sessions += 1;
            }
        }
        UserSummary {
            user: self,
            open_sessions,
        }
    }
}

/// What the row of a locked user says, which nobody else changes until the commit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LockedUser {
    /// Whether some of the user's goals are ACTIVE: without any there are none to look for.
    pub has_active_goals: bool,
}

/// A user and the sessions that are open.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UserSummary {
    pub user: User,
    pub open_sessions: i64,
}
