//! What a user's sessions add up to on one page.

use chrono::NaiveDate;
use dwell::pb::v1::{
    GetDailyReportRequest, GetMonthlyReportRequest, GetWeeklyReportRequest,
    report_service_client::ReportServiceClient,
};
use tonic::transport::Channel;
use uuid::Uuid;

use crate::{Result, calls::with_tenant};

/// How long the time is that a report is of: one that ended before `today`.
#[derive(Clone, Copy, Debug)]
pub enum Period {
    Day,
    Week,
    Month,
}

impl Period {
    pub const ALL: [(&str, Self); 3] = [
        ("GetDailyReport", Self::Day),
        ("GetWeeklyReport", Self::Week),
        ("GetMonthlyReport", Self::Month),
    ];

    /// Whether the answer tells of the user's sessions.
    pub async fn call(
        self,
        client: &mut ReportServiceClient<Channel>,
        tenant: Uuid,
        user: Uuid,
        today: NaiveDate,
    ) -> Result<bool> {
        let user_id = user.to_string();
        let last =
            |format: &str, days| (today - chrono::Days::new(days)).format(format).to_string();
        let summary = match self {
            Self::Day => {
                let date = last("%Y-%m-%d", 1);
                let request = with_tenant(GetDailyReportRequest { user_id, date }, tenant);
                client.get_daily_report(request).await?.into_inner().summary
            }
            Self::Week => {
                let week = last("%G-W%V", 7);
                let request = with_tenant(GetWeeklyReportRequest { user_id, week }, tenant);
                client
                    .get_weekly_report(request)
                    .await?
                    .into_inner()
                    .summary
            }
            Self::Month => {
                let month = last("%Y-%m", 31);
                let request = with_tenant(GetMonthlyReportRequest { user_id, month }, tenant);
                client
                    .get_monthly_report(request)
                    .await?
                    .into_inner()
                    .summary
            }
        };
        Ok(summary.unwrap_or_default().total_minutes > 0)
    }
}
