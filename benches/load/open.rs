//! The open loop: calls begin when they are due, whether or not those before were answered, and
//! their latency counts from then. A server that stalls is not asked less, and what waited for
//! it is not left out.

use std::{
    thread,
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;
use tokio::{runtime::Handle, task::JoinSet};
use tonic::{Code, Status, transport::Channel};

use crate::{
    Result,
    calls::{Caller, Population, Workload},
    closed::{Outcome, connections, histogram},
};

/// A refused call is taken for one that took as long as this.
const REFUSED: Duration = Duration::from_mins(1);

/// Where calls come from, on connections of their own.
#[derive(Clone, Copy, Debug)]
pub struct Source {
    pub population: Population,
    /// Calls in a second, at even distances.
    pub rate: f64,
}

/// What came of a source's calls.
#[derive(Clone, Copy, Debug)]
pub struct Answers {
    pub outcome: Outcome,
    /// Share of its calls that were refused for want of room, 0 to 1.
    pub refused: f64,
    /// Calls in a second that were carried out.
    pub goodput: f64,
    /// How long a refusal took from when its call began, which may be after it was due: the
    /// 99th of a hundred, or 0 without any.
    pub refusal_p99_ms: f64,
}

/// When one call was due, when it began, and when it was answered or refused.
type Call = (Instant, Instant, Instant, Result<bool>);

/// Runs the workload from all sources at once, warmed up by a fifth of the time.
pub async fn run(
    address: &str,
    workload: &Workload,
    sources: &[Source],
    measured: Duration,
) -> Result<Vec<Answers>> {
    let mut channels = Vec::new();
    for _ in sources {
        channels.push(connections(address).await?);
    }
    let first = Instant::now();
    let begin = first + measured / 5;
    let end = begin + measured;
    let mut paced = Vec::new();
    for (source, channels) in sources.iter().copied().zip(channels) {
        let (runtime, workload) = (Handle::current(), workload.clone());
        // A thread's sleep is finer than the millisecond of a timer of the runtime.
        let pace = move || pace(&runtime, source, &channels, &workload, first, end);
        paced.push(tokio::task::spawn_blocking(pace));
    }
    let mut answers = Vec::new();
    for calls in paced {
        answers.push(gather(calls.await?, begin, measured).await?);
    }
    Ok(answers)
}

/// Begins a source's calls as they are due.
fn pace(
    runtime: &Handle,
    source: Source,
    channels: &[Channel],
    workload: &Workload,
    first: Instant,
    end: Instant,
) -> JoinSet<Call> {
    let mut calls = JoinSet::new();
    let mut due = first;
    for channel in channels.iter().cycle() {
        if due >= end {
            break;
        }
        thread::sleep(due.saturating_duration_since(Instant::now()));
        let mut caller = Caller::new(channel.clone(), source.population, fastrand::u64(..));
        let workload = workload.clone();
        let call = async move {
            let begun = Instant::now();
            let answer = caller.call(&workload).await;
            (due, begun, Instant::now(), answer)
        };
        calls.spawn_on(call, runtime);
        due += Duration::from_secs_f64(1.0 / source.rate);
    }
    calls
}

async fn gather(mut calls: JoinSet<Call>, begin: Instant, measured: Duration) -> Result<Answers> {
    let mut latencies: Histogram<u64> = histogram()?;
    let mut refusals: Histogram<u64> = histogram()?;
    let mut last = begin + measured;
    while let Some(call) = calls.join_next().await {
        let (due, sent, done, answer) = call?;
        let mut latency = done - due;
        if let Err(error) = answer {
            if !is_refusal(&*error) {
                return Err(error);
            }
            latency = REFUSED;
        }
        if due < begin {
            continue;
        }
        latencies.record(u64::try_from(latency.as_micros())?)?;
        if latency == REFUSED {
            refusals.record(u64::try_from((done - sent).as_micros())?)?;
        } else {
            last = last.max(done);
        }
    }
    let all = f64::from(u32::try_from(latencies.len())?.max(1));
    let refused = f64::from(u32::try_from(refusals.len())?);
    let refusal_p99 = Duration::from_micros(refusals.value_at_quantile(0.99));
    Ok(Answers {
        outcome: Outcome::of(&latencies, measured)?,
        refused: refused / all,
        goodput: (all - refused) / (last - begin).as_secs_f64(),
        refusal_p99_ms: refusal_p99.as_secs_f64() * 1_000.0,
    })
}

/// No room: to be sent again later.
fn is_refusal(error: &(dyn std::error::Error + Send + Sync + 'static)) -> bool {
    let status = error.downcast_ref::<Status>();
    let code = status.map(Status::code);
    matches!(code, Some(Code::ResourceExhausted | Code::Unavailable))
}
