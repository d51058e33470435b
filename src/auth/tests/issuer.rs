//! Issuers of tokens, and where they publish their keys.

use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use clap::Parser;
use jsonwebtoken::{Algorithm, AlgorithmFamily, EncodingKey, Header, encode, jwk::Jwk};
use rcgen::{
    KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519, PKCS_RSA_SHA256,
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use crate::{
    auth::Jwt,
    config::Cli,
    domain::time::{ManualClock, Timestamp},
};

/// When every test begins, in seconds.
pub const NOW: i64 = 1_800_000_000;
pub const TENANT: &str = "7f0c1f3e-5a51-4e0a-9a63-3d2f4b8f6c11";
pub const SECRET: &[u8] = b"a secret of sixty-four bytes, which is enough for each of them!!";

/// Signs tokens with one key.
pub struct Issuer {
    pub id: Option<String>,
    pub algorithm: Algorithm,
    pub key: EncodingKey,
    /// Its public half.
    pub jwk: Value,
}

impl Issuer {
    pub fn new(id: &str, algorithm: Algorithm) -> Self {
        let key = private_key(algorithm);
        let mut jwk = match algorithm.family() {
            AlgorithmFamily::Ed => {
                let public = URL_SAFE_NO_PAD.encode(ed25519().public_key_raw());
                json!({"kty": "OKP", "crv": "Ed25519", "x": public})
            }
            _ => serde_json::to_value(Jwk::from_encoding_key(&key, algorithm).unwrap()).unwrap(),
        };
        jwk["kid"] = id.into();
        jwk["alg"] = format!("{algorithm:?}").into();
        Self {
            id: Some(id.to_owned()),
            algorithm,
            key,
            jwk,
        }
    }

    pub fn of_secret(secret: &[u8], algorithm: Algorithm) -> Self {
        Self {
            id: None,
            algorithm,
            key: EncodingKey::from_secret(secret),
            jwk: Value::Null,
        }
    }

    pub fn header(&self) -> Header {
        let mut header = Header::new(self.algorithm);
        header.kid.clone_from(&self.id);
        header
    }

    pub fn sign(&self, claims: &Value) -> String {
        encode(&self.header(), claims, &self.key).unwrap()
    }
}

/// A new key each time, but for RSA, of which making one takes a while.
fn private_key(algorithm: Algorithm) -> EncodingKey {
    static RSA: OnceLock<Vec<u8>> = OnceLock::new();
    match algorithm.family() {
        AlgorithmFamily::Rsa => {
            let der = RSA.get_or_init(|| {
                let key = KeyPair::generate_for(&PKCS_RSA_SHA256).unwrap();
                // What is within PKCS#8 is PKCS#1.
                key.serialize_der().split_off(26)
            });
            EncodingKey::from_rsa_der(der)
        }
        AlgorithmFamily::Ec => {
            let curve = match algorithm {
                Algorithm::ES384 => &PKCS_ECDSA_P384_SHA384,
                _ => &PKCS_ECDSA_P256_SHA256,
            };
            let key = KeyPair::generate_for(curve).unwrap();
            EncodingKey::from_ec_der(&key.serialize_der())
        }
        AlgorithmFamily::Ed => EncodingKey::from_ed_der(&ed25519().serialize_der()),
        AlgorithmFamily::Hmac => EncodingKey::from_secret(SECRET),
    }
}

fn ed25519() -> &'static KeyPair {
    static KEY: OnceLock<KeyPair> = OnceLock::new();
    KEY.get_or_init(|| KeyPair::generate_for(&PKCS_ED25519).unwrap())
}

/// What a service's token says, good for an hour.
pub fn claims() -> Value {
    json!({"tenant_id": TENANT, "role": "service", "exp": NOW + 3_600})
}

/// The same with other claims; null takes one away.
#[expect(
    clippy::needless_pass_by_value,
    reason = "it is written where it is needed"
)]
pub fn with(changes: Value) -> Value {
    let mut claims = claims();
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(name);
        } else {
            claims[name] = value.clone();
        }
    }
    claims
}

pub fn jwks(issuers: &[&Issuer]) -> String {
    let keys: Vec<_> = issuers.iter().map(|issuer| &issuer.jwk).collect();
    json!({ "keys": keys }).to_string()
}

/// A verifier whose keys are in files of a folder, and its clock.
pub struct Verifier {
    pub jwt: Arc<Jwt>,
    pub clock: Arc<ManualClock>,
    dir: TempDir,
}

impl Verifier {
    /// Of a file of keys, with more flags.
    pub async fn of_jwks(content: &str, flags: &[&str]) -> Self {
        Self::of_file("--jwt-jwks-file", content.as_bytes(), flags).await
    }

    /// Of a secret file, with more flags.
    pub async fn of_secret(secret: &[u8], flags: &[&str]) -> Self {
        Self::of_file("--jwt-secret-file", secret, flags).await
    }

    async fn of_file(flag: &str, content: &[u8], flags: &[&str]) -> Self {
        let dir = TempDir::new().unwrap();
        let path = dir.path().join("keys");
        std::fs::write(&path, content).unwrap();
        let args = [&[flag, path.to_str().unwrap()], flags].concat();
        let (jwt, clock) = open(&args).await;
        Self {
            jwt: jwt.unwrap(),
            clock,
            dir,
        }
    }

    pub fn file(&self) -> PathBuf {
        self.dir.path().join("keys")
    }
}

/// A verifier of these flags.
pub async fn open(flags: &[&str]) -> (Result<Arc<Jwt>, String>, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::at(at(NOW)));
    let args = [&["dwell", "--auth", "jwt"], flags].concat();
    let args = Cli::try_parse_from(args).unwrap().serve;
    let config = args.jwt.resolve(args.auth).unwrap().unwrap();
    let jwt = Jwt::open(config, clock.clone()).await;
    (jwt.map_err(|error| error.to_string()), clock)
}

pub fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(seconds * 1_000_000)
}

/// An HTTP server that gives one answer to whoever asks, and counts.
pub struct Publisher {
    pub url: String,
    answer: Arc<Mutex<String>>,
    asked: Arc<AtomicUsize>,
}

impl Publisher {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let publisher = Self {
            url: format!("http://{}/keys?secret=hush", listener.local_addr().unwrap()),
            answer: Arc::default(),
            asked: Arc::default(),
        };
        let (answer, asked) = (publisher.answer.clone(), publisher.asked.clone());
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut request = [0; 1_024];
                // A request of ours comes in one piece.
                let _ = stream.read(&mut request).await;
                asked.fetch_add(1, Ordering::SeqCst);
                let answer = answer.lock().unwrap().clone();
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        publisher
    }

    pub fn publish(&self, content: &str) {
        self.answer_with("200 OK", content);
    }

    pub fn answer_with(&self, status: &str, content: &str) {
        let length = content.len();
        *self.answer.lock().unwrap() = format!(
            "HTTP/1.1 {status}\r\nconnection: close\r\nlocation: {}\r\n\
             content-length: {length}\r\n\r\n{content}",
            self.url
        );
    }

    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}
