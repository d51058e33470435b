//! What Prometheus is told: put together from everyone's own numbers when it asks.
//!
//! Calls are named as OpenTelemetry's conventions for RPC have it (`rpc.server.call.duration`), the
//! process as Prometheus' own clients do, and what is dwell's own begins with `dwell_`. No label
//! is a tenant, a user or anything else that callers make up.

mod page;

use std::{fmt, sync::Arc};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, text::encode},
    registry::Registry,
};

use self::page::{Page, Unit};
use super::{calls::Calls, process::Process, ready::Readiness, stored::Stored};
use crate::{
    domain::time::Clock,
    grpc::{limits::layer::Refusals, observe::code_name},
    jobs::{points::Counters, task::Task},
    store::{Store, writer},
};

/// Everyone who counts.
pub struct Sources {
    pub calls: Calls,
    pub refusals: Arc<Refusals>,
    pub writer: writer::Handle,
    pub store: Arc<dyn Store>,
    pub stored: Arc<Stored>,
    pub tasks: Vec<Arc<Task>>,
    /// `None` if points are told to nobody.
    pub points: Option<Arc<Counters>>,
    pub ready: Arc<Readiness>,
    pub clock: Arc<dyn Clock>,
}

/// What is told of them.
#[derive(Debug)]
pub struct Metrics(Registry);

impl From<Registry> for Metrics {
    fn from(registry: Registry) -> Self {
        Self(registry)
    }
}

impl Metrics {
    #[must_use]
    pub fn new(sources: Sources) -> Self {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(sources));
        registry.into()
    }

    /// In the text form of `OpenMetrics` 1.0.
    ///
    /// # Errors
    /// None that is known: text can always be written.
    pub fn text(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.0)?;
        Ok(text)
    }
}

impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sources").finish_non_exhaustive()
    }
}

impl Collector for Sources {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let page = &mut Page::new(encoder);
        self.calls(page)?;
        self.writer(page)?;
        self.database(page)?;
        self.tasks(page)?;
        self.points(page)?;
        process(page)
    }
}

impl Sources {
    fn calls(&self, page: &mut Page<'_>) -> fmt::Result {
        let help = "How long calls took, by method and the code they were answered with";
        page.histograms(
            ("rpc_server_call_duration", help, Some(Unit::Seconds)),
            self.calls.methods().flat_map(|method| {
                let answered = method.answered();
                answered.map(|(code, times)| {
                    let code = ("rpc_response_status_code", code_name(code));
                    (vec![("rpc_method", method.name), code], times)
                })
            }),
        )?;
        let active = self
            .calls
            .methods()
            .filter_map(|method| Some((vec![("rpc_method", method.name)], method.active()?)));
        let help = "Calls under way, streams among them";
        page.gauges(("rpc_server_active_requests", help, None), active)?;
        let refused = self.refusals.by_reason();
        page.counters(
            (
                "dwell_admission_refusals",
                "Calls that were not let in, by limit",
                None,
            ),
            refused.map(|(reason, count)| (vec![("reason", reason)], count)),
        )
    }

    fn writer(&self, page: &mut Page<'_>) -> fmt::Result {
        let length = self.writer.queue_length();
        let help = "Writes that wait for a batch";
        page.gauge(("dwell_writer_queue_length", help, None), length)?;
        let capacity = i64::try_from(writer::QUEUE).unwrap_or(i64::MAX);
        let help = "Writes that may wait before a tenant with its share of them is refused";
        page.gauge(("dwell_writer_queue_capacity", help, None), capacity)?;
        let counts = self.writer.counters();
        let help = "Writes that were refused because the queue was full";
        page.counter(("dwell_writer_refusals", help, None), counts.refused.get())?;
        let help = "How long writes waited for their batch";
        let wait = ("dwell_writer_queue_wait", help, Some(Unit::Seconds));
        page.histograms(wait, [(vec![], &counts.waits)].into_iter())?;
        let help = "Writes in a batch";
        let size = ("dwell_writer_batch_size", help, None);
        page.histograms(size, [(vec![], &counts.sizes)].into_iter())?;
        let help = "From the begin to the commit of a batch's transaction, or to its failure";
        page.histograms(
            (
                "dwell_writer_transaction_duration",
                help,
                Some(Unit::Seconds),
            ),
            counts
                .transactions()
                .map(|(outcome, times)| (vec![("outcome", outcome)], times)),
        )
    }

    fn database(&self, page: &mut Page<'_>) -> fmt::Result {
        let up = i64::from(self.ready.database());
        let help = "Whether the database answered when it was last asked";
        page.gauge(("dwell_database_up", help, None), up)?;
        let ready = i64::from(self.ready.check().is_ok());
        page.gauge(
            ("dwell_ready", "Whether calls are to be sent here", None),
            ready,
        )?;
        let pools = self.store.pools();
        let states = pools.iter().flat_map(|pool| {
            [("idle", pool.idle), ("used", pool.used)]
                .map(|(state, count)| (vec![("pool", pool.name), ("state", state)], count.into()))
        });
        page.gauges(
            (
                "dwell_database_connections",
                "Connections, by pool and state",
                None,
            ),
            states,
        )?;
        let limits = pools
            .iter()
            .map(|pool| (vec![("pool", pool.name)], pool.limit.into()));
        let help = "Connections that a pool may have";
        page.gauges(("dwell_database_connections_limit", help, None), limits)?;
        let open = self
            .stored
            .open_sessions()
            .into_iter()
            .map(|open| (vec![], open));
        let help = "Sessions that are stored as open, of all tenants and instances";
        page.gauges(("dwell_sessions_open", help, None), open)
    }

    fn tasks(&self, page: &mut Page<'_>) -> fmt::Result {
        let tasks = || {
            self.tasks
                .iter()
                .map(|task| (vec![("task", task.name)], task))
        };
        let help = "When a task last did what it had to, since the epoch";
        let last = tasks().filter_map(|(labels, task)| Some((labels, task.last_success()?)));
        let name = "dwell_task_last_success_timestamp";
        page.floats((name, help, Some(Unit::Seconds)), last)?;
        let runs = tasks().flat_map(|(labels, task)| {
            let with = move |outcome| [labels.clone(), vec![("outcome", outcome)]].concat();
            let runs = [("done", task.done.get()), ("failed", task.failed.get())];
            runs.map(|(outcome, count)| (with(outcome), count))
        });
        page.counters(("dwell_task_runs", "How often tasks ran", None), runs)?;
        let items = tasks().map(|(labels, task)| (labels, task.items.get()));
        let help = "Sessions and goals that tasks ended, and rows that they forgot or counted";
        page.counters(("dwell_task_items", help, None), items)
    }

    fn points(&self, page: &mut Page<'_>) -> fmt::Result {
        let Some(counters) = &self.points else {
            return Ok(());
        };
        let figures = counters.figures(self.clock.now());
        let oldest = figures.oldest_pending.unwrap_or_default().as_secs_f64();
        let help = "How long ago the oldest award was earned that still waits; 0 if none does";
        let name = "dwell_points_oldest_pending";
        page.floats(
            (name, help, Some(Unit::Seconds)),
            [(vec![], oldest)].into_iter(),
        )?;
        let pending = self
            .stored
            .pending_points()
            .into_iter()
            .map(|count| (vec![], count));
        let help = "Awards that wait to be delivered, of all tenants and instances";
        page.gauges(("dwell_points_pending", help, None), pending)?;
        let attempts = [("delivered", figures.delivered), ("failed", figures.failed)];
        let attempts = attempts.map(|(outcome, count)| (vec![("outcome", outcome)], count));
        let help = "Attempts to deliver an award";
        page.counters(("dwell_points_attempts", help, None), attempts.into_iter())?;
        let help = "Awards that were given up";
        page.counter(("dwell_points_set_aside", help, None), figures.set_aside)
    }
}

fn process(page: &mut Page<'_>) -> fmt::Result {
    let version = vec![("version", env!("CARGO_PKG_VERSION"))];
    let help = "Which dwell this is";
    page.gauges(("dwell_build_info", help, None), [(version, 1)].into_iter())?;
    let Some(process) = Process::now() else {
        return Ok(());
    };
    let help = "Time of processors that it took";
    page.float_counter(
        ("process_cpu", help, Some(Unit::Seconds)),
        process.cpu_seconds,
    )?;
    for (name, help, unit, value) in [
        (
            "process_resident_memory",
            "Memory that it holds",
            Some(Unit::Bytes),
            process.resident_memory_bytes,
        ),
        (
            "process_open_fds",
            "Files and connections that are open",
            None,
            process.open_fds,
        ),
        ("process_max_fds", "How many may be", None, process.max_fds),
        (
            "process_start_time",
            "When it started, since the epoch",
            Some(Unit::Seconds),
            process.start_time_seconds,
        ),
    ] {
        page.floats((name, help, unit), [(vec![], value)].into_iter())?;
    }
    Ok(())
}
