//! Callers that go away in the middle of their calls: no connection is left in a transaction, no
//! lane is dead, and nothing is half written.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use fastrand::Rng;
use sqlx::{Connection, PgConnection, Row};
use tokio::{
    task::JoinSet,
    time::{sleep, timeout},
};
use tonic::transport::Channel;
use uuid::Uuid;

use crate::{
    dwell::{Dwell, built},
    engine::Engine,
    ledger::{Amounts, Book, Call, Ledger, Outcome},
    load::{tenant, today},
    recount::{Tally, Unanswered, recount},
    send::send,
};

const CALLERS: u128 = 32;
/// More than there are lanes. A lane that died would keep those whose writes it had taken.
const TENANTS: u128 = 16;
/// A caller waits for its answer for so many milliseconds at most.
const MOST_MILLIS: u64 = 8;
/// Whatever was under way is over after this.
const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread")]
async fn callers_go_away_on_sqlite() {
    storm(Engine::sqlite(), 5_000).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_go_away_on_postgres() {
    storm(Engine::postgres(), 5_000).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "the long form"]
async fn very_many_callers_go_away() {
    storm(Engine::sqlite(), 50_000).await;
    storm(Engine::postgres(), 50_000).await;
}

/// Until so many calls are dropped.
async fn storm(engine: Engine, calls: u32) {
    let file = engine.file("ledger");
    let ledger = Arc::new(Ledger::create(&file));
    let dwell = Dwell::start(built(), &engine.url, &[], &engine.file("log"));
    let dropped = Arc::new(AtomicU32::new(0));
    let mut callers = JoinSet::new();
    for number in 0..CALLERS {
        let caller = Caller {
            ledger: ledger.clone(),
            channel: dwell.channel(),
            tenant: tenant(number % TENANTS),
            user: Uuid::from_u128((0x00ca_11e5 << 96) | number),
            random: Rng::with_seed(u64::try_from(number).unwrap()),
        };
        callers.spawn(caller.run(dropped.clone(), calls));
    }
    callers.join_all().await;
    if engine.url.starts_with("postgres") {
        let idle = timeout(PATIENCE, no_transaction_is_open(&engine.url));
        idle.await.expect("no transaction is left open");
    }
    for number in 0..TENANTS {
        let user = Uuid::from_u128((0x00ca_11e6 << 96) | number);
        let call = usage(Some(Uuid::from_u128((0x00ca_11e7 << 96) | number)));
        let sent = ledger.sent(tenant(number), user, call.clone()).await;
        let channel = dwell.channel();
        let answer = timeout(PATIENCE, send(&channel, tenant(number), user, &call));
        let outcome = answer.await.expect("the lane lives");
        assert!(matches!(outcome, Outcome::Acknowledged(_)), "{outcome:?}");
        ledger.answered(sent, outcome).await;
    }
    let book = Book::read(&file);
    let mut wrong = recount(&book, Unanswered::Unknown, &dwell.channel()).await;
    wrong.extend(engine.look(&book).await);
    let dropped = dropped.load(Ordering::SeqCst);
    println!("{dropped} calls dropped: {}", Tally::of(&book));
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Returns once no connection of dwell's is in a transaction.
async fn no_transaction_is_open(url: &str) {
    const OPEN: &str = "SELECT COUNT(*) FROM pg_stat_activity
        WHERE application_name = 'dwell' AND xact_start IS NOT NULL";
    let mut conn = PgConnection::connect(url).await.unwrap();
    loop {
        let row = sqlx::query(OPEN).fetch_one(&mut conn).await.unwrap();
        if row.get::<i64, _>(0) == 0 {
            return;
        }
        sleep(Duration::from_millis(20)).await;
    }
}

fn usage(request: Option<Uuid>) -> Call {
    let amounts = Amounts {
        logins: 1,
        seconds: 2,
        runs: 1,
        documents: 3,
        uses: 1,
    };
    Call::Usage {
        request,
        date: today().to_string(),
        amounts,
    }
}

struct Caller {
    ledger: Arc<Ledger>,
    channel: Channel,
    tenant: Uuid,
    user: Uuid,
    random: Rng,
}

impl Caller {
    async fn run(mut self, dropped: Arc<AtomicU32>, most: u32) {
        while dropped.load(Ordering::SeqCst) < most {
            let call = self.call();
            let number = self.ledger.sent(self.tenant, self.user, call.clone()).await;
            let sending = send(&self.channel, self.tenant, self.user, &call);
            let patience = Duration::from_millis(self.random.u64(..=MOST_MILLIS));
            match timeout(patience, sending).await {
                Ok(outcome) => self.ledger.answered(number, outcome).await,
                Err(_) => {
                    dropped.fetch_add(1, Ordering::SeqCst);
                }
            }
        }
    }

    fn call(&mut self) -> Call {
        let id = self.random.u128(..);
        let id = uuid::Builder::from_random_bytes(id.to_be_bytes()).into_uuid();
        match self.random.u8(..4) {
            0 => Call::Start { session: id },
            1 => Call::Record {
                session: id,
                start: morning(),
                seconds: 60,
            },
            2 => usage(Some(id)),
            _ => usage(None),
        }
    }
}

/// Yesterday, in seconds since 1970.
fn morning() -> i64 {
    let time = today().pred_opt().unwrap().and_hms_opt(8, 0, 0).unwrap();
    time.and_utc().timestamp()
}
