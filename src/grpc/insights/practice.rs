//! When and how much a user practised.

#![expect(
    clippy::unused_async,
    reason = "what is not there yet waits for nothing"
)]

use tonic::Status;

use crate::{domain::ids::TenantId, grpc::Context, pb::v1 as pb};

pub async fn user_statistics(
    _: &Context,
    _: TenantId,
    _: &pb::GetUserStatisticsRequest,
) -> Result<pb::GetUserStatisticsResponse, Status> {
    Err(Status::unimplemented("GetUserStatistics is not there yet"))
}

pub async fn streak(
    _: &Context,
    _: TenantId,
    _: &pb::GetStreakRequest,
) -> Result<pb::GetStreakResponse, Status> {
    Err(Status::unimplemented("GetStreak is not there yet"))
}

pub async fn calendar(
    _: &Context,
    _: TenantId,
    _: &pb::GetCalendarRequest,
) -> Result<pb::GetCalendarResponse, Status> {
    Err(Status::unimplemented("GetCalendar is not there yet"))
}

pub async fn frequency(
    _: &Context,
    _: TenantId,
    _: &pb::GetPracticeFrequencyRequest,
) -> Result<pb::GetPracticeFrequencyResponse, Status> {
    Err(Status::unimplemented(
        "GetPracticeFrequency is not there yet",
    ))
}

pub async fn top_subjects(
    _: &Context,
    _: TenantId,
    _: pb::ListTopSubjectsRequest,
) -> Result<pb::ListTopSubjectsResponse, Status> {
    Err(Status::unimplemented("ListTopSubjects is not there yet"))
}
