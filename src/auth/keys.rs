//! The keys that tokens are verified with.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{
    Algorithm, DecodingKey,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, KeyOperations, PublicKeyUse},
};
use quick_cache::sync::Cache;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::claims::Verified;

/// Tokens that are remembered as verified.
const REMEMBERED: usize = 10_000;
/// RSA keys of fewer bytes (2,048 bits) are not used: RFC 7518, 3.3.
const MIN_RSA_BYTES: usize = 256;

/// A SHA-256.
pub type Print = [u8; 32];

/// Keys of one time, and the tokens that were verified with them: what a withdrawn key verified
/// is forgotten with it.
pub struct KeySet {
    /// Of what the keys were read from.
    pub print: Print,
    pub verified: Cache<Print, Verified>,
    keys: Vec<Key>,
}

struct Key {
    id: Option<String>,
    algorithms: Vec<Algorithm>,
    verifies: DecodingKey,
}

/// What there is for a token.
pub enum Found<'k> {
    Key(&'k DecodingKey),
    /// No key has this id; a newer set might.
    UnknownId,
    /// No key, or more than one, is for tokens like this.
    None,
}

#[derive(Deserialize)]
struct Jwks {
    keys: Vec<serde_json::Value>,
}

impl KeySet {
    /// Of a secret that is shared with the issuer; white space around it is no part of it.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn of_secret(content: &[u8], allowed: &[Algorithm]) -> Result<Self, String> {
        let secret = content.trim_ascii();
        let least = allowed.iter().map(|algorithm| secret_bytes(*algorithm));
        let least = least.max().unwrap_or(usize::MAX);
        if secret.len() < least {
            return Err(format!("the secret must have at least {least} bytes"));
        }
        let key = Key {
            id: None,
            algorithms: allowed.to_vec(),
            verifies: DecodingKey::from_secret(secret),
        };
        Ok(Self::new(content, vec![key]))
    }

    /// Of a JSON Web Key Set (RFC 7517). Keys that are not for verifying by an allowed algorithm
    /// are passed over, as are those of kinds that are not known.
    ///
    /// # Errors
    /// Fails if it is none, or no key is left.
    pub fn of_jwks(content: &[u8], allowed: &[Algorithm]) -> Result<Self, String> {
        let set: Jwks =
            serde_json::from_slice(content).map_err(|_| "it is no JSON Web Key Set".to_owned())?;
        let jwks = set.keys.into_iter();
        let jwks = jwks.filter_map(|key| serde_json::from_value::<Jwk>(key).ok());
        let keys: Vec<_> = jwks.filter_map(|jwk| usable(&jwk, allowed)).collect();
        if keys.is_empty() {
            return Err("it has no key for the allowed algorithms".to_owned());
        }
        Ok(Self::new(content, keys))
    }

    fn new(content: &[u8], keys: Vec<Key>) -> Self {
        Self {
            print: print(content),
            verified: Cache::new(REMEMBERED),
            keys,
        }
    }

    /// How many there are.
    pub const fn len(&self) -> usize {
        self.keys.len()
    }

    /// The one key for a token of this key id and algorithm. A token without an id, and a key
    /// without one, go with any.
    pub fn find(&self, id: Option<&str>, algorithm: Algorithm) -> Found<'_> {
        let goes_with = |key: &&Key| match (id, &key.id) {
            (Some(id), Some(of_key)) => id == of_key,
            _ => true,
        };
        let mut named = self.keys.iter().filter(goes_with).peekable();
        if named.peek().is_none() {
            return Found::UnknownId;
        }
        let mut fitting = named.filter(|key| key.algorithms.contains(&algorithm));
        match (fitting.next(), fitting.next()) {
            (Some(one), None) => Found::Key(&one.verifies),
            _ => Found::None,
        }
    }
}

pub fn print(content: &[u8]) -> Print {
    Sha256::digest(content).into()
}

/// A secret is as long as the hash at least: RFC 7518, 3.2.
const fn secret_bytes(algorithm: Algorithm) -> usize {
    match algorithm {
        Algorithm::HS384 => 48,
        Algorithm::HS512 => 64,
        _ => 32,
    }
}

/// A key for verifying by some of the allowed algorithms.
fn usable(jwk: &Jwk, allowed: &[Algorithm]) -> Option<Key> {
    let common = &jwk.common;
    let for_signing = match &common.public_key_use {
        Some(purpose) => *purpose == PublicKeyUse::Signature,
        None => true,
    };
    let operations = common.key_operations.as_ref();
    let verifies = operations.is_none_or(|all| all.contains(&KeyOperations::Verify));
    let own = common.key_algorithm;
    let mut algorithms = of_kind(&jwk.algorithm);
    algorithms.retain(|one| {
        allowed.contains(one) && own.is_none_or(|own| own == KeyAlgorithm::from(*one))
    });
    if !for_signing || !verifies || algorithms.is_empty() {
        return None;
    }
    Some(Key {
        id: common.key_id.clone(),
        algorithms,
        verifies: DecodingKey::from_jwk(jwk).ok()?,
    })
}

/// What a key of this kind can verify: public keys alone, so that none is taken for a secret.
fn of_kind(parameters: &AlgorithmParameters) -> Vec<Algorithm> {
    use Algorithm::{ES256, ES384, EdDSA, PS256, PS384, PS512, RS256, RS384, RS512};
    match parameters {
        AlgorithmParameters::RSA(rsa) => match URL_SAFE_NO_PAD.decode(&rsa.n) {
            Ok(modulus) if modulus.len() >= MIN_RSA_BYTES => {
                vec![RS256, RS384, RS512, PS256, PS384, PS512]
            }
            _ => Vec::new(),
        },
        AlgorithmParameters::EllipticCurve(ec) => match ec.curve {
            EllipticCurve::P256 => vec![ES256],
            EllipticCurve::P384 => vec![ES384],
            _ => Vec::new(),
        },
        AlgorithmParameters::OctetKeyPair(pair) if pair.curve == EllipticCurve::Ed25519 => {
            vec![EdDSA]
        }
        _ => Vec::new(),
    }
}
