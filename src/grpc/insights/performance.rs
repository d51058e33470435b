//! How well a user practised.

#![expect(
    clippy::unused_async,
    reason = "what is not there yet waits for nothing"
)]

use tonic::Status;

use crate::{domain::ids::TenantId, grpc::Context, pb::v1 as pb};

pub async fn session_stats(
    _: &Context,
    _: TenantId,
    _: &pb::GetSessionStatsRequest,
) -> Result<pb::GetSessionStatsResponse, Status> {
    Err(Status::unimplemented("GetSessionStats is not there yet"))
}

pub async fn warmup(
    _: &Context,
    _: TenantId,
    _: &pb::GetWarmupRequest,
) -> Result<pb::GetWarmupResponse, Status> {
    Err(Status::unimplemented("GetWarmup is not there yet"))
}

pub async fn overview(
    _: &Context,
    _: TenantId,
    _: pb::GetPerformanceOverviewRequest,
) -> Result<pb::GetPerformanceOverviewResponse, Status> {
    Err(Status::unimplemented(
        "GetPerformanceOverview is not there yet",
    ))
}

pub async fn trend(
    _: &Context,
    _: TenantId,
    _: pb::GetPerformanceTrendRequest,
) -> Result<pb::GetPerformanceTrendResponse, Status> {
    Err(Status::unimplemented(
        "GetPerformanceTrend is not there yet",
    ))
}

pub async fn comparison(
    _: &Context,
    _: TenantId,
    _: &pb::ComparePerformanceRequest,
) -> Result<pb::ComparePerformanceResponse, Status> {
    Err(Status::unimplemented("ComparePerformance is not there yet"))
}
