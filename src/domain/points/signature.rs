//! The Standard Webhooks scheme: who gets a message can tell that it is ours, whole and new.
//!
//! Source: <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::domain::time::Timestamp;

const PREFIX: &str = "whsec_";
/// Bytes that the scheme wants of a key, at least.
const SHORTEST: usize = 24;

/// Signs messages with a key that their receiver knows.
#[derive(Clone)]
pub struct Signer {
    mac: Hmac<Sha256>,
}

impl Signer {
    /// From `whsec_` and the key in base64, or from any other text, whose bytes are the key.
    /// White space around it is left out.
    ///
    /// # Errors
    /// Says what is wrong with the secret, and nothing of what it is.
    pub fn new(secret: &str) -> Result<Self, String> {
        let secret = secret.trim();
        let key = match secret.strip_prefix(PREFIX) {
            Some(encoded) => STANDARD
                .decode(encoded)
                .map_err(|_| format!("must have base64 after {PREFIX}"))?,
            None => secret.as_bytes().to_vec(),
        };
        if key.len() < SHORTEST {
            return Err(format!("must be a key of at least {SHORTEST} bytes"));
        }
        let mac = Hmac::new_from_slice(&key).map_err(|_| "must be a key".to_owned())?;
        Ok(Self { mac })
    }

    /// The header `webhook-signature` of the message `id`, sent at `at`.
    #[must_use]
    pub fn sign(&self, id: &str, at: i64, body: &str) -> String {
        let mut mac = self.mac.clone();
        mac.update(format!("{id}.{at}.{body}").as_bytes());
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }
}

/// The header `webhook-timestamp`: whole seconds since the epoch.
#[must_use]
pub const fn timestamp(at: Timestamp) -> i64 {
    at.micros().div_euclid(1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of the tests that the scheme's libraries share.
    #[test]
    fn a_signature_is_the_published_one() {
        let signer = Signer::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n").unwrap();
        let id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
        let signature = signer.sign(id, 1_614_265_330, r#"{"test": 2432232314}"#);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn plain_text_is_its_bytes() {
        let plain = Signer::new("a secret of 24 bytes ...").unwrap();
        let coded = Signer::new("whsec_YSBzZWNyZXQgb2YgMjQgYnl0ZXMgLi4u").unwrap();
        assert_eq!(plain.sign("1", 2, "3"), coded.sign("1", 2, "3"));
        assert_ne!(plain.sign("1", 2, "3"), plain.sign("1", 2, "4"));
    }

    #[test]
    fn a_short_or_broken_secret_is_refused() {
        for wrong in [
            "",
            "whsec_",
            "whsec_?",
            "whsec_c2hvcnQ=",
            "of 23 bytes, too short",
        ] {
            assert!(Signer::new(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn timestamps_are_whole_seconds() {
        assert_eq!(timestamp(Timestamp::from_micros(1_999_999)), 1);
    }
}
