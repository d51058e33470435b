//! Streams in which each message is answered.

use std::time::Duration;

use dwell::pb::v1 as pb;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Code;

use crate::{
    harness::Server,
    input::always,
    values::{SESSION, USER, id, start, time},
};

on_both_engines! {
    each_heartbeat_is_answered_before_the_next_is_sent
    two_thousand_imports_count_exactly
    the_writes_of_a_stream_keep_its_order
}

async fn each_heartbeat_is_answered_before_the_next_is_sent(server: Server) {
    let mut caller = server.tenant(1);
    let request = pb::StartSessionRequest {
        session_id: SESSION.to_owned(),
        ..start(USER)
    };
    caller.start(request).await;
    let ended = caller.start(start(USER)).await.id;
    let end = pb::EndSessionRequest {
        session_id: ended.clone(),
        ..Default::default()
    };
    caller.end(end).await;
    let (sender, messages) = mpsc::channel(1);
    let messages = ReceiverStream::new(messages);
    let answers = caller.sessions.stream_heartbeats(messages).await;
    let mut answers = answers.unwrap().into_inner();
    for (session_id, code) in [
        (SESSION, Code::Ok),
        (&*id(404), Code::NotFound),
        ("", Code::InvalidArgument),
        (&ended, Code::FailedPrecondition),
        (SESSION, Code::Ok),
    ] {
        server.pass(Duration::from_mins(1));
        let session_id = session_id.to_owned();
        let message = pb::StreamHeartbeatsRequest {
            session_id: session_id.clone(),
        };
        sender.send(message).await.unwrap();
        let answer = answers.message().await.unwrap().unwrap();
        assert_eq!(answer.session_id, session_id);
        assert_eq!(Code::from(answer.code), code);
        assert_eq!(answer.message.is_empty(), code == Code::Ok);
        if code != Code::Ok {
            assert_eq!((answer.state, answer.expire_time), (0, None));
        }
    }
    let message = pb::StreamHeartbeatsRequest {
        session_id: SESSION.to_owned(),
    };
    sender.send(message).await.unwrap();
    let last = answers.message().await.unwrap();
    let expected = pb::StreamHeartbeatsResponse {
        session_id: SESSION.to_owned(),
        state: pb::SessionState::Active.into(),
        expire_time: time("2026-03-02T09:35:00Z"),
        ..Default::default()
    };
    assert_eq!(last, Some(expected));
    drop(sender);
    assert_eq!(answers.message().await.unwrap(), None);
}

async fn two_thousand_imports_count_exactly(server: Server) {
    let mut caller = server.tenant(1);
    // Every seventh is bad, every fifth a repetition of the one five before, for eleven users
    // on three days.
    let record = |number: u128| {
        let repeated = if number % 5 == 4 { number - 4 } else { number };
        pb::RecordUsageRequest {
            user_id: if number % 7 == 6 {
                "bad".to_owned()
            } else {
                id(repeated % 11)
            },
            date: format!("2026-03-0{}", 1 + repeated % 3),
            increment: Some(pb::UsageIncrement {
                active_seconds: 1,
                ..Default::default()
            }),
            request_id: id(1_000_000 + repeated),
        }
    };
    let messages = (0..2_000).map(move |number| pb::ImportUsageRequest {
        record: Some(record(number)),
    });
    let answers = caller
        .usage
        .import_usage(tokio_stream::iter(messages))
        .await;
    let mut answers = answers.unwrap().into_inner();
    let mut expected_sum = 0;
    for number in 0..2_000_u128 {
        let answer = answers.message().await.unwrap().unwrap();
        assert_eq!(u128::try_from(answer.index), Ok(number));
        let is_bad = number % 7 == 6;
        let code = if is_bad {
            Code::InvalidArgument
        } else {
            Code::Ok
        };
        assert_eq!(
            Code::from(answer.code),
            code,
            "{number}: {}",
            answer.message
        );
        // A repetition counts if what it repeats was bad.
        let repeats = number % 5 == 4 && (number - 4) % 7 != 6;
        expected_sum += i64::from(!is_bad && !repeats);
    }
    assert_eq!(answers.message().await.unwrap(), None);
    let days = caller.usage.stream_usage_stats(always()).await.unwrap();
    let mut days = days.into_inner();
    let mut sum = 0;
    while let Some(day) = days.message().await.unwrap() {
        sum += day.usage.unwrap().active_seconds;
    }
    assert_eq!(sum, expected_sum);
}

async fn the_writes_of_a_stream_keep_its_order(server: Server) {
    let mut caller = server.tenant(1);
    // Two messages in a row have one id and differ: the first of them is the one that counts.
    let messages = (0..2_000).map(|number: u32| pb::ImportUsageRequest {
        record: Some(pb::RecordUsageRequest {
            user_id: USER.to_owned(),
            increment: Some(pb::UsageIncrement {
                active_seconds: 1 + i64::from(number % 2),
                ..Default::default()
            }),
            request_id: id(u128::from(number / 2)),
            ..Default::default()
        }),
    });
    let answers = caller
        .usage
        .import_usage(tokio_stream::iter(messages))
        .await;
    let mut answers = answers.unwrap().into_inner();
    while let Some(answer) = answers.message().await.unwrap() {
        let is_first = answer.index % 2 == 0;
        let code = if is_first {
            Code::Ok
        } else {
            Code::AlreadyExists
        };
        assert_eq!(Code::from(answer.code), code, "{}", answer.index);
    }
    assert_eq!(caller.summary(USER).await.total_usage_seconds, 1_000);
}
