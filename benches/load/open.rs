//! The open loop: calls begin when they are due, whether or not those before were answered, and
//! their latency counts from then. A server that stalls is not asked less, and what waited for
//! it is not left out.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;
use tokio::runtime::Handle;
use tokio_util::task::TaskTracker;
use tonic::{Code, Status, transport::Channel};

use crate::{
    Failed, Result,
    calls::{Caller, Population, Workload},
    closed::{Outcome, connections, histogram, warm_up},
};

/// A refused call is taken for one that took as long as this.
const REFUSED: Duration = Duration::from_mins(1);

/// Calls that are closer than this begin by the millisecond, those of each on one connection: to
/// wake up for each by itself would cost the load more than to make it.
const DENSE: Duration = Duration::from_micros(100);
const TOGETHER: Duration = Duration::from_millis(1);

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
    /// How long after they were due calls began, which is what the load did not keep up with: the
    /// 99th of a hundred.
    pub late_p99_ms: f64,
}

/// What came of a source's calls so far. Nothing is kept of each: there may be millions.
struct Tally {
    begin: Instant,
    latencies: Histogram<u64>,
    refusals: Histogram<u64>,
    late: Histogram<u64>,
    last: Instant,
    failed: Option<Failed>,
}

/// Runs the workload from all sources at once, warmed up before.
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
    let begin = first + warm_up(measured);
    let end = begin + measured;
    let calls = TaskTracker::new();
    let mut paced = Vec::new();
    let mut tallies = Vec::new();
    for (source, channels) in sources.iter().copied().zip(channels) {
        let tally = Arc::new(Mutex::new(Tally::new(begin, end)?));
        tallies.push(tally.clone());
        let (runtime, calls) = (Handle::current(), calls.clone());
        let workload = workload.clone();
        let begin_call = move |channel: &Channel, due| {
            let caller = Caller::new(channel.clone(), source.population, fastrand::u64(..));
            let call = call(caller, workload.clone(), due, tally.clone());
            calls.spawn_on(call, &runtime);
        };
        // A thread's sleep is finer than the millisecond of a timer of the runtime.
        let pace = move || pace(source.rate, &channels, first, end, begin_call);
        paced.push(tokio::task::spawn_blocking(pace));
    }
    for paced in paced {
        paced.await?;
    }
    calls.close();
    calls.wait().await;
    let answers = tallies.iter().map(|tally| lock(tally).answers(measured));
    answers.collect()
}

/// Begins a source's calls as they are due.
fn pace(
    rate: f64,
    channels: &[Channel],
    first: Instant,
    end: Instant,
    begin_call: impl Fn(&Channel, Instant),
) {
    let distance = Duration::from_secs_f64(1.0 / rate);
    let pause = if distance < DENSE {
        TOGETHER
    } else {
        Duration::ZERO
    };
    let mut due = first;
    for channel in channels.iter().cycle() {
        let mut now = Instant::now();
        if due > now {
            thread::sleep(pause.max(due - now));
            now = Instant::now();
        }
        while due <= now {
            if due >= end {
                return;
            }
            begin_call(channel, due);
            due += distance;
        }
    }
}

async fn call(mut caller: Caller, workload: Workload, due: Instant, tally: Arc<Mutex<Tally>>) {
    let begun = Instant::now();
    let answer = caller.call(&workload).await;
    let done = Instant::now();
    let mut tally = lock(&tally);
    if let Err(error) = tally.add(due, begun, done, answer) {
        tally.failed.get_or_insert(error);
    }
}

fn lock(tally: &Mutex<Tally>) -> MutexGuard<'_, Tally> {
    tally.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Tally {
    /// Of what is due from `begin` on, and before `end`.
    fn new(begin: Instant, end: Instant) -> Result<Self> {
        Ok(Self {
            begin,
            latencies: histogram()?,
            refusals: histogram()?,
            late: histogram()?,
            last: end,
            failed: None,
        })
    }

    fn add(
        &mut self,
        due: Instant,
        begun: Instant,
        done: Instant,
        answer: Result<bool>,
    ) -> Result<()> {
        let refused = match answer {
            Ok(_) => false,
            Err(error) if is_refusal(&*error) => true,
            Err(error) => return Err(error),
        };
        if due < self.begin {
            return Ok(());
        }
        self.late.record(micros(begun - due)?)?;
        if refused {
            self.refusals.record(micros(done - begun)?)?;
            self.latencies.record(micros(REFUSED)?)?;
        } else {
            self.latencies.record(micros(done - due)?)?;
            self.last = self.last.max(done);
        }
        Ok(())
    }

    fn answers(&mut self, measured: Duration) -> Result<Answers> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        let all = f64::from(u32::try_from(self.latencies.len())?.max(1));
        let refused = f64::from(u32::try_from(self.refusals.len())?);
        Ok(Answers {
            outcome: Outcome::of(&self.latencies, measured)?,
            refused: refused / all,
            goodput: (all - refused) / (self.last - self.begin).as_secs_f64(),
            refusal_p99_ms: p99_ms(&self.refusals),
            late_p99_ms: p99_ms(&self.late),
        })
    }
}

fn micros(time: Duration) -> Result<u64> {
    Ok(u64::try_from(time.as_micros())?)
}

fn p99_ms(histogram: &Histogram<u64>) -> f64 {
    let p99 = Duration::from_micros(histogram.value_at_quantile(0.99));
    p99.as_secs_f64() * 1_000.0
}

/// No room: to be sent again later.
fn is_refusal(error: &(dyn std::error::Error + Send + Sync + 'static)) -> bool {
    let status = error.downcast_ref::<Status>();
    let code = status.map(Status::code);
    matches!(code, Some(Code::ResourceExhausted | Code::Unavailable))
}
