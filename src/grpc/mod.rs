//! The API: each RPC decodes its request, calls the writer, the store or both, and encodes the
//! answer. Errors become a status in [`status`] and nowhere else.

mod convert;
mod file;
mod goals;
mod insights;
pub mod observe;
mod reports;
mod session;
mod status;
mod stream;
mod tenant;
mod tenant_settings;
mod token;
mod usage;

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub use self::{
    goals::Goals,
    insights::Insights,
    reports::Reports,
    session::Sessions,
    tenant::require_tenant,
    tenant_settings::Tenants,
    token::{KEY_NAME, PageTokens},
    usage::UsageStats,
};
use crate::{
    domain::{
        ids::IdSource,
        time::{Clock, Timestamp},
    },
    store::{Store, writer},
};

/// What the services share.
#[derive(Clone)]
pub struct Context {
    pub store: Arc<dyn Store>,
    pub writer: writer::Handle,
    pub clock: Arc<dyn Clock>,
    pub ids: Arc<dyn IdSource>,
    pub tokens: Arc<PageTokens>,
    /// Set when the service begins to stop: streams end.
    pub stopping: CancellationToken,
}

impl Context {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn new_id(&self) -> Uuid {
        self.ids.next(self.now())
    }
}
