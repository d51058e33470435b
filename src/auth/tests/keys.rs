//! Which keys are used.

use jsonwebtoken::Algorithm::{ES256, ES384, RS256};
use serde_json::json;

use super::issuer::{Issuer, SECRET, Verifier, claims, jwks, open};

async fn lets_in(verifier: &Verifier, token: &str) -> bool {
    verifier.jwt.verify(token).await.is_ok()
}

#[tokio::test]
async fn a_key_is_chosen_by_its_id() {
    let (a, b) = (Issuer::new("a", ES256), Issuer::new("b", ES256));
    let verifier = Verifier::of_jwks(&jwks(&[&a, &b]), &[]).await;
    assert!(lets_in(&verifier, &a.sign(&claims())).await);
    assert!(lets_in(&verifier, &b.sign(&claims())).await);
    let as_b = Issuer {
        id: Some("b".to_owned()),
        ..Issuer::new("b", ES256)
    };
    assert!(!lets_in(&verifier, &as_b.sign(&claims())).await);
    // Without an id one of two keys is not guessed; where there is but one it is that.
    let nameless = Issuer { id: None, ..a };
    assert!(!lets_in(&verifier, &nameless.sign(&claims())).await);
    let verifier = Verifier::of_jwks(&jwks(&[&nameless]), &[]).await;
    assert!(lets_in(&verifier, &nameless.sign(&claims())).await);
}

#[tokio::test]
async fn keys_for_other_purposes_are_passed_over() {
    let good = Issuer::new("good", ES256);
    let changed = |change: &dyn Fn(&mut serde_json::Value)| {
        let mut issuer = Issuer::new("bad", ES256);
        change(&mut issuer.jwk);
        issuer
    };
    let for_secrets = changed(&|jwk| jwk["use"] = json!("enc"));
    let for_signing = changed(&|jwk| jwk["key_ops"] = json!(["sign"]));
    let for_other = changed(&|jwk| jwk["alg"] = json!("ECDH-ES"));
    let of_new_kind = changed(&|jwk| jwk["kty"] = json!("QUANTUM"));
    let a_secret = Issuer {
        jwk: json!({"kty": "oct", "kid": "bad", "k": "c2VjcmV0"}),
        ..Issuer::new("bad", ES256)
    };
    for bad in [for_secrets, for_signing, for_other, of_new_kind, a_secret] {
        let verifier = Verifier::of_jwks(&jwks(&[&bad, &good]), &[]).await;
        assert!(lets_in(&verifier, &good.sign(&claims())).await);
        assert!(
            !lets_in(&verifier, &bad.sign(&claims())).await,
            "{}",
            bad.jwk
        );
        assert!(refused_jwks(&jwks(&[&bad])).await.contains("no key for"));
    }
    // P-384 is not for ES256, and a short RSA key is for nothing.
    assert!(
        refused_jwks(&jwks(&[&Issuer::new("a", ES384)]))
            .await
            .contains("no key for")
    );
    let mut short = Issuer::new("a", RS256);
    short.jwk["n"] = json!("AQAB");
    assert!(refused_jwks(&jwks(&[&short])).await.contains("no key for"));
}

/// Why a file of keys is refused at start.
async fn refused_jwks(content: &str) -> String {
    let dir = tempfile::TempDir::new().unwrap();
    let path = dir.path().join("keys");
    std::fs::write(&path, content).unwrap();
    let (jwt, _) = open(&["--jwt-jwks-file", path.to_str().unwrap()]).await;
    jwt.err().unwrap()
}

#[tokio::test]
async fn a_file_that_cannot_be_used_is_refused_at_start() {
    for (content, why) in [
        ("", "it is no JSON Web Key Set"),
        ("[]", "it is no JSON Web Key Set"),
        ("{\"keys\": []}", "it has no key for the allowed algorithms"),
        (&*" ".repeat(300_000), "it is larger than 262144 bytes"),
    ] {
        assert!(refused_jwks(content).await.ends_with(why));
    }
    let (missing, _) = open(&["--jwt-jwks-file", "/nowhere/keys"]).await;
    assert!(missing.err().unwrap().contains("/nowhere/keys"));
    let (short, _) = open(&["--jwt-secret-file", "/dev/null"]).await;
    assert!(
        short
            .err()
            .unwrap()
            .ends_with("the secret must have at least 32 bytes")
    );
}

#[tokio::test]
async fn a_new_file_is_used_and_a_bad_one_is_not() {
    let (a, b) = (Issuer::new("a", ES256), Issuer::new("b", ES256));
    let verifier = Verifier::of_jwks(&jwks(&[&a]), &[]).await;
    assert!(lets_in(&verifier, &a.sign(&claims())).await);
    std::fs::write(verifier.file(), "oops").unwrap();
    verifier.jwt.reload().await;
    assert!(lets_in(&verifier, &a.sign(&claims())).await);
    std::fs::write(verifier.file(), jwks(&[&b])).unwrap();
    verifier.jwt.reload().await;
    assert!(lets_in(&verifier, &b.sign(&claims())).await);
    assert!(!lets_in(&verifier, &a.sign(&claims())).await);
}

#[tokio::test]
async fn a_new_secret_is_used() {
    use jsonwebtoken::Algorithm::HS256;
    let verifier = Verifier::of_secret(SECRET, &[]).await;
    let old = Issuer::of_secret(SECRET, HS256).sign(&claims());
    assert!(lets_in(&verifier, &old).await);
    let new = [b"new ".as_slice(), SECRET, b"\n"].concat();
    std::fs::write(verifier.file(), &new).unwrap();
    verifier.jwt.reload().await;
    let issuer = Issuer::of_secret(new.trim_ascii(), HS256);
    assert!(lets_in(&verifier, &issuer.sign(&claims())).await);
    assert!(!lets_in(&verifier, &old).await);
}
