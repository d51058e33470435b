//! When and how much a user practised.

use tonic::Status;

use crate::{
    domain::insights::{
        calendar::{by_start_date, calendar_days},
        frequency, statistics, streak,
    },
    grpc::{Context, caller::Access, convert},
    pb::v1 as pb,
};

pub async fn user_statistics(
    context: &Context,
    access: Access,
    request: &pb::GetUserStatisticsRequest,
) -> Result<pb::GetUserStatisticsResponse, Status> {
    let (user, range) = convert::statistics_range(request)?;
    let tenant = access.about(user)?;
    let history = context.store.get_practice_history(tenant, user).await?;
    let statistics = statistics::user_statistics(
        &history.days,
        &history.open,
        &history.settings,
        range,
        context.now(),
    );
    Ok(convert::user_statistics(&statistics))
}

pub async fn streak(
    context: &Context,
    access: Access,
    request: &pb::GetStreakRequest,
) -> Result<pb::GetStreakResponse, Status> {
    let user = convert::user_id(&request.user_id)?;
    let tenant = access.about(user)?;
    let history = context.store.get_practice_history(tenant, user).await?;
    let calendar = &history.settings.calendar;
    let today = calendar.date_of(context.now());
    let streak = streak::streak(&history.days, calendar, today);
    Ok(convert::streak(&streak))
}

pub async fn calendar(
    context: &Context,
    access: Access,
    request: &pb::GetCalendarRequest,
) -> Result<pb::GetCalendarResponse, Status> {
    let (user, range) = convert::calendar_range(request)?;
    let tenant = access.about(user)?;
    let now = context.now();
    let found = context
        .store
        .get_user_calendar(tenant, user, range, request.include_sessions, now)
        .await?;
    let days = calendar_days(found.days, &found.open, &found.settings, range, now);
    let mut sessions = by_start_date(found.sessions);
    let days = days.into_iter().map(|day| {
        let sessions = sessions.remove(&day.date).unwrap_or_default();
        convert::calendar_day(day, sessions)
    });
    Ok(pb::GetCalendarResponse {
        days: days.collect(),
    })
}

pub async fn frequency(
    context: &Context,
    access: Access,
    request: &pb::GetPracticeFrequencyRequest,
) -> Result<pb::GetPracticeFrequencyResponse, Status> {
    let (user, days) = convert::frequency_days(request)?;
    let tenant = access.about(user)?;
    let now = context.now();
    let times = context
        .store
        .get_practice_times(tenant, user, days, now)
        .await?;
    let frequency = frequency::frequency(&times.starts, &times.settings.calendar);
    Ok(convert::practice_frequency(&frequency))
}

pub async fn top_subjects(
    context: &Context,
    access: Access,
    request: pb::ListTopSubjectsRequest,
) -> Result<pb::ListTopSubjectsResponse, Status> {
    let asked = convert::top_subjects(request)?;
    let tenant = access.about(asked.user)?;
    let subjects = context
        .store
        .list_top_subjects(tenant, asked.user, asked.kind, asked.range, asked.limit)
        .await?;
    Ok(pb::ListTopSubjectsResponse {
        subjects: subjects.into_iter().map(convert::subject_count).collect(),
    })
}
