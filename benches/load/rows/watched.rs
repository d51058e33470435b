//! What it costs to be watched. There is no target here.

use std::{ffi::OsStr, fmt, time::Duration};

use futures::FutureExt;
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
    trace_service_server::{TraceService, TraceServiceServer},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::interval,
};
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status, async_trait, transport::Server};

use super::Measurement;
use crate::{
    Bench, Result,
    calls::Workload,
    database::Engine,
    servers::Dwell,
    table::{Row, Series, Target, Unit},
};

/// Who watches.
#[derive(Clone, Copy)]
enum Watcher {
    /// Scrapes each second.
    Metrics,
    /// Is sent every trace.
    Traces,
}

impl fmt::Display for Watcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Metrics => "scraped each second",
            Self::Traces => "every call traced",
        })
    }
}

pub fn all() -> Vec<Measurement> {
    let mut all = Vec::new();
    for engine in Engine::BOTH {
        for watcher in [Watcher::Metrics, Watcher::Traces] {
            let row = Row {
                what: format!("StartSession on {engine}, {watcher}"),
                reference: "StartSession unwatched",
                unit: Unit::PerSecond,
                target: Target::None,
            };
            all.push(Measurement::new([row], move |bench| {
                start(bench, engine, watcher).boxed_local()
            }));
        }
    }
    all
}

async fn start(bench: &Bench, engine: Engine, watcher: Watcher) -> Result<Vec<Series>> {
    let pairs = bench.pairs(async || {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?.to_string();
        let url = format!("http://{address}");
        let mut watching = JoinSet::new();
        let flags: [&OsStr; 2] = match watcher {
            Watcher::Metrics => {
                drop(listener);
                watching.spawn(scrape(address.clone()));
                ["--metrics-listen".as_ref(), address.as_ref()]
            }
            Watcher::Traces => {
                watching.spawn(receive(listener));
                ["--otlp-endpoint".as_ref(), url.as_ref()]
            }
        };
        let database = bench.database(engine).await?;
        let dwell = Dwell::start_with(&database, flags.to_vec())?;
        let observed = bench
            .load()
            .run(&[&dwell.address], &Workload::Start)
            .await?;
        drop(dwell);
        drop(watching);
        let plain = bench.run(engine, bench.load(), &Workload::Start).await?;
        Ok((observed.rate, plain.rate))
    });
    Ok(Series::of(pairs.await?))
}

async fn scrape(address: String) {
    let mut ticks = interval(Duration::from_secs(1));
    loop {
        ticks.tick().await;
        // Before dwell listens there is nobody.
        let Ok(mut stream) = TcpStream::connect(&address).await else {
            continue;
        };
        let asked = stream.write_all(b"GET /metrics HTTP/1.1\r\nhost: dwell\r\n\r\n");
        let mut answer = Vec::new();
        if asked.await.is_ok() {
            // However it ends.
            let _ = stream.read_to_end(&mut answer).await;
        }
    }
}

/// Takes spans and forgets them.
struct Forgetful;

#[async_trait]
impl TraceService for Forgetful {
    async fn export(
        &self,
        _: Request<ExportTraceServiceRequest>,
    ) -> std::result::Result<Response<ExportTraceServiceResponse>, Status> {
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

async fn receive(listener: TcpListener) {
    let service = TraceServiceServer::new(Forgetful);
    let server = Server::builder().add_service(service);
    // It ends with the run.
    let _ = server
        .serve_with_incoming(TcpListenerStream::new(listener))
        .await;
}
