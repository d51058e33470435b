//! The disk is full: writes are refused with a clear answer, reads go on, and it recovers by
//! itself once there is room.

use std::{
    fs::{self, File, Permissions},
    io::{ErrorKind, Write},
    os::unix::fs::{MetadataExt, PermissionsExt, chown},
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use tempfile::TempDir;
use tokio::time::timeout;
use tonic::{Code, Status};
use tonic_types::StatusExt;
use uuid::Uuid;

use ::dwell::pb::v1::{
    GetUserUsageStatsRequest, usage_stats_service_client::UsageStatsServiceClient,
};

use crate::{
    dwell::Dwell,
    engine::Engine,
    ledger::Amounts,
    load::tenant,
    send::{of, usage},
    trial::Trial,
};

/// A write is refused within this: the writer is patient for five seconds.
const REFUSED: Duration = Duration::from_mins(1);

/// A file system of its own, until it is dropped.
struct Disk(TempDir);

impl Disk {
    /// One of so many MiB. `None` where mounting is not allowed.
    fn mount(mebibytes: u32) -> Option<Self> {
        let dir = TempDir::new().unwrap();
        let size = format!("size={mebibytes}m,mode=0777");
        let mounted = as_root(&["mount", "-t", "tmpfs", "-o", &size, "dwell"], dir.path());
        if !mounted {
            println!("not tried: a small file system can only be mounted by root");
            return None;
        }
        fs::set_permissions(dir.path(), Permissions::from_mode(0o777)).unwrap();
        Some(Self(dir))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Leaves no room.
    fn fill(&self) {
        let mut file = File::create(self.path("filler")).unwrap();
        // Smaller and smaller, so that not a page is left.
        for size in [1 << 20, 1 << 12] {
            let zeros = vec![0; size];
            let error = loop {
                if let Err(error) = file.write_all(&zeros) {
                    break error;
                }
            };
            assert_eq!(error.kind(), ErrorKind::StorageFull);
        }
    }

    fn make_room(&self) {
        fs::remove_file(self.path("filler")).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        as_root(&["umount", "-l"], self.0.path());
    }
}

/// Whether the command was carried out.
fn as_root(command: &[&str], path: &Path) -> bool {
    let sudo: &[&str] = match fs::metadata("/proc/self").unwrap().uid() {
        0 => &[],
        _ => &["sudo", "-n"],
    };
    let words = [sudo, command].concat();
    let done = Command::new(words[0]).args(&words[1..]).arg(path).output();
    done.is_ok_and(|done| done.status.success())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_disk_of_sqlite_is_full() {
    let Some(disk) = Disk::mount(24) else { return };
    let mut engine = Engine::sqlite();
    engine.url = format!("sqlite://{}", disk.path("db").display());
    fills_up("a full disk, SQLite", engine, &disk).await;
}

/// The database is in a table space of its own: a PostgreSQL whose log has no room ends.
#[tokio::test(flavor = "multi_thread")]
async fn the_disk_of_postgres_is_full() {
    let Some(disk) = Disk::mount(64) else { return };
    let mut engine = Engine::postgres();
    let space = disk.path("space");
    fs::create_dir(&space).unwrap();
    let (_, socket_dir) = engine.url.split_once("host=").unwrap();
    let owner = fs::metadata(socket_dir).unwrap();
    chown(&space, Some(owner.uid()), Some(owner.gid())).unwrap();
    let mut conn = PgConnection::connect(&engine.url).await.unwrap();
    let make = format!("CREATE TABLESPACE small LOCATION '{}'", space.display());
    conn.execute(AssertSqlSafe(make)).await.unwrap();
    let make = "CREATE DATABASE small TABLESPACE small";
    conn.execute(make).await.unwrap();
    engine.url = engine.url.replace("/postgres?", "/small?");
    fills_up("a full disk, PostgreSQL", engine, &disk).await;
}

async fn fills_up(what: &str, engine: Engine, disk: &Disk) {
    let mut trial = Trial::new(engine, 1);
    let dwell = trial.serve().await;
    trial.load.more(200).await;
    disk.fill();
    let refused = timeout(REFUSED, refusal(&dwell)).await;
    let status = refused.expect("a full disk is noticed");
    assert_eq!(status.code(), Code::Unavailable, "{status:?}");
    let details = status.get_error_details();
    assert_eq!(details.error_info().unwrap().reason, "DATABASE_UNAVAILABLE");
    assert!(details.retry_info().is_some());
    // Reads go on.
    let mut usage = UsageStatsServiceClient::new(dwell.channel());
    let request = GetUserUsageStatsRequest {
        user_id: Uuid::from_u128(1).to_string(),
        start_date: "2026-01-01".to_owned(),
        end_date: "2026-01-31".to_owned(),
        include_open_sessions: true,
    };
    let read = usage.get_user_usage_stats(of(tenant(0), request)).await;
    read.unwrap();
    disk.make_room();
    // It goes on by itself.
    trial.ready_since(Instant::now()).await;
    trial.load.more(200).await;
    trial.finish(what, &dwell.channel()).await;
}

/// Records until that is refused, of one user after another, none of whom the ledger counts. What
/// fits into what there is goes on.
async fn refusal(dwell: &Dwell) -> Status {
    let mut client = UsageStatsServiceClient::new(dwell.channel());
    let mut user = 0;
    loop {
        user += 1;
        let amounts = Amounts {
            uses: 1,
            ..Amounts::default()
        };
        let request = usage(Uuid::from_u128(user), None, "2026-01-01", amounts);
        if let Err(status) = client.record_usage(of(tenant(99), request)).await {
            return status;
        }
    }
}
