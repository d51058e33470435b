//! `UsageStatsService`.

mod stream_stats;

use chrono::NaiveDate;
use futures::stream::BoxStream;
use tonic::{Request, Response, Status, Streaming};

use super::{
    Context, caller,
    convert::{self, Check},
    stream,
    token::{self, Place},
};
use crate::{
    domain::{
        ids::{TenantId, UserId},
        rejection::{Entity, Rejection},
        report::tenant_usage_report,
        usage::{DailyUsage, UsageCounters, days_at},
    },
    pb::v1::{self as pb, usage_stats_service_server::UsageStatsService},
};

/// Messages of one import that are under way at once: two full batches, so that one is
/// gathered while the other is written.
const IMPORTS: usize = 1_000;

/// The service, and what it needs.
#[derive(Clone)]
pub struct UsageStats(pub Context);

#[tonic::async_trait]
impl UsageStatsService for UsageStats {
    async fn record_usage(
        &self,
        request: Request<pb::RecordUsageRequest>,
    ) -> Result<Response<pb::RecordUsageResponse>, Status> {
        let tenant = caller::tenant_of(&request)?;
        let day = record(&self.0, tenant, request.into_inner()).await?;
        Ok(Response::new(pb::RecordUsageResponse {
            usage: Some(convert::daily_usage(day)),
        }))
    }

    type ImportUsageStream = BoxStream<'static, Result<pb::ImportUsageResponse, Status>>;

    async fn import_usage(
        &self,
        request: Request<Streaming<pb::ImportUsageRequest>>,
    ) -> Result<Response<Self::ImportUsageStream>, Status> {
        let tenant = caller::tenant_of(&request)?;
        let mut context = self.0.clone();
        context.writer = context.writer.patient();
        let stopping = context.stopping.clone();
        let mut next = 0_i64;
        let answers = stream::answer_each(
            request.into_inner(),
            stopping,
            context.stream_idle,
            IMPORTS,
            move |message: pb::ImportUsageRequest| {
                let context = context.clone();
                let index = next;
                next += 1;
                async move {
                    let request = message.record.unwrap_or_default();
                    let answer = record(&context, tenant, request).await;
                    imported(index, answer)
                }
            },
        );
        Ok(Response::new(Box::pin(answers)))
    }

    async fn get_user_usage_stats(
        &self,
        request: Request<pb::GetUserUsageStatsRequest>,
    ) -> Result<Response<pb::GetUserUsageStatsResponse>, Status> {
        let access = caller::of(&request)?;
        let request = request.into_inner();
        let (user, range) = convert::user_range(&request)?;
        let tenant = access.about(user)?;
        let found = self.0.store.get_user_days(tenant, user, range).await?;
        let days = days_at(
            user,
            found.days,
            &found.open,
            &found.settings,
            range,
            request.include_open_sessions,
            self.0.now(),
        );
        let mut total = UsageCounters::default();
        for day in &days {
            total.merge(&day.counters);
        }
        Ok(Response::new(pb::GetUserUsageStatsResponse {
            days: days.into_iter().map(convert::daily_usage).collect(),
            total: Some(pb::DailyUsage {
                user_id: user.to_string(),
                ..convert::usage_sum(total)
            }),
        }))
    }

    type StreamUsageStatsStream = BoxStream<'static, Result<pb::StreamUsageStatsResponse, Status>>;

    async fn stream_usage_stats(
        &self,
        request: Request<pb::StreamUsageStatsRequest>,
    ) -> Result<Response<Self::StreamUsageStatsStream>, Status> {
        let tenant = caller::tenant_of(&request)?;
        let rows = stream_stats::rows(&self.0, tenant, request.get_ref())?;
        Ok(Response::new(rows))
    }

    async fn get_tenant_usage_report(
        &self,
        request: Request<pb::GetTenantUsageReportRequest>,
    ) -> Result<Response<pb::GetTenantUsageReportResponse>, Status> {
        let tenant = caller::tenant_of(&request)?;
        let (range, granularity) = convert::report_range(request.get_ref())?;
        let periods = range.periods(granularity);
        // The whole range is one more period: its distinct users are no sum.
        let mut counted = periods.clone();
        if !counted.contains(&range) {
            counted.push(range);
        }
        let data = self.0.store.get_report_data(tenant, range, counted).await?;
        let report = tenant_usage_report(range, &periods, &data.days, &data.users);
        Ok(Response::new(pb::GetTenantUsageReportResponse {
            periods: report
                .periods
                .into_iter()
                .map(convert::tenant_usage)
                .collect(),
            total: Some(convert::tenant_usage(report.total)),
        }))
    }

    async fn get_user_summary(
        &self,
        request: Request<pb::GetUserSummaryRequest>,
    ) -> Result<Response<pb::GetUserSummaryResponse>, Status> {
        let id = convert::user_id(&request.get_ref().user_id)?;
        let tenant = caller::of(&request)?.about(id)?;
        let summary = self.0.store.get_user(tenant, id, self.0.now()).await?;
        let summary = summary.ok_or(Rejection::NotFound(Entity::User))?;
        Ok(Response::new(pb::GetUserSummaryResponse {
            summary: Some(convert::user_summary(summary)),
        }))
    }

    async fn list_user_summaries(
        &self,
        request: Request<pb::ListUserSummariesRequest>,
    ) -> Result<Response<pb::ListUserSummariesResponse>, Status> {
        let tenant = caller::tenant_of(&request)?;
        let request = request.into_inner();
        let mut check = Check::default();
        let since = check.time("inactive_since", request.inactive_since);
        let limit = convert::page_size(&mut check, request.page_size);
        let tokens = self.0.tokens.of_list(tenant, "ListUserSummaries", &since);
        let after = tokens.open(&mut check, "page_token", &request.page_token);
        let after = check.done(after)?.map(day_key).transpose()?;
        let page = self
            .0
            .store
            .list_users(tenant, since, after, limit, self.0.now())
            .await?;
        Ok(Response::new(pb::ListUserSummariesResponse {
            summaries: page.items.into_iter().map(convert::user_summary).collect(),
            next_page_token: page
                .next
                .map_or_else(String::new, |key| tokens.seal(place(key))),
        }))
    }
}

/// A day and a user, as a token names them.
fn place((date, user): (NaiveDate, UserId)) -> Place {
    token::dated(date, user.0)
}

fn day_key(place: Place) -> Result<(NaiveDate, UserId), Rejection> {
    let (date, user) = token::date_and_id(place)?;
    Ok((date, UserId(user)))
}

async fn record(
    context: &Context,
    tenant: TenantId,
    request: pb::RecordUsageRequest,
) -> Result<DailyUsage, Status> {
    let command = convert::record_usage(request)?;
    let names = &context.names;
    names.of_usage(tenant, &command.increment, context.now())?;
    Ok(context.writer.submit(tenant, command).await?)
}

fn imported(index: i64, answer: Result<DailyUsage, Status>) -> pb::ImportUsageResponse {
    let (code, message) = match answer {
        Ok(_) => (stream::OK, String::new()),
        Err(status) => stream::code_and_message(&status),
    };
    pb::ImportUsageResponse {
        index,
        code,
        message,
    }
}
