//! From the headers of a call to its caller.

use http::{HeaderMap, HeaderName, HeaderValue};
use jsonwebtoken::Algorithm::HS256;

use super::issuer::{Issuer, SECRET, TENANT, Verifier, claims};
use crate::auth::{Auth, Denied, Roles};

fn headers(all: &[(&'static str, &str)]) -> HeaderMap {
    let pair = |(name, value): &(&'static str, &str)| {
        let value = HeaderValue::from_str(value).unwrap();
        (HeaderName::from_static(name), value)
    };
    let mut map = HeaderMap::new();
    for (name, value) in all.iter().map(pair) {
        map.append(name, value);
    }
    map
}

#[tokio::test]
async fn without_authentication_everybody_may_everything_in_one_tenant() {
    let caller = Auth::None
        .caller(&headers(&[("x-tenant-id", TENANT)]))
        .await
        .unwrap();
    assert_eq!((caller.roles, caller.user), (Roles::EVERYTHING, None));
    assert_eq!(caller.tenant.to_string(), TENANT);
    for bad in [
        &[][..],
        &[("x-tenant-id", "acme")],
        &[("x-tenant-id", TENANT); 2],
    ] {
        let refusal = Auth::None.caller(&headers(bad)).await.unwrap_err();
        assert!(matches!(refusal, Denied::TenantUnknown(_)), "{bad:?}");
    }
}

#[tokio::test]
async fn a_bearer_token_is_given_once() {
    let verifier = Verifier::of_secret(SECRET, &[]).await;
    let auth = Auth::Jwt(verifier.jwt.clone());
    let token = Issuer::of_secret(SECRET, HS256).sign(&claims());
    let bearer = |scheme: &str| format!("{scheme} {token}");
    for scheme in ["Bearer", "bearer", "BEARER"] {
        let given = bearer(scheme);
        assert!(
            auth.caller(&headers(&[("authorization", &given)]))
                .await
                .is_ok()
        );
    }
    let good = bearer("Bearer");
    let bad: [&[(&'static str, &str)]; 8] = [
        &[],
        &[("authorization", &token)],
        &[("authorization", "")],
        &[("authorization", "Bearer")],
        &[("authorization", &bearer("Basic"))],
        &[("authorization", &bearer("Bearer "))],
        &[("authorization", &good), ("authorization", &good)],
        &[("x-tenant-id", TENANT)],
    ];
    for given in bad {
        let refusal = auth.caller(&headers(given)).await.unwrap_err();
        let Denied::TokenInvalid(message) = refusal else {
            panic!("{refusal:?}");
        };
        assert!(!message.contains(&token));
    }
}

#[tokio::test]
async fn the_tenant_is_that_of_the_token() {
    let verifier = Verifier::of_secret(SECRET, &[]).await;
    let auth = Auth::Jwt(verifier.jwt.clone());
    let token = Issuer::of_secret(SECRET, HS256).sign(&claims());
    let bearer = format!("Bearer {token}");
    let named = async |tenants: &[&str]| {
        let mut all = vec![("authorization", &*bearer)];
        all.extend(tenants.iter().map(|tenant| ("x-tenant-id", *tenant)));
        auth.caller(&headers(&all))
            .await
            .map(|caller| caller.tenant.to_string())
    };
    let upper = TENANT.to_uppercase();
    for same in [&[][..], &[TENANT], &[&upper], &[TENANT, TENANT]] {
        assert_eq!(named(same).await.as_deref(), Ok(TENANT), "{same:?}");
    }
    let other = "7f0c1f3e-5a51-4e0a-9a63-3d2f4b8f6c12";
    for another in [
        &[other][..],
        &[""],
        &["acme"],
        &[TENANT, other],
        &[other, TENANT],
    ] {
        assert_eq!(
            named(another).await,
            Err(Denied::OtherTenant),
            "{another:?}"
        );
    }
}
