//! Ids that cannot be mistaken for one another.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::time::Timestamp;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

id!(
    /// A user of a tenant. Two tenants may use the same UUID for different people.
    UserId
);
id!(
    /// A session, unique within its tenant.
    SessionId
);
id!(
    /// An activity, unique within its tenant.
    ActivityId
);
id!(
    /// A caller's id for one `RecordUsage`, unique within its tenant.
    RequestId
);
id!(
    /// A goal, unique within its tenant.
    GoalId
);

/// The tenant that a call acts for, after the interceptor has verified it.
///
/// Every method of the store takes one, so no query can be written without it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct TenantId(Uuid);

impl TenantId {
    /// Only for what has verified the caller, and for what reads tenants from the database:
    /// `clippy.toml` refuses it elsewhere.
    #[must_use]
    pub const fn from_verified(id: Uuid) -> Self {
        Self(id)
    }

    /// The id as its owner wrote it.
    #[must_use]
    pub const fn uuid(self) -> Uuid {
        self.0
    }
}

impl fmt::Display for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Where new ids come from; injected, so that tests can repeat them.
pub trait IdSource: Send + Sync {
    /// A new id that sorts by `now`, to the millisecond.
    fn next(&self, now: Timestamp) -> Uuid;
}

/// UUID version 7 with random tails.
#[derive(Debug, Default)]
pub struct RandomIds;

impl IdSource for RandomIds {
    #[expect(clippy::disallowed_methods, reason = "the one place that makes ids")]
    fn next(&self, now: Timestamp) -> Uuid {
        let micros = u64::try_from(now.micros()).unwrap_or(0);
        let nanos = u32::try_from(micros % 1_000_000 * 1_000).unwrap_or(0);
        Uuid::new_v7(uuid::Timestamp::from_unix(
            uuid::NoContext,
            micros / 1_000_000,
            nanos,
        ))
    }
}
