//! Where keys come from.

use std::{fs::File, io::Read, path::PathBuf, time::Duration};

use jsonwebtoken::Algorithm;
use reqwest::{Client, Url, redirect::Policy};

use super::keys::KeySet;
use crate::config::{KeyPlace, is_own_machine};

/// More than this is no set of keys.
const MAX_BYTES: usize = 256 * 1024;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
const FETCH_TIMEOUT: Duration = Duration::from_secs(5);
/// How often keys are read again without a reason: a file costs nothing.
const FILE_INTERVAL: Duration = Duration::from_secs(10);
const URL_INTERVAL: Duration = Duration::from_mins(5);

/// Why there are no keys. It says nothing of what was read.
#[derive(Debug, thiserror::Error)]
#[error("the keys of {place} cannot be used: {why}")]
pub struct SourceError {
    place: String,
    why: String,
}

/// A file or a URL.
pub struct Source {
    place: Place,
    algorithms: Vec<Algorithm>,
}

enum Place {
    Secret(PathBuf),
    JwksFile(PathBuf),
    JwksUrl(Client, Url),
}

impl Source {
    /// Nothing is read yet.
    ///
    /// # Errors
    /// Fails if the machine has no root certificates to fetch with.
    pub fn new(place: KeyPlace, algorithms: Vec<Algorithm>) -> Result<Self, SourceError> {
        let place = match place {
            KeyPlace::Secret(path) => Place::Secret(path),
            KeyPlace::JwksFile(path) => Place::JwksFile(path),
            KeyPlace::JwksUrl(url) => {
                let client = client(&url).map_err(|error| SourceError {
                    place: "--jwt-jwks-url".to_owned(),
                    why: error.to_string(),
                })?;
                Place::JwksUrl(client, url)
            }
        };
        Ok(Self { place, algorithms })
    }

    /// The keys as they are now.
    ///
    /// # Errors
    /// Fails if they cannot be read, or none of them can be used.
    pub async fn load(&self) -> Result<KeySet, SourceError> {
        let content = match &self.place {
            Place::Secret(path) | Place::JwksFile(path) => read(path.clone()).await,
            Place::JwksUrl(client, url) => fetch(client, url.clone()).await,
        };
        let keys = content.and_then(|content| match self.place {
            Place::Secret(_) => KeySet::of_secret(&content, &self.algorithms),
            Place::JwksFile(_) | Place::JwksUrl(..) => KeySet::of_jwks(&content, &self.algorithms),
        });
        keys.map_err(|why| SourceError {
            place: self.to_string(),
            why,
        })
    }

    /// Whether it may be away for a while, which a file may not.
    pub const fn is_remote(&self) -> bool {
        matches!(self.place, Place::JwksUrl(..))
    }

    pub const fn interval(&self) -> Duration {
        match self.place {
            Place::JwksUrl(..) => URL_INTERVAL,
            Place::Secret(_) | Place::JwksFile(_) => FILE_INTERVAL,
        }
    }
}

impl std::fmt::Display for Source {
    /// Of a URL the host alone: the rest may be a secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.place {
            Place::Secret(path) | Place::JwksFile(path) => path.display().fmt(f),
            Place::JwksUrl(_, url) => f.write_str(url.host_str().unwrap_or_default()),
        }
    }
}

/// Follows no redirect: where the keys are is what the operator said. A proxy is not asked for
/// this machine's own.
fn client(url: &Url) -> reqwest::Result<Client> {
    let builder = Client::builder()
        .redirect(Policy::none())
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(FETCH_TIMEOUT);
    if is_own_machine(url) {
        builder.no_proxy().build()
    } else {
        builder.https_only(true).build()
    }
}

async fn fetch(client: &Client, url: Url) -> Result<Vec<u8>, String> {
    let plain = |error: reqwest::Error| error.without_url().to_string();
    let mut answer = client.get(url).send().await.map_err(plain)?;
    if !answer.status().is_success() {
        return Err(format!("the answer is {}", answer.status()));
    }
    let mut content = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(plain)? {
        if content.len() + chunk.len() > MAX_BYTES {
            return Err(too_large());
        }
        content.extend_from_slice(&chunk);
    }
    Ok(content)
}

async fn read(path: PathBuf) -> Result<Vec<u8>, String> {
    let read = tokio::task::spawn_blocking(move || {
        let mut content = Vec::new();
        // One byte more tells that there is more.
        let most = u64::try_from(MAX_BYTES).unwrap_or(u64::MAX) + 1;
        File::open(path)?.take(most).read_to_end(&mut content)?;
        Ok::<_, std::io::Error>(content)
    });
    let content = read.await.map_err(|error| error.to_string())?;
    let content = content.map_err(|error| error.to_string())?;
    if content.len() > MAX_BYTES {
        return Err(too_large());
    }
    Ok(content)
}

fn too_large() -> String {
    format!("it is larger than {MAX_BYTES} bytes")
}
