//! `--otlp-endpoint`: what the real program sends to a receiver of OTLP that is not ours.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use futures::future::join_all;
use opentelemetry_proto::tonic::{
    collector::trace::v1::{
        ExportTraceServiceRequest, ExportTraceServiceResponse,
        trace_service_server::{TraceService, TraceServiceServer},
    },
    common::v1::{KeyValue, any_value::Value},
    trace::v1::{Span, span::SpanKind, status::StatusCode},
};
use tokio::{
    net::TcpListener,
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    time::timeout,
};
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status, async_trait, transport::Server};
use uuid::Uuid;

use crate::{process::Dwell, support::ids::tenant};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";
const START: &str = "dwell.v1.SessionService/StartSession";
const GET: &str = "dwell.v1.SessionService/GetSession";
const END: &str = "dwell.v1.SessionService/EndSession";

/// Receives spans, and keeps who sent them.
struct Collector {
    url: String,
    received: UnboundedReceiver<ExportTraceServiceRequest>,
}

struct Service(UnboundedSender<ExportTraceServiceRequest>);

#[async_trait]
impl TraceService for Service {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        // A test that is over does not hear of it.
        let _ = self.0.send(request.into_inner());
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

impl Collector {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (sender, received) = unbounded_channel();
        let service = TraceServiceServer::new(Service(sender));
        let server = Server::builder().add_service(service);
        tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
        Self { url, received }
    }

    /// Everything that was sent by a dwell that has ended.
    fn spans(&mut self) -> Vec<Span> {
        let requests = std::iter::from_fn(|| self.received.try_recv().ok());
        let resources = requests.flat_map(|request| request.resource_spans);
        let mut spans = Vec::new();
        for resource in resources {
            let named = &resource.resource.unwrap().attributes;
            assert_eq!(text(named, "service.name").as_deref(), Some("dwell"));
            let scopes = resource.scope_spans.into_iter();
            spans.extend(scopes.flat_map(|scope| scope.spans));
        }
        spans
    }
}

fn text(attributes: &[KeyValue], name: &str) -> Option<String> {
    let found = attributes.iter().find(|attribute| attribute.key == name)?;
    match found.value.as_ref()?.value.as_ref()? {
        Value::StringValue(text) => Some(text.clone()),
        other => Some(format!("{other:?}")),
    }
}

fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().map(|byte| format!("{byte:02x}"));
    digits.collect::<Vec<_>>().concat()
}

fn of<'a>(spans: &'a [Span], name: &str) -> Vec<&'a Span> {
    spans.iter().filter(|span| span.name == name).collect()
}

fn traceparent(flags: &str) -> String {
    format!("00-{TRACE}-{PARENT}-{flags}")
}

fn started(collector: &Collector) -> Dwell {
    Dwell::start(&["--otlp-endpoint", &collector.url])
}

// Spans are received while the end of a dwell is waited for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_is_traced_from_its_caller_to_the_commit() {
    let mut collector = Collector::start().await;
    let dwell = started(&collector);
    let mut sessions = dwell.sessions().await;
    let session = sessions.start(7, Some(&traceparent("01"))).await;
    sessions.get(&session).await.unwrap();
    let line = dwell.logged("answered");
    assert!(line.contains(TRACE), "{line}");
    // The last spans leave before it does.
    dwell.end();
    let spans = collector.spans();

    let [call] = *of(&spans, START) else {
        panic!("{spans:#?}")
    };
    assert_eq!(
        (hex(&call.trace_id), hex(&call.parent_span_id)),
        (TRACE.to_owned(), PARENT.to_owned())
    );
    assert_eq!(call.kind(), SpanKind::Server);
    let attribute = |name| text(&call.attributes, name);
    assert_eq!(attribute("rpc.system.name").as_deref(), Some("grpc"));
    assert_eq!(attribute("rpc.method").as_deref(), Some(START));
    assert_eq!(attribute("rpc.response.status_code").as_deref(), Some("OK"));

    let of_trace: Vec<_> = spans
        .iter()
        .filter(|span| span.trace_id == call.trace_id)
        .cloned()
        .collect();
    let [queue] = *of(&of_trace, "queue") else {
        panic!("{of_trace:#?}")
    };
    let [batch] = *of(&of_trace, "batch") else {
        panic!("{of_trace:#?}")
    };
    assert_eq!(
        (&queue.parent_span_id, &batch.parent_span_id),
        (&call.span_id, &call.span_id)
    );
    assert_eq!(queue.links[0].span_id, batch.span_id);
    assert!(batch.links.is_empty());
    let statements: Vec<_> = of_trace
        .iter()
        .filter(|span| span.kind() == SpanKind::Client)
        .collect();
    for statement in &statements {
        assert_eq!(statement.parent_span_id, batch.span_id, "{statement:#?}");
        assert_eq!(
            text(&statement.attributes, "db.system.name").as_deref(),
            Some("sqlite")
        );
    }
    let names: Vec<_> = statements.iter().map(|span| &*span.name).collect();
    assert_eq!(
        (names.first(), names.last()),
        (Some(&"BEGIN"), Some(&"COMMIT")),
        "{names:?}"
    );
    assert!(
        names
            .iter()
            .any(|name| name.contains("INSERT user_sessions")),
        "{names:?}"
    );

    // What is read belongs to its call, which had no caller: its trace is its own.
    let [get] = *of(&spans, GET) else {
        panic!("{spans:#?}")
    };
    assert!(get.parent_span_id.is_empty() && get.trace_id != call.trace_id);
    let reads = spans
        .iter()
        .filter(|span| span.parent_span_id == get.span_id);
    let reads: BTreeSet<_> = reads.map(|span| &*span.name).collect();
    assert!(reads.contains("SELECT user_sessions"), "{reads:?}");

    let all = format!("{spans:?}");
    for personal in [
        session,
        Uuid::from_u128(7).to_string(),
        tenant(1).to_string(),
    ] {
        assert!(!all.contains(&personal), "{personal}");
    }
}

// Spans are received while the end of a dwell is waited for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_started_here_is_ended_without_a_read_before_the_batch() {
    let mut collector = Collector::start().await;
    let dwell = started(&collector);
    let mut sessions = dwell.sessions().await;
    let session = sessions.start(7, None).await;
    sessions.end(session).await;
    dwell.end();
    let spans = collector.spans();
    let [end] = *of(&spans, END) else {
        panic!("{spans:#?}")
    };
    let own = spans
        .iter()
        .filter(|span| span.parent_span_id == end.span_id);
    let own: BTreeSet<_> = own.map(|span| &*span.name).collect();
    assert_eq!(own, BTreeSet::from(["batch", "queue"]));
}

// Spans are received while the end of a dwell is waited for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_is_linked_with_all_its_calls() {
    const CALLS: u128 = 64;
    let mut collector = Collector::start().await;
    let dwell = started(&collector);
    let sessions = dwell.sessions().await;
    let starts = (1..=CALLS).map(|user| {
        let mut sessions = sessions.clone();
        async move { sessions.start(user, None).await }
    });
    join_all(starts).await;
    dwell.end();
    let spans = collector.spans();
    let calls: BTreeSet<_> = of(&spans, START)
        .iter()
        .map(|call| call.span_id.clone())
        .collect();
    assert_eq!(calls.len(), usize::try_from(CALLS).unwrap());
    let mut carried = BTreeMap::new();
    for batch in of(&spans, "batch") {
        let linked = batch.links.iter().map(|link| &link.span_id);
        for call in linked.chain([&batch.parent_span_id]) {
            assert_eq!(carried.insert(call.clone(), batch.span_id.clone()), None);
        }
    }
    assert!(carried.keys().eq(&calls));
    for queue in of(&spans, "queue") {
        assert_eq!(queue.links[0].span_id, carried[&queue.parent_span_id]);
    }
}

// Spans are received while the end of a dwell is waited for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fault_is_an_error_and_what_a_caller_does_wrong_is_none() {
    let mut collector = Collector::start().await;
    let dwell = started(&collector);
    let mut sessions = dwell.sessions().await;
    sessions
        .get("00000000-0000-7000-8000-000000000000")
        .await
        .unwrap_err();
    dwell.end();
    let spans = collector.spans();
    let [get] = *of(&spans, GET) else {
        panic!("{spans:#?}")
    };
    assert_eq!(
        text(&get.attributes, "rpc.response.status_code").as_deref(),
        Some("NOT_FOUND")
    );
    assert_eq!(
        get.status.clone().unwrap_or_default().code(),
        StatusCode::Unset
    );
}

// Spans are received while the end of a dwell is waited for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_its_caller_does_not_sample_is_not_sent() {
    let mut collector = Collector::start().await;
    let dwell = started(&collector);
    dwell
        .sessions()
        .await
        .start(7, Some(&traceparent("00")))
        .await;
    dwell.end();
    let spans = collector.spans();
    assert!(
        spans.iter().all(|span| hex(&span.trace_id) != TRACE),
        "{spans:#?}"
    );
    assert!(of(&spans, "batch").is_empty());
}

// Spans are received while the end of a dwell is waited for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receiver_that_is_away_or_silent_holds_up_nobody() {
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let away = format!("http://{}", gone.local_addr().unwrap());
    drop(gone);
    // It takes connections, as the kernel does, and never says a word.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    for (url, complains) in [
        (away, true),
        (format!("http://{}", silent.local_addr().unwrap()), false),
    ] {
        let dwell = Dwell::start(&["--otlp-endpoint", &url]);
        let mut sessions = dwell.sessions().await;
        let calls = async {
            // More spans than the queue holds.
            for user in 1..=600 {
                sessions.start(user, None).await;
            }
        };
        let in_time = timeout(Duration::from_secs(30), calls).await;
        assert!(in_time.is_ok());
        if complains {
            dwell.logged("traces are not sent");
        }
        dwell.end();
    }
}
