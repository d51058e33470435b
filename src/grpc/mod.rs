//! The API: each RPC decodes its request, calls the writer, the store or both, and encodes the
//! answer. Errors become a status in [`status`] and nowhere else.

mod access;
mod caller;
mod convert;
mod file;
pub mod gate;
mod goals;
mod insights;
pub mod limits;
pub mod observe;
mod reports;
mod session;
pub(crate) mod status;
mod stream;
mod tenants;
mod token;
mod usage;

use std::{sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use self::limits::names::Names;

pub use self::{
    goals::Goals,
    insights::Insights,
    reports::Reports,
    session::{
        Sessions,
        watch::{Hub, Watch},
    },
    tenants::Tenants,
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
    pub names: Arc<Names>,
    /// How long a stream may be silent.
    pub stream_idle: Duration,
    /// `None` where sessions are not watched.
    pub watch: Option<Watch>,
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
