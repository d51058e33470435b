//! Bearer tokens: claims of all kinds, signed as they should be or not.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Map, Value, json};
use tonic::Code;

use super::{Entropy, World};
use crate::{auth, wire::call_with};

const LIST: &str = "/dwell.v1.SessionService/ListSessions";
const CLAIMS: [&str; 7] = ["tenant_id", "role", "sub", "exp", "nbf", "aud", "iss"];
const HEADERS: [&str; 6] = [
    r#"{"alg":"none"}"#,
    r#"{"alg":"HS256","crit":["exp"]}"#,
    r#"{"alg":"RS256","kid":"a"}"#,
    r#"{"alg":["HS256"]}"#,
    r#"{"alg":"HS256""#,
    "[]",
];

/// Values that a claim may have, right ones among them.
fn values() -> Vec<Value> {
    vec![
        json!("7f0c1f3e-5a51-4e0a-9a63-3d2f4b8f6c11"),
        json!("00000000-0000-0000-0000-000000000000"),
        json!("user"),
        json!("service"),
        json!(["user", "admin"]),
        json!([["user"]]),
        json!("someone@example.com"),
        json!(""),
        json!("\u{0}\u{202e}"),
        json!(4_102_444_800_i64),
        json!(-1),
        json!(1e308),
        json!("4102444800"),
        json!(u64::MAX),
        Value::Null,
        json!({"exp": true}),
    ]
}

/// The right claims, which are let in, and the key of the server's secret.
pub struct Prepared {
    claims: Map<String, Value>,
    key: EncodingKey,
    values: Vec<Value>,
}

pub fn prepare(_: &World) -> Prepared {
    let claims = json!({
        "tenant_id": "7f0c1f3e-5a51-4e0a-9a63-3d2f4b8f6c11",
        "role": "user",
        "sub": "someone",
        "exp": 4_102_444_800_i64,
    });
    let Value::Object(claims) = claims else {
        panic!("{claims}");
    };
    Prepared {
        claims,
        key: EncodingKey::from_secret(auth::SECRET_KEY.as_bytes()),
        values: values(),
    }
}

/// A token that is not whole, not signed or not right is refused; one that is, is let in; and no
/// answer repeats it.
pub fn target(world: &World, prepared: &Prepared, entropy: &mut Entropy<'_>) {
    let mut claims = prepared.claims.clone();
    for _ in 0..entropy.below(4) {
        let name = *entropy.pick(&CLAIMS);
        if entropy.below(4) == 0 {
            claims.remove(name);
        } else {
            claims.insert(name.to_owned(), entropy.pick(&prepared.values).clone());
        }
    }
    let as_it_should_be = claims == prepared.claims;
    let header = Header::new(Algorithm::HS256);
    let signed = jsonwebtoken::encode(&header, &claims, &prepared.key).unwrap();
    let (token, changed) = changed(&signed, entropy);

    let bearer = format!("Bearer {token}");
    let metadata = [("authorization", &*bearer)];
    let call = call_with(&world.server.channel, LIST, &metadata, vec![Vec::new()]);
    match world.runtime.block_on(call) {
        Ok(_) => assert!(!changed, "{token}"),
        Err(status) => {
            let code = status.code();
            let refused = [Code::Unauthenticated, Code::PermissionDenied];
            assert!(refused.contains(&code), "{status:?} {claims:?}");
            assert!(changed || !as_it_should_be, "{status:?} {claims:?}");
            assert!(!changed || code == Code::Unauthenticated, "{status:?}");
            assert!(token.len() < 16 || !format!("{status:?}").contains(&token));
        }
    }
}

/// The token, or what somebody made of it.
fn changed(token: &str, entropy: &mut Entropy<'_>) -> (String, bool) {
    let parts: Vec<_> = token.split('.').collect();
    let other = match entropy.below(6) {
        0 => {
            let header = BASE64_URL_SAFE_NO_PAD.encode(entropy.pick(&HEADERS));
            format!("{header}.{}.{}", parts[1], parts[2])
        }
        1 => format!("{}.{}.", parts[0], parts[1]),
        2 => {
            let junk = entropy.bytes(32);
            let junk = BASE64_URL_SAFE_NO_PAD.encode(junk);
            format!("{}.{}.{junk}", parts[0], parts[1])
        }
        3 => token.chars().take(entropy.below(256)).collect(),
        _ => token.to_owned(),
    };
    let changed = other != token;
    (other, changed)
}
