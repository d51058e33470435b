//! What `dwell check` finds of the keys.

use super::source::Source;
use crate::{config::Jwt, store::check::Finding};

/// Reads the keys once.
pub async fn keys(config: Jwt) -> Finding {
    let found = match Source::new(config.place, config.algorithms) {
        Ok(source) => source.load().await,
        Err(error) => Err(error),
    };
    match found {
        Ok(keys) => Finding::ok("keys", format!("{} can verify tokens", keys.len())),
        Err(error) => Finding::fail("keys", error.to_string()),
    }
}
