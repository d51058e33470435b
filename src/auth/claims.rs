//! What a token says, once its signature holds.

use std::time::Duration;

use serde_json::{Map, Value};
use uuid::Uuid;

use super::{Caller, Denied, Roles, canonical, verified};
use crate::{
    config::ClaimArgs,
    domain::{ids::UserId, time::Timestamp},
};

/// How far the clocks of an issuer and of dwell may be apart.
pub const LEEWAY: Duration = Duration::from_mins(1);

/// A token that was verified: whom it shows, and when.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Verified {
    caller: Caller,
    not_before: Option<Timestamp>,
    expires: Timestamp,
}

impl Verified {
    /// Reads the claims. Issuer and audience are verified with the signature.
    pub fn read(claims: &Map<String, Value>, names: &ClaimArgs) -> Result<Self, Denied> {
        let invalid = Denied::TokenInvalid;
        let time = |name: &str| match claims.get(name).map(instant) {
            Some(None) => Err(invalid("the token's exp and nbf must be times")),
            time => Ok(time.flatten()),
        };
        let expires = time("exp")?.ok_or(invalid("the token must have an end, exp"))?;
        let not_before = time("nbf")?;
        let tenant = claims.get(&names.jwt_tenant_claim).and_then(Value::as_str);
        let tenant = tenant.and_then(canonical);
        let tenant = tenant.ok_or(invalid("the token's tenant claim must be a UUID"))?;
        let roles = roles(claims.get(&names.jwt_role_claim));
        let subject = claims.get(&names.jwt_user_claim).and_then(Value::as_str);
        let user = subject.and_then(|subject| user_id(tenant, subject));
        if roles == Roles::default() {
            return Err(invalid(
                "the token's role claim must be service, admin or user",
            ));
        }
        if roles.user && user.is_none() {
            return Err(invalid("the token's user claim is required of a user"));
        }
        Ok(Self {
            caller: Caller {
                tenant: verified(tenant),
                roles,
                user,
            },
            not_before,
            expires,
        })
    }

    /// The caller, if the token is good at `now`.
    pub fn at(&self, now: Timestamp) -> Result<Caller, Denied> {
        if now >= self.expires + LEEWAY {
            return Err(Denied::TokenExpired);
        }
        if self.not_before.is_some_and(|from| now + LEEWAY < from) {
            return Err(Denied::TokenInvalid("the token is not good yet"));
        }
        Ok(self.caller)
    }
}

/// The user that a subject stands for: the UUID that it is, or the UUID of version 5 of the
/// subject in the namespace of the tenant. The empty and the nil one are nobody.
pub fn user_id(tenant: Uuid, subject: &str) -> Option<UserId> {
    if subject.is_empty() || subject == Uuid::nil().to_string() {
        return None;
    }
    let derived = || Uuid::new_v5(&tenant, subject.as_bytes());
    Some(UserId(canonical(subject).unwrap_or_else(derived)))
}

/// One role, or a list of them.
fn roles(claim: Option<&Value>) -> Roles {
    let mut roles = Roles::default();
    match claim {
        Some(Value::String(name)) => roles.add(name),
        Some(Value::Array(names)) => names
            .iter()
            .filter_map(Value::as_str)
            .for_each(|name| roles.add(name)),
        _ => {}
    }
    roles
}

/// A `NumericDate` (RFC 7519): seconds since the epoch, whole or not.
fn instant(value: &Value) -> Option<Timestamp> {
    let whole = value.as_u64().map(Duration::from_secs);
    let since_epoch = match whole {
        Some(whole) => whole,
        None => Duration::try_from_secs_f64(value.as_f64()?).ok()?,
    };
    Some(Timestamp::default() + since_epoch)
}
