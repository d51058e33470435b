//! What is asked to be forgotten, and what was.

use super::{check::Check, encode::timestamp};
use crate::{
    domain::{rejection::Rejection, time::Timestamp},
    pb::v1 as pb,
    store::privacy::Receipt,
};

/// Which sessions are to go: those that ended before.
pub fn purge_before(
    request: pb::PurgeSessionsRequest,
    now: Timestamp,
) -> Result<Timestamp, Rejection> {
    let mut check = Check::default();
    check.that(request.before.is_some(), "before", "is required");
    let before = check.past_time("before", request.before, now);
    check.done(before.unwrap_or(Timestamp::FIRST))
}

pub fn deletion(receipt: Receipt) -> pb::DeleteUserDataResponse {
    let rows = receipt.rows.into_iter();
    pb::DeleteUserDataResponse {
        deleted_rows: rows.map(|(table, rows)| (table.to_owned(), rows)).collect(),
        delete_time: receipt.deleted_at.map(timestamp),
    }
}
