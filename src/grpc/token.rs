//! Page and resume tokens: a place in a list, signed so that it is good for that list alone.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::NaiveDate;
use hmac::{Hmac, KeyInit, Mac};
use serde::Serialize;
use sha2::Sha256;
use uuid::Uuid;

use super::convert::Check;
use crate::domain::{ids::TenantId, rejection::Rejection};

/// The name of the key in the store.
pub const KEY_NAME: &str = "page-tokens";

const PLACE: usize = 24;
const SIGNATURE: usize = 16;

/// A row's sort key: a number and an id.
pub type Place = (i64, Uuid);

/// A place in a list that is sorted by a date.
pub fn dated(date: NaiveDate, id: Uuid) -> Place {
    (i64::from(date.to_epoch_days()), id)
}

/// What [`dated`] was made of: a token that was signed names a day.
pub fn date_and_id((days, id): Place) -> Result<(NaiveDate, Uuid), Rejection> {
    let date = i32::try_from(days)
        .ok()
        .and_then(NaiveDate::from_epoch_days);
    let date = date.ok_or_else(|| Rejection::invalid("page_token", "names no day"))?;
    Ok((date, id))
}

/// Makes and checks tokens, with a key that all instances share.
pub struct PageTokens {
    mac: Hmac<Sha256>,
}

/// The tokens of one list: of one tenant, one method and one filter.
pub struct ListTokens {
    mac: Hmac<Sha256>,
}

impl PageTokens {
    /// Any length of key will do; the store makes 32 bytes.
    #[must_use]
    pub fn new(key: &[u8]) -> Option<Self> {
        let mac = Hmac::new_from_slice(key).ok()?;
        Some(Self { mac })
    }

    /// The tokens of a list. The filter is everything that selects rows.
    pub fn of_list(&self, tenant: TenantId, method: &str, filter: &impl Serialize) -> ListTokens {
        let mut mac = self.mac.clone();
        mac.update(tenant.uuid().as_bytes());
        mac.update(method.as_bytes());
        mac.update(&[0]);
        // Plain data always has a JSON form.
        mac.update(&serde_json::to_vec(filter).unwrap_or_default());
        ListTokens { mac }
    }
}

impl ListTokens {
    /// A token for going on after `place`.
    #[must_use]
    pub fn seal(&self, place: Place) -> String {
        let mut bytes = [0; PLACE + SIGNATURE];
        let (body, signature) = bytes.split_at_mut(PLACE);
        let (number, id) = body.split_at_mut(8);
        number.copy_from_slice(&place.0.to_be_bytes());
        id.copy_from_slice(place.1.as_bytes());
        signature.copy_from_slice(&self.sign(body));
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The place that a caller's token stands for; `None` if it is empty.
    pub fn open(&self, check: &mut Check, field: &str, token: &str) -> Option<Place> {
        if token.is_empty() {
            return None;
        }
        let place = self.verified(token);
        check.that(
            place.is_some(),
            field,
            "must be a token from an answer to the same request",
        );
        place
    }

    fn verified(&self, token: &str) -> Option<Place> {
        let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (body, signature) = bytes.split_at_checked(PLACE)?;
        if signature.len() != SIGNATURE {
            return None;
        }
        let mut mac = self.mac.clone();
        mac.update(body);
        mac.verify_truncated_left(signature).ok()?;
        let (number, id) = body.split_first_chunk::<8>()?;
        let id = Uuid::from_slice(id).ok()?;
        Some((i64::from_be_bytes(*number), id))
    }

    fn sign(&self, body: &[u8]) -> [u8; SIGNATURE] {
        let mut mac = self.mac.clone();
        mac.update(body);
        let full: [u8; 32] = mac.finalize().into_bytes().into();
        let mut short = [0; SIGNATURE];
        short.copy_from_slice(full.split_at(SIGNATURE).0);
        short
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: Place = (1_700_000_000_000_000, Uuid::from_u128(7));

    #[expect(clippy::disallowed_methods, reason = "tests make their tenants")]
    fn tokens(tenant: u128, method: &str, filter: &str) -> ListTokens {
        let tenant = TenantId::from_verified(Uuid::from_u128(tenant));
        PageTokens::new(&[1; 32])
            .unwrap()
            .of_list(tenant, method, &filter)
    }

    fn opens(list: &ListTokens, token: &str) -> bool {
        let mut check = Check::default();
        let place = list.open(&mut check, "page_token", token);
        check.done(()).is_ok() && place == Some(PLACE)
    }

    #[test]
    fn a_token_opens_in_its_own_list_alone() {
        let token = tokens(1, "ListSessions", "a").seal(PLACE);
        assert!(opens(&tokens(1, "ListSessions", "a"), &token));
        assert!(!opens(&tokens(2, "ListSessions", "a"), &token));
        assert!(!opens(&tokens(1, "ListActivities", "a"), &token));
        assert!(!opens(&tokens(1, "ListSessions", "b"), &token));
    }

    #[test]
    fn no_changed_token_opens() {
        let list = tokens(1, "ListSessions", "a");
        let token = list.seal(PLACE);
        for index in 0..token.len() {
            let (before, after) = token.split_at(index);
            let (old, after) = after.split_at(1);
            let new = if old == "A" { "B" } else { "A" };
            assert!(!opens(&list, &[before, new, after].concat()));
        }
        assert!(!opens(&list, &token[1..]));
        assert!(!opens(&list, "no token"));
    }
}
