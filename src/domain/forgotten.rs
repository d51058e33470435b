//! What a batch of writes forgets, after everything else that it writes.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    event::EventPlace,
    ids::{RequestId, SessionId, UserId},
};

/// Some of a user's rows of one table, those that are deleted next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct UserRows {
    pub table: &'static str,
    pub rows: i64,
}

/// What a batch forgets.
#[derive(Debug, Default)]
pub struct Forgotten {
    /// Remembered requests.
    pub requests: BTreeSet<RequestId>,
    /// Users to mark as deleted: of their rows nothing but the mark stays.
    pub users: BTreeSet<UserId>,
    /// Rows of users that were marked before; `None` where nothing is left.
    pub rows: BTreeMap<UserId, Option<UserRows>>,
    /// Ended sessions, with their activities.
    pub sessions: BTreeSet<SessionId>,
    /// Ended sessions whose IP address and client info are cleared.
    pub clients: BTreeSet<SessionId>,
    /// Events, for good: whoever is not told of them by then is told that they are gone.
    pub events: BTreeSet<EventPlace>,
}

impl Forgotten {
    /// Whether there is anything to write.
    #[must_use]
    pub fn is_any(&self) -> bool {
        let ids = self.requests.len() + self.users.len() + self.rows.len();
        ids + self.sessions.len() + self.clients.len() > 0
    }
}
