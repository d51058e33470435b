//! `InsightsService`: [`practice`] tells when and how much a user practised, [`performance`]
//! how well.

mod performance;
mod practice;

use tonic::{Request, Response, Status};

use super::{Context, caller};
use crate::pb::v1::{self as pb, insights_service_server::InsightsService};

/// The service, and what it needs.
#[derive(Clone)]
pub struct Insights(pub Context);

#[tonic::async_trait]
impl InsightsService for Insights {
    async fn get_session_stats(
        &self,
        request: Request<pb::GetSessionStatsRequest>,
    ) -> Result<Response<pb::GetSessionStatsResponse>, Status> {
        let access = caller::of(&request)?;
        let answer = performance::session_stats(&self.0, access, request.get_ref()).await?;
        Ok(Response::new(answer))
    }

    async fn get_warmup(
        &self,
        request: Request<pb::GetWarmupRequest>,
    ) -> Result<Response<pb::GetWarmupResponse>, Status> {
        let access = caller::of(&request)?;
        let answer = performance::warmup(&self.0, access, request.get_ref()).await?;
        Ok(Response::new(answer))
    }

    async fn get_user_statistics(
        &self,
        request: Request<pb::GetUserStatisticsRequest>,
    ) -> Result<Response<pb::GetUserStatisticsResponse>, Status> {
        let access = caller::of(&request)?;
        let answer = practice::user_statistics(&self.0, access, request.get_ref()).await?;
        Ok(Response::new(answer))
    }

    async fn get_streak(
        &self,
        request: Request<pb::GetStreakRequest>,
    ) -> Result<Response<pb::GetStreakResponse>, Status> {
        let access = caller::of(&request)?;
        let answer = practice::streak(&self.0, access, request.get_ref()).await?;
        Ok(Response::new(answer))
    }

    async fn get_calendar(
        &self,
        request: Request<pb::GetCalendarRequest>,
    ) -> Result<Response<pb::GetCalendarResponse>, Status> {
        let access = caller::of(&request)?;
        let answer = practice::calendar(&self.0, access, request.get_ref()).await?;
        Ok(Response::new(answer))
    }

    async fn get_practice_frequency(
        &self,
        request: Request<pb::GetPracticeFrequencyRequest>,
    ) -> Result<Response<pb::GetPracticeFrequencyResponse>, Status> {
        let access = caller::of(&request)?;
        let answer = practice::frequency(&self.0, access, request.get_ref()).await?;
        Ok(Response::new(answer))
    }

    async fn list_top_subjects(
        &self,
        request: Request<pb::ListTopSubjectsRequest>,
    ) -> Result<Response<pb::ListTopSubjectsResponse>, Status> {
        let access = caller::of(&request)?;
        let answer = practice::top_subjects(&self.0, access, request.into_inner()).await?;
        Ok(Response::new(answer))
    }

    async fn get_performance_overview(
        &self,
        request: Request<pb::GetPerformanceOverviewRequest>,
    ) -> Result<Response<pb::GetPerformanceOverviewResponse>, Status> {
        let access = caller::of(&request)?;
        let answer = performance::overview(&self.0, access, request.into_inner()).await?;
        Ok(Response::new(answer))
    }

    async fn get_performance_trend(
        &self,
        request: Request<pb::GetPerformanceTrendRequest>,
    ) -> Result<Response<pb::GetPerformanceTrendResponse>, Status> {
        let access = caller::of(&request)?;
        let answer = performance::trend(&self.0, access, request.into_inner()).await?;
        Ok(Response::new(answer))
    }

    async fn compare_performance(
        &self,
        request: Request<pb::ComparePerformanceRequest>,
    ) -> Result<Response<pb::ComparePerformanceResponse>, Status> {
        let access = caller::of(&request)?;
        let answer = performance::comparison(&self.0, access, request.get_ref()).await?;
        Ok(Response::new(answer))
    }
}
