//! Points that were earned, and how their keeper is told of them.

use chrono::SecondsFormat;
use serde::Serialize;
use uuid::Uuid;

use crate::domain::{
    ids::{TenantId, UserId},
    time::Timestamp,
};

/// Points that one thing earned its user, once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Award {
    pub user_id: UserId,
    /// At least 1.
    pub points: i64,
    pub reference_type: ReferenceType,
    pub reference_id: Uuid,
    /// When it was counted, by the server's time.
    pub earned_at: Timestamp,
}

/// What earned points.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum ReferenceType {
    /// The whole minutes of a session that ended.
    Session,
    /// The correct items of an activity.
    Activity,
}

impl ReferenceType {
    /// As messages and keys call it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Activity => "activity",
        }
    }

    const fn reason(self) -> &'static str {
        match self {
            Self::Session => "session_ended",
            Self::Activity => "activity_logged",
        }
    }
}

/// The body of a message.
#[derive(Serialize)]
struct Message {
    tenant_id: Uuid,
    user_id: Uuid,
    points: i64,
    reason: &'static str,
    reference_type: &'static str,
    reference_id: Uuid,
    earned_at: String,
    idempotency_key: String,
}

impl Award {
    /// The same at each attempt, and no other award's: two tenants may use the same ids. There
    /// is no full stop in it, as signatures have them between their parts.
    #[must_use]
    pub fn idempotency_key(&self, tenant: TenantId) -> String {
        let (kind, id) = (self.reference_type.name(), self.reference_id);
        format!("{kind}_{tenant}_{id}")
    }

    /// The JSON object that tells of it.
    #[must_use]
    pub fn payload(&self, tenant: TenantId) -> String {
        let earned_at = self.earned_at.to_utc();
        let message = Message {
            tenant_id: tenant.uuid(),
            user_id: self.user_id.0,
            points: self.points,
            reason: self.reference_type.reason(),
            reference_type: self.reference_type.name(),
            reference_id: self.reference_id,
            earned_at: earned_at.to_rfc3339_opts(SecondsFormat::Micros, true),
            idempotency_key: self.idempotency_key(tenant),
        };
        // Plain data always has a JSON form.
        serde_json::to_string(&message).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a tenant for a test")]
    fn a_message_says_who_earned_how_much_for_what() {
        let tenant = TenantId::from_verified(Uuid::from_u128(1));
        let award = Award {
            user_id: UserId(Uuid::from_u128(2)),
            points: 22,
            reference_type: ReferenceType::Session,
            reference_id: Uuid::from_u128(3),
            earned_at: Timestamp::FIRST,
        };
        let key = "session_00000000-0000-0000-0000-000000000001_\
                   00000000-0000-0000-0000-000000000003";
        assert_eq!(award.idempotency_key(tenant), key);
        let expected = serde_json::json!({
            "tenant_id": "00000000-0000-0000-0000-000000000001",
            "user_id": "00000000-0000-0000-0000-000000000002",
            "points": 22,
            "reason": "session_ended",
            "reference_type": "session",
            "reference_id": "00000000-0000-0000-0000-000000000003",
            "earned_at": "2000-01-01T00:00:00.000000Z",
            "idempotency_key": key,
        });
        let payload: serde_json::Value = serde_json::from_str(&award.payload(tenant)).unwrap();
        assert_eq!(payload, expected);
        let activity = Award {
            reference_type: ReferenceType::Activity,
            ..award
        };
        assert_ne!(activity.idempotency_key(tenant), key);
        assert!(activity.payload(tenant).contains("\"activity_logged\""));
    }
}
