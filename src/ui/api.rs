//! The services of this process, asked as whoever reads the page.

use std::time::Duration;

use http::HeaderMap;
use tonic::{Request, metadata::MetadataMap};

use super::Inner;
use crate::{
    auth::Roles,
    domain::{ids::UserId, time::Timestamp},
    pb::v1::{
        goal_service_client::GoalServiceClient, insights_service_client::InsightsServiceClient,
        report_service_client::ReportServiceClient, session_service_client::SessionServiceClient,
        tenant_service_client::TenantServiceClient,
        usage_stats_service_client::UsageStatsServiceClient,
    },
};

/// How long a call for a page may take: nobody waits longer for one.
const DEADLINE: Duration = Duration::from_secs(10);

/// Who reads the page, as the token says that they signed in with.
#[derive(Clone, Copy, Debug)]
pub struct Viewer {
    pub roles: Roles,
    pub user: Option<UserId>,
}

impl Viewer {
    /// Whether it may see more than what is its own.
    pub const fn sees_everyone(self) -> bool {
        self.roles.service || self.roles.admin
    }

    /// Whom a page is about that was asked for one user, or for nobody in particular.
    pub fn about(self, asked: &str) -> String {
        match self.user {
            Some(own) if asked.is_empty() => own.to_string(),
            _ => asked.to_owned(),
        }
    }
}

/// The services, for one reader.
#[derive(Clone)]
pub struct Api {
    inner: Inner,
    metadata: MetadataMap,
    pub viewer: Viewer,
    /// When the page was asked for.
    pub now: Timestamp,
}

macro_rules! clients {
    ($($name:ident: $client:ident),*) => {
        $(
            pub fn $name(&self) -> $client<Inner> {
                // The service has a limit of its own for what it answers.
                $client::new(self.inner.clone()).max_decoding_message_size(usize::MAX)
            }
        )*
    };
}

impl Api {
    /// `headers` are those that the reader's calls carry.
    pub fn new(inner: Inner, headers: HeaderMap, viewer: Viewer, now: Timestamp) -> Self {
        Self {
            inner,
            metadata: MetadataMap::from_headers(headers),
            viewer,
            now,
        }
    }

    clients!(
        sessions: SessionServiceClient,
        usage: UsageStatsServiceClient,
        insights: InsightsServiceClient,
        goals: GoalServiceClient,
        reports: ReportServiceClient,
        tenant: TenantServiceClient
    );

    /// A call that a page waits for.
    pub fn ask<T>(&self, message: T) -> Request<T> {
        let mut request = self.stream(message);
        request.set_timeout(DEADLINE);
        request
    }

    /// A call that takes as long as its answer is read.
    pub fn stream<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        *request.metadata_mut() = self.metadata.clone();
        request
    }
}
