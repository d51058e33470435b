//! Delivery of points, from the end of a session to a real receiver, on both engines.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{BufRead, BufReader},
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use dwell::{
    domain::{
        activity::ActivityDetails,
        commands::{LogActivity, RecordSession, RecordedTime},
        ids::{ActivityId, SessionId, UserId},
        session::{SessionContext, SessionReview},
        time::{Clock, ManualClock, Timestamp},
    },
    jobs::points::{Delivery, Figures},
    pb::v1::{RecordSessionRequest, session_service_client::SessionServiceClient},
    store::{Opened, events::Events, open, points::Outbox},
};
use futures::future::join_all;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use tempfile::TempDir;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tonic::{Request, transport::Endpoint};
use uuid::Uuid;

use crate::{
    courier::{SECRET, courier},
    receiver::{Answer, Heard, Receiver},
    support::{
        ids::{CountedIds, tenant},
        postgres::database,
    },
};

macro_rules! on_both_engines {
    ($($case:ident)*) => {
        mod sqlite {
            $(
                #[tokio::test]
                async fn $case() {
                    super::$case(super::Dwell::sqlite().await).await;
                }
            )*
        }
        mod postgres {
            $(
                #[tokio::test]
                async fn $case() {
                    super::$case(super::Dwell::postgres().await).await;
                }
            )*
        }
    };
}

on_both_engines! {
    what_is_earned_arrives_once_and_signed
    a_failure_is_tried_again_with_the_same_key_before_what_is_behind_it
    what_fails_for_a_day_is_set_aside_and_the_rest_goes_on
    a_crash_before_it_is_written_down_sends_it_again_after_the_lease
    a_receiver_that_hangs_holds_up_nobody_elses_points_and_no_end
    a_receiver_that_is_down_is_asked_by_one_award_at_a_look
    two_instances_deliver_each_award_once_and_in_order
    a_stop_lets_what_is_under_way_end
    a_stop_leaves_what_hangs_to_its_lease
    how_long_the_oldest_waits_is_known
}

/// A store with an outbox, and sessions that earn.
struct Dwell {
    opened: Opened,
    clock: Arc<ManualClock>,
    url: String,
    _dir: Option<TempDir>,
}

impl Dwell {
    async fn sqlite() -> Self {
        let dir = TempDir::new().unwrap();
        let url = format!("sqlite://{}", dir.path().join("db").display());
        let clock = Arc::new(ManualClock::at(Timestamp::from_micros(
            1_800_000_000_000_000,
        )));
        Self::on(url, clock, Some(dir)).await
    }

    async fn postgres() -> Self {
        let clock = Arc::new(ManualClock::at(Timestamp::from_micros(
            1_800_000_000_000_000,
        )));
        Self::on(database().await, clock, None).await
    }

    async fn on(url: String, clock: Arc<ManualClock>, dir: Option<TempDir>) -> Self {
        let ids = Arc::new(CountedIds::default());
        let opened = open(
            &url,
            None,
            true,
            Outbox::On,
            Events::Off,
            clock.clone(),
            ids,
        )
        .await;
        Self {
            opened: opened.unwrap(),
            clock,
            url,
            _dir: dir,
        }
    }

    fn delivery(&self, receiver: &Receiver) -> Delivery {
        let courier = courier(&receiver.url);
        Delivery::new(self.opened.store.clone(), self.clock.clone(), courier)
    }

    /// A session of ten minutes, for 5 points.
    async fn earn(&self, user: u128, session: u128) {
        let command = RecordSession {
            user_id: UserId(Uuid::from_u128(user)),
            session_id: SessionId(Uuid::from_u128(session)),
            context: SessionContext {
                session_type: "normal".to_owned(),
                client_type: "web".to_owned(),
                client_info: String::new(),
                ip_address: None,
                subject: None,
                focus_mode: false,
                location: String::new(),
                metadata: None,
            },
            review: SessionReview::default(),
            time: RecordedTime::Last(Duration::from_mins(10)),
            fingerprint: None,
        };
        let writer = self.opened.writer.handle();
        writer.submit(tenant(1), command).await.unwrap();
    }

    /// An activity with so many correct items, for as many points.
    async fn practise(&self, user: u128, session: u128, activity: u128, correct: i64) {
        let command = LogActivity {
            user_id: UserId(Uuid::from_u128(user)),
            session_id: SessionId(Uuid::from_u128(session)),
            activity_id: ActivityId(Uuid::from_u128(activity)),
            details: ActivityDetails {
                activity_type: "flashcards".to_owned(),
                content_type: String::new(),
                content_id: String::new(),
                items_completed: correct,
                items_correct: correct,
                metadata: None,
            },
            start_time: None,
            duration: Duration::ZERO,
            fingerprint: None,
        };
        let writer = self.opened.writer.handle();
        writer.submit(tenant(1), command).await.unwrap();
    }
}

async fn deliver(delivery: &Delivery) -> usize {
    let never = CancellationToken::new();
    delivery.deliver(&never).await.unwrap()
}

fn key(session: u128) -> String {
    format!("session_{}_{}", tenant(1), Uuid::from_u128(session))
}

/// As the scheme's description tells a receiver to.
fn is_signed(heard: &Heard) -> bool {
    let secret = STANDARD.decode(SECRET.strip_prefix("whsec_").unwrap());
    let mut mac = Hmac::<Sha256>::new_from_slice(&secret.unwrap()).unwrap();
    let [id, at] = ["webhook-id", "webhook-timestamp"].map(|name| &heard.headers[name]);
    mac.update(format!("{id}.{at}.{}", heard.body).as_bytes());
    let signature = STANDARD.encode(mac.finalize().into_bytes());
    heard.headers["webhook-signature"] == format!("v1,{signature}")
}

fn field(heard: &Heard, name: &str) -> serde_json::Value {
    let body: serde_json::Value = serde_json::from_str(&heard.body).unwrap();
    body[name].clone()
}

async fn what_is_earned_arrives_once_and_signed(dwell: Dwell) {
    let mut receiver = Receiver::start().await;
    let delivery = dwell.delivery(&receiver);
    dwell.earn(1, 10).await;
    dwell.practise(1, 10, 20, 3).await;
    dwell.practise(1, 10, 21, 0).await;
    assert_eq!(deliver(&delivery).await, 2);
    assert_eq!(deliver(&delivery).await, 0);
    let [session, activity] = <[Heard; 2]>::try_from(receiver.heard()).unwrap();
    assert_eq!(session.target, "POST /api/gamification/points/award");
    assert_eq!(session.headers["content-type"], "application/json");
    assert_eq!(session.headers["webhook-timestamp"], "1800000000");
    for heard in [&session, &activity] {
        assert!(is_signed(heard), "{heard:?}");
        assert_eq!(heard.key(), heard.headers["webhook-id"]);
        assert_eq!(field(heard, "idempotency_key"), heard.key());
        assert_eq!(field(heard, "tenant_id"), tenant(1).to_string());
        assert_eq!(field(heard, "user_id"), Uuid::from_u128(1).to_string());
    }
    assert_eq!(field(&session, "points"), 5);
    assert_eq!(field(&session, "reason"), "session_ended");
    assert_eq!(field(&session, "reference_type"), "session");
    assert_eq!(
        field(&session, "reference_id"),
        Uuid::from_u128(10).to_string()
    );
    assert_eq!(field(&activity, "points"), 3);
    assert_eq!(field(&activity, "reference_type"), "activity");
    assert_eq!(
        field(&activity, "reference_id"),
        Uuid::from_u128(20).to_string()
    );
}

async fn a_failure_is_tried_again_with_the_same_key_before_what_is_behind_it(dwell: Dwell) {
    let mut receiver = Receiver::start().await;
    let delivery = dwell.delivery(&receiver);
    dwell.earn(1, 10).await;
    for answer in [Answer::Status(500), Answer::Close, Answer::BreakOff] {
        receiver.answer([answer]);
        assert_eq!(deliver(&delivery).await, 0);
        assert_eq!(receiver.keys(), [key(10)]);
        dwell.clock.advance(Duration::from_hours(1));
    }
    receiver.answer([Answer::Status(503)]);
    deliver(&delivery).await;
    // Those behind it wait with it; another user's do not.
    dwell.earn(1, 11).await;
    dwell.earn(2, 12).await;
    assert_eq!(deliver(&delivery).await, 1);
    assert_eq!(receiver.keys(), [key(10), key(12)]);
    dwell.clock.advance(Duration::from_hours(1));
    assert_eq!(deliver(&delivery).await, 2);
    let heard = receiver.heard();
    let keys: Vec<_> = heard.iter().map(Heard::key).collect();
    assert_eq!(keys, [key(10), key(11)]);
    assert_eq!(heard[0].headers["webhook-timestamp"], "1800014400");
    assert!(is_signed(&heard[0]));
    let figures = delivery.counters().figures(dwell.clock.now());
    let expected = Figures {
        delivered: 3,
        failed: 4,
        ..Figures::default()
    };
    assert_eq!(figures, expected);
}

async fn what_fails_for_a_day_is_set_aside_and_the_rest_goes_on(dwell: Dwell) {
    let mut receiver = Receiver::start().await;
    let delivery = dwell.delivery(&receiver);
    dwell.earn(1, 10).await;
    dwell.earn(1, 11).await;
    for _ in 0..24 {
        receiver.answer([Answer::Status(410)]);
        assert_eq!(deliver(&delivery).await, 0);
        dwell.clock.advance(Duration::from_hours(1));
    }
    assert_eq!(receiver.keys(), vec![key(10); 24]);
    assert_eq!(delivery.counters().figures(dwell.clock.now()).set_aside, 0);
    dwell.clock.advance(Duration::from_secs(1));
    receiver.answer([Answer::Status(500)]);
    // So many failures in a row look like a receiver that is down: the next one is for the next
    // look.
    assert_eq!(deliver(&delivery).await, 0);
    assert_eq!(delivery.counters().figures(dwell.clock.now()).set_aside, 1);
    assert_eq!(deliver(&delivery).await, 1);
    assert_eq!(receiver.keys(), [key(10), key(11)]);
    dwell.clock.advance(Duration::from_hours(48));
    assert_eq!(deliver(&delivery).await, 0);
}

async fn a_crash_before_it_is_written_down_sends_it_again_after_the_lease(dwell: Dwell) {
    let mut receiver = Receiver::start().await;
    dwell.earn(1, 10).await;
    dwell.earn(1, 11).await;
    let now = dwell.clock.now();
    let until = now + Duration::from_mins(1);
    let store = &dwell.opened.store;
    let claimed = store.claim_points(tenant(1), 10, now, until).await.unwrap();
    let [claim] = &claimed.claims[..] else {
        panic!("{claimed:?}");
    };
    let courier = courier(&receiver.url);
    let sent = courier.send(tenant(1), &claim.award, now).await;
    sent.unwrap();
    assert_eq!(receiver.keys(), [key(10)]);
    // Here the instance dies. Another one comes.
    let delivery = dwell.delivery(&receiver);
    dwell.clock.advance(Duration::from_secs(59));
    assert_eq!(deliver(&delivery).await, 0);
    assert!(receiver.keys().is_empty());
    dwell.clock.advance(Duration::from_secs(1));
    assert_eq!(deliver(&delivery).await, 2);
    assert_eq!(receiver.keys(), [key(10), key(11)]);
}

async fn a_receiver_that_hangs_holds_up_nobody_elses_points_and_no_end(dwell: Dwell) {
    let mut receiver = Receiver::start().await;
    let delivery = Arc::new(dwell.delivery(&receiver));
    receiver.answer([Answer::Hang]);
    dwell.earn(1, 10).await;
    let stop = CancellationToken::new();
    let running = tokio::spawn({
        let (delivery, stop) = (delivery.clone(), stop.clone());
        async move { delivery.run(&stop).await }
    });
    assert_eq!(receiver.hear().await.key(), key(10));
    // It has not been answered, and these are.
    dwell.earn(1, 11).await;
    dwell.earn(2, 12).await;
    assert_eq!(receiver.hear().await.key(), key(12));
    stop.cancel();
    running.await.unwrap();
}

async fn a_receiver_that_is_down_is_asked_by_one_award_at_a_look(dwell: Dwell) {
    let mut receiver = Receiver::start().await;
    let delivery = dwell.delivery(&receiver);
    for user in 0..60 {
        dwell.earn(user, 100 + user).await;
    }
    receiver.answer(vec![Answer::Status(503); 60]);
    assert_eq!(deliver(&delivery).await, 0);
    let asked = receiver.keys().len();
    // The 16th failure in a row may come while 15 more are under way.
    assert!((16..=31).contains(&asked), "{asked}");
    for _ in 0..3 {
        assert_eq!(deliver(&delivery).await, 0);
        assert_eq!(receiver.keys().len(), 1);
    }
    receiver.answer_well();
    dwell.clock.advance(Duration::from_hours(1));
    assert_eq!(deliver(&delivery).await, 60);
}

async fn two_instances_deliver_each_award_once_and_in_order(dwell: Dwell) {
    const USERS: u128 = 20;
    let mut receiver = Receiver::start().await;
    let other = Dwell::on(dwell.url.clone(), dwell.clock.clone(), None).await;
    let deliveries = [&dwell, &other].map(|dwell| dwell.delivery(&receiver));
    let earned = async {
        for round in 0..10 {
            let ends = (0..USERS).map(|user| {
                let earner = if (user + round) % 2 == 0 {
                    &dwell
                } else {
                    &other
                };
                earner.earn(user, 1_000 * round + user)
            });
            join_all(ends).await;
        }
    };
    let round = async || {
        let rounds = deliveries.iter().map(deliver);
        join_all(rounds).await.iter().sum::<usize>()
    };
    let (mut delivered, ()) = tokio::join!(round(), earned);
    while delivered < 200 {
        let more = round().await;
        assert!(more > 0, "stuck after {delivered}");
        delivered += more;
    }
    let mut lines: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for heard in receiver.heard() {
        let user = field(&heard, "user_id").to_string();
        lines.entry(user).or_default().push(heard.key().to_owned());
    }
    for user in 0..USERS {
        let line = &lines[&format!("\"{}\"", Uuid::from_u128(user))];
        let expected: Vec<_> = (0..10).map(|round| key(1_000 * round + user)).collect();
        assert_eq!(line, &expected);
    }
    let counted = deliveries
        .each_ref()
        .map(|delivery| delivery.counters().figures(dwell.clock.now()).delivered);
    assert_eq!(counted[0] + counted[1], 200);
}

async fn a_stop_lets_what_is_under_way_end(dwell: Dwell) {
    let mut receiver = Receiver::start().await;
    dwell.earn(1, 10).await;
    dwell.earn(1, 11).await;
    let delivery = dwell.delivery(&receiver);
    let stop = CancellationToken::new();
    let release = Arc::new(Notify::new());
    receiver.answer([Answer::Held(release.clone())]);
    let heard = async {
        let heard = receiver.hear().await;
        stop.cancel();
        // The answer comes a commit after the stop.
        dwell.earn(2, 12).await;
        release.notify_one();
        heard
    };
    let (delivered, heard) = tokio::join!(delivery.deliver(&stop), heard);
    assert_eq!((delivered.unwrap(), heard.key()), (1, &*key(10)));
    assert!(receiver.keys().is_empty());
    assert_eq!(deliver(&delivery).await, 2);
    // Between users the order means nothing.
    let mut rest = receiver.keys();
    rest.sort();
    assert_eq!(rest, [key(11), key(12)]);
}

async fn a_stop_leaves_what_hangs_to_its_lease(dwell: Dwell) {
    let mut receiver = Receiver::start().await;
    dwell.earn(1, 10).await;
    let delivery = dwell.delivery(&receiver);
    receiver.answer([Answer::Hang]);
    let stop = CancellationToken::new();
    let heard = async {
        receiver.hear().await;
        stop.cancel();
    };
    let (delivered, ()) = tokio::join!(delivery.deliver(&stop), heard);
    assert_eq!(delivered.unwrap(), 0);
    assert_eq!(deliver(&delivery).await, 0);
    dwell.clock.advance(Duration::from_mins(1));
    assert_eq!(deliver(&delivery).await, 1);
    assert_eq!(receiver.keys(), [key(10)]);
}

async fn how_long_the_oldest_waits_is_known(dwell: Dwell) {
    let receiver = Receiver::start().await;
    let delivery = dwell.delivery(&receiver);
    let oldest = async || {
        delivery.look_for_oldest().await.unwrap();
        let now = dwell.clock.now();
        delivery.counters().figures(now).oldest_pending
    };
    assert_eq!(oldest().await, None);
    dwell.earn(1, 10).await;
    receiver.answer([Answer::Status(500)]);
    deliver(&delivery).await;
    dwell.clock.advance(Duration::from_hours(1));
    dwell.earn(2, 11).await;
    assert_eq!(oldest().await, Some(Duration::from_hours(1)));
    assert_eq!(deliver(&delivery).await, 2);
    assert_eq!(oldest().await, None);
}

/// A folder with a secret, and the flags that name a receiver and it.
fn flags(dir: &TempDir, url: &str) -> Vec<String> {
    let secret = dir.path().join("secret");
    std::fs::write(&secret, SECRET).unwrap();
    let database = format!("sqlite://{}", dir.path().join("db").display());
    let flags = ["--database-url", &database, "--points-url", url];
    let secret = ["--points-secret-file", secret.to_str().unwrap()];
    [&flags[..], &secret[..]]
        .concat()
        .into_iter()
        .map(str::to_owned)
        .collect()
}

fn dwell() -> Command {
    Command::new(env!("CARGO_BIN_EXE_dwell"))
}

#[tokio::test]
async fn the_binary_delivers_what_a_call_has_earned() {
    let mut receiver = Receiver::start().await;
    let dir = TempDir::new().unwrap();
    let mut process = dwell()
        .args(flags(&dir, &receiver.url))
        .args(["--listen", "127.0.0.1:0", "--log", "error"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let output = process.stdout.take().unwrap();
    BufReader::new(output).read_line(&mut line).unwrap();
    let address = line.trim().strip_prefix("listening on ").unwrap();
    let endpoint = Endpoint::from_shared(format!("http://{address}")).unwrap();
    let mut client = SessionServiceClient::new(endpoint.connect().await.unwrap());
    let mut request = Request::new(RecordSessionRequest {
        user_id: Uuid::from_u128(1).to_string(),
        session_id: Uuid::from_u128(10).to_string(),
        duration: Some(prost_types::Duration {
            seconds: 600,
            nanos: 0,
        }),
        ..RecordSessionRequest::default()
    });
    let metadata = request.metadata_mut();
    metadata.insert("x-tenant-id", tenant(1).to_string().parse().unwrap());
    client.record_session(request).await.unwrap();
    let heard = receiver.hear().await;
    process.kill().unwrap();
    process.wait().unwrap();
    assert_eq!(heard.key(), key(10));
    assert_eq!(field(&heard, "points"), 5);
    assert!(is_signed(&heard));
}

#[test]
fn a_check_says_whether_points_are_delivered() {
    let dir = TempDir::new().unwrap();
    let flags = flags(&dir, "https://points.example/hook?key=hidden");
    let output = dwell().arg("check").args(&flags).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: BTreeSet<_> = text.lines().collect();
    let expected = "ok    points         are delivered to https://points.example/hook";
    assert!(lines.contains(expected), "{text}");
    let output = dwell().arg("check").args(&flags[..2]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("points         are not delivered"), "{text}");
}

#[test]
fn a_wrong_receiver_is_one_line_without_secrets() {
    let dir = TempDir::new().unwrap();
    let output = dwell()
        .args(flags(&dir, "http://me:hidden@points.example"))
        .output()
        .unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(text.lines().count(), 1);
    assert!(
        text.contains("--points-url") && !text.contains("hidden"),
        "{text}"
    );
}
