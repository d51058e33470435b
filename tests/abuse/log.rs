//! Nothing that is personal or secret is logged.

use dwell::pb::v1 as pb;
use prost_types::{Struct, Value, value::Kind};
use tonic::transport::Channel;

use crate::process::{Clients, Dwell, TENANT};

const USER: &str = "0b6d9a52-7c1e-4f7b-8d34-9f1c2a6e5b70";
/// Whatever is not to be in the log has this in it.
const SECRET: &str = "s3cr3t";
const ADDRESS: &str = "203.0.113.77";

fn secret(what: &str) -> String {
    format!("{SECRET}-{what}")
}

fn metadata() -> Struct {
    let kind = Some(Kind::StringValue(secret("metadata")));
    Struct {
        fields: [(secret("key"), Value { kind })].into(),
    }
}

fn result() -> pb::SessionResult {
    pb::SessionResult {
        scores: [(secret("score"), 50.0)].into(),
        topics: vec![secret("topic")],
        vocabulary_learned: vec![secret("word")],
        areas_to_improve: vec![secret("area")],
        ..Default::default()
    }
}

fn subject() -> pb::Subject {
    pb::Subject {
        r#type: "course".to_owned(),
        id: secret("subject"),
        name: secret("name"),
    }
}

/// A day in the life of a client, with everything that a request can tell.
async fn walk(channel: &Channel) {
    let mut clients = Clients::new(
        channel,
        &[
            ("x-tenant-id", TENANT.to_owned()),
            ("authorization", format!("Bearer {}", secret("token"))),
            ("cookie", secret("cookie")),
            ("x-forwarded-for", ADDRESS.to_owned()),
        ],
    );
    let start = pb::StartSessionRequest {
        user_id: USER.to_owned(),
        client_info: secret("client info"),
        ip_address: ADDRESS.to_owned(),
        location: secret("location"),
        subject: Some(subject()),
        metadata: Some(metadata()),
        ..Default::default()
    };
    let sessions = &mut clients.sessions;
    let session = sessions.start_session(start.clone()).await.unwrap();
    let session_id = session.into_inner().session.unwrap().id;
    let log = pb::LogActivityRequest {
        session_id: session_id.clone(),
        activity_type: "reading".to_owned(),
        content_id: secret("content"),
        metadata: Some(metadata()),
        ..Default::default()
    };
    sessions.log_activity(log).await.unwrap();
    let end = pb::EndSessionRequest {
        session_id,
        notes: secret("notes"),
        result: Some(result()),
        ..Default::default()
    };
    sessions.end_session(end.clone()).await.unwrap();
    let record = pb::RecordSessionRequest {
        user_id: USER.to_owned(),
        duration: Some(prost_types::Duration {
            seconds: 60,
            nanos: 0,
        }),
        notes: secret("notes"),
        location: secret("location"),
        result: Some(result()),
        metadata: Some(metadata()),
        ..Default::default()
    };
    sessions.record_session(record).await.unwrap();
    let usage = pb::RecordUsageRequest {
        user_id: USER.to_owned(),
        increment: Some(pb::UsageIncrement {
            feature_usage: [(secret("feature"), 1)].into(),
            ..Default::default()
        }),
        ..Default::default()
    };
    clients.usage.record_usage(usage).await.unwrap();
    mistakes(&mut clients, start, end).await;
}

/// The same where it is wrong, which is told to the caller alone.
async fn mistakes(
    clients: &mut Clients,
    start: pb::StartSessionRequest,
    end: pb::EndSessionRequest,
) {
    let sessions = &mut clients.sessions;
    for wrong in [secret("id"), format!("{}\0", secret("control"))] {
        let start = pb::StartSessionRequest {
            user_id: wrong.clone(),
            ip_address: wrong.clone(),
            client_info: wrong.clone(),
            ..start.clone()
        };
        sessions.start_session(start).await.unwrap_err();
        let end = pb::EndSessionRequest {
            session_id: wrong.clone(),
            notes: wrong.clone(),
            ..end.clone()
        };
        sessions.end_session(end).await.unwrap_err();
        let list = pb::ListSessionsRequest {
            page_token: wrong.clone(),
            ..Default::default()
        };
        sessions.list_sessions(list).await.unwrap_err();
        let settings = pb::UpdateTenantSettingsRequest {
            settings: Some(pb::TenantSettings {
                time_zone: wrong,
                ..Default::default()
            }),
            update_mask: None,
        };
        let settings = clients.settings.update_tenant_settings(settings).await;
        settings.unwrap_err();
    }
}

#[tokio::test]
async fn a_full_run_logs_nothing_that_is_secret() {
    for format in ["text", "json"] {
        // What operators turn on when they look for something.
        let filter = "debug,dwell=trace,h2=trace,hyper=trace,tonic=trace,tower=trace";
        for filter in ["info", filter] {
            let dwell = Dwell::start(&["--log", filter, "--log-format", format]);
            let channel = dwell.connect().await;
            walk(&channel).await;
            // A caller that nobody knows.
            let wrong = [("x-tenant-id", secret("tenant"))];
            let mut nobody = Clients::new(&channel, &wrong);
            let request = pb::GetTenantSettingsRequest {};
            let answer = nobody.settings.get_tenant_settings(request).await;
            answer.unwrap_err();
            let log = dwell.log();
            assert!(
                log.contains("dwell.v1.SessionService/StartSession"),
                "{log}"
            );
            for hidden in [SECRET, ADDRESS] {
                let told: Vec<_> = log.lines().filter(|line| line.contains(hidden)).collect();
                assert!(told.is_empty(), "{filter}: {told:#?}");
            }
        }
    }
}
