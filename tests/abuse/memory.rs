//! What each of the hostile clients takes of the server's memory, and what becomes of it, while
//! another client goes on.

use std::{sync::mpsc, thread};

use dwell::pb::v1 as pb;
use tonic::transport::Channel;
use uuid::Uuid;

use crate::{
    hostile::{Attack, Outcome},
    process::{Clients, Dwell, HOSTILE, TENANT},
};

/// KiB that the server may take because of a hostile client.
const GROWTH: u64 = 64 * 1_024;
/// Calls of the other client after a hostile one has done what it does.
const AFTERWARDS: usize = 500;
/// Days of users that the hostile tenant has: more than some pages of them.
const USERS: u128 = 100;
const DAYS: u32 = 100;

/// Attacks a server that runs with these flags. The other client's every call must be answered.
async fn attacked(attack: Attack, flags: &[&str]) -> Outcome {
    let dwell = Dwell::start(&[flags, &["--log", "warn"]].concat());
    let channel = dwell.connect().await;
    if matches!(attack, Attack::SlowReader) {
        fill(&channel).await;
    }
    let mut other = Clients::of(&channel, TENANT);
    let session = start(&mut other).await;
    for _ in 0..AFTERWARDS {
        call(&mut other, &session).await;
    }
    dwell.forget_peak();
    let before = dwell.peak();
    let (sent, all_sent) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let address = dwell.address;
    let hostile = thread::spawn(move || {
        attack.run(address, HOSTILE, &|| {
            sent.send(()).unwrap();
            // The other end is dropped when it is enough.
            let _ = released.recv();
        })
    });
    while !hostile.is_finished() && all_sent.try_recv().is_err() {
        call(&mut other, &session).await;
    }
    for _ in 0..AFTERWARDS {
        call(&mut other, &session).await;
    }
    drop(release);
    let outcome = hostile.join().unwrap().unwrap();
    let growth = dwell.peak().saturating_sub(before);
    assert!(growth < GROWTH, "{attack:?}: {growth} KiB");
    outcome
}

async fn start(client: &mut Clients) -> String {
    let request = pb::StartSessionRequest {
        user_id: Uuid::from_u128(1).to_string(),
        ..Default::default()
    };
    let answer = client.sessions.start_session(request).await.unwrap();
    answer.into_inner().session.unwrap().id
}

async fn call(client: &mut Clients, session: &str) {
    let session_id = session.to_owned();
    let request = pb::GetSessionRequest { session_id };
    client.sessions.get_session(request).await.unwrap();
}

/// Something to stream.
async fn fill(channel: &Channel) {
    let mut client = Clients::of(channel, HOSTILE);
    let records = (1..=USERS).flat_map(|user| {
        (0..DAYS).map(move |day| pb::ImportUsageRequest {
            record: Some(pb::RecordUsageRequest {
                user_id: Uuid::from_u128(user).to_string(),
                date: format!("2020-{:02}-{:02}", day / 28 + 1, day % 28 + 1),
                increment: Some(pb::UsageIncrement {
                    login_count: 1,
                    feature_usage: [("export".to_owned(), 1)].into(),
                    ..Default::default()
                }),
                ..Default::default()
            }),
        })
    });
    let records: Vec<_> = records.collect();
    let answers = client.usage.import_usage(tokio_stream::iter(records)).await;
    let mut answers = answers.unwrap().into_inner();
    while let Some(answer) = answers.message().await.unwrap() {
        assert_eq!(answer.code, 0, "{answer:?}");
    }
}

#[tokio::test]
async fn rapid_reset_ends_the_connection() {
    let outcome = attacked(Attack::RapidReset, &[]).await;
    assert_eq!(outcome, Outcome::Closed);
}

#[tokio::test]
async fn a_flood_of_headers_ends_the_connection() {
    let outcome = attacked(Attack::ContinuationFlood, &[]).await;
    assert_eq!(outcome, Outcome::Closed);
}

#[tokio::test]
async fn a_flood_of_empty_data_ends_the_connection() {
    let outcome = attacked(Attack::EmptyData, &[]).await;
    assert_eq!(outcome, Outcome::Closed);
}

#[tokio::test]
async fn a_flood_of_pings_is_not_taken() {
    let outcome = attacked(Attack::PingFlood, &[]).await;
    assert_eq!(outcome, Outcome::Stuck);
}

#[tokio::test]
async fn who_takes_no_answers_keeps_no_more_than_a_tenant_may() {
    let outcome = attacked(Attack::SlowReader, &[]).await;
    assert_eq!(outcome, Outcome::Bore);
}

#[tokio::test]
async fn who_does_not_speak_is_gone_soon() {
    let outcome = attacked(Attack::HalfOpen, &["--handshake-timeout", "1"]).await;
    assert_eq!(outcome, Outcome::Closed);
}

#[tokio::test]
async fn heads_that_do_not_end_are_gone_soon() {
    let outcome = attacked(Attack::EndlessHeads, &["--handshake-timeout", "1"]).await;
    assert_eq!(outcome, Outcome::Closed);
}
