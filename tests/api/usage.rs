//! Daily usage, reports and what is known of users.

use std::time::Duration;

use dwell::pb::v1 as pb;
use tonic::Code;

use crate::{
    harness::{Caller, MORNING, Server},
    values::{OTHER_USER, USER, id, refusal, seconds, start, time},
};

on_both_engines! {
    usage_adds_up_on_its_day
    a_request_counts_once
    a_day_has_its_limits
    days_and_their_total_are_told
    a_session_counts_for_its_local_days
    open_sessions_count_if_asked
    a_report_cuts_its_periods_to_the_range
    a_user_is_summed_up
    the_dormant_are_listed_longest_silent_first
}

fn usage(user_id: &str, date: &str, active_seconds: i64) -> pb::RecordUsageRequest {
    pb::RecordUsageRequest {
        user_id: user_id.to_owned(),
        date: date.to_owned(),
        increment: Some(pb::UsageIncrement {
            active_seconds,
            ..Default::default()
        }),
        ..Default::default()
    }
}

fn days_of(user_id: &str, start_date: &str, end_date: &str) -> pb::GetUserUsageStatsRequest {
    pb::GetUserUsageStatsRequest {
        user_id: user_id.to_owned(),
        start_date: start_date.to_owned(),
        end_date: end_date.to_owned(),
        include_open_sessions: false,
    }
}

async fn usage_adds_up_on_its_day(server: Server) {
    let mut caller = server.tenant(1);
    let request = pb::RecordUsageRequest {
        user_id: USER.to_uppercase(),
        increment: Some(pb::UsageIncrement {
            login_count: 1,
            active_seconds: 119,
            simulation_runs: 2,
            documents_accessed: 3,
            feature_usage: [("export.pdf".to_owned(), 4), ("A/b:c-d_e".to_owned(), 0)].into(),
        }),
        ..Default::default()
    };
    let day = caller.record_usage(request.clone()).await;
    let expected = pb::DailyUsage {
        user_id: USER.to_owned(),
        date: "2026-03-02".to_owned(),
        login_count: 1,
        active_seconds: 119,
        active_minutes: 1,
        simulation_runs: 2,
        documents_accessed: 3,
        feature_usage: [("export.pdf".to_owned(), 4), ("A/b:c-d_e".to_owned(), 0)].into(),
        sessions_started: 0,
        sessions_completed: 0,
        update_time: time(MORNING),
    };
    assert_eq!(day, expected);
    server.pass(Duration::from_secs(1));
    let day = caller.record_usage(request).await;
    let expected = pb::DailyUsage {
        login_count: 2,
        active_seconds: 238,
        active_minutes: 3,
        simulation_runs: 4,
        documents_accessed: 6,
        feature_usage: [("export.pdf".to_owned(), 8), ("A/b:c-d_e".to_owned(), 0)].into(),
        update_time: time("2026-03-02T09:00:01Z"),
        ..expected
    };
    assert_eq!(day, expected);
    let told = caller.days(days_of(USER, "2026-03-02", "2026-03-02")).await;
    assert_eq!(told, [expected]);
}

async fn a_request_counts_once(server: Server) {
    let mut caller = server.tenant(1);
    let request = pb::RecordUsageRequest {
        request_id: id(1),
        ..usage(USER, "", 60)
    };
    let first = caller.record_usage(request.clone()).await;
    assert_eq!(caller.record_usage(request.clone()).await, first);
    // A retry on the next day is of the day that it was for.
    server.pass(Duration::from_hours(23));
    assert_eq!(caller.record_usage(request.clone()).await, first);
    let other = pb::RecordUsageRequest {
        request_id: id(1),
        ..usage(USER, "", 61)
    };
    let refused = refusal(caller.usage.record_usage(other).await);
    assert_eq!(refused, (Code::AlreadyExists, "ID_TAKEN".to_owned()));
    assert_eq!(caller.summary(USER).await.total_usage_seconds, 60);
}

async fn a_day_has_its_limits(server: Server) {
    let mut caller = server.tenant(1);
    let features = |names: std::ops::Range<u32>| pb::RecordUsageRequest {
        increment: Some(pb::UsageIncrement {
            feature_usage: names.map(|n| (n.to_string(), 1)).collect(),
            ..Default::default()
        }),
        ..usage(USER, "", 0)
    };
    caller.record_usage(features(0..1_000)).await;
    let refused = caller.usage.record_usage(features(999..1_001)).await;
    assert_eq!(refused.unwrap_err().code(), Code::InvalidArgument);
    let day = caller.record_usage(features(999..1_000)).await;
    assert_eq!(day.feature_usage.len(), 1_000);
    assert_eq!(day.feature_usage["999"], 2);

    // A thousand of the largest amounts are as much as a day holds.
    let most = (0..1_001).map(|_| pb::ImportUsageRequest {
        record: Some(usage(USER, "2026-03-01", 1_000_000_000)),
    });
    let answers = caller.usage.import_usage(tokio_stream::iter(most)).await;
    let mut answers = answers.unwrap().into_inner();
    let mut codes = Vec::new();
    while let Some(answer) = answers.message().await.unwrap() {
        codes.push(answer.code);
    }
    assert_eq!(codes.pop(), Some(Code::InvalidArgument.into()));
    assert_eq!(codes, vec![0; 1_000]);
    let days = caller.days(days_of(USER, "2026-03-01", "2026-03-01")).await;
    assert_eq!(days[0].active_seconds, 1_000_000_000_000);
    assert_eq!(days[0].active_minutes, 16_666_666_666);
}

async fn days_and_their_total_are_told(server: Server) {
    let mut caller = server.tenant(1);
    for (date, seconds) in [("2026-02-28", 59), ("2026-03-02", 61), ("2026-02-27", 1)] {
        caller.record_usage(usage(USER, date, seconds)).await;
    }
    caller
        .record_usage(usage(OTHER_USER, "2026-02-28", 500))
        .await;
    let request = days_of(USER, "2026-02-28", "2026-03-02");
    let answer = caller.usage.get_user_usage_stats(request).await.unwrap();
    let answer = answer.into_inner();
    let days: Vec<_> = answer
        .days
        .iter()
        .map(|day| (&*day.date, day.active_seconds, day.active_minutes))
        .collect();
    assert_eq!(days, [("2026-02-28", 59, 0), ("2026-03-02", 61, 1)]);
    let total = pb::DailyUsage {
        user_id: USER.to_owned(),
        active_seconds: 120,
        // Of the sum, not the sum of what is shown for the days.
        active_minutes: 2,
        ..Default::default()
    };
    assert_eq!(answer.total, Some(total));
}

/// A tenant in New York, where the clocks went forward on 2026-03-08 at 2:00.
async fn in_new_york(caller: &mut Caller) {
    let settings = pb::TenantSettings {
        time_zone: "America/New_York".to_owned(),
        idle_timeout: seconds(0),
        max_lifetime: seconds(0),
        ..Default::default()
    };
    caller.set(settings).await;
}

async fn a_session_counts_for_its_local_days(server: Server) {
    let mut caller = server.tenant(1);
    in_new_york(&mut caller).await;
    server.set_clock("2026-03-08T04:30:00Z");
    let session = caller.start(start(USER)).await;
    assert_eq!(session.expire_time, None);
    server.set_clock("2026-03-09T04:00:30Z");
    let end = pb::EndSessionRequest {
        session_id: session.id,
        ..Default::default()
    };
    caller.end(end).await;
    let days = caller.days(days_of(USER, "2026-03-01", "2026-03-31")).await;
    let days: Vec<_> = days
        .iter()
        .map(|day| {
            let counts = (
                day.login_count,
                day.sessions_started,
                day.sessions_completed,
            );
            (&*day.date, day.active_seconds, counts)
        })
        .collect();
    assert_eq!(
        days,
        [
            ("2026-03-07", 1_800, (1, 1, 1)),
            ("2026-03-08", 23 * 3_600, (0, 0, 0)),
            ("2026-03-09", 30, (0, 0, 0)),
        ]
    );
}

async fn open_sessions_count_if_asked(server: Server) {
    let mut caller = server.tenant(1);
    in_new_york(&mut caller).await;
    caller.start(start(USER)).await;
    server.set_clock("2026-03-03T05:01:00Z");
    let request = days_of(USER, "2026-03-02", "2026-03-03");
    let days = caller.days(request.clone()).await;
    let seconds: Vec<_> = days.iter().map(|day| day.active_seconds).collect();
    assert_eq!(seconds, [0]);
    let request = pb::GetUserUsageStatsRequest {
        include_open_sessions: true,
        ..request
    };
    let answer = caller.usage.get_user_usage_stats(request).await.unwrap();
    let answer = answer.into_inner();
    let seconds: Vec<_> = answer.days.iter().map(|day| day.active_seconds).collect();
    // From 9:00 UTC to midnight in New York, and the minute since.
    assert_eq!(seconds, [20 * 3_600, 60]);
    assert_eq!(answer.total.unwrap().active_seconds, 20 * 3_600 + 60);
}

async fn a_report_cuts_its_periods_to_the_range(server: Server) {
    let mut caller = server.tenant(1);
    for (user, date, seconds) in [
        (USER, "2026-01-15", 10),
        (USER, "2026-02-27", 30),
        (USER, "2026-02-28", 31),
        (OTHER_USER, "2026-02-28", 60),
        (USER, "2026-03-02", 60),
    ] {
        caller.record_usage(usage(user, date, seconds)).await;
    }
    // 2026-02-28 is a Saturday.
    let request = |granularity: pb::Granularity| pb::GetTenantUsageReportRequest {
        start_date: "2026-02-28".to_owned(),
        end_date: "2026-03-03".to_owned(),
        granularity: granularity.into(),
    };
    let period = |start: &str, end: &str, users: (i64, i64), seconds| pb::TenantUsage {
        start_date: start.to_owned(),
        end_date: end.to_owned(),
        active_users: users.0,
        new_users: users.1,
        active_seconds: seconds,
        active_minutes: seconds / 60,
        ..Default::default()
    };
    let total = period("2026-02-28", "2026-03-03", (2, 1), 151);
    let by_day = vec![
        period("2026-02-28", "2026-02-28", (2, 1), 91),
        period("2026-03-02", "2026-03-02", (1, 0), 60),
    ];
    let by_week = vec![
        period("2026-02-28", "2026-03-01", (2, 1), 91),
        period("2026-03-02", "2026-03-03", (1, 0), 60),
    ];
    let by_month = vec![
        period("2026-02-28", "2026-02-28", (2, 1), 91),
        period("2026-03-01", "2026-03-03", (1, 0), 60),
    ];
    for (granularity, periods) in [
        (pb::Granularity::Unspecified, by_day.clone()),
        (pb::Granularity::Day, by_day),
        (pb::Granularity::Week, by_week),
        (pb::Granularity::Month, by_month),
    ] {
        let answer = caller
            .usage
            .get_tenant_usage_report(request(granularity))
            .await;
        let expected = pb::GetTenantUsageReportResponse {
            periods,
            total: Some(total.clone()),
        };
        assert_eq!(answer.unwrap().into_inner(), expected);
    }
    let nobody = pb::GetTenantUsageReportRequest {
        start_date: "2025-01-01".to_owned(),
        end_date: "2025-12-31".to_owned(),
        granularity: pb::Granularity::Month.into(),
    };
    let answer = caller.usage.get_tenant_usage_report(nobody).await;
    let expected = pb::GetTenantUsageReportResponse {
        periods: Vec::new(),
        total: Some(period("2025-01-01", "2025-12-31", (0, 0), 0)),
    };
    assert_eq!(answer.unwrap().into_inner(), expected);
}

async fn a_user_is_summed_up(server: Server) {
    let mut caller = server.tenant(1);
    caller.record_usage(usage(USER, "2026-02-01", 59)).await;
    caller.start(start(USER)).await;
    server.pass(Duration::from_mins(1));
    let second = caller.start(start(USER)).await;
    server.pass(Duration::from_secs(61));
    let end = pb::EndSessionRequest {
        session_id: second.id,
        ..Default::default()
    };
    caller.end(end).await;
    let expected = pb::UserSummary {
        user_id: USER.to_owned(),
        login_count: 2,
        last_login_time: time("2026-03-02T09:01:00Z"),
        last_session_start_time: time("2026-03-02T09:01:00Z"),
        last_active_time: time("2026-03-02T09:02:01Z"),
        total_usage_seconds: 120,
        total_usage_minutes: 2,
        open_sessions: 1,
        first_seen_time: time("2026-02-01T00:00:00Z"),
    };
    assert_eq!(caller.summary(USER).await, expected);
}

async fn the_dormant_are_listed_longest_silent_first(server: Server) {
    let mut caller = server.tenant(1);
    // In pairs of one day.
    for number in [5, 2, 3, 4, 1, 0] {
        let session = caller.start(start(&id(number))).await;
        let end = pb::EndSessionRequest {
            session_id: session.id,
            ..Default::default()
        };
        caller.end(end).await;
        if number % 2 == 0 {
            server.pass(Duration::from_hours(24));
        }
    }
    let mut request = pb::ListUserSummariesRequest {
        inactive_since: time("2026-03-04T09:00:00Z"),
        page_size: 2,
        ..Default::default()
    };
    let mut listed = Vec::new();
    loop {
        let page = caller.usage.list_user_summaries(request.clone()).await;
        let page = page.unwrap().into_inner();
        listed.extend(page.summaries.into_iter().map(|user| user.user_id));
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    assert_eq!(listed, [id(2), id(5), id(3), id(4)]);
    let all = pb::ListUserSummariesRequest::default();
    let all = caller.usage.list_user_summaries(all).await.unwrap();
    let all: Vec<_> = all.into_inner().summaries;
    assert_eq!(all.len(), 6);
    assert_eq!(all[5], caller.summary(&id(1)).await);
}
