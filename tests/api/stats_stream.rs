//! `StreamUsageStats`: page after page behind one stream.

use dwell::pb::v1 as pb;
use tonic::Code;

use crate::{
    harness::{Caller, Server},
    input::always,
    values::id,
};

on_both_engines! {
    every_row_comes_once_and_any_row_is_a_place_to_go_on
    a_stream_that_is_cancelled_can_be_resumed
    slow_readers_hold_no_connection
}

/// More than two pages of the store.
const USERS: u128 = 150;
const DAYS: u128 = 28;

/// A row for each user and day.
async fn fill(caller: &mut Caller) -> Vec<(String, String)> {
    let rows: Vec<_> = (1..=DAYS)
        .flat_map(|day| (0..USERS).map(move |user| (format!("2026-01-{day:02}"), id(user))))
        .collect();
    // Not in the order in which they are streamed.
    let messages: Vec<_> = rows
        .iter()
        .rev()
        .map(|(date, user_id)| pb::ImportUsageRequest {
            record: Some(pb::RecordUsageRequest {
                user_id: user_id.clone(),
                date: date.clone(),
                increment: Some(pb::UsageIncrement {
                    login_count: 1,
                    ..Default::default()
                }),
                ..Default::default()
            }),
        })
        .collect();
    let answers = caller
        .usage
        .import_usage(tokio_stream::iter(messages))
        .await;
    let mut answers = answers.unwrap().into_inner();
    while let Some(answer) = answers.message().await.unwrap() {
        assert_eq!(Code::from(answer.code), Code::Ok);
    }
    rows
}

/// The rows after the token, and the token of each.
async fn read(caller: &mut Caller, resume_token: &str) -> Vec<((String, String), String)> {
    let request = pb::StreamUsageStatsRequest {
        resume_token: resume_token.to_owned(),
        ..always()
    };
    let stream = caller.usage.stream_usage_stats(request).await.unwrap();
    let mut stream = stream.into_inner();
    let mut rows = Vec::new();
    while let Some(row) = stream.message().await.unwrap() {
        let usage = row.usage.unwrap();
        rows.push(((usage.date, usage.user_id), row.resume_token));
    }
    rows
}

async fn every_row_comes_once_and_any_row_is_a_place_to_go_on(server: Server) {
    let mut caller = server.tenant(1);
    let expected = fill(&mut caller).await;
    let all = read(&mut caller, "").await;
    let rows: Vec<_> = all.iter().map(|(row, _)| row.clone()).collect();
    assert_eq!(rows, expected);
    // About the ends of the store's pages, and of days.
    for place in [
        0, 1, 149, 150, 1_998, 1_999, 2_000, 3_999, 4_000, 4_198, 4_199,
    ] {
        let rest = read(&mut caller, &all[place].1).await;
        assert_eq!(rest, all[place + 1..], "after row {place}");
    }
    let some = pb::StreamUsageStatsRequest {
        start_date: "2026-01-03".to_owned(),
        end_date: "2026-01-04".to_owned(),
        user_ids: vec![id(7), id(3), id(7), id(404)],
        ..Default::default()
    };
    let stream = caller.usage.stream_usage_stats(some.clone()).await.unwrap();
    let mut stream = stream.into_inner();
    let first = stream.message().await.unwrap().unwrap();
    let mut rows = vec![first.usage.unwrap()];
    // The same users in another order are the same filter.
    let rest = pb::StreamUsageStatsRequest {
        user_ids: vec![id(404), id(3), id(7)],
        resume_token: first.resume_token,
        ..some
    };
    let stream = caller.usage.stream_usage_stats(rest).await.unwrap();
    let mut stream = stream.into_inner();
    while let Some(row) = stream.message().await.unwrap() {
        rows.push(row.usage.unwrap());
    }
    let rows: Vec<_> = rows
        .into_iter()
        .map(|row| (row.date, row.user_id))
        .collect();
    let day = |date: &str, user| (date.to_owned(), id(user));
    assert_eq!(
        rows,
        [
            day("2026-01-03", 3),
            day("2026-01-03", 7),
            day("2026-01-04", 3),
            day("2026-01-04", 7),
        ]
    );
}

async fn a_stream_that_is_cancelled_can_be_resumed(server: Server) {
    let mut caller = server.tenant(1);
    let expected = fill(&mut caller).await;
    let mut rows = Vec::new();
    let mut token = String::new();
    for part in [1, 500, 700] {
        let request = pb::StreamUsageStatsRequest {
            resume_token: token.clone(),
            ..always()
        };
        let stream = caller.usage.stream_usage_stats(request).await.unwrap();
        let mut stream = stream.into_inner();
        for _ in 0..part {
            let row = stream.message().await.unwrap().unwrap();
            let usage = row.usage.unwrap();
            rows.push((usage.date, usage.user_id));
            token = row.resume_token;
        }
    }
    let rest = read(&mut caller, &token).await;
    rows.extend(rest.into_iter().map(|(row, _)| row));
    assert_eq!(rows, expected);
}

async fn slow_readers_hold_no_connection(server: Server) {
    /// More than either engine's pool of connections for reading.
    const READERS: usize = 12;
    let mut caller = server.tenant(1);
    let expected = fill(&mut caller).await;
    // The connection takes far less of a stream than a page before somebody reads.
    let endpoint = server.endpoint.clone();
    let channel = endpoint
        .initial_stream_window_size(Some(1 << 14))
        .connect_lazy();
    let mut slow = Caller::of(&channel, 1);
    let mut streams = Vec::new();
    for _ in 0..READERS {
        let stream = slow.usage.stream_usage_stats(always()).await.unwrap();
        let mut stream = stream.into_inner();
        stream.message().await.unwrap().unwrap();
        streams.push(stream);
    }
    let late = pb::RecordUsageRequest {
        user_id: id(0),
        increment: Some(pb::UsageIncrement {
            login_count: 1,
            ..Default::default()
        }),
        ..Default::default()
    };
    caller.record_usage(late).await;
    assert_eq!(caller.summary(&id(0)).await.login_count, 29);
    for mut stream in streams {
        let mut rows = 1;
        while stream.message().await.unwrap().is_some() {
            rows += 1;
        }
        // A page that was read after the late row has it, one that was read before has not.
        assert!((0..=1).contains(&(rows - expected.len())), "{rows}");
    }
}
