//! From flags to a server.

use std::{error::Error, io, sync::Arc};

use tokio::net::TcpListener;
use tracing::warn;

use super::{Parts, serve};
use crate::{
    auth::{Auth, Jwt},
    config::{ServeArgs, Switch},
    domain::{ids::IdSource, time::Clock},
    jobs::points::Courier,
    store::{self, events::Events, points::Outbox},
    tls::Tls,
};

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
