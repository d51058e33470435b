//! What the RPCs about results and performance answer where a year does not tell.

use std::time::Duration;

use dwell::pb::v1::{self as pb, Metric, Trend, compare_performance_request::By};

use crate::{
    harness::{Caller, MORNING, Server},
    values::{USER, seconds, start, time},
};

on_both_engines! {
    a_user_nobody_knows_has_zeros_and_empty_lists
    equal_counts_come_by_name
    a_session_that_went_silent_counts_at_once
    an_open_session_is_not_told_of
}

async fn a_user_nobody_knows_has_zeros_and_empty_lists(server: Server) {
    let mut caller = server.tenant(1);
    let user_id = || USER.to_owned();
    let request = pb::GetSessionStatsRequest {
        user_id: user_id(),
        ..Default::default()
    };
    let stats = caller.insights.get_session_stats(request).await.unwrap();
    assert_eq!(stats.into_inner(), pb::GetSessionStatsResponse::default());
    let request = pb::GetWarmupRequest { user_id: user_id() };
    let warmup = caller.insights.get_warmup(request).await.unwrap();
    assert_eq!(warmup.into_inner(), pb::GetWarmupResponse::default());
    let request = pb::GetPerformanceOverviewRequest {
        user_id: user_id(),
        ..Default::default()
    };
    let overview = caller.insights.get_performance_overview(request).await;
    let overview = overview.unwrap().into_inner();
    let metrics = (1..=5).map(|metric| pb::MetricSummary {
        metric,
        trend: Trend::InsufficientData.into(),
        ..Default::default()
    });
    let period = pb::DateRange {
        start_date: "2026-03-01".to_owned(),
        end_date: "2026-03-31".to_owned(),
    };
    let expected = pb::GetPerformanceOverviewResponse {
        period: Some(period),
        metrics: metrics.collect(),
        ..Default::default()
    };
    assert_eq!(overview, expected);
    for metric in 1..=5 {
        let request = pb::GetPerformanceTrendRequest {
            user_id: user_id(),
            metric,
            ..Default::default()
        };
        let trend = caller.insights.get_performance_trend(request).await;
        let expected = pb::GetPerformanceTrendResponse {
            overall_trend: Trend::InsufficientData.into(),
            ..Default::default()
        };
        assert_eq!(trend.unwrap().into_inner(), expected);
    }
    for by in [By::Subject, By::Period, By::Cohort] {
        let request = pb::ComparePerformanceRequest {
            user_id: user_id(),
            by: by.into(),
            ..Default::default()
        };
        let entries = caller.insights.compare_performance(request).await;
        assert_eq!(entries.unwrap().into_inner().entries, []);
    }
}

/// A session of ten minutes that ended just now.
async fn practise(caller: &mut Caller, result: pb::SessionResult) {
    let request = pb::RecordSessionRequest {
        user_id: USER.to_owned(),
        duration: seconds(600),
        result: Some(result),
        ..Default::default()
    };
    caller.sessions.record_session(request).await.unwrap();
}

fn named(terms: &[pb::TermCount]) -> Vec<(&str, i64)> {
    terms.iter().map(|one| (&*one.term, one.count)).collect()
}

async fn equal_counts_come_by_name(server: Server) {
    let mut caller = server.tenant(1);
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    let letters = ["l", "k", "j", "i", "h", "g", "f", "e", "d", "c", "b", "a"];
    practise(
        &mut caller,
        pb::SessionResult {
            topics: words(&letters),
            vocabulary_learned: words(&letters),
            areas_to_improve: words(&letters),
            ..Default::default()
        },
    )
    .await;
    practise(
        &mut caller,
        pb::SessionResult {
            // Twice in one session is once.
            topics: words(&["l", "l", "é"]),
            vocabulary_learned: words(&["a", "b"]),
            areas_to_improve: words(&["é", "k"]),
            ..Default::default()
        },
    )
    .await;
    let user_id = || USER.to_owned();
    let request = pb::GetSessionStatsRequest {
        user_id: user_id(),
        ..Default::default()
    };
    let stats = caller.insights.get_session_stats(request).await.unwrap();
    let stats = stats.into_inner();
    let first = |best, rest: &'static str| {
        let rest = rest.split(' ').map(|letter| (letter, 1));
        [(best, 2)].into_iter().chain(rest).collect::<Vec<_>>()
    };
    assert_eq!(named(&stats.common_topics), first("l", "a b c d e f g h i"));
    assert_eq!(
        named(&stats.areas_to_improve),
        first("k", "a b c d e f g h i")
    );
    let request = pb::GetWarmupRequest { user_id: user_id() };
    let warmup = caller.insights.get_warmup(request).await.unwrap();
    let warmup = warmup.into_inner();
    assert_eq!(named(&warmup.focus_areas), first("k", "a b c d"));
    // All but a and b were seen once.
    let least: Vec<_> = "c d e f g h i j k l"
        .split(' ')
        .map(|word| (word, 1))
        .collect();
    assert_eq!(named(&warmup.vocabulary_review), least);
}

async fn study(caller: &mut Caller) -> (f64, i64) {
    let request = pb::GetPerformanceOverviewRequest {
        user_id: USER.to_owned(),
        ..Default::default()
    };
    let overview = caller.insights.get_performance_overview(request).await;
    let metrics = overview.unwrap().into_inner().metrics;
    assert_eq!(metrics[0].metric(), Metric::StudyTime);
    (metrics[0].value, metrics[0].sample_size)
}

async fn a_session_that_went_silent_counts_at_once(server: Server) {
    let mut caller = server.tenant(1);
    let session_id = caller.start(start(USER)).await.id;
    server.pass(Duration::from_secs(20 * 60 + 59));
    let request = pb::HeartbeatRequest { session_id };
    caller.sessions.heartbeat(request).await.unwrap();
    assert_eq!(study(&mut caller).await, (0.0, 0));
    // After half an hour of silence, and no sweep, it is over.
    server.pass(Duration::from_mins(30));
    assert_eq!(study(&mut caller).await, (20.0, 1));
    let user_id = USER.to_owned();
    let request = pb::GetWarmupRequest { user_id };
    let warmup = caller.insights.get_warmup(request).await.unwrap();
    let last = warmup.into_inner().last_session.unwrap();
    assert_eq!(last.end_time, time("2026-03-02T09:20:59Z"));
    let request = pb::GetSessionStatsRequest {
        user_id: USER.to_owned(),
        ..Default::default()
    };
    let stats = caller.insights.get_session_stats(request).await.unwrap();
    assert_eq!(stats.get_ref().total_seconds, 20 * 60 + 59);
}

async fn an_open_session_is_not_told_of(server: Server) {
    let mut caller = server.tenant(1);
    practise(&mut caller, pb::SessionResult::default()).await;
    server.pass(Duration::from_mins(1));
    caller.start(start(USER)).await;
    server.pass(Duration::from_mins(10));
    assert_eq!(study(&mut caller).await, (10.0, 1));
    let user_id = USER.to_owned();
    let request = pb::GetWarmupRequest { user_id };
    let warmup = caller.insights.get_warmup(request).await.unwrap();
    let last = warmup.into_inner().last_session.unwrap();
    assert_eq!(last.end_time, time(MORNING));
}
