//! What a tenant's administrators set.

use dwell::pb::v1 as pb;
use prost_types::FieldMask;

use crate::{
    harness::{Caller, Server},
    values::{USER, seconds, start},
};

on_both_engines! {
    a_tenant_begins_with_the_defaults
    an_update_changes_what_its_mask_names
    an_update_without_a_mask_changes_what_is_set
    settings_count_for_the_next_request
}

fn defaults() -> pb::TenantSettings {
    let client_types = [
        "lucidchart",
        "standalone",
        "miro",
        "api",
        "web",
        "mobile",
        "unknown",
    ];
    pb::TenantSettings {
        time_zone: "UTC".to_owned(),
        idle_timeout: seconds(30 * 60),
        max_lifetime: seconds(24 * 3_600),
        max_open_sessions: 0,
        over_limit_policy: pb::OverLimitPolicy::Evict.into(),
        client_types: client_types.map(str::to_owned).to_vec(),
        session_retention: seconds(0),
        points_per_minute: 0.5,
        points_per_correct_item: 1.0,
        client_retention: seconds(0),
    }
}

/// No default in it.
fn others() -> pb::TenantSettings {
    pb::TenantSettings {
        time_zone: "Asia/Kathmandu".to_owned(),
        idle_timeout: seconds(60),
        max_lifetime: seconds(0),
        max_open_sessions: 3,
        over_limit_policy: pb::OverLimitPolicy::Deny.into(),
        client_types: vec!["kiosk".to_owned(), "unknown".to_owned()],
        session_retention: seconds(86_400),
        points_per_minute: 0.1,
        points_per_correct_item: 2.25,
        client_retention: seconds(3_600),
    }
}

async fn get(caller: &mut Caller) -> pb::TenantSettings {
    let request = pb::GetTenantSettingsRequest {};
    let answer = caller.settings.get_tenant_settings(request).await.unwrap();
    answer.into_inner().settings.unwrap()
}

async fn update(
    caller: &mut Caller,
    settings: pb::TenantSettings,
    paths: &[&str],
) -> pb::TenantSettings {
    let paths = paths.iter().map(|path| (*path).to_owned()).collect();
    let request = pb::UpdateTenantSettingsRequest {
        settings: Some(settings),
        update_mask: Some(FieldMask { paths }),
    };
    let answer = caller
        .settings
        .update_tenant_settings(request)
        .await
        .unwrap();
    answer.into_inner().settings.unwrap()
}

async fn a_tenant_begins_with_the_defaults(server: Server) {
    assert_eq!(get(&mut server.tenant(1)).await, defaults());
}

async fn an_update_changes_what_its_mask_names(server: Server) {
    let mut caller = server.tenant(1);
    assert_eq!(update(&mut caller, others(), &["*"]).await, others());
    assert_eq!(get(&mut caller).await, others());
    // What is named and not set gets its default.
    let paths = ["idle_timeout", "client_types", "time_zone", "idle_timeout"];
    let expected = pb::TenantSettings {
        idle_timeout: defaults().idle_timeout,
        client_types: defaults().client_types,
        time_zone: defaults().time_zone,
        ..others()
    };
    let given = pb::TenantSettings {
        max_open_sessions: 9,
        ..Default::default()
    };
    assert_eq!(update(&mut caller, given, &paths).await, expected);
    assert_eq!(get(&mut caller).await, expected);
    let given = pb::TenantSettings {
        points_per_minute: 0.5,
        points_per_correct_item: 1.0,
        ..Default::default()
    };
    assert_eq!(update(&mut caller, given, &["*"]).await, defaults());
    assert_eq!(get(&mut server.tenant(2)).await, defaults());
}

async fn an_update_without_a_mask_changes_what_is_set(server: Server) {
    let mut caller = server.tenant(1);
    let given = pb::TenantSettings {
        max_lifetime: seconds(0),
        points_per_minute: 2.0,
        ..Default::default()
    };
    let expected = pb::TenantSettings {
        max_lifetime: seconds(0),
        points_per_minute: 2.0,
        ..defaults()
    };
    assert_eq!(caller.set(given).await, expected);
    assert_eq!(caller.set(others()).await, others());
}

async fn settings_count_for_the_next_request(server: Server) {
    let mut caller = server.tenant(1);
    caller.set(others()).await;
    let kiosk = pb::StartSessionRequest {
        client_type: "kiosk".to_owned(),
        ..start(USER)
    };
    let session = caller.start(kiosk).await;
    assert_eq!(
        session.expire_time,
        crate::values::time("2026-03-02T09:01:00Z")
    );
    let web = pb::StartSessionRequest {
        client_type: "web".to_owned(),
        ..start(USER)
    };
    let refused = caller.sessions.start_session(web).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::InvalidArgument);
}
