//! Verifies tokens, and keeps the keys for it fresh.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde_json::{Map, Value};
use tokio::sync::Mutex;
use tracing::{info, warn};

use super::{
    Caller, Denied, SourceError,
    claims::Verified,
    keys::{Found, KeySet, print},
    source::Source,
};
use crate::{
    config::{ClaimArgs, Jwt as Config},
    domain::time::{Clock, Timestamp},
};

/// Longer tokens are not looked at.
const MAX_TOKEN: usize = 8 * 1024;
/// Unknown key ids have the keys read again at most this often, so that a flood of them is no
/// flood of fetches.
pub const COOLDOWN: Duration = Duration::from_secs(10);

/// A token that is no token, or that no key of ours signed.
const BAD: Denied = Denied::TokenInvalid("the token is not valid");

/// Verifies bearer tokens.
pub struct Jwt {
    source: Source,
    algorithms: Vec<Algorithm>,
    claims: ClaimArgs,
    clock: Arc<dyn Clock>,
    /// `None` until the first set is there.
    keys: RwLock<Option<Arc<KeySet>>>,
    /// When the keys were last asked for. Whoever asks holds it.
    asked: Mutex<Option<Timestamp>>,
}

impl Jwt {
    /// Reads the keys. A URL that does not answer is asked again in the background; until it
    /// does nobody is let in.
    ///
    /// # Errors
    /// Fails if a file cannot be read or used.
    pub async fn open(config: Config, clock: Arc<dyn Clock>) -> Result<Arc<Self>, SourceError> {
        let source = Source::new(config.place, config.algorithms.clone())?;
        let keys = match source.load().await {
            Ok(keys) => Some(Arc::new(keys)),
            Err(error) if source.is_remote() => {
                warn!("{error}: callers are let in once they can be");
                None
            }
            Err(error) => return Err(error),
        };
        Ok(Arc::new(Self {
            source,
            algorithms: config.algorithms,
            claims: config.claims,
            asked: Mutex::new(Some(clock.now())),
            clock,
            keys: RwLock::new(keys),
        }))
    }

    /// Reads the keys again from time to time, for ever.
    pub async fn refresh(self: Arc<Self>) {
        loop {
            let missing = self.keys().is_none();
            let interval = self.source.interval();
            tokio::time::sleep(if missing { COOLDOWN } else { interval }).await;
            self.reload().await;
        }
    }

    /// Reads the keys again. The last good ones stay if that fails.
    pub async fn reload(&self) {
        let mut asked = self.asked.lock().await;
        *asked = Some(self.clock.now());
        self.load().await;
    }

    /// The caller that a token shows.
    ///
    /// # Errors
    /// Says why it shows none, and nothing that helps to make one.
    pub async fn verify(self: &Arc<Self>, token: &str) -> Result<Caller, Denied> {
        if token.len() > MAX_TOKEN {
            return Err(BAD);
        }
        let print = print(token.as_bytes());
        let mut keys = self.keys();
        if let Some(keys) = &keys
            && let Some(verified) = keys.verified.get(&print)
        {
            return verified.at(self.clock.now());
        }
        let header = decode_header(token).map_err(|_| BAD)?;
        // No extension is understood: RFC 7515, 4.1.11.
        if !self.algorithms.contains(&header.alg) || header.crit.is_some() {
            return Err(BAD);
        }
        let (id, algorithm) = (header.kid.as_deref(), header.alg);
        let known = |keys: &KeySet| !matches!(keys.find(id, algorithm), Found::UnknownId);
        if !keys.as_deref().is_some_and(known) {
            keys = self.newer(keys).await;
        }
        let keys = keys.ok_or(Denied::NoKeys)?;
        let Found::Key(key) = keys.find(id, algorithm) else {
            return Err(BAD);
        };
        let verified = self.read(token, key, algorithm)?;
        let caller = verified.at(self.clock.now())?;
        keys.verified.insert(print, verified);
        Ok(caller)
    }

    /// Verifies signature, issuer and audience. Times are by our own clock.
    fn read(&self, token: &str, key: &DecodingKey, by: Algorithm) -> Result<Verified, Denied> {
        let mut validation = Validation::new(by);
        validation.validate_exp = false;
        validation.required_spec_claims.clear();
        validation.validate_aud = self.claims.jwt_audience.is_some();
        if let Some(audience) = &self.claims.jwt_audience {
            validation.set_audience(&[audience]);
            validation.required_spec_claims.insert("aud".to_owned());
        }
        if let Some(issuer) = &self.claims.jwt_issuer {
            validation.set_issuer(&[issuer]);
            validation.required_spec_claims.insert("iss".to_owned());
        }
        let data = decode::<Map<String, Value>>(token, key, &validation).map_err(|_| BAD)?;
        Verified::read(&data.claims, &self.claims)
    }

    /// Newer keys than these, if there are any to be had now.
    async fn newer(self: &Arc<Self>, than: Option<Arc<KeySet>>) -> Option<Arc<KeySet>> {
        let jwt = self.clone();
        // A caller that goes away ends no fetch that others wait for.
        let renewed = tokio::spawn(async move {
            let mut asked = jwt.asked.lock().await;
            let now = jwt.clock.now();
            let newest = jwt.keys();
            let is_newer = newest.as_ref().map(|keys| keys.print) != than.map(|keys| keys.print);
            let cooling = asked.is_some_and(|at| (at..at + COOLDOWN).contains(&now));
            if !is_newer && !cooling {
                *asked = Some(now);
                jwt.load().await;
            }
            jwt.keys()
        });
        renewed.await.unwrap_or_default()
    }

    async fn load(&self) {
        match self.source.load().await {
            Ok(keys) => {
                let known = self.keys().is_some_and(|known| known.print == keys.print);
                if !known {
                    info!("{} keys of {} are in use", keys.len(), self.source);
                    *self.keys.write().unwrap_or_else(PoisonError::into_inner) =
                        Some(Arc::new(keys));
                }
            }
            Err(error) => warn!("{error}; those from before stay"),
        }
    }

    fn keys(&self) -> Option<Arc<KeySet>> {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        keys.clone()
    }
}
