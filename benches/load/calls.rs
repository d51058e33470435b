//! One call of each kind, for a random user.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use chrono::NaiveDate;
use dwell::pb::v1::{
    EndSessionRequest, GetSessionRequest, GetTenantUsageReportRequest, GetUserUsageStatsRequest,
    ListSessionsRequest, RecordUsageRequest, StartSessionRequest, UsageIncrement,
    insights_service_client::InsightsServiceClient, report_service_client::ReportServiceClient,
    session_service_client::SessionServiceClient,
    usage_stats_service_client::UsageStatsServiceClient,
};
use tonic::{Request, transport::Channel};
use uuid::Uuid;

use crate::{Result, insights::Insight, reports::Period};

/// Whom calls are for: users, numbered from 1, of tenants, numbered from `first_tenant`.
#[derive(Clone, Copy, Debug)]
pub struct Population {
    pub first_tenant: u32,
    pub tenants: u32,
    /// Of each tenant.
    pub users: u32,
}

/// Sessions that are open, with their tenants, the first one first.
#[derive(Clone, Debug, Default)]
pub struct Started(Arc<Mutex<VecDeque<(Uuid, String)>>>);

/// What callers do.
#[derive(Clone, Debug)]
pub enum Workload {
    Start,
    /// The same, and keep the sessions to end them later.
    StartAndKeep(Started),
    /// Until there is none left.
    End(Started),
    /// With a request id.
    Usage,
    /// One of so many sessions.
    Get {
        sessions: u64,
    },
    /// A user's days.
    UserDays {
        first: String,
        last: String,
    },
    /// One page of a tenant's sessions.
    Page(ListSessionsRequest),
    /// A tenant's report.
    Report(GetTenantUsageReportRequest),
    /// What a user's sessions add up to.
    Insight(Insight),
    /// The same on one page: whose, and as of when.
    UserReport {
        period: Period,
        user: Uuid,
        today: NaiveDate,
    },
}

/// One caller, on a connection that it may share.
pub struct Caller {
    sessions: SessionServiceClient<Channel>,
    usage: UsageStatsServiceClient<Channel>,
    insights: InsightsServiceClient<Channel>,
    reports: ReportServiceClient<Channel>,
    population: Population,
    random: fastrand::Rng,
}

impl Caller {
    pub fn new(channel: Channel, population: Population, seed: u64) -> Self {
        Self {
            sessions: SessionServiceClient::new(channel.clone()),
            usage: UsageStatsServiceClient::new(channel.clone()),
            insights: InsightsServiceClient::new(channel.clone()),
            reports: ReportServiceClient::new(channel),
            population,
            random: fastrand::Rng::with_seed(seed),
        }
    }

    /// Makes one call and waits for its answer. False if there is nothing left to do.
    pub async fn call(&mut self, workload: &Workload) -> Result<bool> {
        match workload {
            Workload::Start => {
                self.start().await?;
            }
            Workload::StartAndKeep(started) => {
                let session = self.start().await?;
                started.put(session);
            }
            Workload::End(started) => match started.take() {
                Some((tenant, session)) => self.end(tenant, session).await?,
                None => return Ok(false),
            },
            Workload::Usage => self.record().await?,
            Workload::Get { sessions } => self.get(*sessions).await?,
            Workload::UserDays { first, last } => self.user_days(first, last).await?,
            Workload::Page(request) => self.page(request.clone()).await?,
            Workload::Report(request) => self.report(request.clone()).await?,
            Workload::Insight(insight) => {
                let tenant = self.tenant();
                let answered = insight.call(&mut self.insights, tenant).await?;
                insist(answered, "the answer is not of the user's sessions")?;
            }
            Workload::UserReport {
                period,
                user,
                today,
            } => {
                let tenant = self.tenant();
                let answered = period.call(&mut self.reports, tenant, *user, *today);
                insist(answered.await?, "the report is not of the user's sessions")?;
            }
        }
        Ok(true)
    }

    async fn start(&mut self) -> Result<(Uuid, String)> {
        let (tenant, user) = self.user();
        let request = with_tenant(start_request(user), tenant);
        let answer = self.sessions.start_session(request).await?;
        let session = answer.into_inner().session.ok_or("no session")?;
        Ok((tenant, session.id))
    }

    async fn end(&mut self, tenant: Uuid, session_id: String) -> Result<()> {
        let message = EndSessionRequest {
            session_id,
            ..EndSessionRequest::default()
        };
        let request = with_tenant(message, tenant);
        self.sessions.end_session(request).await?;
        Ok(())
    }

    async fn record(&mut self) -> Result<()> {
        let (tenant, user) = self.user();
        let message = usage_request(user, Uuid::from_u128(self.random.u128(1..)));
        let request = with_tenant(message, tenant);
        self.usage.record_usage(request).await?;
        Ok(())
    }

    async fn get(&mut self, sessions: u64) -> Result<()> {
        let message = GetSessionRequest {
            session_id: session_id(self.random.u64(..sessions)).to_string(),
        };
        let request = with_tenant(message, self.tenant());
        self.sessions.get_session(request).await?;
        Ok(())
    }

    async fn user_days(&mut self, first: &str, last: &str) -> Result<()> {
        let (tenant, user) = self.user();
        let message = GetUserUsageStatsRequest {
            user_id: user.to_string(),
            start_date: first.to_owned(),
            end_date: last.to_owned(),
            ..GetUserUsageStatsRequest::default()
        };
        let request = with_tenant(message, tenant);
        let answer = self.usage.get_user_usage_stats(request).await?;
        insist(!answer.into_inner().days.is_empty(), "the user has no days")
    }

    async fn page(&mut self, message: ListSessionsRequest) -> Result<()> {
        let size = usize::try_from(message.page_size)?;
        let request = with_tenant(message, self.tenant());
        let answer = self.sessions.list_sessions(request).await?;
        let full = answer.into_inner().sessions.len() == size;
        insist(full, "the page is not full")
    }

    async fn report(&mut self, message: GetTenantUsageReportRequest) -> Result<()> {
        let request = with_tenant(message, self.tenant());
        let answer = self.usage.get_tenant_usage_report(request).await?;
        let total = answer.into_inner().total.unwrap_or_default();
        let all = total.active_users == i64::from(self.population.users);
        insist(all, "the report does not count every user")
    }

    fn tenant(&mut self) -> Uuid {
        tenant_id(self.population.first_tenant + self.random.u32(..self.population.tenants))
    }

    fn user(&mut self) -> (Uuid, Uuid) {
        let tenant = self.tenant();
        let user = 1 + self.random.u32(..self.population.users);
        (tenant, user_id(tenant, user))
    }
}

impl Started {
    fn put(&self, session: (Uuid, String)) {
        let mut started = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        started.push_back(session);
    }

    fn take(&self) -> Option<(Uuid, String)> {
        let mut started = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        started.pop_front()
    }
}

pub fn tenant_id(number: u32) -> Uuid {
    Uuid::from_u128(number.into())
}

/// As [`crate::data`] numbers them: the tenant's number, then the user's.
pub fn user_id(tenant: Uuid, number: u32) -> Uuid {
    Uuid::from_u128(tenant.as_u128() << 64 | u128::from(number))
}

/// Of a session that was there before the load, from 0.
pub fn session_id(number: u64) -> Uuid {
    Uuid::from_u128(u128::from(number + 1) << 64)
}

pub fn start_request(user: Uuid) -> StartSessionRequest {
    StartSessionRequest {
        user_id: user.to_string(),
        client_type: "web".to_owned(),
        client_info: "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101".to_owned(),
        ip_address: "203.0.113.7".to_owned(),
        ..StartSessionRequest::default()
    }
}

pub fn usage_request(user: Uuid, id: Uuid) -> RecordUsageRequest {
    RecordUsageRequest {
        user_id: user.to_string(),
        request_id: id.to_string(),
        increment: Some(UsageIncrement {
            documents_accessed: 1,
            feature_usage: [("export".to_owned(), 1)].into(),
            ..UsageIncrement::default()
        }),
        ..RecordUsageRequest::default()
    }
}

pub fn with_tenant<T>(message: T, tenant: Uuid) -> Request<T> {
    let mut request = Request::new(message);
    if let Ok(value) = tenant.to_string().parse() {
        request.metadata_mut().insert("x-tenant-id", value);
    }
    request
}

/// An answer that is not what was asked for would make a speed of nothing.
fn insist(holds: bool, otherwise: &str) -> Result<()> {
    if holds { Ok(()) } else { Err(otherwise.into()) }
}
