//! Telling a repeated request from another one under the same id.

use serde::Serialize;
use sha2::{Digest, Sha256};

/// SHA-256 of a request's content, kept beside the row that it made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fingerprint(pub [u8; 32]);

impl Fingerprint {
    /// Of `content` as JSON, whose maps are ordered, and of the `kind` of request, so that
    /// two kinds never meet.
    #[must_use]
    pub fn of(kind: &str, content: &impl Serialize) -> Self {
        let mut hash = Sha256::new();
        hash.update(kind);
        hash.update([0]);
        // Plain data does not fail to serialise; if it did, all such requests would differ
        // from what is stored, which refuses and never doubles.
        if let Ok(json) = serde_json::to_vec(content) {
            hash.update(json);
        }
        Self(hash.finalize().into())
    }
}
