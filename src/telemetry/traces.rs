//! Traces, by OTLP over gRPC, for whoever receives them: a span for each call, for its wait in the
//! writer's queue, for the batch that carries it out, and for each statement.
//!
//! Off unless it is started; what is asked of it then is one load. Names and attributes are those
//! of OpenTelemetry's semantic conventions for RPC and databases. No span holds data of a
//! tenant's, and no statement more than its operation and its table.
//!
//! Spans wait in a queue of bounded length and are sent by a thread of its own: a receiver that is
//! slow or away costs spans, and no call waits for it.

mod export;
mod summary;

use std::{
    sync::OnceLock,
    time::{Duration, Instant, SystemTime},
};

use futures::future::Either;
use http::HeaderMap;
use opentelemetry::{
    Context, ContextGuard, KeyValue,
    context::FutureExt as _,
    propagation::{Extractor, TextMapPropagator},
    trace::{
        Link, SpanBuilder, SpanContext, SpanKind, Status, TraceContextExt, Tracer, TracerProvider,
    },
};
use opentelemetry_otlp::{ExporterBuildError, SpanExporter, WithExportConfig, WithTonicConfig};
use opentelemetry_sdk::{
    Resource,
    propagation::TraceContextPropagator,
    trace::{SdkTracer, SdkTracerProvider},
};
use tokio::task::spawn_blocking;
use tonic::Code;
use tracing::warn;
use uuid::Uuid;

use self::export::Watched;

/// How long the receiver may take with what it is sent.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(3);
/// How long the last spans may take to leave at the end of the process.
const FLUSH: Duration = Duration::from_millis(500);
/// Calls that one batch is for, at most.
const LINKS: u32 = 512;

static TRACER: OnceLock<SdkTracer> = OnceLock::new();

/// Sends what is traced in this process.
#[derive(Debug)]
pub struct Traces(SdkTracerProvider);

impl Traces {
    /// Begins to trace, for the receiver at a URL. Only the first call of a process has an effect.
    /// Must be called in a tokio runtime. What the receiver is called and sent besides, how much
    /// is sampled, and how long the queue is, the variables of OpenTelemetry's SDK say.
    ///
    /// # Errors
    /// If there can be no receiver at the URL. Whether there is one is not tried.
    pub fn start(endpoint: &str) -> Result<Self, ExporterBuildError> {
        let exporter = SpanExporter::builder()
            .with_tonic()
            .with_endpoint(endpoint)
            .with_timeout(EXPORT_TIMEOUT);
        let exporter = if endpoint.starts_with("https:") {
            let tls = opentelemetry_otlp::tonic_types::transport::ClientTlsConfig::new();
            exporter.with_tls_config(tls.with_enabled_roots())
        } else {
            exporter
        };
        let instance = Uuid::from_u128(fastrand::u128(..)).to_string();
        let resource = Resource::builder()
            .with_attributes([
                KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
                KeyValue::new("service.instance.id", instance),
            ])
            .with_attributes(service_name().map(|name| KeyValue::new("service.name", name)));
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(Watched::new(exporter.build()?))
            .with_resource(resource.build())
            .with_max_links_per_span(LINKS)
            .build();
        // A second one is of no use, and harms nobody.
        let _ = TRACER.set(provider.tracer("dwell"));
        Ok(Self(provider))
    }

    /// Sends what is left, if that can be done soon.
    pub async fn flush(self) {
        let sent = spawn_blocking(move || self.0.shutdown_with_timeout(FLUSH)).await;
        if !matches!(sent, Ok(Ok(()))) {
            warn!("the last spans may not have been sent");
        }
    }
}

/// Unless the environment has another one.
fn service_name() -> Option<&'static str> {
    let named = |name: &str| std::env::var_os(name).is_some();
    let attributes = std::env::var("OTEL_RESOURCE_ATTRIBUTES").unwrap_or_default();
    let is_named = named("OTEL_SERVICE_NAME") || attributes.contains("service.name=");
    (!is_named).then_some("dwell")
}

/// What takes time. Ends when it is dropped; nothing if nothing is traced.
#[derive(Debug, Default)]
pub struct Span(Option<Context>);

impl Span {
    fn start(parent: &Context, builder: impl FnOnce(&SdkTracer) -> SpanBuilder) -> Self {
        Self(TRACER.get().map(|tracer| {
            let span = builder(tracer).start_with_context(tracer, parent);
            parent.with_span(span)
        }))
    }

    /// A call of a method, by its caller's `traceparent` if there is one.
    #[must_use]
    pub fn call(method: &'static str, headers: &HeaderMap) -> Self {
        if TRACER.get().is_none() {
            return Self::default();
        }
        let propagator = TraceContextPropagator::new();
        let caller = propagator.extract_with_context(&Context::new(), &Headers(headers));
        Self::start(&caller, |tracer| {
            let attributes = [
                KeyValue::new("rpc.system.name", "grpc"),
                KeyValue::new("rpc.method", method),
            ];
            let builder = tracer.span_builder(method).with_kind(SpanKind::Server);
            builder.with_attributes(attributes)
        })
    }

    /// A statement of the call or batch that is under way. What is done for neither is not traced.
    #[must_use]
    pub fn statement(system: &str, sql: &str) -> Self {
        Self::database(system, || summary::of(sql))
    }

    /// Statements that are sent as one.
    #[must_use]
    pub fn statements<'a>(system: &str, all: impl Iterator<Item = &'a str>) -> Self {
        Self::database(system, || {
            all.map(summary::of).collect::<Vec<_>>().join("; ")
        })
    }

    fn database(system: &str, summary: impl FnOnce() -> String) -> Self {
        if TRACER.get().is_none() {
            return Self::default();
        }
        let parent = Context::current();
        if !is_sampled(&parent) {
            return Self::default();
        }
        Self::start(&parent, |tracer| {
            let summary = summary();
            let attributes = [
                KeyValue::new("db.system.name", system.to_lowercase()),
                KeyValue::new("db.query.summary", summary.clone()),
            ];
            let builder = tracer.span_builder(summary).with_kind(SpanKind::Client);
            builder.with_attributes(attributes)
        })
    }

    /// A batch that carries out what these calls asked for. It is a child of the first of them
    /// that is sampled, and so sampled itself; to the others there are links. Each wait in the
    /// queue becomes a span of its own call, with a link to the batch.
    #[must_use]
    pub fn batch<'a>(waits: impl Iterator<Item = &'a Wait> + Clone) -> Self {
        let Some(tracer) = TRACER.get() else {
            return Self::default();
        };
        let mut calls = waits.clone().filter_map(Wait::call);
        let Some(first) = calls.next() else {
            return Self::default();
        };
        let own = first.span().span_context().span_id();
        let others = calls.map(|call| call.span().span_context().clone());
        // A call may have several writes in it.
        let links: Vec<_> = others
            .filter(|call| call.span_id() != own)
            .map(|call| Link::new(call, vec![], 0))
            .collect();
        let size = i64::try_from(waits.clone().count()).unwrap_or(i64::MAX);
        let span = tracer
            .span_builder("batch")
            .with_attributes([KeyValue::new("dwell.batch.size", size)])
            .with_links(links)
            .start_with_context(tracer, first);
        let batch = Self(Some(first.with_span(span)));
        for wait in waits {
            wait.end(tracer, &batch.context());
        }
        batch
    }

    fn context(&self) -> SpanContext {
        let context = self.0.as_ref();
        context.map_or(SpanContext::NONE, |context| {
            context.span().span_context().clone()
        })
    }

    /// By what the log is to find the trace; `None` if nothing is traced.
    #[must_use]
    pub fn trace_id(&self) -> Option<impl std::fmt::Display + use<>> {
        self.0.as_ref()?;
        Some(self.context().trace_id())
    }

    /// What the future does belongs to this span.
    pub fn around<F: Future>(&self, future: F) -> impl Future<Output = F::Output> + use<F> {
        match &self.0 {
            None => Either::Left(future),
            Some(context) => Either::Right(future.with_context(context.clone())),
        }
    }

    /// What is done until the guard is dropped belongs to this span.
    #[must_use]
    pub fn enter(&self) -> Option<ContextGuard> {
        self.0.as_ref().map(|context| context.clone().attach())
    }

    /// A call was answered with this, which is an error if the fault is the service's.
    pub fn answered(&self, code: Code, name: &'static str) {
        let Some(context) = &self.0 else { return };
        let span = context.span();
        span.set_attribute(KeyValue::new("rpc.response.status_code", name));
        if is_fault(code) {
            span.set_attribute(KeyValue::new("error.type", name));
            span.set_status(Status::error(""));
        }
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        if let Some(context) = &self.0 {
            context.span().end();
        }
    }
}

/// By the conventions for servers of gRPC.
const fn is_fault(code: Code) -> bool {
    matches!(
        code,
        Code::Unknown
            | Code::DeadlineExceeded
            | Code::Unimplemented
            | Code::Internal
            | Code::Unavailable
            | Code::DataLoss
    )
}

/// A write that waits for its batch.
#[derive(Debug)]
pub struct Wait {
    since: Instant,
    call: Option<Context>,
}

impl Wait {
    /// Begins now, for the call that is under way.
    #[must_use]
    pub fn begin() -> Self {
        Self {
            since: Instant::now(),
            call: TRACER.get().map(|_| Context::current()),
        }
    }

    /// How long it is by now.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.since.elapsed()
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "spans have the time of the machine, as the SDK gives it to all others"
    )]
    fn end(&self, tracer: &SdkTracer, batch: &SpanContext) {
        let Some(call) = self.call() else { return };
        let builder = tracer
            .span_builder("queue")
            .with_start_time(SystemTime::now() - self.elapsed())
            .with_links(vec![Link::new(batch.clone(), vec![], 0)]);
        // It ends as it is dropped.
        drop(builder.start_with_context(tracer, call));
    }

    /// For which call, if that is traced.
    fn call(&self) -> Option<&Context> {
        self.call.as_ref().filter(|call| is_sampled(call))
    }
}

fn is_sampled(context: &Context) -> bool {
    context.span().span_context().is_sampled()
}

/// What is done in a task of its own for whatever is under way.
pub fn carry<F: Future>(future: F) -> impl Future<Output = F::Output> {
    match TRACER.get() {
        None => Either::Left(future),
        Some(_) => Either::Right(future.with_current_context()),
    }
}

struct Headers<'a>(&'a HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(http::HeaderName::as_str).collect()
    }
}
