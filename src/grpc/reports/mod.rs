//! `ReportService`.

mod csv;
mod export;

pub use self::export::Format;

use futures::stream::BoxStream;
use tonic::{Request, Response, Status};

use super::{Context, convert, tenant};
use crate::{
    domain::{
        ids::TenantId,
        insights::report::{UserReport, user_report},
    },
    pb::v1::{self as pb, report_service_server::ReportService},
    store::report::{ReportParts, ReportQuery},
};

/// The service, and what it needs.
#[derive(Clone)]
pub struct Reports(pub Context);

#[tonic::async_trait]
impl ReportService for Reports {
    async fn get_daily_report(
        &self,
        request: Request<pb::GetDailyReportRequest>,
    ) -> Result<Response<pb::GetDailyReportResponse>, Status> {
        let tenant = tenant::of(&request)?;
        let query = convert::daily_query(request.get_ref())?;
        let (report, parts) = self.report(tenant, query).await?;
        let answer = convert::daily_report(&report, parts.sessions, parts.goals);
        Ok(Response::new(answer))
    }

    async fn get_weekly_report(
        &self,
        request: Request<pb::GetWeeklyReportRequest>,
    ) -> Result<Response<pb::GetWeeklyReportResponse>, Status> {
        let tenant = tenant::of(&request)?;
        let query = convert::weekly_query(request.get_ref())?;
        let (report, parts) = self.report(tenant, query).await?;
        let metrics = parts.basis.performance.metrics();
        let answer = convert::weekly_report(report, &metrics, parts.subjects);
        Ok(Response::new(answer))
    }

    async fn get_monthly_report(
        &self,
        request: Request<pb::GetMonthlyReportRequest>,
    ) -> Result<Response<pb::GetMonthlyReportResponse>, Status> {
        let tenant = tenant::of(&request)?;
        let query = convert::monthly_query(request.get_ref())?;
        let (report, parts) = self.report(tenant, query).await?;
        let metrics = parts.basis.performance.metrics();
        let answer = convert::monthly_report(report, &metrics, parts.subjects, parts.goals);
        Ok(Response::new(answer))
    }

    type ExportSessionsStream = BoxStream<'static, Result<pb::ExportSessionsResponse, Status>>;

    async fn export_sessions(
        &self,
        request: Request<pb::ExportSessionsRequest>,
    ) -> Result<Response<Self::ExportSessionsStream>, Status> {
        let tenant = tenant::of(&request)?;
        let chunks = export::chunks(&self.0, tenant, request.get_ref())?;
        Ok(Response::new(chunks))
    }
}

impl Reports {
    async fn report(
        &self,
        tenant: TenantId,
        query: ReportQuery,
    ) -> Result<(UserReport, ReportParts), Status> {
        let now = self.0.now();
        let parts = self.0.store.get_report(tenant, query, now).await?;
        Ok((user_report(&parts.basis, now), parts))
    }
}
