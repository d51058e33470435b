//! A database for each test, on one PostgreSQL server for the test process.

#[path = "server.rs"]
pub mod server;

use std::sync::{
    OnceLock,
    atomic::{AtomicU32, Ordering},
};

use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tokio::sync::Mutex;

use self::server::Server;

static SERVER: OnceLock<Server> = OnceLock::new();
static DATABASES: AtomicU32 = AtomicU32::new(0);
/// A database is made by copying another one, which wants to be alone.
static CREATING: Mutex<()> = Mutex::const_new(());

/// The URL of a new, empty database.
pub async fn database() -> String {
    let server = SERVER.get_or_init(|| {
        Server::start(None, &["fsync=off", "max_connections=300"]).expect("PostgreSQL starts")
    });
    let name = format!("test_{}", DATABASES.fetch_add(1, Ordering::SeqCst));
    let _alone = CREATING.lock().await;
    let mut conn = PgConnection::connect(&server.url("postgres"))
        .await
        .expect("the server answers");
    sqlx::query(AssertSqlSafe(format!("CREATE DATABASE {name}")))
        .execute(&mut conn)
        .await
        .expect("the database is new");
    conn.close().await.expect("the connection is whole");
    server.url(&name)
}
