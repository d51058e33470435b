//! Wiring, and an orderly end.

mod open;
mod services;

use std::{error::Error, io, sync::Arc, time::Duration};

use futures::future::BoxFuture;
use tokio::{net::TcpListener, time::timeout};
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};
use tonic::transport;
use tonic_health::ServingStatus;
use tonic_web::GrpcWebLayer;
use tower::util::option_layer;
use tracing::{info, warn};

pub use self::open::run;
use self::services::{routes, set_health, watch_database};
use crate::{
    auth::Auth,
    config::{LimitArgs, Switch, WatchArgs, WebArgs},
    domain::{ids::IdSource, time::Clock},
    grpc::{
        Context, Hub, KEY_NAME, PageTokens, Watch,
        gate::GateLayer,
        limits::{connection, deadline::DeadlineLayer, layer::AdmissionLayer, names::Names},
        observe::ObserveLayer,
    },
    jobs::{
        Jobs,
        points::{Courier, Delivery},
    },
    rest::{RestLayer, cors, own_machine::OwnMachineLayer},
    store::{Store, writer::Writer},
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
/// A stream that waits for the database holds this much unread. h2 ends a connection on which
/// too many small messages wait, by a budget of half the connection's window: some dozens of
/// streams of the smallest messages must fit into it.
const STREAM_WINDOW: u32 = 64 * 1024;
const CONNECTION_WINDOW: u32 = 8 * 1024 * 1024;

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
    let admission = AdmissionLayer::new(&limits, parts.clock.clone());
    let (watch, site) = (watch(&parts, &stopping), site(&parts).await?);
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
    let rest = RestLayer::of(&web, &limits, parts.reflection, everybody);
    let grpc_web = (web.grpc_web == Switch::On).then(GrpcWebLayer::new);
    let server = limited(&limits)
        .accept_http1(web.http1())
        .layer(UiLayer::new(site))
        .layer(option_layer(cors::layer(&web)))
        .layer(option_layer(rest))
        .layer(option_layer(everybody.then_some(OwnMachineLayer)))
        .layer(option_layer(grpc_web))
        .layer((calls.clone(), admission.door()))
        .layer(DeadlineLayer::new(limits.max_deadline))
        .layer(GateLayer::new(parts.auth))
        .layer(admission)
        .add_routes(routes);
    let stopped = stopping.clone().cancelled_owned();
    let connections = connection::incoming(listener, &limits);
    let mut server: Serving<'_> = if let Some(tls) = parts.tls {
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
            calls.close();
            ready_now.stop();
            idle.cancel();
            tasks.wait().await;
            set_health(&health, ServingStatus::NotServing).await;
            stopping.cancel();
            drain(&calls, &mut server).await;
        }
    }
    drop(server);
    idle.cancel();
    close(parts.writer, &*parts.store).await;
    Ok(())
}

type Serving<'a> = BoxFuture<'a, Result<(), transport::Error>>;

/// Waits for the calls that were let in. A peer that is silent, or watches health, keeps its
/// connection for ever; so it is calls that are waited for, and then their last bytes.
async fn drain(calls: &ObserveLayer, server: &mut Serving<'_>) {
    let drained = async {
        // Meanwhile the server closes its port and tells each connection to go elsewhere.
        tokio::select! {
            _ = &mut *server => return,
            () = calls.drained() => {}
        }
        // Whether they are flushed or not, there is no more to be done.
        let _ = timeout(FLUSH, server).await;
    };
    if timeout(DRAIN, drained).await.is_err() {
        warn!("some calls did not end in time");
    }
}

/// Answers what was admitted.
async fn close(writer: Writer, store: &dyn Store) {
    let close = async {
        writer.close().await;
        store.close().await;
    };
    if timeout(DRAIN_WRITER, close).await.is_err() {
        warn!("some writes were not answered in time");
    }
    info!("stopped");
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

/// The pages, if they are served.
async fn site(parts: &Parts) -> Result<Option<Site>, Box<dyn Error + Send + Sync>> {
    if parts.web.ui == Switch::Off {
        return Ok(None);
    }
    let (clock, auth) = (parts.clock.clone(), parts.auth.clone());
    let site = Site::open(&parts.store, clock, auth, parts.tls.is_some()).await?;
    Ok(Some(site))
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
