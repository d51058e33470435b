//! A server of its own for each test, and clients that speak to it.

use std::{error::Error, fs, io::ErrorKind, net::SocketAddr, sync::Arc, thread, time::Duration};

use clap::Parser;
use dwell::{
    auth::{Auth, Jwt},
    config::{self, Cli, ServeArgs, Switch, TlsFiles},
    domain::time::ManualClock,
    pb::v1::{
        self as pb, goal_service_client::GoalServiceClient,
        insights_service_client::InsightsServiceClient, report_service_client::ReportServiceClient,
        session_service_client::SessionServiceClient, tenant_service_client::TenantServiceClient,
        usage_stats_service_client::UsageStatsServiceClient,
    },
    server::{Parts, serve},
    store::{events::Events, open, points::Outbox},
    tls::Tls,
};
use tempfile::TempDir;
use tokio::{net::TcpListener, runtime::Builder, sync::oneshot};
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::{
    Request, Status,
    metadata::{Ascii, MetadataValue},
    service::{Interceptor, interceptor::InterceptedService},
    transport::{Channel, Endpoint},
};

use crate::{
    support::{
        ids::{CountedIds, tenant},
        postgres,
    },
    values::instant,
};

/// When every test begins: a Monday.
pub const MORNING: &str = "2026-03-02T09:00:00Z";

type Served = Result<(), Box<dyn Error + Send + Sync>>;

/// What a server is told beyond its database.
#[derive(Clone, Default)]
pub struct Setup {
    /// `None` lets everybody in.
    pub jwt: Option<config::Jwt>,
    pub tls: Option<TlsFiles>,
    pub unreflected: bool,
    /// Flags that set limits, and how sessions are watched.
    pub flags: Vec<&'static str>,
}

/// A server on port 0 with threads of its own, and one connection to it.
pub struct Server {
    pub channel: Channel,
    pub clock: Arc<ManualClock>,
    /// Asks it to end.
    pub stop: CancellationToken,
    /// What `serve` returns.
    pub served: oneshot::Receiver<Served>,
    _stop_with_test: DropGuard,
    pub endpoint: Endpoint,
    pub address: SocketAddr,
    pub url: String,
    setup: Setup,
    dir: Option<TempDir>,
}

impl Server {
    pub async fn sqlite() -> Self {
        Self::with(Setup::default()).await
    }

    /// On SQLite, with flags that set limits.
    pub async fn limited(flags: &[&'static str]) -> Self {
        let setup = Setup {
            flags: flags.to_vec(),
            ..Setup::default()
        };
        Self::with(setup).await
    }

    /// On SQLite, told more.
    pub async fn with(setup: Setup) -> Self {
        let dir = TempDir::new().unwrap();
        let url = format!("sqlite://{}", dir.path().join("db").display());
        Self::on(&url, Some(dir), setup).await
    }

    pub async fn postgres() -> Self {
        Self::postgres_with(Setup::default()).await
    }

    pub async fn postgres_with(setup: Setup) -> Self {
        Self::on(&postgres::database().await, None, setup).await
    }

    async fn on(url: &str, dir: Option<TempDir>, setup: Setup) -> Self {
        let clock = Arc::new(ManualClock::at(instant(MORNING)));
        let stop = CancellationToken::new();
        let (bound, address) = oneshot::channel();
        let (ended, served) = oneshot::channel();
        let run = run(
            url.to_owned(),
            setup.clone(),
            clock.clone(),
            bound,
            stop.clone(),
        );
        thread::spawn(move || {
            let runtime = Builder::new_current_thread().enable_all().build();
            let runtime = runtime.unwrap();
            let result = runtime.block_on(run);
            // As with a process that ends, nothing goes on after it.
            drop(runtime);
            // A test that is over does not hear of it.
            let _ = ended.send(result);
        });
        let address = address.await.expect("the server begins");
        let endpoint = Endpoint::from_shared(format!("http://{address}")).unwrap();
        Self {
            channel: endpoint.connect_lazy(),
            clock,
            _stop_with_test: stop.clone().drop_guard(),
            stop,
            served,
            endpoint,
            address,
            setup,
            url: url.to_owned(),
            dir,
        }
    }

    /// Once it has ended: another one on the same database.
    pub async fn restarted(self) -> Self {
        self.stop.cancel();
        self.served.await.unwrap().unwrap();
        Self::on(&self.url, self.dir, self.setup).await
    }

    /// Another instance on the same database, with a clock of its own; of PostgreSQL.
    pub async fn beside(&self) -> Self {
        Self::on(&self.url, None, self.setup.clone()).await
    }

    /// The same after a restart, with these flags.
    pub async fn told(mut self, flags: &[&'static str]) -> Self {
        self.setup.flags = flags.to_vec();
        self.restarted().await
    }

    /// The names of the database's files, in order; of SQLite.
    pub fn files(&self) -> Vec<String> {
        let dir = self.dir.as_ref().unwrap();
        let files = fs::read_dir(dir.path()).unwrap();
        let mut names: Vec<_> = files
            .map(|file| file.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    /// The clients of a tenant.
    pub fn tenant(&self, number: u128) -> Caller {
        Caller::of(&self.channel, number)
    }

    pub fn pass(&self, span: Duration) {
        self.clock.advance(span);
    }

    pub fn set_clock(&self, time: &str) {
        self.clock.set(instant(time));
    }
}

fn args(flags: &[&str]) -> ServeArgs {
    let args = ["dwell"].iter().chain(flags);
    Cli::try_parse_from(args).unwrap().serve
}

/// Opens the database and serves until `stop`.
async fn run(
    url: String,
    setup: Setup,
    clock: Arc<ManualClock>,
    bound: oneshot::Sender<SocketAddr>,
    stop: CancellationToken,
) -> Served {
    let ids = Arc::new(CountedIds::default());
    let args = args(&setup.flags);
    let events = match args.watch.watch {
        Switch::On => Events::On,
        Switch::Off => Events::Off,
    };
    let (to_clock, to_ids) = (clock.clone(), ids.clone());
    let opened = open(&url, None, true, Outbox::Off, events, to_clock, to_ids).await?;
    let auth = match setup.jwt {
        Some(jwt) => Auth::Jwt(Jwt::open(jwt, clock.clone()).await?),
        None => Auth::None,
    };
    let tls = setup.tls.map(|files| Tls::open(files, args.web.http1()));
    let parts = Parts {
        store: opened.store,
        writer: opened.writer,
        clock,
        ids,
        // Only the clock of the test says when a session is over, and reads see that.
        sweep_interval: Duration::from_hours(24),
        courier: None,
        auth,
        tls: tls.transpose()?.map(Arc::new),
        reflection: !setup.unreflected,
        metrics: None,
        web: args.web,
        limits: args.limits,
        watch: args.watch,
    };
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let ready = || {
        bound
            .send(address)
            .map_err(|_| ErrorKind::BrokenPipe.into())
    };
    serve(parts, listener, ready, stop.cancelled_owned()).await
}

/// Says who calls in the metadata of each call.
#[derive(Clone)]
pub struct Named(&'static str, MetadataValue<Ascii>);

impl Interceptor for Named {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        request.metadata_mut().insert(self.0, self.1.clone());
        Ok(request)
    }
}

type Called = InterceptedService<Channel, Named>;
pub type Insights = InsightsServiceClient<Called>;
pub type Reports = ReportServiceClient<Called>;

/// One tenant's clients.
#[derive(Clone)]
pub struct Caller {
    pub sessions: SessionServiceClient<Called>,
    pub usage: UsageStatsServiceClient<Called>,
    pub goals: GoalServiceClient<Called>,
    pub insights: Insights,
    pub reports: Reports,
    pub settings: TenantServiceClient<Called>,
}

impl Caller {
    pub fn of(channel: &Channel, number: u128) -> Self {
        let tenant = tenant(number).to_string().parse().unwrap();
        Self::named(channel, &Named("x-tenant-id", tenant))
    }

    /// Whoever the token shows.
    pub fn bearing(channel: &Channel, token: &str) -> Self {
        let bearer = format!("Bearer {token}").parse().unwrap();
        Self::named(channel, &Named("authorization", bearer))
    }

    fn named(channel: &Channel, named: &Named) -> Self {
        let called = || InterceptedService::new(channel.clone(), named.clone());
        Self {
            sessions: SessionServiceClient::new(called()),
            usage: UsageStatsServiceClient::new(called()),
            goals: GoalServiceClient::new(called()),
            insights: InsightsServiceClient::new(called()),
            reports: ReportServiceClient::new(called()),
            settings: TenantServiceClient::new(called()),
        }
    }

    pub async fn start(&mut self, request: pb::StartSessionRequest) -> pb::Session {
        let answer = self.sessions.start_session(request).await.unwrap();
        answer.into_inner().session.unwrap()
    }

    pub async fn end(&mut self, request: pb::EndSessionRequest) -> pb::Session {
        let answer = self.sessions.end_session(request).await.unwrap();
        answer.into_inner().session.unwrap()
    }

    pub async fn get(&mut self, session_id: &str) -> pb::Session {
        let session_id = session_id.to_owned();
        let request = pb::GetSessionRequest { session_id };
        let answer = self.sessions.get_session(request).await.unwrap();
        answer.into_inner().session.unwrap()
    }

    pub async fn set_goal(&mut self, goal: pb::Goal) -> pb::Goal {
        let request = pb::CreateGoalRequest { goal: Some(goal) };
        let answer = self.goals.create_goal(request).await.unwrap();
        answer.into_inner().goal.unwrap()
    }

    pub async fn goal(&mut self, goal_id: &str) -> pb::Goal {
        let goal_id = goal_id.to_owned();
        let request = pb::GetGoalRequest { goal_id };
        let answer = self.goals.get_goal(request).await.unwrap();
        answer.into_inner().goal.unwrap()
    }

    pub async fn record_usage(&mut self, request: pb::RecordUsageRequest) -> pb::DailyUsage {
        let answer = self.usage.record_usage(request).await.unwrap();
        answer.into_inner().usage.unwrap()
    }

    pub async fn summary(&mut self, user_id: &str) -> pb::UserSummary {
        let user_id = user_id.to_owned();
        let request = pb::GetUserSummaryRequest { user_id };
        let answer = self.usage.get_user_summary(request).await.unwrap();
        answer.into_inner().summary.unwrap()
    }

    pub async fn days(&mut self, request: pb::GetUserUsageStatsRequest) -> Vec<pb::DailyUsage> {
        let answer = self.usage.get_user_usage_stats(request).await.unwrap();
        answer.into_inner().days
    }

    /// Changes the settings that are set.
    pub async fn set(&mut self, settings: pb::TenantSettings) -> pb::TenantSettings {
        let request = pb::UpdateTenantSettingsRequest {
            settings: Some(settings),
            update_mask: None,
        };
        let answer = self.settings.update_tenant_settings(request).await.unwrap();
        answer.into_inner().settings.unwrap()
    }
}
