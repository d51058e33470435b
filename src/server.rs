//! Wiring, and an orderly end.

use std::{error::Error, io, sync::Arc, time::Duration};

use futures::future::BoxFuture;
use tokio::{net::TcpListener, time::timeout};
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};
use tonic::{server::NamedService, service::Routes, transport};
use tonic_health::{ServingStatus, server::HealthReporter};
use tonic_web::GrpcWebLayer;
use tower::util::option_layer;
use tracing::{info, warn};

use crate::{
    auth::{Auth, Jwt},
    config::{LimitArgs, ServeArgs, Switch, WatchArgs, WebArgs},
    domain::{ids::IdSource, time::Clock},
    grpc::{
        Context, Goals, Hub, Insights, KEY_NAME, PageTokens, Reports, Sessions, Tenants,
        UsageStats, Watch,
        gate::GateLayer,
        limits::{
            connection, deadline::DeadlineLayer, layer::AdmissionLayer, names::Names, unary_methods,
        },
        observe::ObserveLayer,
    },
    jobs::{
        Jobs,
        points::{Courier, Delivery},
    },
    pb::{
        FILE_DESCRIPTOR_SET,
        v1::{
            goal_service_server::GoalServiceServer, insights_service_server::InsightsServiceServer,
            report_service_server::ReportServiceServer,
            session_service_server::SessionServiceServer,
            tenant_service_server::TenantServiceServer,
            usage_stats_service_server::UsageStatsServiceServer,
        },
    },
    rest::{RestLayer, cors},
    store::{self, Store, events::Events, points::Outbox, writer::Writer},
    telemetry::{
        http::{self, Told},
        metrics::{Metrics, Sources},
        ready::Readiness,
        stored::Stored,
    },
    tls::Tls,
    ui::{Site, UiLayer},
};

/// How long calls that are under way may take to end: an operator's patience of 10 seconds,
/// less what the writer needs after them.
const DRAIN: Duration = Duration::from_secs(8);
const DRAIN_WRITER: Duration = Duration::from_millis(1_500);
/// How long the last answers may take to leave the machine.
const FLUSH: Duration = Duration::from_millis(250);
const HEALTH_INTERVAL: Duration = Duration::from_secs(2);
const PING_TIMEOUT: Duration = Duration::from_secs(2);
/// A stream that waits for the database holds this much unread. h2 ends a connection on which
/// too many small messages wait, by a budget of half the connection's window: some dozens of
/// streams of the smallest messages must fit into it.
const STREAM_WINDOW: u32 = 64 * 1024;
const CONNECTION_WINDOW: u32 = 8 * 1024 * 1024;

type Session = SessionServiceServer<Sessions>;
type Usage = UsageStatsServiceServer<UsageStats>;
type Insight = InsightsServiceServer<Insights>;
type Report = ReportServiceServer<Reports>;
type Goal = GoalServiceServer<Goals>;
type Tenant = TenantServiceServer<Tenants>;

/// The names that health answers for: the whole, and each service.
const HEALTH_NAMES: [&str; 7] = [
    "",
    Session::NAME,
    Usage::NAME,
    Insight::NAME,
    Report::NAME,
    Goal::NAME,
    Tenant::NAME,
];

/// What a server is made of.
pub struct Parts {
    pub store: Arc<dyn Store>,
    pub writer: Writer,
    pub clock: Arc<dyn Clock>,
    pub ids: Arc<dyn IdSource>,
    pub sweep_interval: Duration,
    /// Whom points are told to, if the store has an outbox.
    pub courier: Option<Courier>,
    /// How callers are verified.
    pub auth: Auth,
    /// `None` is plain text.
    pub tls: Option<Arc<Tls>>,
    /// Whether to tell which methods there are.
    pub reflection: bool,
    /// What is served beside gRPC.
    pub web: WebArgs,
    /// Where to tell how it goes, if anywhere.
    pub metrics: Option<TcpListener>,
    pub limits: LimitArgs,
    /// The store writes events if it is on.
    pub watch: WatchArgs,
}

/// Serves on `listener` until `shutdown`, then answers what was admitted and returns. Tells
/// `ready` when it begins to answer.
///
/// # Errors
/// Fails if the store has no key for page tokens, or the listener breaks.
pub async fn serve(
    parts: Parts,
    listener: TcpListener,
    ready: impl FnOnce() -> io::Result<()>,
    shutdown: impl Future<Output = ()>,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let stopping = CancellationToken::new();
    let key = parts.store.service_key(KEY_NAME).await?;
    let limits = parts.limits.clone();
    let unary = unary_methods()?;
    let admission = AdmissionLayer::new(&limits, unary.clone(), parts.clock.clone());
    let watch = watch(&parts, &stopping);
    let context = Context {
        store: parts.store.clone(),
        writer: parts.writer.handle(),
        clock: parts.clock.clone(),
        ids: parts.ids,
        tokens: Arc::new(PageTokens::new(&key).ok_or("the key for page tokens is unusable")?),
        names: Arc::new(Names::new(&limits)),
        stream_idle: limits.stream_idle_timeout,
        watch,
        stopping: stopping.clone(),
    };
    let tasks = TaskTracker::new();
    let (store, clock) = (parts.store.clone(), parts.clock);
    let calls = ObserveLayer::default();
    let (ready_now, stored) = (Arc::<Readiness>::default(), Arc::<Stored>::default());
    let delivery = parts
        .courier
        .map(|courier| Arc::new(Delivery::new(store, clock.clone(), courier)));
    let site = if parts.web.ui == Switch::On {
        let (auth, secure) = (parts.auth.clone(), parts.tls.is_some());
        Some(Site::open(&parts.store, clock.clone(), auth, secure).await?)
    } else {
        None
    };
    let jobs = Jobs {
        store: parts.store.clone(),
        writer: parts.writer.handle(),
        clock: clock.clone(),
        delivery: delivery.clone(),
    };
    let idle = CancellationToken::new();
    let counted = parts.metrics.is_some().then(|| stored.clone());
    let watched = jobs.start(parts.sweep_interval, &parts.watch, counted, &tasks, &idle);
    let metrics = Metrics::new(Sources {
        calls: calls.counted(),
        refusals: admission.refusals(),
        writer: parts.writer.handle(),
        store: parts.store.clone(),
        stored,
        tasks: watched,
        points: delivery.map(|delivery| delivery.counters()),
        ready: ready_now.clone(),
        clock,
    });
    // Told to the end, so that whoever asks is told that there is one.
    let _told = parts
        .metrics
        .map(|listener| tell(listener, metrics, &ready_now));
    let (health, routes) = routes(context, &limits, parts.reflection)?;
    set_health(&health, ServingStatus::Serving).await;
    let watch = watch_database(parts.store.clone(), health.clone(), ready_now.clone());
    tasks.spawn(idle.clone().run_until_cancelled_owned(watch));
    if let Auth::Jwt(jwt) = &parts.auth {
        let refresh = jwt.clone().refresh();
        tasks.spawn(idle.clone().run_until_cancelled_owned(refresh));
    }
    tasks.close();

    let web = parts.web;
    let everybody = matches!(parts.auth, Auth::None);
    let rest = RestLayer::of(&web, &limits, parts.reflection, everybody)?;
    let grpc_web = (web.grpc_web == Switch::On).then(GrpcWebLayer::new);
    let server = limited(&limits)
        .accept_http1(web.http1())
        .layer(UiLayer::new(site))
        .layer(option_layer(cors::layer(&web)))
        .layer(option_layer(rest))
        .layer(option_layer(grpc_web))
        .layer(calls.clone())
        .layer(DeadlineLayer::new(unary, limits.max_deadline))
        .layer(GateLayer::new(parts.auth))
        .layer(admission)
        .add_routes(routes);
    let stopped = stopping.clone().cancelled_owned();
    let connections = connection::incoming(listener, &limits);
    let mut server: BoxFuture<'_, Result<(), transport::Error>> = if let Some(tls) = parts.tls {
        let secure = tls.secure(connections, limits.handshake_timeout);
        Box::pin(server.serve_with_incoming_shutdown(secure, stopped))
    } else {
        Box::pin(server.serve_with_incoming_shutdown(connections, stopped))
    };
    ready()?;
    tokio::select! {
        ended = &mut server => ended?,
        () = shutdown => {
            info!("shutting down");
            ready_now.stop();
            idle.cancel();
            tasks.wait().await;
            set_health(&health, ServingStatus::NotServing).await;
            stopping.cancel();
            // A peer that is silent, or watches health, keeps its connection for ever; so it is
            // calls that are waited for, and then their last bytes.
            let drained = async {
                calls.drained().await;
                timeout(FLUSH, &mut server).await
            };
            if timeout(DRAIN, drained).await.is_err() {
                warn!("some calls did not end in time");
            }
        }
    }
    drop(server);
    idle.cancel();
    let close = async {
        parts.writer.close().await;
        parts.store.close().await;
    };
    if timeout(DRAIN_WRITER, close).await.is_err() {
        warn!("some writes were not answered in time");
    }
    info!("stopped");
    Ok(())
}

/// What HTTP/2 itself has limits for.
fn limited(limits: &LimitArgs) -> transport::Server {
    transport::Server::builder()
        .max_concurrent_streams(limits.max_connection_calls)
        .http2_max_header_list_size(limits.max_metadata_size)
        .http2_max_pending_accept_reset_streams(Some(limits.max_resets.into()))
        .http2_max_local_error_reset_streams(Some(limits.max_stream_errors.into()))
        .http2_keepalive_interval(Some(limits.keepalive_interval))
        .http2_keepalive_timeout(Some(limits.keepalive_timeout))
        .max_connection_age(limits.max_connection_age)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
}

/// How sessions are watched, if they are.
fn watch(parts: &Parts, stopping: &CancellationToken) -> Option<Watch> {
    (parts.watch.watch == Switch::On).then(|| Watch {
        hub: Arc::new(Hub::new(parts.store.clone(), stopping.clone())),
        keep_alive: parts.watch.watch_keep_alive,
        patience: parts.limits.keepalive_timeout,
    })
}

fn routes(
    context: Context,
    limits: &LimitArgs,
    reflected: bool,
) -> Result<(HealthReporter, Routes), Box<dyn Error + Send + Sync>> {
    let request = usize::try_from(limits.max_request_size)?;
    let response = usize::try_from(limits.max_response_size)?;
    // Each service has a type of its own.
    macro_rules! sized {
        ($server:ident, $service:expr) => {
            $server::new($service)
                .max_decoding_message_size(request)
                .max_encoding_message_size(response)
        };
    }
    let (health, health_service) = tonic_health::server::health_reporter();
    let reflection = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
            // So that grpcurl can read the details of an error.
            .register_encoded_file_descriptor_set(tonic_types::pb::FILE_DESCRIPTOR_SET)
            .with_service_name(Session::NAME)
            .with_service_name(Usage::NAME)
            .with_service_name(Insight::NAME)
            .with_service_name(Report::NAME)
            .with_service_name(Goal::NAME)
            .with_service_name(Tenant::NAME)
            .with_service_name("grpc.health.v1.Health")
    };
    let mut routes = Routes::new(health_service)
        .add_service(sized!(Session, Sessions(context.clone())))
        .add_service(sized!(Usage, UsageStats(context.clone())))
        .add_service(sized!(Insight, Insights(context.clone())))
        .add_service(sized!(Goal, Goals(context.clone())))
        .add_service(sized!(Report, Reports(context.clone())))
        .add_service(sized!(Tenant, Tenants(context)));
    if reflected {
        routes = routes
            .add_service(reflection().build_v1()?)
            .add_service(reflection().build_v1alpha()?);
    }
    Ok((health, routes))
}

/// Tells how it goes until the guard is dropped.
fn tell(listener: TcpListener, metrics: Metrics, ready: &Arc<Readiness>) -> DropGuard {
    if let Ok(address) = listener.local_addr() {
        info!(%address, "metrics are told");
    }
    let ended = CancellationToken::new();
    let ready = ready.clone();
    let serve = http::serve(listener, Told { metrics, ready });
    tokio::spawn(ended.clone().run_until_cancelled_owned(serve));
    ended.drop_guard()
}

async fn set_health(health: &HealthReporter, status: ServingStatus) {
    for name in HEALTH_NAMES {
        health.set_service_status(name, status).await;
    }
}

/// Says that the service does not serve while the database does not answer.
async fn watch_database(store: Arc<dyn Store>, health: HealthReporter, ready: Arc<Readiness>) {
    let mut ticks = tokio::time::interval(HEALTH_INTERVAL);
    loop {
        ticks.tick().await;
        let answers = matches!(timeout(PING_TIMEOUT, store.ping()).await, Ok(Ok(())));
        if answers != ready.set_database(answers) {
            let status = if answers {
                info!("the database answers again");
                ServingStatus::Serving
            } else {
                warn!("the database does not answer");
                ServingStatus::NotServing
            };
            set_health(&health, status).await;
        }
    }
}

/// Opens the store and serves on it, with the machine's clock.
///
/// # Errors
/// As [`store::open`] and [`serve`]; fails if keys or certificates cannot be used.
pub async fn run(
    args: &ServeArgs,
    listener: TcpListener,
    ready: impl FnOnce() -> io::Result<()>,
    shutdown: impl Future<Output = ()>,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let clock: Arc<dyn Clock> = Arc::new(crate::domain::time::SystemClock);
    let ids: Arc<dyn IdSource> = Arc::new(crate::domain::ids::RandomIds);
    let auth = auth(args, clock.clone()).await?;
    let tls = args.tls.resolve()?;
    let tls = tls.map(|files| Tls::open(files, args.web.http1()));
    let tls = tls.transpose()?;
    let url = &args.database.database_url;
    let replica = args.read_database_url.as_deref();
    let migrate = !args.no_migrate;
    let courier = args.points.receiver()?.map(Courier::new).transpose()?;
    let outbox = match courier {
        Some(_) => Outbox::On,
        None => Outbox::Off,
    };
    let metrics = match args.telemetry.metrics_listen {
        Some(address) => Some(
            TcpListener::bind(address)
                .await
                .map_err(|error| format!("cannot listen for metrics on {address}: {error}"))?,
        ),
        None => None,
    };
    let (to_clock, to_ids) = (clock.clone(), ids.clone());
    let events = match args.watch.watch {
        Switch::On => Events::On,
        Switch::Off => Events::Off,
    };
    let opened = store::open(url, replica, migrate, outbox, events, to_clock, to_ids).await?;
    let parts = Parts {
        store: opened.store,
        writer: opened.writer,
        clock,
        ids,
        sweep_interval: args.sweep_interval,
        courier,
        auth,
        tls: tls.map(Arc::new),
        reflection: args.reflection == Switch::On,
        web: args.web.clone(),
        metrics,
        limits: args.limits.clone(),
        watch: args.watch.clone(),
    };
    serve(parts, listener, ready, shutdown).await
}

/// How callers are verified, and a warning of what that does not keep out.
async fn auth(
    args: &ServeArgs,
    clock: Arc<dyn Clock>,
) -> Result<Auth, Box<dyn Error + Send + Sync>> {
    let Some(config) = args.jwt.resolve(args.auth)? else {
        warn!("--auth none: whoever reaches the port acts for any tenant");
        return Ok(Auth::None);
    };
    if config.claims.jwt_audience.is_none() {
        warn!("without --jwt-audience tokens that were made for other services are let in too");
    }
    if args.tls.tls_cert.is_none() && !args.listen.ip().is_loopback() {
        warn!("without --tls-cert tokens can be read on their way");
    }
    Ok(Auth::Jwt(Jwt::open(config, clock).await?))
}
