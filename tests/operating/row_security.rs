//! Whom dwell may log in as, and what it says if that does not do.

use std::sync::Arc;

use dwell::{
    domain::{
        commands::RecordUsage,
        ids::UserId,
        time::{ManualClock, Timestamp},
        usage::UsageIncrement,
    },
    store::{self, OpenError, events::Events, open, points::Outbox},
};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use uuid::Uuid;

use crate::{
    cluster::query,
    support::{
        ids::{CountedIds, tenant},
        postgres::server::Server,
    },
};

/// A server of its own, as roles are a whole server's.
struct Roles {
    server: Server,
    superuser: PgConnection,
}

impl Roles {
    async fn start() -> Self {
        let server = Server::start(None, &["fsync=off"]).unwrap();
        let superuser = PgConnection::connect(&server.url("postgres")).await;
        Self {
            server,
            superuser: superuser.unwrap(),
        }
    }

    async fn run(&mut self, sql: String) {
        self.superuser.execute(AssertSqlSafe(sql)).await.unwrap();
    }

    /// The URL of a new database of the login's own.
    async fn owner(&mut self, login: &str, attributes: &str) -> String {
        self.run(format!("CREATE ROLE {login} LOGIN {attributes}"))
            .await;
        self.run(format!("CREATE DATABASE {login} OWNER {login}"))
            .await;
        self.url(login, login)
    }

    fn url(&self, login: &str, database: &str) -> String {
        let url = self.server.url(database);
        url.replace("postgres@", &format!("{login}@"))
    }
}

async fn refusal(url: &str) -> String {
    match store::migrate(url).await {
        Err(OpenError::NotApart(why)) => why,
        other => panic!("not refused: {other:?}"),
    }
}

/// What a superuser is told to run.
fn remedy(refusal: &str) -> String {
    refusal.split_once("run: ").unwrap().1.to_owned()
}

/// Writes and reads for a tenant, and lists for a job.
async fn serve(url: &str, migrate: bool) {
    let clock = Arc::new(ManualClock::at(Timestamp::FIRST));
    let ids = Arc::new(CountedIds::default());
    let dwell = open(url, None, migrate, Outbox::Off, Events::On, clock, ids)
        .await
        .unwrap();
    let command = RecordUsage {
        user_id: UserId(Uuid::from_u128(7)),
        date: None,
        increment: UsageIncrement::default(),
        request: None,
    };
    let writer = dwell.writer.handle();
    writer.submit(tenant(1), command.clone()).await.unwrap();
    let found = dwell
        .store
        .get_user(tenant(1), command.user_id, Timestamp::FIRST);
    assert!(found.await.unwrap().is_some());
    let due = dwell.store.list_tenants_to_sweep(Timestamp::END, None, 10);
    assert_eq!(due.await.unwrap(), []);
    assert_eq!(dwell.store.service_key("test").await.unwrap().len(), 32);
    dwell.writer.close().await;
    dwell.store.close().await;
}

#[tokio::test]
async fn an_owner_that_may_not_make_roles_is_told_what_to_run() {
    let mut roles = Roles::start().await;
    let url = roles.owner("plain", "").await;
    let why = refusal(&url).await;
    assert_eq!(
        why,
        "plain may not act as dwell_jobs and dwell_tenant; let a superuser run: \
         CREATE ROLE dwell_jobs NOLOGIN; CREATE ROLE dwell_tenant NOLOGIN; \
         GRANT dwell_jobs, dwell_tenant TO plain"
    );
    roles.run(remedy(&why)).await;
    serve(&url, true).await;

    // The roles are there now, and were not made for this one.
    let url = roles.owner("other", "").await;
    let why = refusal(&url).await;
    assert_eq!(remedy(&why), "GRANT dwell_jobs, dwell_tenant TO other");
    roles.run(remedy(&why)).await;
    serve(&url, true).await;
}

#[tokio::test]
async fn an_owner_that_may_make_roles_needs_one_url() {
    let mut roles = Roles::start().await;
    let url = roles.owner("maker", "CREATEROLE").await;
    serve(&url, true).await;
    // As the owner a dwell without row security served, and a backup is made.
    let mut owner = PgConnection::connect(&url).await.unwrap();
    let users = query(&mut owner, "SELECT count(*) = 1 FROM users").await;
    assert!(sqlx::Row::get::<bool, _>(&users, 0));
}

#[tokio::test]
async fn another_login_than_the_owner_serves() {
    let mut roles = Roles::start().await;
    let owner = roles.owner("owner", "CREATEROLE").await;
    store::migrate(&owner).await.unwrap();
    roles.run("CREATE ROLE app LOGIN".to_owned()).await;
    let grant = "GRANT dwell_jobs, dwell_tenant TO app";
    roles.run(grant.to_owned()).await;
    let url = roles.url("app", "owner");
    serve(&url, false).await;
}

#[tokio::test]
async fn a_role_that_would_see_too_much_is_not_served_as() {
    let mut roles = Roles::start().await;
    let url = roles.owner("owner", "CREATEROLE").await;
    serve(&url, true).await;
    let mut superuser = PgConnection::connect(&roles.server.url("owner"))
        .await
        .unwrap();
    let cases = [
        (
            "ALTER ROLE dwell_tenant BYPASSRLS",
            "ALTER ROLE dwell_tenant NOBYPASSRLS",
            "dwell_tenant bypasses row security",
        ),
        (
            "ALTER TABLE users NO FORCE ROW LEVEL SECURITY",
            "ALTER TABLE users FORCE ROW LEVEL SECURITY",
            "row security is not forced on users",
        ),
        (
            "INSERT INTO tenants (tenant_id, time_zone, time_zone_changes, over_limit_policy,
                client_types, points_per_minute, points_per_correct_item, created_at, updated_at)
             VALUES (gen_random_uuid(), 'UTC', '[]', 1, '[]', 0, 0, now(), now());
             CREATE POLICY too_much ON tenants TO dwell_tenant USING (true)",
            "DROP POLICY too_much ON tenants",
            "dwell_tenant sees rows of no tenant that it is set to",
        ),
        (
            "ALTER TABLE users OWNER TO dwell_tenant",
            "",
            "dwell_tenant owns users",
        ),
    ];
    for (wrong, right, why) in cases {
        superuser.execute(wrong).await.unwrap();
        let refused = refusal(&url).await;
        assert!(refused.starts_with(why), "{refused}");
        superuser.execute(right).await.unwrap();
    }
}
