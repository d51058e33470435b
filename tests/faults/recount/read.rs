//! What the API tells of a tenant.

use tonic::transport::Channel;
use uuid::Uuid;

use ::dwell::pb::v1::{self as pb, session_service_client::SessionServiceClient};

use crate::send::of;

/// The largest answer of a page of a thousand sessions.
const PAGE: usize = 64 << 20;

/// All its sessions, as they are listed.
pub async fn sessions(channel: &Channel, tenant: Uuid) -> Vec<pb::Session> {
    let client = SessionServiceClient::new(channel.clone());
    let mut client = client.max_decoding_message_size(PAGE);
    let mut sessions = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = pb::ListSessionsRequest {
            page_size: 1_000,
            page_token,
            ..Default::default()
        };
        let page = client.list_sessions(of(tenant, request)).await.unwrap();
        let page = page.into_inner();
        sessions.extend(page.sessions);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return sessions;
        }
    }
}

/// All activities of a session.
pub async fn activities(channel: &Channel, tenant: Uuid, session: Uuid) -> Vec<pb::Activity> {
    let mut client = SessionServiceClient::new(channel.clone());
    let request = pb::ListActivitiesRequest {
        session_id: session.to_string(),
        page_size: 1_000,
        ..Default::default()
    };
    let page = client.list_activities(of(tenant, request)).await;
    match page {
        Ok(page) => page.into_inner().activities,
        Err(status) => {
            assert_eq!(status.code(), tonic::Code::NotFound);
            Vec::new()
        }
    }
}
