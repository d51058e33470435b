//! Single tokens.

use jsonwebtoken::Algorithm::{
    ES256, ES384, EdDSA, HS256, HS384, HS512, PS256, PS384, PS512, RS256, RS384, RS512,
};
use serde_json::{Value, json};

use super::issuer::{Issuer, NOW, SECRET, TENANT, Verifier, at, claims, jwks, with};
use crate::{
    auth::{Caller, Denied, Roles},
    domain::ids::UserId,
};

const ANY: &str = "RS256,RS384,RS512,PS256,PS384,PS512,ES256,ES384,EdDSA";
const INVALID: Denied = Denied::TokenInvalid("the token is not valid");

/// A verifier of one issuer of ES256, with more flags.
async fn es256(flags: &[&str]) -> (Issuer, Verifier) {
    let issuer = Issuer::new("a", ES256);
    let verifier = Verifier::of_jwks(&jwks(&[&issuer]), flags).await;
    (issuer, verifier)
}

async fn verify(verifier: &Verifier, token: &str) -> Result<Caller, Denied> {
    verifier.jwt.verify(token).await
}

#[tokio::test]
async fn every_algorithm_verifies_its_own_tokens() {
    for algorithm in [
        RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, EdDSA,
    ] {
        let issuer = Issuer::new("a", algorithm);
        let keys = jwks(&[&issuer]);
        let verifier = Verifier::of_jwks(&keys, &["--jwt-algorithms", ANY]).await;
        let token = issuer.sign(&claims());
        let caller = verify(&verifier, &token).await.unwrap();
        assert_eq!(caller.tenant.to_string(), TENANT, "{algorithm:?}");
        // Not where its algorithm is not allowed, though its key is there.
        let restricted = [
            "--jwt-algorithms",
            if algorithm == ES256 { "RS256" } else { "ES256" },
        ];
        let other = Issuer::new("b", if algorithm == ES256 { RS256 } else { ES256 });
        let verifier = Verifier::of_jwks(&jwks(&[&issuer, &other]), &restricted).await;
        assert_eq!(verify(&verifier, &token).await, Err(INVALID));
    }
    for algorithm in [HS256, HS384, HS512] {
        let name = format!("{algorithm:?}");
        let verifier = Verifier::of_secret(SECRET, &["--jwt-algorithms", &name]).await;
        let token = Issuer::of_secret(SECRET, algorithm).sign(&claims());
        assert!(verify(&verifier, &token).await.is_ok(), "{name}");
        let forged = Issuer::of_secret(b"another", algorithm).sign(&claims());
        assert_eq!(verify(&verifier, &forged).await, Err(INVALID));
    }
}

#[tokio::test]
async fn a_public_key_is_no_secret() {
    for algorithm in [RS256, ES256] {
        let issuer = Issuer::new("a", algorithm);
        let keys = jwks(&[&issuer]);
        let verifier = Verifier::of_jwks(&keys, &[]).await;
        let part = |name: &str| {
            issuer.jwk[name]
                .as_str()
                .unwrap_or_default()
                .as_bytes()
                .to_vec()
        };
        let guesses = [
            keys.into_bytes(),
            part("n"),
            part("x"),
            part("kid"),
            Vec::new(),
        ];
        for guess in guesses {
            let mut by_secret = Issuer::of_secret(&guess, HS256);
            by_secret.id.clone_from(&issuer.id);
            let forged = by_secret.sign(&claims());
            assert_eq!(verify(&verifier, &forged).await, Err(INVALID));
        }
    }
}

#[tokio::test]
async fn a_token_without_a_signature_is_none() {
    let (issuer, verifier) = es256(&[]).await;
    let secret = Verifier::of_secret(SECRET, &[]).await;
    let good = issuer.sign(&claims());
    let [header, payload, signature] = *good.split('.').collect::<Vec<_>>() else {
        panic!("{good}");
    };
    for algorithm in ["none", "None", "NONE", "nOnE", "", "RS1024", "HS256"] {
        let header = encoded(&json!({"alg": algorithm, "kid": "a", "typ": "JWT"}));
        for signature in ["", signature] {
            let token = format!("{header}.{payload}.{signature}");
            assert_eq!(verify(&verifier, &token).await, Err(INVALID), "{algorithm}");
            assert_eq!(verify(&secret, &token).await, Err(INVALID), "{algorithm}");
        }
    }
    let changed = encoded(&with(json!({"role": "admin"})));
    for token in [
        format!("{header}.{changed}.{signature}"),
        format!("{header}.{payload}."),
        format!("{header}.{payload}"),
        format!("{good}.{signature}"),
        format!("{header}.{payload}.{signature}="),
        format!(" {good}"),
        good[..good.len() - 2].to_owned(),
        String::new(),
        "..".to_owned(),
        "a.b.c".to_owned(),
        "\u{0}".to_owned(),
    ] {
        assert_eq!(verify(&verifier, &token).await, Err(INVALID), "{token}");
    }
    assert!(verify(&verifier, &good).await.is_ok());
}

fn encoded(json: &Value) -> String {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    URL_SAFE_NO_PAD.encode(json.to_string())
}

#[tokio::test]
async fn a_token_that_is_too_long_or_has_extensions_is_not_read() {
    let (issuer, verifier) = es256(&[]).await;
    let long = issuer.sign(&with(json!({"more": "x".repeat(8_000)})));
    assert_eq!(verify(&verifier, &long).await, Err(INVALID));
    let mut header = issuer.header();
    header.crit = Some(vec!["exp".to_owned()]);
    let critical = jsonwebtoken::encode(&header, &claims(), &issuer.key).unwrap();
    assert_eq!(verify(&verifier, &critical).await, Err(INVALID));
}

#[tokio::test]
async fn issuer_and_audience_are_those_asked_for() {
    let flags = ["--jwt-issuer", "https://id", "--jwt-audience", "dwell"];
    let (issuer, verifier) = es256(&flags).await;
    let said = |iss: Value, aud: Value| issuer.sign(&with(json!({"iss": iss, "aud": aud})));
    for audience in [json!("dwell"), json!(["other", "dwell"])] {
        let token = said("https://id".into(), audience);
        assert!(verify(&verifier, &token).await.is_ok());
    }
    for (iss, aud) in [
        (json!("https://id/"), json!("dwell")),
        (json!(null), json!("dwell")),
        (json!(7), json!("dwell")),
        (json!("https://id"), json!("other")),
        (json!("https://id"), json!(["other"])),
        (json!("https://id"), json!([])),
        (json!("https://id"), json!(null)),
        (json!("https://id"), json!({"dwell": 1})),
    ] {
        let token = said(iss.clone(), aud.clone());
        assert_eq!(verify(&verifier, &token).await, Err(INVALID), "{iss} {aud}");
    }
    // Without being asked for, neither matters.
    let open = Verifier::of_jwks(&jwks(&[&issuer]), &[]).await;
    assert!(verify(&open, &said("x".into(), "y".into())).await.is_ok());
}

#[tokio::test]
async fn a_token_is_good_from_its_start_to_its_end_and_a_minute_more() {
    let (issuer, verifier) = es256(&[]).await;
    let token = issuer.sign(&with(json!({"nbf": NOW, "exp": NOW + 600})));
    let expired = Err(Denied::TokenExpired);
    let early = Err(Denied::TokenInvalid("the token is not good yet"));
    // Twice: a token that is remembered ends too, and a clock may be set back.
    for _ in 0..2 {
        for (seconds, outcome) in [
            (-61, Some(early)),
            (-60, None),
            (0, None),
            (659, None),
            (660, Some(expired)),
            (10_000, Some(expired)),
        ] {
            verifier.clock.set(at(NOW + seconds));
            let answer = verify(&verifier, &token).await;
            match outcome {
                Some(refusal) => assert_eq!(answer, refusal, "{seconds}"),
                None => assert!(answer.is_ok(), "{seconds}"),
            }
        }
    }
    verifier.clock.set(at(NOW));
    let times = Err(Denied::TokenInvalid(
        "the token's exp and nbf must be times",
    ));
    for bad in [json!("soon"), json!(-1), json!(1e300)] {
        let exp = issuer.sign(&with(json!({"exp": bad})));
        let nbf = issuer.sign(&with(json!({"nbf": bad})));
        assert_eq!(verify(&verifier, &exp).await, times, "{bad}");
        assert_eq!(verify(&verifier, &nbf).await, times, "{bad}");
    }
    let endless = issuer.sign(&with(json!({"exp": null})));
    let refusal = Denied::TokenInvalid("the token must have an end, exp");
    assert_eq!(verify(&verifier, &endless).await, Err(refusal));
    // Fractions are allowed, and an end beyond all times.
    for exp in [json!(1_800_000_000.5), json!(u64::MAX)] {
        let token = issuer.sign(&with(json!({ "exp": exp })));
        assert!(verify(&verifier, &token).await.is_ok(), "{exp}");
    }
}

#[tokio::test]
async fn a_token_says_tenant_and_role() {
    let (issuer, verifier) = es256(&[]).await;
    let tenants = [
        json!(null),
        json!("acme"),
        json!(7),
        json!("00000000-0000-0000-0000-000000000000"),
        json!(TENANT.replace('-', "")),
    ];
    for tenant in tenants {
        let token = issuer.sign(&with(json!({"tenant_id": tenant})));
        let refusal = Denied::TokenInvalid("the token's tenant claim must be a UUID");
        assert_eq!(verify(&verifier, &token).await, Err(refusal), "{tenant}");
    }
    let none = Roles::default();
    let service = Roles {
        service: true,
        ..none
    };
    for (role, roles) in [
        (json!(null), none),
        (json!("root"), none),
        (json!("Service"), none),
        (json!(["root"]), none),
        (json!({"service": true}), none),
        (json!("service"), service),
        (json!(["root", 7, "service"]), service),
        (json!(["service", "admin"]), Roles::EVERYTHING),
    ] {
        let token = issuer.sign(&with(json!({ "role": role })));
        let caller = verify(&verifier, &token).await;
        if roles == none {
            let refusal = "the token's role claim must be service, admin or user";
            assert_eq!(caller, Err(Denied::TokenInvalid(refusal)), "{role}");
        } else {
            assert_eq!(caller.unwrap().roles, roles, "{role}");
        }
    }
}

#[tokio::test]
async fn a_user_is_a_uuid_or_what_the_subject_maps_to() {
    let (issuer, verifier) = es256(&[]).await;
    let user = async |subject: Value| {
        let token = issuer.sign(&with(json!({"role": "user", "sub": subject})));
        verify(&verifier, &token).await.map(|caller| caller.user)
    };
    let id = |text: &str| Ok(Some(UserId(text.parse().unwrap())));
    let own = "0190a000-0000-7000-8000-00000000000a";
    assert_eq!(user(json!(own)).await, id(own));
    assert_eq!(user(json!(own.to_uppercase())).await, id(own));
    // As `uuid.uuid5(uuid.UUID(tenant), subject)` in Python.
    let derived = "64214085-b5dd-5fa1-a4d1-947c5aecf78a";
    assert_eq!(user(json!("alice@example.com")).await, id(derived));
    let nobody = Err(Denied::TokenInvalid(
        "the token's user claim is required of a user",
    ));
    for subject in [
        json!(null),
        json!(""),
        json!(7),
        json!("00000000-0000-0000-0000-000000000000"),
    ] {
        assert_eq!(user(subject.clone()).await, nobody, "{subject}");
    }
    // Of a service it does not matter.
    assert!(verify(&verifier, &issuer.sign(&claims())).await.is_ok());
}

#[tokio::test]
async fn claims_may_have_other_names() {
    let flags = [
        "--jwt-tenant-claim",
        "https://example.com/org",
        "--jwt-user-claim",
        "uid",
        "--jwt-role-claim",
        "roles",
    ];
    let (issuer, verifier) = es256(&flags).await;
    let own = "0190a000-0000-7000-8000-00000000000a";
    let said = json!({
        "exp": NOW + 60, "https://example.com/org": TENANT, "uid": own, "roles": ["user"],
    });
    let caller = verify(&verifier, &issuer.sign(&said)).await.unwrap();
    assert_eq!(caller.user, Some(UserId(own.parse().unwrap())));
    assert!(verify(&verifier, &issuer.sign(&claims())).await.is_err());
}

#[tokio::test]
async fn a_minted_token_is_let_in() {
    use clap::Parser;

    use crate::{
        auth::mint,
        config::{Cli, Command},
    };
    let flags: [&str; 4] = ["--jwt-issuer", "here", "--jwt-algorithms", "HS384"];
    let verifier = Verifier::of_secret(SECRET, &flags).await;
    let file = verifier.file();
    let mint = |more: &[&str]| {
        let args = [
            "dwell",
            "token",
            "--jwt-secret-file",
            file.to_str().unwrap(),
        ];
        let args = [
            &args,
            &["--tenant", TENANT, "--ttl", "60"],
            &flags[..],
            more,
        ]
        .concat();
        match Cli::try_parse_from(args).unwrap().command {
            Some(Command::Token(args)) => mint::token(&args, &*verifier.clock),
            other => panic!("{other:?}"),
        }
    };
    let token = mint(&["--role", "user", "--user", "alice"]).unwrap();
    let caller = verify(&verifier, &token).await.unwrap();
    assert!(caller.roles.user && !caller.roles.service && caller.user.is_some());
    assert!(
        verify(&verifier, &mint(&["--role", "admin"]).unwrap())
            .await
            .is_ok()
    );
    verifier.clock.set(at(NOW + 120));
    assert_eq!(verify(&verifier, &token).await, Err(Denied::TokenExpired));
    std::fs::write(&file, "short").unwrap();
    let refusal = mint(&["--role", "admin"]).unwrap_err();
    assert!(
        refusal.ends_with("the secret must have at least 48 bytes"),
        "{refusal}"
    );
}
