//! Who is calling: [`Auth`] makes a [`Caller`] of a call's headers, and nothing else does.
//!
//! [`jwt`] verifies bearer tokens with keys that come from a [`source`] and are held in a
//! [`keys::KeySet`]; [`claims`] reads what a verified token says; [`mint`] makes one.

pub mod check;
mod claims;
mod jwt;
mod keys;
pub mod mint;
mod source;
#[cfg(test)]
mod tests;

use std::{fmt, sync::Arc};

use http::{HeaderMap, HeaderValue, header::AUTHORIZATION};
use uuid::Uuid;

pub use self::{jwt::Jwt, source::SourceError};
use crate::domain::ids::{TenantId, UserId};

/// The metadata key that names the tenant.
pub const TENANT_KEY: &str = "x-tenant-id";

/// What a caller may be, several at once; and who may call an RPC.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Roles {
    /// Writes and reads everything of its tenant.
    pub service: bool,
    /// Reads everything of its tenant, revokes, sets, exports and deletes.
    pub admin: bool,
    /// Writes and reads what is its own.
    pub user: bool,
}

impl Roles {
    /// Their names, as a token's role claim gives them.
    const NAMES: [&str; 3] = ["service", "admin", "user"];

    /// Those who see more than what is their own.
    pub const EVERYTHING: Self = Self {
        service: true,
        admin: true,
        user: false,
    };

    /// Adds the role of that name; others are not dwell's and mean nothing.
    fn add(&mut self, name: &str) {
        match name {
            "service" => self.service = true,
            "admin" => self.admin = true,
            "user" => self.user = true,
            _ => {}
        }
    }
}

impl fmt::Display for Roles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let held = [self.service, self.admin, self.user];
        let all = Self::NAMES.iter().zip(held);
        let names: Vec<_> = all
            .filter_map(|(name, held)| held.then_some(*name))
            .collect();
        f.write_str(&names.join(" or "))
    }
}

/// Who is calling, verified.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Caller {
    pub tenant: TenantId,
    pub roles: Roles,
    /// Whom a caller with the role `user` stands for.
    pub user: Option<UserId>,
}

/// Why a caller is not let in. It says nothing of keys and repeats nothing of a token.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Denied {
    /// No tenant, or none that could be one.
    TenantUnknown(&'static str),
    /// No token, or one that does not hold.
    TokenInvalid(&'static str),
    /// The token was good.
    TokenExpired,
    /// The call names another tenant than its token.
    OtherTenant,
    /// There is no key yet that a token could be verified with.
    NoKeys,
}

/// How callers are verified.
#[derive(Clone)]
pub enum Auth {
    /// Everybody is let in as a service and an admin of the tenant that is named.
    None,
    /// By bearer tokens.
    Jwt(Arc<Jwt>),
}

impl Auth {
    /// The caller that the headers of a call show.
    ///
    /// # Errors
    /// Says why there is none.
    pub async fn caller(&self, headers: &HeaderMap) -> Result<Caller, Denied> {
        let Self::Jwt(jwt) = self else {
            return Ok(Caller {
                tenant: verified(named(headers).map_err(Denied::TenantUnknown)?),
                roles: Roles::EVERYTHING,
                user: None,
            });
        };
        let token = bearer(headers).map_err(Denied::TokenInvalid)?;
        let caller = jwt.verify(token).await?;
        let tenant = caller.tenant.uuid();
        let is_own = |named: &HeaderValue| id(named) == Some(tenant);
        if headers.get_all(TENANT_KEY).iter().all(is_own) {
            Ok(caller)
        } else {
            Err(Denied::OtherTenant)
        }
    }
}

/// The tenant that `x-tenant-id` names.
fn named(headers: &HeaderMap) -> Result<Uuid, &'static str> {
    let value = only(headers, TENANT_KEY);
    let value = value.ok_or("x-tenant-id is required, once")?;
    id(value).ok_or("x-tenant-id must be a UUID")
}

/// The token of `authorization: Bearer TOKEN` (RFC 6750).
fn bearer(headers: &HeaderMap) -> Result<&str, &'static str> {
    let value = only(headers, AUTHORIZATION.as_str());
    let value = value.ok_or("authorization is required, once: a bearer token")?;
    let parts = value.to_str().ok().and_then(|value| value.split_once(' '));
    let bearer = parts.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    let (_, token) = bearer.ok_or("authorization must be a bearer token")?;
    Ok(token)
}

/// The value of a header that is there once.
fn only<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h HeaderValue> {
    let mut values = headers.get_all(name).iter();
    values.next().filter(|_| values.next().is_none())
}

fn id(value: &HeaderValue) -> Option<Uuid> {
    value.to_str().ok().and_then(canonical)
}

/// A UUID in its form of 36 characters, not the nil one.
fn canonical(text: &str) -> Option<Uuid> {
    let id = Uuid::try_parse(text).ok();
    id.filter(|id| text.len() == 36 && !id.is_nil())
}

#[expect(clippy::disallowed_methods, reason = "this is what verifies callers")]
const fn verified(id: Uuid) -> TenantId {
    TenantId::from_verified(id)
}
