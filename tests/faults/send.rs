//! One call, sent once.

use prost_types::Duration;
use tonic::{
    Request, Status,
    metadata::{Ascii, MetadataValue},
    transport::Channel,
};
use uuid::Uuid;

use ::dwell::pb::v1::{
    self as pb, goal_service_client::GoalServiceClient,
    session_service_client::SessionServiceClient,
    usage_stats_service_client::UsageStatsServiceClient,
};

use crate::{
    ledger::{Amounts, Call, Outcome, Told},
    terms::conclude,
};

pub const FEATURE: &str = "editor";

/// A request of a tenant's.
pub fn of<T>(tenant: Uuid, message: T) -> Request<T> {
    let mut request = Request::new(message);
    let value: MetadataValue<Ascii> = tenant.to_string().parse().unwrap();
    request.metadata_mut().insert("x-tenant-id", value);
    request
}

/// Sends a call and says what is known then.
pub async fn send(channel: &Channel, tenant: Uuid, user: Uuid, call: &Call) -> Outcome {
    match tell(channel.clone(), tenant, user, call).await {
        Ok(told) => Outcome::Acknowledged(told),
        Err(status) => conclude(&status),
    }
}

async fn tell(channel: Channel, tenant: Uuid, user: Uuid, call: &Call) -> Result<Told, Status> {
    match call {
        Call::Usage {
            request,
            date,
            amounts,
        } => {
            let request = usage(user, *request, date, *amounts);
            let mut client = UsageStatsServiceClient::new(channel);
            client.record_usage(of(tenant, request)).await?;
        }
        Call::Goal { goal } => {
            let goal = Some(custom_goal(user, *goal));
            let request = of(tenant, pb::CreateGoalRequest { goal });
            GoalServiceClient::new(channel).create_goal(request).await?;
        }
        Call::Progress { goal, date, value } => {
            let request = pb::RecordGoalProgressRequest {
                goal_id: goal.to_string(),
                value: as_double(*value),
                date: date.clone(),
                ..Default::default()
            };
            let mut client = GoalServiceClient::new(channel);
            client.record_goal_progress(of(tenant, request)).await?;
        }
        _ => return tell_session(channel, tenant, user, call).await,
    }
    Ok(Told::default())
}

/// The calls of the service of sessions.
async fn tell_session(
    channel: Channel,
    tenant: Uuid,
    user: Uuid,
    call: &Call,
) -> Result<Told, Status> {
    let mut client = SessionServiceClient::new(channel);
    let mut told = Told::default();
    match call {
        Call::Start { session } => {
            let request = of(tenant, start(user, *session));
            let answer = client.start_session(request).await?.into_inner();
            told.created = Some(answer.created);
        }
        Call::Record {
            session,
            start,
            seconds,
        } => {
            let request = of(tenant, record(user, *session, *start, *seconds));
            let answer = client.record_session(request).await?.into_inner();
            told.created = Some(answer.created);
        }
        Call::Heartbeat { session } => {
            let session_id = session.to_string();
            let request = of(tenant, pb::HeartbeatRequest { session_id });
            let answer = client.heartbeat(request).await?.into_inner();
            told.active = answer.last_active_time.map(micros);
        }
        Call::Pause { session } => {
            let session_id = session.to_string();
            let request = of(tenant, pb::PauseSessionRequest { session_id });
            client.pause_session(request).await?;
        }
        Call::Resume { session } => {
            let session_id = session.to_string();
            let request = of(tenant, pb::ResumeSessionRequest { session_id });
            client.resume_session(request).await?;
        }
        Call::End { session } => {
            let request = pb::EndSessionRequest {
                session_id: session.to_string(),
                ..Default::default()
            };
            let answer = client.end_session(of(tenant, request)).await?.into_inner();
            told.seconds = answer.session.and_then(|session| seconds(&session));
        }
        Call::Activity {
            session,
            activity,
            items,
        } => {
            let request = of(tenant, log(*session, *activity, *items));
            client.log_activity(request).await?;
        }
        Call::Usage { .. } | Call::Goal { .. } | Call::Progress { .. } => {
            unreachable!("not of this service")
        }
    }
    Ok(told)
}

fn start(user: Uuid, session: Uuid) -> pb::StartSessionRequest {
    pb::StartSessionRequest {
        user_id: user.to_string(),
        session_id: session.to_string(),
        client_type: "web".to_owned(),
        ..Default::default()
    }
}

fn record(user: Uuid, session: Uuid, start: i64, seconds: i64) -> pb::RecordSessionRequest {
    pb::RecordSessionRequest {
        user_id: user.to_string(),
        session_id: session.to_string(),
        client_type: "web".to_owned(),
        start_time: Some(prost_types::Timestamp {
            seconds: start,
            nanos: 0,
        }),
        duration: Some(Duration { seconds, nanos: 0 }),
        ..Default::default()
    }
}

fn log(session: Uuid, activity: Uuid, items: i64) -> pb::LogActivityRequest {
    pb::LogActivityRequest {
        session_id: session.to_string(),
        activity_id: activity.to_string(),
        activity_type: "reading".to_owned(),
        items_completed: items,
        ..Default::default()
    }
}

pub fn usage(
    user: Uuid,
    request: Option<Uuid>,
    date: &str,
    amounts: Amounts,
) -> pb::RecordUsageRequest {
    let feature_usage = [(FEATURE.to_owned(), amounts.uses)].into_iter();
    pb::RecordUsageRequest {
        user_id: user.to_string(),
        date: date.to_owned(),
        request_id: request.map(|id| id.to_string()).unwrap_or_default(),
        increment: Some(pb::UsageIncrement {
            login_count: amounts.logins,
            active_seconds: amounts.seconds,
            simulation_runs: amounts.runs,
            documents_accessed: amounts.documents,
            feature_usage: feature_usage.filter(|(_, uses)| *uses > 0).collect(),
        }),
    }
}

fn custom_goal(user: Uuid, goal: Uuid) -> pb::Goal {
    pb::Goal {
        id: goal.to_string(),
        user_id: user.to_string(),
        goal_type: pb::GoalType::Custom.into(),
        name: "pages".to_owned(),
        target_value: 1e9,
        unit: "pages".to_owned(),
        target_date: "2099-12-31".to_owned(),
        ..Default::default()
    }
}

/// Whole seconds that an ended session took.
pub fn seconds(session: &pb::Session) -> Option<i64> {
    session.duration.as_ref().map(|duration| duration.seconds)
}

pub fn micros(time: prost_types::Timestamp) -> i64 {
    time.seconds * 1_000_000 + i64::from(time.nanos / 1_000)
}

/// Exact for the small numbers of these tests.
pub fn as_double(value: i64) -> f64 {
    f64::from(i32::try_from(value).unwrap())
}
