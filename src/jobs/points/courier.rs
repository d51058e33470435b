//! Tells the service that keeps points of one award, by HTTP.

use std::{fmt, time::Duration};

use reqwest::{
    Client, Response, StatusCode, Url,
    header::{CONTENT_TYPE, HeaderName},
    redirect::Policy,
};

use crate::domain::{
    ids::TenantId,
    points::{
        award::Award,
        signature::{self, Signer},
    },
    time::Timestamp,
};

/// From the first try to connect to the last byte of the answer.
const TIMEOUT: Duration = Duration::from_secs(5);
/// How much of an answer is read, so that its connection can be used again.
const ANSWER: usize = 64 * 1024;

const ID: HeaderName = HeaderName::from_static("webhook-id");
const TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
const SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Where points are kept, and how they know who tells them.
#[derive(Clone)]
pub struct Receiver {
    pub url: Url,
    pub signer: Signer,
}

impl Receiver {
    /// Its URL for people to read, without the query, which may hold a secret.
    #[must_use]
    pub fn address(&self) -> String {
        let mut url = self.url.clone();
        url.set_query(None);
        url.into()
    }
}

/// Sends to one receiver. A clone shares its connections.
#[derive(Clone)]
pub struct Courier {
    client: Client,
    receiver: Receiver,
}

/// Why an award is not known to have arrived. It may have, all the same.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Failure {
    /// An answer other than 2xx; a redirection too, which is not followed.
    Answered(StatusCode),
    Unreachable,
    TimedOut,
    BrokenOff,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answered(status) => write!(f, "answered {}", status.as_u16()),
            Self::Unreachable => f.write_str("cannot be reached"),
            Self::TimedOut => f.write_str("did not answer in time"),
            Self::BrokenOff => f.write_str("broke off"),
        }
    }
}

impl From<reqwest::Error> for Failure {
    /// Without what the error says: it may quote the URL.
    fn from(error: reqwest::Error) -> Self {
        if error.is_timeout() {
            Self::TimedOut
        } else if error.is_connect() {
            Self::Unreachable
        } else {
            Self::BrokenOff
        }
    }
}

impl Courier {
    /// # Errors
    /// Fails if the machine's root certificates cannot be read.
    pub fn new(receiver: Receiver) -> Result<Self, reqwest::Error> {
        let client = Client::builder()
            .timeout(TIMEOUT)
            .redirect(Policy::none())
            // What is configured is where it goes.
            .no_proxy()
            .user_agent(concat!("dwell/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self { client, receiver })
    }

    /// Sends it once. It is delivered when a 2xx answer has arrived, whole or as much as is read
    /// of it.
    ///
    /// # Errors
    /// Says why it is not known to be delivered.
    pub async fn send(
        &self,
        tenant: TenantId,
        award: &Award,
        now: Timestamp,
    ) -> Result<(), Failure> {
        let id = award.idempotency_key(tenant);
        let body = award.payload(tenant);
        let at = signature::timestamp(now);
        let answer = self
            .client
            .post(self.receiver.url.clone())
            .header(CONTENT_TYPE, "application/json")
            .header(SIGNATURE, self.receiver.signer.sign(&id, at, &body))
            .header(TIMESTAMP, at)
            .header(ID, &id)
            .header(IDEMPOTENCY_KEY, &id)
            .body(body)
            .send()
            .await?;
        let status = answer.status();
        if !status.is_success() {
            return Err(Failure::Answered(status));
        }
        read(answer).await
    }
}

async fn read(mut answer: Response) -> Result<(), Failure> {
    let mut length = 0;
    while let Some(piece) = answer.chunk().await? {
        length += piece.len();
        if length > ANSWER {
            break;
        }
    }
    Ok(())
}
