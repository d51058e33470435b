//! How the service ends, and callers that go away.

use std::time::Duration;

use dwell::pb::v1 as pb;
use futures::future::join_all;
use tokio::{sync::mpsc, task::yield_now, time::timeout};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Streaming};
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

use crate::{
    harness::{Caller, Server},
    input::always,
    values::{SESSION, USER, id, reason, start},
};

on_both_engines! {
    a_stream_is_told_of_the_end_after_its_answers
    what_is_counted_at_the_end_is_what_was_answered
    calls_in_flight_at_the_end_are_answered
    no_call_begins_while_the_last_are_answered
    a_caller_that_goes_away_leaves_one_session_or_none
    a_stream_of_rows_goes_on_after_a_restart
}

/// Less than the server has with calls that do not end.
const PATIENCE: Duration = Duration::from_secs(5);

#[tokio::test]
async fn an_idle_server_ends_at_once() {
    let server = Server::sqlite().await;
    // Connected, and with nothing to say.
    server.tenant(1).start(start(USER)).await;
    server.stop.cancel();
    let ended = timeout(PATIENCE, server.served).await;
    ended.expect("it ends soon").unwrap().unwrap();
}

#[tokio::test]
async fn an_orderly_end_leaves_all_data_in_one_file() {
    let mut server = Server::sqlite().await;
    server.tenant(1).start(start(USER)).await;
    assert!(server.files().contains(&"db-wal".to_owned()));
    server.stop.cancel();
    (&mut server.served).await.unwrap().unwrap();
    assert_eq!(server.files(), ["db", "db.lock"]);
}

#[tokio::test]
async fn health_says_not_serving_to_who_is_still_connected() {
    let server = Server::sqlite().await;
    let mut health = HealthClient::new(server.endpoint.connect_lazy());
    let watched = health.watch(HealthCheckRequest::default()).await.unwrap();
    let mut watched = watched.into_inner();
    let first = watched.message().await.unwrap().unwrap();
    assert_eq!(first.status(), ServingStatus::Serving);
    server.stop.cancel();
    let second = timeout(PATIENCE, watched.message()).await;
    let second = second.expect("it is told").unwrap().unwrap();
    assert_eq!(second.status(), ServingStatus::NotServing);
    drop((watched, health));
    server.served.await.unwrap().unwrap();
}

async fn a_stream_is_told_of_the_end_after_its_answers(server: Server) {
    let mut caller = server.tenant(1);
    let request = pb::StartSessionRequest {
        session_id: SESSION.to_owned(),
        ..start(USER)
    };
    caller.start(request).await;
    let (sender, messages) = mpsc::channel(1);
    let messages = ReceiverStream::new(messages);
    let answers = caller.sessions.stream_heartbeats(messages).await;
    let mut answers = answers.unwrap().into_inner();
    let message = pb::StreamHeartbeatsRequest {
        session_id: SESSION.to_owned(),
    };
    sender.send(message).await.unwrap();
    let answer = answers.message().await.unwrap().unwrap();
    assert_eq!(answer.code, 0);
    server.stop.cancel();
    let ended = answers.message().await.unwrap_err();
    assert_eq!(ended.code(), Code::Unavailable);
    assert_eq!(reason(&ended), "SHUTTING_DOWN");
    // The caller has not closed its side, and that holds nothing up.
    server.served.await.unwrap().unwrap();
    drop(sender);
}

fn one_second(request_id: u128) -> pb::RecordUsageRequest {
    pb::RecordUsageRequest {
        user_id: USER.to_owned(),
        increment: Some(pb::UsageIncrement {
            active_seconds: 1,
            ..Default::default()
        }),
        request_id: id(request_id),
        ..Default::default()
    }
}

async fn counted(caller: &mut Caller) -> i64 {
    caller.summary(USER).await.total_usage_seconds
}

async fn what_is_counted_at_the_end_is_what_was_answered(server: Server) {
    let mut caller = server.tenant(1);
    let messages = (0..5_000).map(|number| pb::ImportUsageRequest {
        record: Some(one_second(number)),
    });
    let answers = caller
        .usage
        .import_usage(tokio_stream::iter(messages))
        .await;
    let mut answers = answers.unwrap().into_inner();
    let mut answered = 0;
    let end = loop {
        match answers.message().await {
            Ok(Some(answer)) => {
                assert_eq!((answer.index, answer.code), (answered, 0));
                answered += 1;
            }
            end => break end,
        }
        if answered == 100 {
            server.stop.cancel();
        }
    };
    assert_eq!(end.unwrap_err().code(), Code::Unavailable);
    assert!(answered < 5_000);
    let server = server.restarted().await;
    assert_eq!(counted(&mut server.tenant(1)).await, answered);
}

async fn calls_in_flight_at_the_end_are_answered(server: Server) {
    let caller = server.tenant(1);
    let stop = &server.stop;
    let calls = (0..500).map(|number| {
        let mut caller = caller.clone();
        async move {
            let answer = caller.usage.record_usage(one_second(number)).await;
            stop.cancel();
            match answer {
                Ok(_) => 1,
                Err(status) => {
                    assert_eq!(status.code(), Code::Unavailable, "{status:?}");
                    0
                }
            }
        }
    });
    let answered: i64 = join_all(calls).await.into_iter().sum();
    let server = server.restarted().await;
    let mut caller = server.tenant(1);
    assert_eq!(counted(&mut caller).await, answered);
    // Whoever was told to come back does, with the same request.
    for number in 0..500 {
        caller.record_usage(one_second(number)).await;
    }
    assert_eq!(counted(&mut caller).await, 500);
}

/// Records of so many users, each answered.
async fn import(caller: &mut Caller, users: u128) {
    let messages = (0..users).map(|number| pb::ImportUsageRequest {
        record: Some(pb::RecordUsageRequest {
            user_id: id(number),
            ..one_second(number)
        }),
    });
    let answers = caller
        .usage
        .import_usage(tokio_stream::iter(messages))
        .await;
    let mut answers = answers.unwrap().into_inner();
    while answers.message().await.unwrap().is_some() {}
}

/// A stream of the rows on a connection that takes no more than a part of them before somebody
/// reads.
async fn read_slowly(server: &Server) -> Streaming<pb::StreamUsageStatsResponse> {
    let endpoint = server.endpoint.clone();
    let channel = endpoint
        .initial_stream_window_size(Some(1 << 14))
        .connect_lazy();
    let mut slow = Caller::of(&channel, 1);
    let stream = slow.usage.stream_usage_stats(always()).await;
    stream.unwrap().into_inner()
}

async fn no_call_begins_while_the_last_are_answered(server: Server) {
    let mut caller = server.tenant(1);
    import(&mut caller, 6_000).await;
    let mut last = read_slowly(&server).await;
    last.message().await.unwrap().unwrap();
    server.stop.cancel();
    // Somebody who calls again and again would be answered for as long as another one takes.
    let calls = async {
        let mut request = 10_000;
        loop {
            if let Err(end) = caller.usage.record_usage(one_second(request)).await {
                break end;
            }
            request += 1;
        }
    };
    let end = timeout(PATIENCE, calls).await.expect("it is refused soon");
    assert_eq!(end.code(), Code::Unavailable);
    // The last one is answered all the same.
    let end = loop {
        match last.message().await {
            Ok(row) => assert!(row.is_some()),
            Err(end) => break end,
        }
    };
    assert_eq!(reason(&end), "SHUTTING_DOWN");
    timeout(PATIENCE, server.served)
        .await
        .expect("it ends soon")
        .unwrap()
        .unwrap();
}

async fn a_caller_that_goes_away_leaves_one_session_or_none(server: Server) {
    let mut caller = server.tenant(1);
    for number in 0..60 {
        let user_id = id(number);
        let request = pb::StartSessionRequest {
            session_id: id(1_000 + number),
            ..start(&user_id)
        };
        let mut other = caller.clone();
        // Gone before the request is sent, before it is answered, or just after.
        let turns = async {
            for _ in 0..number * number {
                yield_now().await;
            }
        };
        tokio::select! {
            biased;
            _ = other.sessions.start_session(request.clone()) => {}
            () = turns => {}
        }
        let answer = caller.sessions.start_session(request).await.unwrap();
        let session = answer.into_inner().session.unwrap();
        assert_eq!(session.id, id(1_000 + number));
        let summary = caller.summary(&user_id).await;
        assert_eq!((summary.login_count, summary.open_sessions), (1, 1));
    }
}

async fn a_stream_of_rows_goes_on_after_a_restart(server: Server) {
    const ROWS: u128 = 6_000;
    let mut caller = server.tenant(1);
    import(&mut caller, ROWS).await;
    let mut stream = read_slowly(&server).await;
    let mut rows = Vec::new();
    let mut resume_token = String::new();
    let end = loop {
        match stream.message().await {
            Ok(Some(row)) => {
                rows.push(row.usage.unwrap().user_id);
                resume_token = row.resume_token;
                server.stop.cancel();
            }
            end => break end,
        }
    };
    let end = end.unwrap_err();
    assert_eq!(
        (end.code(), &*reason(&end)),
        (Code::Unavailable, "SHUTTING_DOWN")
    );
    let server = server.restarted().await;
    let request = pb::StreamUsageStatsRequest {
        resume_token,
        ..always()
    };
    let stream = server.tenant(1).usage.stream_usage_stats(request).await;
    let mut stream = stream.unwrap().into_inner();
    while let Some(row) = stream.message().await.unwrap() {
        rows.push(row.usage.unwrap().user_id);
    }
    let expected: Vec<_> = (0..ROWS).map(id).collect();
    assert_eq!(rows, expected);
}
