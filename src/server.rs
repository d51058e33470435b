//! Wiring, and an orderly end.

use std::{error::Error, io, sync::Arc, time::Duration};

use tokio::{net::TcpListener, time::timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tonic::{
    server::NamedService,
    service::{Routes, interceptor::InterceptedService},
};
use tonic_health::{ServingStatus, server::HealthReporter};
use tower::Layer;
use tracing::{info, warn};

use crate::{
    config::LimitArgs,
    domain::{ids::IdSource, time::Clock},
    grpc::{
        Context, Insights, KEY_NAME, PageTokens, Sessions, Tenants, UsageStats,
        limits::{
            connection, deadline::DeadlineLayer, gate::GateLayer, names::Names, unary_methods,
        },
        observe::ObserveLayer,
        require_tenant,
    },
    jobs::Jobs,
    pb::{
        FILE_DESCRIPTOR_SET,
        v1::{
            insights_service_server::InsightsServiceServer,
            session_service_server::SessionServiceServer,
            tenant_service_server::TenantServiceServer,
            usage_stats_service_server::UsageStatsServiceServer,
        },
    },
    store::{self, Store, writer::Writer},
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
type Tenant = TenantServiceServer<Tenants>;

/// The names that health answers for: the whole, and each service.
const HEALTH_NAMES: [&str; 5] = ["", Session::NAME, Usage::NAME, Insight::NAME, Tenant::NAME];

/// What a server is made of.
pub struct Parts {
    pub store: Arc<dyn Store>,
    pub writer: Writer,
    pub clock: Arc<dyn Clock>,
    pub ids: Arc<dyn IdSource>,
    pub sweep_interval: Duration,
    pub limits: LimitArgs,
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
    let limits = parts.limits;
    let unary = unary_methods()?;
    let gate = GateLayer::new(&limits, unary.clone(), parts.clock.clone());
    let context = Context {
        store: parts.store.clone(),
        writer: parts.writer.handle(),
        clock: parts.clock.clone(),
        ids: parts.ids,
        tokens: Arc::new(PageTokens::new(&key).ok_or("the key for page tokens is unusable")?),
        names: Arc::new(Names::new(&limits)),
        stream_idle: limits.stream_idle_timeout,
        stopping: stopping.clone(),
    };
    let tasks = TaskTracker::new();
    let jobs = Jobs {
        store: parts.store.clone(),
        writer: parts.writer.handle(),
        clock: parts.clock,
    };
    let idle = CancellationToken::new();
    jobs.start(parts.sweep_interval, &tasks, &idle);
    let (health, routes) = routes(context, &limits, &gate)?;
    set_health(&health, ServingStatus::Serving).await;
    let watch = watch_database(parts.store.clone(), health.clone());
    tasks.spawn(idle.clone().run_until_cancelled_owned(watch));
    tasks.close();

    let calls = ObserveLayer::default();
    let server = tonic::transport::Server::builder()
        .layer(calls.clone())
        .layer(DeadlineLayer::new(unary, limits.max_deadline))
        .max_concurrent_streams(limits.max_connection_calls)
        .http2_max_header_list_size(limits.max_metadata_size)
        .http2_max_pending_accept_reset_streams(Some(limits.max_resets.into()))
        .http2_max_local_error_reset_streams(Some(limits.max_stream_errors.into()))
        .http2_keepalive_interval(Some(limits.keepalive_interval))
        .http2_keepalive_timeout(Some(limits.keepalive_timeout))
        .max_connection_age(limits.max_connection_age)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .add_routes(routes)
        .serve_with_incoming_shutdown(
            connection::incoming(listener, &limits),
            stopping.clone().cancelled_owned(),
        );
    let mut server = Box::pin(server);
    ready()?;
    tokio::select! {
        ended = &mut server => ended?,
        () = shutdown => {
            info!("shutting down");
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

/// The services. Ours stand behind who is calling and then behind the gate.
fn routes(
    context: Context,
    limits: &LimitArgs,
    gate: &GateLayer,
) -> Result<(HealthReporter, Routes), Box<dyn Error + Send + Sync>> {
    let request = usize::try_from(limits.max_request_size)?;
    let response = usize::try_from(limits.max_response_size)?;
    // Each service has a type of its own.
    macro_rules! guarded {
        ($server:ident, $service:expr) => {{
            let server = $server::new($service)
                .max_decoding_message_size(request)
                .max_encoding_message_size(response);
            InterceptedService::new(gate.layer(server), require_tenant)
        }};
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
            .with_service_name(Tenant::NAME)
            .with_service_name("grpc.health.v1.Health")
    };
    let routes = Routes::new(health_service)
        .add_service(reflection().build_v1()?)
        .add_service(reflection().build_v1alpha()?)
        .add_service(guarded!(Session, Sessions(context.clone())))
        .add_service(guarded!(Usage, UsageStats(context.clone())))
        .add_service(guarded!(Insight, Insights(context.clone())))
        .add_service(guarded!(Tenant, Tenants(context)));
    Ok((health, routes))
}

async fn set_health(health: &HealthReporter, status: ServingStatus) {
    for name in HEALTH_NAMES {
        health.set_service_status(name, status).await;
    }
}

/// Says that the service does not serve while the database does not answer.
async fn watch_database(store: Arc<dyn Store>, health: HealthReporter) {
    let mut serving = true;
    let mut ticks = tokio::time::interval(HEALTH_INTERVAL);
    loop {
        ticks.tick().await;
        let answers = matches!(timeout(PING_TIMEOUT, store.ping()).await, Ok(Ok(())));
        if answers != serving {
            serving = answers;
            let status = if serving {
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
/// As [`store::open`] and [`serve`].
pub async fn run(
    args: &crate::config::ServeArgs,
    listener: TcpListener,
    ready: impl FnOnce() -> io::Result<()>,
    shutdown: impl Future<Output = ()>,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let clock: Arc<dyn Clock> = Arc::new(crate::domain::time::SystemClock);
    let ids: Arc<dyn IdSource> = Arc::new(crate::domain::ids::RandomIds);
    let url = &args.database.database_url;
    let replica = args.read_database_url.as_deref();
    let migrate = !args.no_migrate;
    let opened = store::open(url, replica, migrate, clock.clone(), ids.clone()).await?;
    let parts = Parts {
        store: opened.store,
        writer: opened.writer,
        clock,
        ids,
        sweep_interval: args.sweep_interval,
        limits: args.limits.clone(),
    };
    serve(parts, listener, ready, shutdown).await
}
