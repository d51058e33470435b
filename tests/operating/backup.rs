//! `dwell backup`, as an operator runs it.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
};

use dwell::pb::v1::{
    RecordUsageRequest, UsageIncrement, usage_stats_service_client::UsageStatsServiceClient,
};
use sqlx::{Connection, Executor, Row, SqliteConnection};
use tempfile::TempDir;
use tokio::task::{JoinSet, spawn_blocking};
use tonic::{Request, transport::Channel};
use uuid::Uuid;

use crate::{
    commands::{Served, run, sqlite, well},
    support::postgres,
};

const TENANT: &str = "7f0c1f3e-5a51-4e0a-9a63-3d2f4b8f6c11";
const WRITERS: u128 = 16;
/// Bytes of a page of SQLite.
const PAGE: usize = 4_096;

/// Counts one login after the other until it is told to stop, and how many were answered.
async fn write(channel: Channel, user: u128, answered: Arc<AtomicI64>, stop: Arc<AtomicBool>) {
    let mut client = UsageStatsServiceClient::new(channel);
    for number in 0.. {
        if stop.load(Ordering::SeqCst) {
            return;
        }
        let increment = UsageIncrement {
            login_count: 1,
            ..UsageIncrement::default()
        };
        let mut request = Request::new(RecordUsageRequest {
            user_id: Uuid::from_u128(user).to_string(),
            request_id: Uuid::from_u128((user << 64) | number).to_string(),
            increment: Some(increment),
            ..RecordUsageRequest::default()
        });
        let tenant = TENANT.parse().unwrap();
        request.metadata_mut().insert("x-tenant-id", tenant);
        client.record_usage(request).await.unwrap();
        answered.fetch_add(1, Ordering::SeqCst);
    }
}

/// Logins as the users, their days, the tenant's days and the remembered requests have them.
async fn counted(file: &Path) -> [i64; 4] {
    let url = format!("sqlite://{}?mode=ro", file.display());
    let mut conn = SqliteConnection::connect(&url).await.unwrap();
    let count = "SELECT (SELECT SUM(login_count) FROM users),
        (SELECT SUM(login_count) FROM user_usage_stats),
        (SELECT SUM(login_count) FROM tenant_usage_days),
        (SELECT COUNT(*) FROM usage_requests)";
    let row = conn.fetch_one(count).await.unwrap();
    [0_usize, 1, 2, 3].map(|index| row.get(index))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_of_a_busy_database_is_one_state_of_it() {
    let dir = TempDir::new().unwrap();
    let url = sqlite(dir.path());
    let server = Served::start(dir.path(), &url, &[]);
    let endpoint = Channel::from_shared(server.address.clone()).unwrap();
    let channel = endpoint.connect().await.unwrap();
    let (answered, stop) = (
        Arc::new(AtomicI64::new(0)),
        Arc::new(AtomicBool::new(false)),
    );
    let mut writers = JoinSet::new();
    for user in 1..=WRITERS {
        writers.spawn(write(channel.clone(), user, answered.clone(), stop.clone()));
    }
    let mut last = 0;
    for number in 0..5 {
        // Something was written since the one before.
        while answered.load(Ordering::SeqCst) < last + 100 {
            tokio::task::yield_now().await;
        }
        let before = answered.load(Ordering::SeqCst);
        let file = dir.path().join(format!("backup-{number}"));
        let (url, to) = (url.clone(), file.display().to_string());
        let printed = spawn_blocking(move || well(&["backup", &to, "--database-url", &url]));
        assert!(printed.await.unwrap().ends_with(" MiB, whole\n"));
        let after = answered.load(Ordering::SeqCst);
        let [logins, others @ ..] = counted(&file).await;
        assert_eq!(others, [logins; 3]);
        let in_flight = i64::try_from(WRITERS).unwrap();
        assert!(
            (before..=after + in_flight).contains(&logins),
            "{before} {logins} {after}"
        );
        last = after;
    }
    stop.store(true, Ordering::SeqCst);
    while let Some(done) = writers.join_next().await {
        done.unwrap();
    }

    // One of them serves.
    let copy = format!("sqlite://{}", dir.path().join("backup-4").display());
    let (checked, _, code) = run(&["check", "--database-url", &copy]);
    assert_eq!(code, Some(0), "{checked}");
    let _server = Served::start(dir.path(), &copy, &["--no-migrate"]);
}

#[test]
fn nothing_is_overwritten_or_left_behind() {
    let dir = TempDir::new().unwrap();
    let url = sqlite(dir.path());
    let file = dir.path().join("backup");
    let backup = |url: &str| run(&["backup", &file.display().to_string(), "--database-url", url]);
    // Beside a database SQLite may leave what its connections share.
    let names = || {
        let names = dir.path().read_dir().unwrap();
        let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let of_backups = names.filter(|name| name.starts_with("backup"));
        of_backups.collect::<BTreeSet<_>>()
    };

    assert_eq!(backup(&url).2, Some(1));
    assert_eq!(names(), BTreeSet::new());

    well(&["migrate", "--database-url", &url]);
    fs::write(&file, "dear").unwrap();
    let (_, complaint, code) = backup(&url);
    assert!(complaint.contains("is there already"), "{complaint}");
    assert_eq!(code, Some(1));
    assert_eq!(fs::read(&file).unwrap(), b"dear");
    fs::remove_file(&file).unwrap();

    let partial = dir.path().join("backup.partial");
    fs::write(&partial, "").unwrap();
    let (_, complaint, _) = backup(&url);
    assert!(complaint.contains("backup.partial is there"), "{complaint}");
    fs::remove_file(&partial).unwrap();

    // What is not whole is no backup. The first page says what there is; the others hold it.
    let damaged = dir.path().join("damaged");
    let mut bytes = fs::read(dir.path().join("db")).unwrap();
    let (_, others) = bytes.split_at_mut(PAGE);
    others.fill(0xaa);
    fs::write(&damaged, bytes).unwrap();
    assert_eq!(
        backup(&format!("sqlite://{}", damaged.display())).2,
        Some(1)
    );
    fs::remove_file(&damaged).unwrap();
    assert_eq!(names(), BTreeSet::new());

    let (_, complaint, code) = backup(&url);
    assert_eq!(code, Some(0), "{complaint}");
    // It holds what everybody did.
    let mode = fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test]
async fn postgres_is_referred_to_its_own_tools() {
    let url = postgres::database().await;
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("backup").display().to_string();
    let (_, complaint, code) = run(&["backup", &file, "--database-url", &url]);
    assert!(
        complaint.contains("pg_dump --enable-row-security"),
        "{complaint}"
    );
    assert_eq!(code, Some(1));
}
