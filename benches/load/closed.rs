//! The closed loop: so many callers, each waiting for its answer before the next call.

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use tokio::task::JoinSet;
use tonic::transport::{Channel, Endpoint};

use crate::{
    Result,
    calls::{Caller, Population, Workload},
};

/// Connections that callers share.
const CONNECTIONS: usize = 8;
/// A fifth of what is measured, but no more than this.
const LONGEST_WARM_UP: Duration = Duration::from_secs(5);

/// How much there is to do, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    pub callers: usize,
    pub measured: Duration,
    pub population: Population,
}

/// What came of it.
#[derive(Clone, Copy, Debug)]
pub struct Outcome {
    /// Answers in a second.
    pub rate: f64,
    pub median_ms: f64,
    pub p99_ms: f64,
}

impl Load {
    /// How long to run before anything counts.
    pub fn warm_up(&self) -> Duration {
        warm_up(self.measured)
    }

    /// Runs the workload against servers of the same database, over which callers are spread.
    pub async fn run(&self, addresses: &[&str], workload: &Workload) -> Result<Outcome> {
        let mut channels = Vec::new();
        for address in addresses.iter().cycle().take(CONNECTIONS.min(self.callers)) {
            channels.push(connect(address).await?);
        }
        let begin = Instant::now() + self.warm_up();
        let end = begin + self.measured;
        let mut tasks = JoinSet::new();
        for channel in channels.iter().cycle().take(self.callers) {
            let caller = Caller::new(channel.clone(), self.population, fastrand::u64(..));
            tasks.spawn(call_until(caller, workload.clone(), begin, end));
        }
        let mut all = histogram()?;
        let mut last = begin;
        while let Some(done) = tasks.join_next().await {
            let (histogram, until) = done??;
            all.add(histogram)?;
            last = last.max(until);
        }
        Outcome::of(&all, last - begin)
    }
}

impl Outcome {
    /// Of latencies in microseconds.
    pub fn of(latencies: &Histogram<u64>, elapsed: Duration) -> Result<Self> {
        if latencies.is_empty() {
            return Err("nothing was answered in the time measured".into());
        }
        let millis = |quantile| {
            let micros = Duration::from_micros(latencies.value_at_quantile(quantile));
            micros.as_secs_f64() * 1_000.0
        };
        Ok(Self {
            rate: f64::from(u32::try_from(latencies.len())?) / elapsed.as_secs_f64(),
            median_ms: millis(0.5),
            p99_ms: millis(0.99),
        })
    }
}

/// How long to run before anything counts.
pub fn warm_up(measured: Duration) -> Duration {
    LONGEST_WARM_UP.min(measured / 5)
}

/// Latencies in microseconds.
pub fn histogram() -> Result<Histogram<u64>> {
    Ok(Histogram::new(3)?)
}

/// As many connections as many callers share.
pub async fn connections(address: &str) -> Result<Vec<Channel>> {
    let mut channels = Vec::new();
    for _ in 0..CONNECTIONS {
        channels.push(connect(address).await?);
    }
    Ok(channels)
}

pub async fn connect(address: &str) -> Result<Channel> {
    let endpoint = Endpoint::from_shared(format!("http://{address}"))?;
    Ok(endpoint.connect().await?)
}

async fn call_until(
    mut caller: Caller,
    workload: Workload,
    begin: Instant,
    end: Instant,
) -> Result<(Histogram<u64>, Instant)> {
    let mut latencies = histogram()?;
    loop {
        let start = Instant::now();
        if start >= end || !caller.call(&workload).await? {
            return Ok((latencies, start));
        }
        if start >= begin {
            latencies.record(u64::try_from(start.elapsed().as_micros())?)?;
        }
    }
}
