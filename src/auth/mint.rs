//! Tokens for development.

use std::fs;

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Map, Value};

use super::keys::KeySet;
use crate::{
    config::TokenArgs,
    domain::time::{Clock, Timestamp},
};

/// A token that says what `args` say, good from now on.
///
/// # Errors
/// Fails if the secret cannot be read, or is too short.
pub fn token(args: &TokenArgs, clock: &dyn Clock) -> Result<String, String> {
    let path = &args.jwt_secret_file;
    let of_file = |error: String| format!("{}: {error}", path.display());
    let secret = fs::read(path).map_err(|error| of_file(error.to_string()))?;
    let algorithms = args.claims.algorithms_of_secret()?;
    KeySet::of_secret(&secret, &algorithms).map_err(of_file)?;
    let algorithm = algorithms.first().copied().unwrap_or(Algorithm::HS256);
    let now = clock.now();
    let names = &args.claims;
    let mut claims = Map::new();
    let mut say = |name: &str, value: Value| claims.insert(name.to_owned(), value);
    say("iat", seconds(now).into());
    say("exp", seconds(now + args.ttl).into());
    say(&names.jwt_tenant_claim, args.tenant.to_string().into());
    say(&names.jwt_role_claim, args.role.name().into());
    if let Some(user) = &args.user {
        say(&names.jwt_user_claim, user.clone().into());
    }
    if let Some(issuer) = &names.jwt_issuer {
        say("iss", issuer.clone().into());
    }
    if let Some(audience) = &names.jwt_audience {
        say("aud", audience.clone().into());
    }
    let key = EncodingKey::from_secret(secret.trim_ascii());
    encode(&Header::new(algorithm), &claims, &key).map_err(|error| error.to_string())
}

const fn seconds(time: Timestamp) -> i64 {
    time.micros().div_euclid(1_000_000)
}
