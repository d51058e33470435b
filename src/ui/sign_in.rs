//! Signing in: what a caller of gRPC would send with each call is kept in a cookie.

use std::sync::Arc;

use askama::Template;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use sha2::Sha256;
use tonic::Status;

use super::{
    Inner,
    answer::{self, Page},
    api::{Api, Viewer},
    frame::Frame,
    request::{self, Fields},
};
use crate::{
    auth::{Auth, TENANT_KEY},
    domain::{ids::TenantId, time::Clock},
    store::{Error, Store},
};

/// The name of the store's key that forms are signed with.
const KEY_NAME: &str = "pages";
const COOKIE: &str = "dwell";
/// Browsers keep no longer ones.
const MAX_COOKIE: usize = 3_800;
/// Tenants that can be picked from a list.
const MAX_TENANTS: usize = 200;

type Signature = Hmac<Sha256>;

/// What pages need that is not in a request.
pub struct Site {
    auth: Auth,
    clock: Arc<dyn Clock>,
    forms: Signature,
    /// Whether browsers come over TLS.
    secure: bool,
    /// Where tenants are listed; only where everybody may act for any of them.
    tenants: Option<Arc<dyn Store>>,
}

/// Somebody whose cookie is good.
pub struct SignedIn {
    pub viewer: Viewer,
    pub tenant: TenantId,
    /// What a form must carry that changes something.
    pub csrf: String,
    pub api: Api,
}

impl Site {
    /// # Errors
    /// Fails if the store has no key to sign forms with.
    pub async fn open(
        store: &Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        auth: Auth,
        secure: bool,
    ) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let key = store.service_key(KEY_NAME).await?;
        Ok(Self {
            tenants: matches!(auth, Auth::None).then(|| store.clone()),
            forms: Signature::new_from_slice(&key)?,
            auth,
            clock,
            secure,
        })
    }

    /// Whether everybody is let in, and so only this machine may be.
    #[must_use]
    pub const fn lets_everybody_in(&self) -> bool {
        matches!(self.auth, Auth::None)
    }

    /// Who reads, by the cookie.
    pub async fn reader(&self, headers: &HeaderMap, inner: Inner) -> Result<SignedIn, Status> {
        let cookie = request::cookie(headers, COOKIE).unwrap_or_default();
        self.verified(cookie, inner).await
    }

    async fn verified(&self, cookie: &str, inner: Inner) -> Result<SignedIn, Status> {
        if cookie.is_empty() {
            return Err(Status::unauthenticated(""));
        }
        let (name, value) = match self.auth {
            Auth::None => (TENANT_KEY, cookie.to_owned()),
            Auth::Jwt(_) => (header::AUTHORIZATION.as_str(), format!("Bearer {cookie}")),
        };
        let value = HeaderValue::try_from(value)
            .map_err(|_| Status::unauthenticated("this is no token"))?;
        let mut headers = HeaderMap::new();
        headers.insert(name, value);
        let caller = self.auth.caller(&headers).await?;
        let viewer = Viewer {
            roles: caller.roles,
            user: caller.user,
        };
        Ok(SignedIn {
            viewer,
            tenant: caller.tenant,
            csrf: URL_SAFE_NO_PAD.encode(self.signed(cookie).finalize().into_bytes()),
            api: Api::new(inner, headers, viewer, self.clock.now()),
        })
    }

    /// Refuses a form that was not made for the holder of this cookie.
    pub fn check_form(&self, headers: &HeaderMap, form: &Fields) -> Result<(), Status> {
        let cookie = request::cookie(headers, COOKIE).unwrap_or_default();
        let signature = URL_SAFE_NO_PAD.decode(form.get("csrf")).unwrap_or_default();
        let checked = self.signed(cookie).verify_slice(&signature);
        checked.map_err(|_| {
            Status::permission_denied(
                "the form was made for somebody else, or before you signed in again: reload the \
                 page and try once more",
            )
        })
    }

    fn signed(&self, cookie: &str) -> Signature {
        let mut signature = self.forms.clone();
        signature.update(cookie.as_bytes());
        signature
    }

    fn cookie(&self, value: &str, more: &str) -> Result<HeaderValue, Status> {
        let secure = if self.secure { "; Secure" } else { "" };
        let cookie = format!("{COOKIE}={value}; Path=/ui; HttpOnly; SameSite=Strict{secure}{more}");
        HeaderValue::try_from(cookie).map_err(|_| Status::internal("no cookie"))
    }
}

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignIn {
    frame: Frame,
    /// Why it did not work.
    refused: String,
    /// Whom to pick from, where there are no tokens.
    tenants: Option<Vec<TenantId>>,
}

/// The page to sign in on; `refused` is why it is needed again.
pub async fn show(site: &Site, refused: &str) -> Page {
    let tenants = match &site.tenants {
        Some(store) => Some(tenants(&**store).await?),
        None => None,
    };
    let status = match refused {
        "" => StatusCode::OK,
        _ => StatusCode::UNAUTHORIZED,
    };
    let page = SignIn {
        frame: Frame::bare("Sign in"),
        refused: refused.to_owned(),
        tenants,
    };
    answer::page_with(status, &page)
}

async fn tenants(store: &dyn Store) -> Result<Vec<TenantId>, Error> {
    store.list_tenants(None, MAX_TENANTS).await
}

/// Looks at what was given, and keeps it if it is good.
pub async fn sign_in(site: &Site, form: &Fields, inner: Inner) -> Page {
    let given = form.get("token");
    let token = given.strip_prefix("Bearer ").unwrap_or(given).trim();
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if token.is_empty() || !token.bytes().all(is_plain) {
        let what = match site.tenants {
            Some(_) => "A tenant is a UUID.",
            None => "This is no token: it has three parts of letters and digits with dots between.",
        };
        return show(site, what).await;
    }
    if token.len() > MAX_COOKIE {
        return show(site, "The token is too long for a cookie.").await;
    }
    match site.verified(token, inner).await {
        Ok(_) => {
            let mut response = answer::redirect("/ui/")?;
            let cookie = site.cookie(token, "")?;
            response.headers_mut().insert(header::SET_COOKIE, cookie);
            Ok(response)
        }
        Err(status) if status.code() == tonic::Code::Unauthenticated => {
            show(site, &format!("Not signed in: {}.", status.message())).await
        }
        Err(status) => Err(status),
    }
}

/// Has the browser forget the cookie.
pub fn sign_out(site: &Site) -> Page {
    let mut response = answer::redirect("/ui/sign-in")?;
    let cookie = site.cookie("", "; Max-Age=0")?;
    response.headers_mut().insert(header::SET_COOKIE, cookie);
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::{ManualClock, Timestamp};

    fn site(secure: bool) -> Site {
        Site {
            auth: Auth::None,
            clock: Arc::new(ManualClock::at(Timestamp::FIRST)),
            forms: Signature::new_from_slice(&[1; 32]).unwrap(),
            secure,
            tenants: None,
        }
    }

    #[test]
    fn the_cookie_stays_on_tls_where_there_is_tls() {
        let cookie = |secure| site(secure).cookie("a.b.c", "").unwrap();
        let plain = "dwell=a.b.c; Path=/ui; HttpOnly; SameSite=Strict";
        assert_eq!(cookie(false), plain);
        assert_eq!(cookie(true), format!("{plain}; Secure"));
    }

    #[test]
    fn a_form_is_good_for_one_cookie() {
        let site = site(false);
        let check = |cookie: &str, csrf: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::COOKIE, format!("dwell={cookie}").parse().unwrap());
            let form = Fields::parse(&format!("csrf={csrf}"));
            site.check_form(&headers, &form).is_ok()
        };
        let csrf = URL_SAFE_NO_PAD.encode(site.signed("one").finalize().into_bytes());
        assert!(check("one", &csrf));
        assert!(!check("two", &csrf) && !check("one", "") && !check("one", &csrf[1..]));
    }
}
