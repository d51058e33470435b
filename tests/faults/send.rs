//! One call, sent once.

use prost_types::Duration;
use tonic::{
    Request, Response, Status,
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
    let mut sessions = SessionServiceClient::new(channel.clone());
    match call {
        Call::Start { session } => {
            let answer = sessions.start_session(of(tenant, start(user, *session)));
            Ok(created(answer.await?.into_inner().created))
        }
        Call::Heartbeat { session } => {
            let session_id = session.to_string();
            let answer = sessions.heartbeat(of(tenant, pb::HeartbeatRequest { session_id }));
            answer.await.map(|answer| Told {
                active: answer.into_inner().last_active_time.map(micros),
                ..Told::default()
            })
        }
        Call::Pause { session } => {
            let session_id = session.to_string();
            let answer = sessions.pause_session(of(tenant, pb::PauseSessionRequest { session_id }));
            answer.await.map(nothing)
        }
        Call::Resume { session } => {
            let session_id = session.to_string();
            let request = pb::ResumeSessionRequest { session_id };
            sessions
                .resume_session(of(tenant, request))
                .await
                .map(nothing)
        }
        Call::End { session } => {
            let request = pb::EndSessionRequest {
                session_id: session.to_string(),
                ..Default::default()
            };
            let answer = sessions.end_session(of(tenant, request)).await?;
            Ok(Told {
                seconds: answer
                    .into_inner()
                    .session
                    .and_then(|session| seconds(&session)),
                ..Told::default()
            })
        }
        Call::Record {
            session,
            start,
            seconds,
        } => {
            let request = record(user, *session, *start, *seconds);
            let answer = sessions.record_session(of(tenant, request));
            Ok(created(answer.await?.into_inner().created))
        }
        Call::Activity {
            session,
            activity,
            items,
        } => {
            let request = log(*session, *activity, *items);
            sessions
                .log_activity(of(tenant, request))
                .await
                .map(nothing)
        }
        Call::Usage {
            request,
            date,
            amounts,
        } => {
            let request = usage(user, *request, date, *amounts);
            let mut client = UsageStatsServiceClient::new(channel);
            let answer = client.record_usage(of(tenant, request));
            answer.await.map(nothing)
        }
        Call::Goal { goal } => {
            let goal = Some(custom_goal(user, *goal));
            let request = of(tenant, pb::CreateGoalRequest { goal });
            GoalServiceClient::new(channel)
                .create_goal(request)
                .await
                .map(nothing)
        }
        Call::Progress { goal, date, value } => {
            let request = pb::RecordGoalProgressRequest {
                goal_id: goal.to_string(),
                value: as_double(*value),
                date: date.clone(),
                ..Default::default()
            };
            let mut client = GoalServiceClient::new(channel);
            let answer = client.record_goal_progress(of(tenant, request));
            answer.await.map(nothing)
        }
    }
}

fn created(created: bool) -> Told {
    Told {
        created: Some(created),
        ..Told::default()
    }
}

fn nothing<T>(_: Response<T>) -> Told {
    Told::default()
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
