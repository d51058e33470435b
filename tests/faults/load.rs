//! Callers that write all the time, by a seed, and keep the ledger.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use chrono::{Days, NaiveDate};
use fastrand::Rng;
use tokio::{sync::watch, task::JoinSet, time::sleep};
use tokio_stream::StreamExt;
use tonic::transport::Channel;
use uuid::Uuid;

use ::dwell::{
    domain::time::{Clock, SystemClock},
    pb::v1::{ImportUsageRequest, usage_stats_service_client::UsageStatsServiceClient},
};

use crate::{
    ledger::{Amounts, Call, Ledger, Outcome},
    send::{of, send, usage},
    terms::{conclude, conclude_code, passes},
};

pub const TENANTS: u128 = 3;
/// Callers of each tenant, each with a user of its own.
const CALLERS: u128 = 8;
/// A caller that was refused, or lost its connection, tries again after this.
const PAUSE: Duration = Duration::from_millis(10);
/// How far back recorded sessions and usage go.
pub const DAYS: u64 = 5;

/// Where to send calls: none while nobody is there.
pub type Targets = Vec<Channel>;

/// The callers, until they are stopped.
pub struct Load {
    ledger: Arc<Ledger>,
    targets: watch::Sender<Targets>,
    acknowledged: watch::Sender<u64>,
    going: watch::Sender<bool>,
    callers: JoinSet<()>,
}

impl Load {
    /// Callers whose choices follow from the seed. They wait until there is a target.
    pub fn start(ledger: Ledger, seed: u64) -> Self {
        let mut load = Self {
            ledger: Arc::new(ledger),
            targets: watch::Sender::new(Vec::new()),
            acknowledged: watch::Sender::new(0),
            going: watch::Sender::new(true),
            callers: JoinSet::new(),
        };
        for number in 0..TENANTS * CALLERS {
            let caller = Caller {
                ledger: load.ledger.clone(),
                targets: load.targets.subscribe(),
                acknowledged: load.acknowledged.clone(),
                tenant: tenant(number % TENANTS),
                user: Uuid::from_u128((0x00ca_11e4 << 96) | number),
                random: Rng::with_seed(
                    seed.wrapping_mul(1_000)
                        .wrapping_add(u64::try_from(number).unwrap()),
                ),
                open: Vec::new(),
                ended: VecDeque::new(),
                goal: None,
                reached: 0,
            };
            load.callers.spawn(caller.run(load.going.subscribe()));
        }
        load
    }

    /// From now on calls go there; each call to any of them.
    pub fn aim(&self, targets: Targets) {
        self.targets.send_replace(targets);
    }

    pub fn acknowledged(&self) -> u64 {
        *self.acknowledged.borrow()
    }

    /// Returns once so many more calls are acknowledged.
    pub async fn more(&self, calls: u64) {
        let goal = self.acknowledged() + calls;
        let mut acknowledged = self.acknowledged.subscribe();
        let waited = acknowledged.wait_for(|count| *count >= goal);
        let waited = tokio::time::timeout(Duration::from_mins(1), waited).await;
        waited.expect("callers are answered").unwrap();
    }

    /// Lets each caller come to an end with what it does: what can be sent again is, until it
    /// is known.
    pub async fn stop(mut self) {
        self.going.send_replace(false);
        while let Some(ended) = self.callers.join_next().await {
            ended.unwrap();
        }
    }
}

pub fn tenant(number: u128) -> Uuid {
    Uuid::from_u128((0x007e_4a47 << 96) | number)
}

/// Somebody with a user, whose calls come one after the other but for those that are sent twice
/// at once.
struct Caller {
    ledger: Arc<Ledger>,
    targets: watch::Receiver<Targets>,
    acknowledged: watch::Sender<u64>,
    tenant: Uuid,
    user: Uuid,
    random: Rng,
    open: Vec<Uuid>,
    ended: VecDeque<Uuid>,
    goal: Option<Uuid>,
    reached: i64,
}

impl Caller {
    async fn run(mut self, going: watch::Receiver<bool>) {
        while *going.borrow() {
            self.step().await;
        }
    }

    async fn step(&mut self) {
        let open = self.random.choice(&self.open).copied();
        let ended = self.random.choice(&self.ended).copied();
        match (self.random.u8(..100), open, ended) {
            (0..20, ..) => self.start().await,
            // Of one that has ended, that is the answer.
            (20..40, Some(session), _) | (64..67, _, Some(session)) => {
                self.call(Call::Heartbeat { session }).await;
            }
            (40..46, Some(session), _) => {
                self.call(Call::Pause { session }).await;
                if self.random.bool() {
                    self.call(Call::Resume { session }).await;
                }
            }
            (46..64, Some(session), _) => self.end(session).await,
            (67..74, ..) => {
                let call = self.recorded();
                self.call(call).await;
            }
            (74..80, Some(session), _) | (74..77, None, Some(session)) => {
                let activity = self.id();
                let items = self.random.i64(0..10);
                let call = Call::Activity {
                    session,
                    activity,
                    items,
                };
                self.call(call).await;
            }
            (80..84, ..) => self.goal().await,
            (84..88, ..) => self.import().await,
            (88..91, ..) => {
                // The same twice at once is one.
                let call = self.used(true);
                tokio::join!(self.call(call.clone()), self.call(call));
            }
            (91..96, ..) => {
                let call = self.used(true);
                self.call(call).await;
            }
            _ => {
                let call = self.used(false);
                self.call(call).await;
            }
        }
    }

    async fn start(&mut self) {
        if self.open.len() >= 3 {
            return;
        }
        let session = self.id();
        if self.call(Call::Start { session }).await {
            self.open.push(session);
        }
    }

    async fn end(&mut self, session: Uuid) {
        let call = Call::End { session };
        let done = if self.random.u8(..4) == 0 {
            let (one, other) = tokio::join!(self.call(call.clone()), self.call(call));
            one || other
        } else {
            self.call(call).await
        };
        if done {
            self.open.retain(|open| *open != session);
            self.ended.push_back(session);
            self.ended.truncate(20);
        }
    }

    async fn goal(&mut self) {
        let Some(goal) = self.goal else {
            let goal = self.id();
            if self.call(Call::Goal { goal }).await {
                self.goal = Some(goal);
            }
            return;
        };
        self.reached += self.random.i64(1..10);
        let call = Call::Progress {
            goal,
            date: today().to_string(),
            value: self.reached,
        };
        self.call(call).await;
    }

    fn recorded(&mut self) -> Call {
        // In the morning, so that it is over on the same day.
        let start = self.day().and_hms_opt(8, 0, 0).unwrap().and_utc();
        Call::Record {
            session: self.id(),
            start: start.timestamp() + self.random.i64(0..7_200),
            seconds: self.random.i64(1..3_600),
        }
    }

    fn used(&mut self, once: bool) -> Call {
        let request = once.then(|| self.id());
        Call::Usage {
            request,
            date: self.day().to_string(),
            amounts: Amounts {
                logins: self.random.i64(0..3),
                seconds: self.random.i64(0..60),
                runs: 1,
                documents: self.random.i64(0..5),
                uses: self.random.i64(0..3),
            },
        }
    }

    /// A day before today.
    fn day(&mut self) -> NaiveDate {
        today() - Days::new(self.random.u64(1..=DAYS))
    }

    fn id(&mut self) -> Uuid {
        uuid::Builder::from_random_bytes(self.random.u128(..).to_be_bytes()).into_uuid()
    }

    /// Sends a call, again while it is unknown if that is safe. True if it is done.
    async fn call(&self, call: Call) -> bool {
        let number = self.ledger.sent(self.tenant, self.user, call.clone()).await;
        let outcome = self.send(number, &call).await;
        self.see_to(number, &call, outcome).await
    }

    /// From the first outcome on.
    async fn see_to(&self, number: u64, call: &Call, mut outcome: Outcome) -> bool {
        let mut unknown = false;
        loop {
            match outcome {
                Outcome::Acknowledged(_) => return true,
                Outcome::Refused(reason) => {
                    if !unknown || !passes(&reason) {
                        sleep(PAUSE).await;
                        return false;
                    }
                }
                Outcome::Unknown(_) => unknown = true,
            }
            sleep(PAUSE).await;
            if !call.is_repeatable() {
                return false;
            }
            self.ledger.resent(number).await;
            outcome = self.send(number, call).await;
        }
    }

    async fn send(&self, number: u64, call: &Call) -> Outcome {
        let channel = self.target().await;
        let outcome = send(&channel, self.tenant, self.user, call).await;
        self.keep(number, &outcome).await;
        outcome
    }

    async fn keep(&self, number: u64, outcome: &Outcome) {
        self.ledger.answered(number, outcome.clone()).await;
        if matches!(outcome, Outcome::Acknowledged(_)) {
            self.acknowledged.send_modify(|count| *count += 1);
        }
    }

    /// Waits for one.
    async fn target(&self) -> Channel {
        let mut targets = self.targets.clone();
        let targets = targets.wait_for(|targets| !targets.is_empty()).await;
        fastrand::choice(targets.unwrap().iter()).unwrap().clone()
    }

    /// Many amounts on one stream. What it does not answer and is safe to send again is then
    /// sent alone.
    async fn import(&mut self) {
        let mut calls = Vec::new();
        for _ in 0..self.random.usize(5..30) {
            let once = self.random.bool();
            let call = self.used(once);
            let number = self.ledger.sent(self.tenant, self.user, call.clone()).await;
            calls.push((number, call));
        }
        let outcomes = self.stream(&calls).await;
        for ((number, call), outcome) in calls.into_iter().zip(outcomes) {
            self.keep(number, &outcome).await;
            self.see_to(number, &call, outcome).await;
        }
    }

    /// An outcome for each.
    async fn stream(&self, calls: &[(u64, Call)]) -> Vec<Outcome> {
        let requests: Vec<_> = calls.iter().map(|(_, call)| self.imported(call)).collect();
        let mut client = UsageStatsServiceClient::new(self.target().await);
        let requests = of(self.tenant, tokio_stream::iter(requests));
        let mut outcomes = Vec::new();
        let mut broken = Outcome::Unknown("the stream ended".to_owned());
        match client.import_usage(requests).await {
            // Nothing of it was taken.
            Err(status) => broken = conclude(&status),
            Ok(answers) => {
                let mut answers = answers.into_inner();
                while let Some(answer) = answers.next().await {
                    let Ok(answer) = answer else { break };
                    assert_eq!(usize::try_from(answer.index), Ok(outcomes.len()));
                    outcomes.push(conclude_code(answer.code, &answer.message));
                }
            }
        }
        outcomes.resize(calls.len(), broken);
        outcomes
    }

    fn imported(&self, call: &Call) -> ImportUsageRequest {
        let Call::Usage {
            request,
            date,
            amounts,
        } = call
        else {
            unreachable!("usage is what is imported")
        };
        ImportUsageRequest {
            record: Some(usage(self.user, *request, date, *amounts)),
        }
    }
}

pub fn today() -> NaiveDate {
    SystemClock.now().to_utc().date_naive()
}
