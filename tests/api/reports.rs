//! A user's day, week and month on one page.

use std::time::Duration;

use dwell::pb::v1::{self as pb, CompletionStatus};

use crate::{
    harness::{Caller, Server},
    values::{OTHER_USER, USER, seconds, start, time},
};

on_both_engines! {
    a_week_is_what_was_worked_out_by_hand
    a_month_tells_what_insights_tell
    the_days_add_up_over_midnights_and_a_change_of_the_clock
    a_session_that_is_over_counts_before_the_sweep_finds_it
    goals_are_told_of_on_their_days_and_when_they_are_reached
    a_user_nobody_knows_has_a_page_of_zeros
}

/// One user's reports.
struct Jane {
    caller: Caller,
}

impl Jane {
    async fn daily(&mut self, date: &str) -> pb::GetDailyReportResponse {
        let request = pb::GetDailyReportRequest {
            user_id: USER.to_owned(),
            date: date.to_owned(),
        };
        let answer = self.caller.reports.get_daily_report(request).await;
        answer.unwrap().into_inner()
    }

    async fn weekly(&mut self, week: &str) -> pb::GetWeeklyReportResponse {
        let request = pb::GetWeeklyReportRequest {
            user_id: USER.to_owned(),
            week: week.to_owned(),
        };
        let answer = self.caller.reports.get_weekly_report(request).await;
        answer.unwrap().into_inner()
    }

    async fn monthly(&mut self, month: &str) -> pb::GetMonthlyReportResponse {
        let request = pb::GetMonthlyReportRequest {
            user_id: USER.to_owned(),
            month: month.to_owned(),
        };
        let answer = self.caller.reports.get_monthly_report(request).await;
        answer.unwrap().into_inner()
    }

    async fn record(&mut self, session: pb::RecordSessionRequest) -> String {
        let session = pb::RecordSessionRequest {
            user_id: USER.to_owned(),
            ..session
        };
        let answer = self.caller.sessions.record_session(session).await;
        answer.unwrap().into_inner().session.unwrap().id
    }

    async fn log(&mut self, session_id: &str, at: &str, kind: &str, items: (i64, i64)) {
        let activity = pb::LogActivityRequest {
            session_id: session_id.to_owned(),
            activity_type: kind.to_owned(),
            start_time: time(at),
            items_completed: items.0,
            items_correct: items.1,
            ..Default::default()
        };
        self.caller.sessions.log_activity(activity).await.unwrap();
    }
}

fn session(start: &str, length: i64) -> pb::RecordSessionRequest {
    pb::RecordSessionRequest {
        start_time: time(start),
        duration: seconds(length),
        ..Default::default()
    }
}

#[expect(clippy::unnecessary_wraps, reason = "messages hold it so")]
fn course(id: &str, name: &str) -> Option<pb::Subject> {
    Some(pb::Subject {
        r#type: "course".to_owned(),
        id: id.to_owned(),
        name: name.to_owned(),
    })
}

fn day(date: &str, started: i64, completed: i64, active_seconds: i64) -> pb::CalendarDay {
    pb::CalendarDay {
        date: date.to_owned(),
        session_count: started,
        completed_count: completed,
        active_seconds,
        sessions: Vec::new(),
    }
}

/// In the week before the morning on which tests begin, from 23 February to 1 March:
///
/// - on Monday an hour of algebra in focus mode, rated 4, with notes and a test of 8 of 10: 30
///   points and 8;
/// - on Tuesday an hour of algebra from 23:30 on, rated 5: 30 points;
/// - on Wednesday 20 minutes of history that were partial, and 15 of 20 flashcards: 10 points
///   and 15;
/// - on Thursday 15 minutes and a half, 3 items of an assignment and notes: 7 points.
async fn study_for_a_week(jane: &mut Jane) {
    let monday = pb::RecordSessionRequest {
        subject: course("algebra", "Algebra"),
        focus_mode: true,
        productivity_rating: 4,
        notes: "Half of chapter 2".to_owned(),
        ..session("2026-02-23T10:00:00Z", 3_600)
    };
    let monday = jane.record(monday).await;
    jane.log(&monday, "2026-02-23T10:30:00Z", "testing", (10, 8))
        .await;
    let tuesday = pb::RecordSessionRequest {
        subject: course("algebra", "Algebra"),
        productivity_rating: 5,
        ..session("2026-02-24T23:30:00Z", 3_600)
    };
    jane.record(tuesday).await;
    let wednesday = pb::RecordSessionRequest {
        subject: course("history", "History"),
        completion_status: CompletionStatus::Partial.into(),
        ..session("2026-02-25T09:00:00Z", 1_200)
    };
    let wednesday = jane.record(wednesday).await;
    jane.log(&wednesday, "2026-02-25T09:00:00Z", "flashcards", (20, 15))
        .await;
    let thursday = jane.record(session("2026-02-26T08:00:00Z", 930)).await;
    jane.log(&thursday, "2026-02-26T08:00:00Z", "assignment", (3, 0))
        .await;
    jane.log(&thursday, "2026-02-26T08:10:00Z", "notes", (0, 0))
        .await;
}

async fn a_week_is_what_was_worked_out_by_hand(server: Server) {
    let caller = server.tenant(1);
    let mut jane = Jane { caller };
    study_for_a_week(&mut jane).await;
    let week = jane.weekly("2026-W09").await;
    let expected = pb::GetWeeklyReportResponse {
        week: "2026-W09".to_owned(),
        range: Some(pb::DateRange {
            start_date: "2026-02-23".to_owned(),
            end_date: "2026-03-01".to_owned(),
        }),
        summary: Some(pb::ReportSummary {
            total_minutes: 155,
            total_sessions: 3,
            // 8,130 seconds of three, and 9,330 in seven days.
            average_session_minutes: 45.17,
            average_daily_minutes: 22.21,
            points_earned: 100,
            tests_taken: 1,
            average_test_score: Some(80.0),
            flashcards_reviewed: 20,
            flashcard_accuracy: Some(75.0),
            assignments_completed: 3,
            notes_created: 2,
            streak_days: 0,
            // 0.8 * 87.5 and 0.2 * 38.59.
            productivity_score: Some(77.72),
        }),
        days: vec![
            day("2026-02-23", 1, 1, 3_600),
            day("2026-02-24", 1, 1, 1_800),
            day("2026-02-25", 1, 0, 3_000),
            day("2026-02-26", 1, 1, 930),
            day("2026-02-27", 0, 0, 0),
            day("2026-02-28", 0, 0, 0),
            day("2026-03-01", 0, 0, 0),
        ],
        top_subjects: vec![pb::SubjectCount {
            subject: course("algebra", "Algebra"),
            sessions: 2,
            total_seconds: 7_200,
        }],
        streak_maintained: false,
        highlights: [
            "Practised on 3 of 7 days.",
            "Most time on 2026-02-23: 60 minutes of 155.",
            "Mostly about Algebra: 2 of 3 completed sessions.",
            "100 points earned.",
        ]
        .map(str::to_owned)
        .to_vec(),
    };
    assert_eq!(week, expected);
    let wednesday = jane.daily("2026-02-25").await;
    let summary = pb::ReportSummary {
        total_minutes: 50,
        average_daily_minutes: 50.0,
        points_earned: 25,
        flashcards_reviewed: 20,
        flashcard_accuracy: Some(75.0),
        ..Default::default()
    };
    assert_eq!(wednesday.summary, Some(summary));
    let own: Vec<_> = wednesday
        .sessions
        .iter()
        .map(|one| one.duration_minutes)
        .collect();
    assert_eq!((wednesday.date.as_str(), own), ("2026-02-25", vec![20]));
    let whole = jane.caller.get(&wednesday.sessions[0].id).await;
    assert_eq!(wednesday.sessions, [whole]);
    // The two days before it; then it was over.
    assert_eq!(
        jane.daily("2026-02-24").await.summary.unwrap().streak_days,
        2
    );
    assert_eq!(
        jane.daily("2026-02-26").await.summary.unwrap().streak_days,
        1
    );
    let now = (
        jane.daily("").await.date,
        jane.weekly("").await.week,
        jane.monthly("").await.month,
    );
    assert_eq!(
        now,
        (
            "2026-03-02".to_owned(),
            "2026-W10".to_owned(),
            "2026-03".to_owned()
        )
    );
}

async fn a_month_tells_what_insights_tell(server: Server) {
    let mut other = server.tenant(1);
    let mut jane = Jane {
        caller: server.tenant(1),
    };
    study_for_a_week(&mut jane).await;
    for day in 1..=6 {
        let session = session(&format!("2026-02-{day:02}T08:00:00Z"), 60 * day);
        jane.record(session.clone()).await;
        let session = pb::RecordSessionRequest {
            user_id: OTHER_USER.to_owned(),
            ..session
        };
        other.sessions.record_session(session).await.unwrap();
    }
    let month = jane.monthly("2026-02").await;
    assert_eq!(month.days.len(), 28);
    let insights = &mut jane.caller.insights;
    let (range, user_id) = (month.range.clone(), USER.to_owned());
    let calendar = pb::GetCalendarRequest {
        user_id: user_id.clone(),
        range: range.clone(),
        include_sessions: false,
    };
    let calendar = insights.get_calendar(calendar).await.unwrap().into_inner();
    let used = month.days.iter().filter(|day| day.session_count > 0);
    assert_eq!(used.cloned().collect::<Vec<_>>(), calendar.days);
    let subjects = pb::ListTopSubjectsRequest {
        user_id: user_id.clone(),
        range: range.clone(),
        ..Default::default()
    };
    let subjects = insights.list_top_subjects(subjects).await.unwrap();
    assert_eq!(month.top_subjects, subjects.into_inner().subjects);
    let overview = pb::GetPerformanceOverviewRequest {
        user_id: user_id.clone(),
        date: "2026-02-11".to_owned(),
        ..Default::default()
    };
    let overview = insights
        .get_performance_overview(overview)
        .await
        .unwrap()
        .into_inner();
    assert_eq!(month.performance, overview.metrics);
    assert_eq!(month.recommendations, overview.recommendations);
    assert_eq!(
        (month.range, month.recommendations.is_empty()),
        (overview.period, false)
    );
    let statistics = pb::GetUserStatisticsRequest { user_id, range };
    let statistics = insights
        .get_user_statistics(statistics)
        .await
        .unwrap()
        .into_inner();
    let summary = month.summary.unwrap();
    assert_eq!(summary.total_sessions, statistics.total_sessions);
    let mean = statistics.average_session_minutes - summary.average_session_minutes;
    assert!(mean.abs() <= 0.005_001);
    assert_eq!(summary.total_minutes, 155 + 21);
    assert_eq!(
        summary.total_minutes.to_string(),
        month.performance[0].value.to_string()
    );
    assert_eq!(summary.average_test_score, Some(month.performance[1].value));
    // 9,330 and 1,260 seconds in 28 days.
    assert_eq!(summary.average_daily_minutes.to_string(), "6.3");
}

async fn the_days_add_up_over_midnights_and_a_change_of_the_clock(server: Server) {
    let mut jane = Jane {
        caller: server.tenant(1),
    };
    server.set_clock("2026-01-01T00:00:00Z");
    let settings = pb::TenantSettings {
        time_zone: "America/Havana".to_owned(),
        ..Default::default()
    };
    jane.caller.set(settings).await;
    server.set_clock("2026-11-20T12:00:00Z");
    // Sunday 8 March has no hour from midnight on, and Sunday 1 November has it twice.
    for (week, first) in [("2026-W10", "2026-03-02"), ("2026-W44", "2026-10-26")] {
        let first: chrono::NaiveDate = first.parse().unwrap();
        for (number, date) in (0..).zip(first.iter_days().take(7)) {
            let session = pb::RecordSessionRequest {
                productivity_rating: 1 + number % 5,
                focus_mode: number % 2 == 0,
                ..session(
                    &format!("{date}T23:10:00-05:00"),
                    7_000 + 131 * i64::from(number),
                )
            };
            let id = jane.record(session).await;
            jane.log(&id, &format!("{date}T23:40:00-05:00"), "testing", (7, 5))
                .await;
        }
        let report = jane.weekly(week).await;
        let whole = report.summary.unwrap();
        let mut sum = pb::ReportSummary::default();
        let mut all = 0;
        for day in report.days {
            let daily = jane.daily(&day.date).await;
            let part = daily.summary.unwrap();
            assert_eq!(part.total_minutes, day.active_seconds / 60);
            assert_eq!(part.total_sessions, day.completed_count);
            assert_eq!(
                i64::try_from(daily.sessions.len()).unwrap(),
                day.session_count
            );
            all += day.active_seconds;
            sum.total_sessions += part.total_sessions;
            sum.points_earned += part.points_earned;
            sum.tests_taken += part.tests_taken;
        }
        assert_eq!(whole.total_minutes, all / 60);
        let told = (whole.total_sessions, whole.points_earned, whole.tests_taken);
        assert_eq!(
            told,
            (sum.total_sessions, sum.points_earned, sum.tests_taken)
        );
        // What began on the last evening reaches into the next week, and nothing is lost.
        let month = jane.monthly(&first.to_string()[..7]).await;
        let next = jane
            .monthly(if week == "2026-W10" {
                "2026-04"
            } else {
                "2026-11"
            })
            .await;
        let days = month.days.iter().chain(&next.days);
        let total: i64 = days.map(|day| day.active_seconds).sum();
        assert_eq!(
            total,
            (0..7).map(|number| 7_000 + 131 * number).sum::<i64>()
        );
    }
}

async fn a_session_that_is_over_counts_before_the_sweep_finds_it(server: Server) {
    let mut jane = Jane {
        caller: server.tenant(1),
    };
    let open = pb::StartSessionRequest {
        focus_mode: true,
        ..start(USER)
    };
    let open = jane.caller.start(open).await;
    server.pass(Duration::from_mins(10));
    let heartbeat = pb::HeartbeatRequest {
        session_id: open.id.clone(),
    };
    jane.caller.sessions.heartbeat(heartbeat).await.unwrap();
    let today = jane.daily("").await;
    assert_eq!(today.summary, Some(pb::ReportSummary::default()));
    assert_eq!(today.sessions, [jane.caller.get(&open.id).await]);
    server.pass(Duration::from_mins(30));
    let today = jane.daily("").await;
    let summary = today.summary.unwrap();
    // Ten minutes until the last sign of life, and nobody said what got done.
    assert_eq!((summary.total_minutes, summary.total_sessions), (10, 0));
    assert_eq!(
        (summary.points_earned, summary.productivity_score),
        (5, None)
    );
    assert_eq!(today.sessions, [jane.caller.get(&open.id).await]);
    assert_eq!(jane.weekly("").await.summary.unwrap().points_earned, 5);
}

async fn goals_are_told_of_on_their_days_and_when_they_are_reached(server: Server) {
    let mut jane = Jane {
        caller: server.tenant(1),
    };
    let mut ids = Vec::new();
    // Of March, of this week, and abandoned at once.
    for (name, target_date) in [
        ("month", "2026-03-31"),
        ("week", "2026-03-08"),
        ("given up", "2026-03-31"),
    ] {
        let goal = pb::Goal {
            user_id: USER.to_owned(),
            goal_type: pb::GoalType::Custom.into(),
            name: name.to_owned(),
            target_value: 10.0,
            start_date: "2026-03-02".to_owned(),
            target_date: target_date.to_owned(),
            ..Default::default()
        };
        let request = pb::CreateGoalRequest { goal: Some(goal) };
        let answer = jane.caller.goals.create_goal(request).await.unwrap();
        ids.push(answer.into_inner().goal.unwrap().id);
    }
    let abandon = pb::DeleteGoalRequest {
        goal_id: ids[2].clone(),
        abandon: true,
    };
    jane.caller.goals.delete_goal(abandon).await.unwrap();
    server.set_clock("2026-03-04T09:00:00Z");
    let reached = pb::RecordGoalProgressRequest {
        goal_id: ids[1].clone(),
        value: 10.0,
        ..Default::default()
    };
    jane.caller
        .goals
        .record_goal_progress(reached)
        .await
        .unwrap();
    let mut kept = Vec::new();
    for goal_id in [&ids[1], &ids[0]] {
        let request = pb::GetGoalRequest {
            goal_id: goal_id.clone(),
        };
        let goal = jane.caller.goals.get_goal(request).await.unwrap();
        kept.push(goal.into_inner().goal.unwrap());
    }
    assert!(jane.daily("2026-03-01").await.goals.is_empty());
    assert_eq!(jane.daily("2026-03-03").await.goals, kept);
    assert_eq!(jane.daily("2026-03-04").await.goals, kept);
    assert_eq!(jane.daily("2026-03-05").await.goals, kept[1..]);
    assert!(jane.daily("2026-04-01").await.goals.is_empty());
    assert_eq!(jane.monthly("2026-03").await.goals_achieved, kept[..1]);
    assert!(jane.monthly("2026-02").await.goals_achieved.is_empty());
}

async fn a_user_nobody_knows_has_a_page_of_zeros(server: Server) {
    let mut jane = Jane {
        caller: server.tenant(1),
    };
    let nothing = Some(pb::ReportSummary::default());
    let daily = jane.daily("2026-03-01").await;
    assert_eq!(daily.summary, nothing);
    assert!(daily.sessions.is_empty() && daily.goals.is_empty());
    let weekly = jane.weekly("2026-W53").await;
    assert_eq!((weekly.summary, weekly.days.len()), (nothing, 7));
    assert!(weekly.highlights.is_empty() && weekly.top_subjects.is_empty());
    assert!(!weekly.streak_maintained);
    let monthly = jane.monthly("2027-02").await;
    assert_eq!((monthly.summary, monthly.days.len()), (nothing, 28));
    assert!(monthly.recommendations.is_empty() && monthly.goals_achieved.is_empty());
    assert!(
        monthly
            .days
            .iter()
            .all(|one| *one == day(&one.date, 0, 0, 0))
    );
}
