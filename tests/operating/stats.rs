//! `dwell stats`, as an operator runs it.

use dwell::pb::v1::{
    EndSessionRequest, StartSessionRequest, session_service_client::SessionServiceClient,
};
use serde_json::{Value, json};
use sqlx::{Connection, Executor, PgConnection};
use tempfile::TempDir;
use tonic::{Request, transport::Endpoint};
use uuid::Uuid;

use crate::{
    commands::{Served, run, sqlite, well},
    support::postgres,
};

const TENANTS: [&str; 2] = [
    "11111111-5a51-4e0a-9a63-3d2f4b8f6c11",
    "22222222-5a51-4e0a-9a63-3d2f4b8f6c11",
];

fn of<T>(tenant: &'static str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    let tenant = tenant.parse().unwrap();
    request.metadata_mut().insert("x-tenant-id", tenant);
    request
}

/// Of the first tenant two users with a session each, of which one has ended; of the second one
/// user with two that are open.
async fn counts_what_is_there(dir: &TempDir, url: &str) {
    let server = Served::start(dir.path(), url, &[]);
    let endpoint = Endpoint::from_shared(server.address.clone()).unwrap();
    let mut client = SessionServiceClient::new(endpoint.connect().await.unwrap());
    let [first, second] = TENANTS;
    for (tenant, user, end) in [
        (first, 1, true),
        (first, 2, false),
        (second, 3, false),
        (second, 3, false),
    ] {
        let start = StartSessionRequest {
            user_id: Uuid::from_u128(user).to_string(),
            ..StartSessionRequest::default()
        };
        let started = client.start_session(of(tenant, start)).await.unwrap();
        if end {
            let end = EndSessionRequest {
                session_id: started.into_inner().session.unwrap().id,
                ..EndSessionRequest::default()
            };
            client.end_session(of(tenant, end)).await.unwrap();
        }
    }

    let stats = well(&["stats", "--json", "--database-url", url]);
    let stats: Value = serde_json::from_str(&stats).unwrap();
    let tenant = |id, users, open, ended| json!({"tenant_id": id, "users": users, "open_sessions": open, "ended_sessions": ended});
    let expected = json!([tenant(first, 2, 1, 1), tenant(second, 1, 2, 0)]);
    assert_eq!(stats["tenants"], expected);
    assert!(stats["schema_version"].as_i64().unwrap() >= 9);
    let tables = stats["tables"].as_array().unwrap();
    let bytes = |table: &Value| table["bytes"].as_i64().unwrap();
    assert!(tables.iter().map(bytes).sum::<i64>() <= stats["bytes"].as_i64().unwrap());
    let names: Vec<_> = tables
        .iter()
        .map(|table| table["name"].as_str().unwrap())
        .collect();
    assert!(
        names.contains(&"user_sessions") && names.contains(&"_sqlx_migrations"),
        "{names:?}"
    );

    let table = well(&["stats", "--database-url", url]);
    let squeezed = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let lines: Vec<_> = table.lines().map(squeezed).collect();
    assert!(lines[0].ends_with(&format!("schema version {}", stats["schema_version"])));
    assert!(lines.contains(&format!("{first} 2 1 1")), "{table}");
    assert!(lines.contains(&"all 2 3 3 1".to_owned()), "{table}");
}

#[tokio::test]
async fn it_counts_what_is_there_on_sqlite() {
    let dir = TempDir::new().unwrap();
    counts_what_is_there(&dir, &sqlite(dir.path())).await;
}

#[tokio::test]
async fn it_counts_what_is_there_on_postgres() {
    let dir = TempDir::new().unwrap();
    let url = postgres::database().await;
    counts_what_is_there(&dir, &url).await;

    // It sees all tenants as the jobs do, and not because of who logs in.
    let mut conn = PgConnection::connect(&url).await.unwrap();
    conn.execute("REVOKE SELECT ON users FROM dwell_jobs")
        .await
        .unwrap();
    let (_, complaint, code) = run(&["stats", "--database-url", &url]);
    assert_eq!(code, Some(1));
    assert!(
        complaint.contains("permission denied for table users"),
        "{complaint}"
    );
}

#[test]
fn without_a_database_it_makes_none() {
    let dir = TempDir::new().unwrap();
    assert_eq!(
        run(&["stats", "--database-url", &sqlite(dir.path())]).2,
        Some(1)
    );
    assert_eq!(dir.path().read_dir().unwrap().count(), 0);
}
