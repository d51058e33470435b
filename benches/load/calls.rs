//! One call of each kind, for a random user.

use dwell::pb::v1::{
    EndSessionRequest, RecordUsageRequest, StartSessionRequest, UsageIncrement,
    session_service_client::SessionServiceClient,
    usage_stats_service_client::UsageStatsServiceClient,
};
use tonic::{Request, transport::Channel};
use uuid::Uuid;

use crate::{Result, run::Load};

/// What callers do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Workload {
    Start,
    /// Of sessions that were started beforehand.
    End,
    /// With a request id.
    Usage,
}

/// One caller, on a connection that it may share.
pub struct Caller {
    sessions: SessionServiceClient<Channel>,
    usage: UsageStatsServiceClient<Channel>,
    load: Load,
    random: fastrand::Rng,
    /// Sessions to end.
    open: Vec<(Uuid, String)>,
}

impl Caller {
    pub fn new(channel: Channel, load: Load, seed: u64) -> Self {
        Self {
            sessions: SessionServiceClient::new(channel.clone()),
            usage: UsageStatsServiceClient::new(channel),
            load,
            random: fastrand::Rng::with_seed(seed),
            open: Vec::new(),
        }
    }

    /// Starts so many sessions, to be ended later.
    pub async fn prepare(&mut self, sessions: usize) -> Result<()> {
        for _ in 0..sessions {
            let (tenant, id) = self.start().await?;
            self.open.push((tenant, id));
        }
        Ok(())
    }

    /// How many sessions there are still to end.
    pub fn left(&self) -> usize {
        self.open.len()
    }

    pub async fn call(&mut self, workload: Workload) -> Result<()> {
        match workload {
            Workload::Start => self.start().await.map(|_| ()),
            Workload::End => self.end().await,
            Workload::Usage => self.record().await,
        }
    }

    async fn start(&mut self) -> Result<(Uuid, String)> {
        let (tenant, user) = self.user();
        let message = StartSessionRequest {
            user_id: user.to_string(),
            client_type: "web".to_owned(),
            client_info: "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101".to_owned(),
            ip_address: "203.0.113.7".to_owned(),
            ..StartSessionRequest::default()
        };
        let answer = self
            .sessions
            .start_session(with_tenant(message, tenant))
            .await?;
        let session = answer.into_inner().session.ok_or("no session")?;
        Ok((tenant, session.id))
    }

    async fn end(&mut self) -> Result<()> {
        let (tenant, session_id) = self.open.pop().ok_or("no session left to end")?;
        let message = EndSessionRequest {
            session_id,
            ..EndSessionRequest::default()
        };
        self.sessions
            .end_session(with_tenant(message, tenant))
            .await?;
        Ok(())
    }

    async fn record(&mut self) -> Result<()> {
        let (tenant, user) = self.user();
        let message = RecordUsageRequest {
            user_id: user.to_string(),
            request_id: Uuid::from_u128(self.random.u128(1..)).to_string(),
            increment: Some(UsageIncrement {
                documents_accessed: 1,
                feature_usage: [("export".to_owned(), 1)].into(),
                ..UsageIncrement::default()
            }),
            ..RecordUsageRequest::default()
        };
        self.usage
            .record_usage(with_tenant(message, tenant))
            .await?;
        Ok(())
    }

    fn user(&mut self) -> (Uuid, Uuid) {
        let tenant = 1 + u128::from(self.random.u32(..self.load.tenants));
        let user = 1 + u128::from(self.random.u32(..self.load.users));
        (
            Uuid::from_u128(tenant),
            Uuid::from_u128(tenant << 64 | user),
        )
    }
}

fn with_tenant<T>(message: T, tenant: Uuid) -> Request<T> {
    let mut request = Request::new(message);
    if let Ok(value) = tenant.to_string().parse() {
        request.metadata_mut().insert("x-tenant-id", value);
    }
    request
}
