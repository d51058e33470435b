//! The closed loop: so many callers, each waiting for its answer before the next call.

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use tokio::task::JoinSet;
use tonic::transport::{Channel, Endpoint};

use crate::{
    Result,
    calls::{Caller, Workload},
};

/// Connections that the callers share.
const CONNECTIONS: usize = 8;

/// How much there is to do, and for how long.
#[derive(Clone, Debug)]
pub struct Load {
    pub callers: usize,
    pub measured: Duration,
    pub tenants: u32,
    pub users: u32,
}

/// What came of it.
#[derive(Clone, Copy, Debug)]
pub struct Outcome {
    /// Answers in a second.
    pub rate: f64,
    pub median_ms: f64,
    #[expect(dead_code, reason = "printed while looking into a run")]
    pub p99_ms: f64,
}

impl Load {
    /// Runs the workload against the server, warmed up by a fifth of the time.
    pub async fn run(&self, address: &str, workload: Workload) -> Result<Outcome> {
        let channels = self.connect(address).await?;
        let mut callers = Vec::new();
        for (number, channel) in channels.iter().cycle().take(self.callers).enumerate() {
            let seed = fastrand::u64(..) ^ u64::try_from(number)?;
            callers.push(Caller::new(channel.clone(), self.clone(), seed));
        }
        if workload == Workload::End {
            callers = self.prepare(callers).await?;
        }
        let begin = Instant::now() + self.measured / 5;
        let end = begin + self.measured;
        let mut tasks = JoinSet::new();
        for caller in callers {
            tasks.spawn(call_until(caller, workload, begin, end));
        }
        let mut all = Histogram::<u64>::new(3)?;
        let mut last = begin;
        while let Some(done) = tasks.join_next().await {
            let (histogram, until) = done??;
            all.add(histogram)?;
            last = last.max(until);
        }
        let micros = |quantile| Duration::from_micros(all.value_at_quantile(quantile));
        Ok(Outcome {
            rate: f64::from(u32::try_from(all.len())?) / (last - begin).as_secs_f64(),
            median_ms: micros(0.5).as_secs_f64() * 1_000.0,
            p99_ms: micros(0.99).as_secs_f64() * 1_000.0,
        })
    }

    /// Starts more sessions than can be ended in the time.
    async fn prepare(&self, callers: Vec<Caller>) -> Result<Vec<Caller>> {
        let each = usize::try_from(self.measured.as_secs())? * 30_000 / self.callers;
        let mut tasks = JoinSet::new();
        for mut caller in callers {
            tasks.spawn(async move {
                caller.prepare(each).await?;
                Ok::<_, Box<dyn std::error::Error + Send + Sync>>(caller)
            });
        }
        let mut prepared = Vec::new();
        while let Some(caller) = tasks.join_next().await {
            prepared.push(caller??);
        }
        Ok(prepared)
    }

    async fn connect(&self, address: &str) -> Result<Vec<Channel>> {
        let endpoint = Endpoint::from_shared(format!("http://{address}"))?;
        let mut channels = Vec::new();
        for _ in 0..CONNECTIONS.min(self.callers) {
            channels.push(endpoint.connect().await?);
        }
        Ok(channels)
    }
}

async fn call_until(
    mut caller: Caller,
    workload: Workload,
    begin: Instant,
    end: Instant,
) -> Result<(Histogram<u64>, Instant)> {
    let mut histogram = Histogram::new(3)?;
    loop {
        let start = Instant::now();
        if start >= end || workload == Workload::End && caller.left() == 0 {
            return Ok((histogram, start));
        }
        caller.call(workload).await?;
        if start >= begin {
            histogram.record(u64::try_from(start.elapsed().as_micros())?)?;
        }
    }
}
