//! Keys at a URL: fetched when they are needed, and no more often.

use std::{sync::Arc, time::Duration};

use futures::future::join_all;
use jsonwebtoken::Algorithm::ES256;
use serde_json::json;

use super::issuer::{Issuer, Publisher, claims, jwks, open, with};
use crate::{
    auth::{Denied, Jwt, jwt::COOLDOWN},
    domain::time::ManualClock,
};

const INVALID: Denied = Denied::TokenInvalid("the token is not valid");

/// A publisher of the issuer's key, and a verifier that fetched it.
async fn published(issuer: &Issuer) -> (Publisher, Arc<Jwt>, Arc<ManualClock>) {
    let publisher = Publisher::start().await;
    publisher.publish(&jwks(&[issuer]));
    let (jwt, clock) = open(&["--jwt-jwks-url", &publisher.url]).await;
    assert_eq!(publisher.asked(), 1);
    (publisher, jwt.unwrap(), clock)
}

#[tokio::test]
async fn an_unknown_key_id_is_asked_for_at_once() {
    let (old, new) = (Issuer::new("old", ES256), Issuer::new("new", ES256));
    let (publisher, jwt, clock) = published(&old).await;
    clock.advance(COOLDOWN);
    publisher.publish(&jwks(&[&old, &new]));
    for issuer in [&new, &old, &new] {
        assert!(jwt.verify(&issuer.sign(&claims())).await.is_ok());
    }
    assert_eq!(publisher.asked(), 2);
}

#[tokio::test]
async fn a_flood_of_unknown_key_ids_is_no_flood_of_fetches() {
    let known = Issuer::new("known", ES256);
    let (publisher, jwt, clock) = published(&known).await;
    let flood = async |round: usize| {
        let calls = (0..50).map(|number| {
            let unknown = Issuer::new(&format!("{round}-{number}"), ES256);
            let (jwt, token) = (jwt.clone(), unknown.sign(&claims()));
            async move { jwt.verify(&token).await }
        });
        assert!(
            join_all(calls)
                .await
                .iter()
                .all(|answer| *answer == Err(INVALID))
        );
        // Nobody else is held up by it.
        assert!(jwt.verify(&known.sign(&claims())).await.is_ok());
    };
    flood(0).await;
    assert_eq!(publisher.asked(), 1);
    for round in 1..4 {
        clock.advance(COOLDOWN);
        flood(round).await;
        assert_eq!(publisher.asked(), 1 + round);
        clock.advance(Duration::from_micros(9_999_999));
        flood(round).await;
        assert_eq!(publisher.asked(), 1 + round);
        clock.advance(Duration::from_micros(1));
    }
    // A clock that was set back does not make it wait until then.
    clock.set(super::issuer::at(super::issuer::NOW - 1_000));
    let new = Issuer::new("new", ES256);
    publisher.publish(&jwks(&[&known, &new]));
    assert!(jwt.verify(&new.sign(&claims())).await.is_ok());
}

#[tokio::test]
async fn the_last_good_set_is_kept() {
    let good = Issuer::new("good", ES256);
    let (publisher, jwt, clock) = published(&good).await;
    let large = format!("{}{}", jwks(&[&good]), " ".repeat(300_000));
    for (status, content) in [
        ("500 Internal Server Error", "{}"),
        ("302 Found", ""),
        ("404 Not Found", &*jwks(&[&Issuer::new("other", ES256)])),
        ("200 OK", "<html>"),
        ("200 OK", "{\"keys\": []}"),
        ("200 OK", &*large),
    ] {
        let asked = publisher.asked();
        publisher.answer_with(status, content);
        jwt.reload().await;
        assert_eq!(publisher.asked(), asked + 1, "{status}");
        assert!(jwt.verify(&good.sign(&claims())).await.is_ok(), "{status}");
    }
    clock.advance(COOLDOWN);
    let unknown = Issuer::new("unknown", ES256).sign(&claims());
    assert_eq!(jwt.verify(&unknown).await, Err(INVALID));
}

#[tokio::test]
async fn what_a_withdrawn_key_verified_is_forgotten() {
    let (old, new) = (Issuer::new("old", ES256), Issuer::new("new", ES256));
    let (publisher, jwt, _) = published(&old).await;
    let token = old.sign(&claims());
    assert!(jwt.verify(&token).await.is_ok());
    publisher.publish(&jwks(&[&new]));
    // Until the keys are read again it is remembered.
    assert!(jwt.verify(&token).await.is_ok());
    jwt.reload().await;
    assert_eq!(jwt.verify(&token).await, Err(INVALID));
    assert!(jwt.verify(&new.sign(&claims())).await.is_ok());
}

#[tokio::test]
async fn nobody_is_let_in_before_there_are_keys() {
    let issuer = Issuer::new("a", ES256);
    let publisher = Publisher::start().await;
    publisher.answer_with("503 Service Unavailable", "");
    let (jwt, clock) = open(&["--jwt-jwks-url", &publisher.url]).await;
    let jwt = jwt.unwrap();
    let token = issuer.sign(&claims());
    assert_eq!(jwt.verify(&token).await, Err(Denied::NoKeys));
    publisher.publish(&jwks(&[&issuer]));
    clock.advance(COOLDOWN);
    assert!(jwt.verify(&token).await.is_ok());
}

#[tokio::test]
async fn what_goes_wrong_tells_nothing_of_the_url() {
    use crate::{auth::check, config::Cli};
    use clap::Parser;
    let publisher = Publisher::start().await;
    for content in ["200 OK", "500 Oops"] {
        publisher.answer_with(content, "");
        let args = ["dwell", "--auth", "jwt", "--jwt-jwks-url", &publisher.url];
        let args = Cli::try_parse_from(args).unwrap().serve;
        let config = args.jwt.resolve(args.auth).unwrap().unwrap();
        let finding = check::keys(config).await;
        assert!(finding.is_fail());
        assert!(!finding.to_string().contains("hush"), "{finding}");
    }
    // A refused connection too.
    let url = "http://127.0.0.1:1/keys?secret=hush";
    let args = ["dwell", "--auth", "jwt", "--jwt-jwks-url", url];
    let args = Cli::try_parse_from(args).unwrap().serve;
    let finding = check::keys(args.jwt.resolve(args.auth).unwrap().unwrap()).await;
    assert!(
        finding.is_fail() && !finding.to_string().contains("hush"),
        "{finding}"
    );
}

#[tokio::test]
async fn a_caller_that_goes_away_ends_no_fetch() {
    let (old, new) = (Issuer::new("old", ES256), Issuer::new("new", ES256));
    let (publisher, jwt, clock) = published(&old).await;
    clock.advance(COOLDOWN);
    publisher.publish(&jwks(&[&old, &new]));
    // Begun, and given up before it is answered.
    let token = new.sign(&claims());
    {
        let mut call = Box::pin(jwt.verify(&token));
        assert!(futures::poll!(&mut call).is_pending());
    }
    // In the cooldown, so it is that fetch or none.
    let other = new.sign(&with(json!({"role": "admin"})));
    assert!(jwt.verify(&other).await.is_ok());
    assert_eq!(publisher.asked(), 2);
}
