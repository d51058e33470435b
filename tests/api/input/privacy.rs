//! The requests of `TenantService` about what is kept.

use dwell::pb::v1::{DeleteUserDataRequest, ExportUserDataRequest, PurgeSessionsRequest};

use super::rows::{Input, Row, bad, past_time, uuid};
use crate::{
    harness::MORNING,
    values::{USER, time},
};

// Other rows need what would go.

impl Input for DeleteUserDataRequest {
    fn right() -> Self {
        Self {
            user_id: USER.to_owned(),
            dry_run: true,
        }
    }
}

impl Input for ExportUserDataRequest {
    fn right() -> Self {
        Self {
            user_id: USER.to_owned(),
        }
    }
}

impl Input for PurgeSessionsRequest {
    fn right() -> Self {
        Self {
            before: time(MORNING),
            dry_run: true,
        }
    }
}

pub fn rows() -> Vec<Row> {
    let mut rows = uuid("user_id", USER, |r: &mut DeleteUserDataRequest, id| {
        r.user_id = id;
    });
    rows.extend(uuid(
        "user_id",
        USER,
        |r: &mut ExportUserDataRequest, id| {
            r.user_id = id;
        },
    ));
    rows.extend(past_time(
        "before",
        MORNING,
        |r: &mut PurgeSessionsRequest, time| r.before = time,
    ));
    rows.push(bad(&["before"], |r: &mut PurgeSessionsRequest| {
        r.before = None;
    }));
    rows
}
