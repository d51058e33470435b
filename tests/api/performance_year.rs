//! A year of a user's practice, and what is told of it, worked out by hand.
//!
//! It is 2026 in Auckland, and its last evening: 31 December, 23:00. On the 1st, the 11th and
//! the 21st of each month Ada practises for an hour from 23:30, so half of it is the next day's:
//! 3 sessions and 180 minutes a month, 36 sessions in all. In each of them she takes a test of
//! 10 items, on the 11th she goes through 30 flashcards, and on the 21st of month `m` she does
//! `m` items of an assignment.
//!
//! - From January to June it is algebra: 6 of 10 right in each test, 15 of 30 cards known,
//!   fluency 70.
//! - From July to December it is geometry: 8 of 10, 27 of 30, fluency 90.
//!
//! On 5 April, when the clock is set back at 3:00, she also practises from 1:30 to 2:30: two
//! hours, about nothing in particular.
//!
//! In December four others practise once: 100, 150, 200 and 400 minutes.

use dwell::pb::v1::{
    self as pb, Granularity, Metric, Trend, compare_performance_request::By,
    get_session_stats_request::Period,
};

use crate::{
    harness::{Caller, Server},
    values::{USER, id, seconds, time},
};

on_both_engines! {
    statistics_of_the_year
    performance_of_the_year
    comparisons_of_the_year
}

const NOW: &str = "2026-12-31T10:00:00Z";

/// 23:30 in Auckland: an hour less in winter, from 5 April to 27 September.
fn evening(month: u32, day: u32) -> String {
    let winter = (5..=9).contains(&month) || (month == 4 && day > 5);
    let hour = if winter { 11 } else { 10 };
    format!("2026-{month:02}-{day:02}T{hour}:30:00Z")
}

fn course(month: u32) -> pb::Subject {
    let name = if month <= 6 { "Algebra" } else { "Geometry" };
    pb::Subject {
        r#type: "course".to_owned(),
        id: name.to_lowercase(),
        name: name.to_owned(),
    }
}

fn result(month: u32, day: u32) -> pb::SessionResult {
    let fluency = if month <= 6 { 70.0 } else { 90.0 };
    let mut scores = vec![("fluency".to_owned(), fluency)];
    let mut topics = vec!["travel".to_owned()];
    let mut area = "tenses";
    if day == 1 {
        scores.push(("grammar".to_owned(), 50.0));
        area = "articles";
    }
    if month > 6 {
        topics.insert(0, "food".to_owned());
    }
    pb::SessionResult {
        words_spoken: 100,
        scores: scores.into_iter().collect(),
        topics,
        vocabulary_learned: vec!["kia ora".to_owned(), format!("word {day}")],
        areas_to_improve: vec![area.to_owned()],
    }
}

async fn record(caller: &mut Caller, session: pb::RecordSessionRequest) -> String {
    let answer = caller.sessions.record_session(session).await.unwrap();
    answer.into_inner().session.unwrap().id
}

async fn log(caller: &mut Caller, session_id: &str, start: &str, kind: &str, items: (i64, i64)) {
    let activity = pb::LogActivityRequest {
        session_id: session_id.to_owned(),
        activity_type: kind.to_owned(),
        start_time: time(start),
        items_completed: items.0,
        items_correct: items.1,
        ..Default::default()
    };
    caller.sessions.log_activity(activity).await.unwrap();
}

async fn year(server: &Server) -> Caller {
    let mut caller = server.tenant(1);
    server.set_clock("2025-01-01T00:00:00Z");
    caller
        .set(pb::TenantSettings {
            time_zone: "Pacific/Auckland".to_owned(),
            ..Default::default()
        })
        .await;
    server.set_clock(NOW);
    for month in 1..=12 {
        for day in [1, 11, 21] {
            evening_session(&mut caller, month, day).await;
        }
    }
    let early = pb::RecordSessionRequest {
        user_id: USER.to_owned(),
        start_time: time("2026-04-04T12:30:00Z"),
        duration: seconds(7_200),
        ..Default::default()
    };
    record(&mut caller, early).await;
    for (number, minutes) in [(1, 100), (2, 150), (3, 200), (4, 400)] {
        let other = pb::RecordSessionRequest {
            user_id: id(number),
            start_time: time("2026-12-10T00:00:00Z"),
            duration: seconds(minutes * 60),
            ..Default::default()
        };
        record(&mut caller, other).await;
    }
    caller
}

async fn evening_session(caller: &mut Caller, month: u32, day: u32) {
    let start = evening(month, day);
    let session = pb::RecordSessionRequest {
        user_id: USER.to_owned(),
        session_type: "solo".to_owned(),
        subject: Some(course(month)),
        start_time: time(&start),
        duration: seconds(3_600),
        result: Some(result(month, day)),
        ..Default::default()
    };
    let session = record(caller, session).await;
    let (right, known) = if month <= 6 { (6, 15) } else { (8, 27) };
    log(caller, &session, &start, "testing", (10, right)).await;
    if day == 11 {
        log(caller, &session, &start, "flashcards", (30, known)).await;
    }
    if day == 21 {
        log(caller, &session, &start, "assignment", (month.into(), 0)).await;
    }
}

fn terms(terms: &[(&str, i64)]) -> Vec<pb::TermCount> {
    let terms = terms.iter().map(|(term, count)| pb::TermCount {
        term: (*term).to_owned(),
        count: *count,
    });
    terms.collect()
}

fn scores<M: FromIterator<(String, f64)>>(scores: &[(&str, f64)]) -> M {
    let scores = scores.iter();
    scores
        .map(|(name, score)| ((*name).to_owned(), *score))
        .collect()
}

async fn statistics_of_the_year(server: Server) {
    let mut caller = year(&server).await;
    let request = pb::GetSessionStatsRequest {
        user_id: USER.to_owned(),
        range: Some(pb::DateRange {
            start_date: "2026-01-01".to_owned(),
            end_date: "2026-12-31".to_owned(),
        }),
        ..Default::default()
    };
    let answer = caller.insights.get_session_stats(request.clone()).await;
    let mut stats = answer.unwrap().into_inner();
    let points = std::mem::take(&mut stats.score_trend);
    let of_type = |count, average_seconds| pb::SessionTypeStats {
        count,
        average_seconds,
    };
    assert_eq!(
        stats,
        pb::GetSessionStatsResponse {
            total_sessions: 37,
            // 36 hours and two.
            total_seconds: 38 * 3_600,
            total_words_spoken: 36 * 100,
            // 18 times 70 and 18 times 90; 50 on the first of each month.
            average_scores: scores(&[("fluency", 80.0), ("grammar", 50.0)]),
            sessions_by_type: [
                ("normal".to_owned(), of_type(1, 7_200)),
                ("solo".to_owned(), of_type(36, 3_600)),
            ]
            .into_iter()
            .collect(),
            score_trend: Vec::new(),
            common_topics: terms(&[("travel", 36), ("food", 18)]),
            areas_to_improve: terms(&[("tenses", 24), ("articles", 12)]),
        }
    );
    assert_eq!(points.len(), 37);
    let point = |date: &str, named: &[(&str, f64)]| pb::ScorePoint {
        date: date.to_owned(),
        scores: scores(named),
        sessions: 1,
    };
    // Days are those of the start. 5 April is between the 1st and the 11th.
    assert_eq!(
        points[0],
        point("2026-01-01", &[("fluency", 70.0), ("grammar", 50.0)])
    );
    assert_eq!(
        points[9],
        point("2026-04-01", &[("fluency", 70.0), ("grammar", 50.0)])
    );
    assert_eq!(points[10], point("2026-04-05", &[]));
    assert_eq!(points[36], point("2026-12-21", &[("fluency", 90.0)]));

    // 30 times 24 hours ago it was 23:00 on 1 December: all three of the month. 7 times 24 hours
    // ago it was the 24th: none.
    let mut periods = Vec::new();
    for period in [Period::Month, Period::Week, Period::Unspecified] {
        let request = pb::GetSessionStatsRequest {
            period: period.into(),
            range: None,
            ..request.clone()
        };
        let stats = caller.insights.get_session_stats(request).await.unwrap();
        let stats = stats.into_inner();
        periods.push((stats.total_sessions, stats.total_seconds));
    }
    assert_eq!(periods, [(3, 10_800), (0, 0), (0, 0)]);

    // On the 28th at 23:00 the hour of the 21st is within seven days.
    server.set_clock("2026-12-28T10:00:00Z");
    let user_id = USER.to_owned();
    let request = pb::GetWarmupRequest { user_id };
    let warmup = caller
        .insights
        .get_warmup(request)
        .await
        .unwrap()
        .into_inner();
    assert_eq!(warmup.focus_areas, terms(&[("tenses", 1)]));
    assert_eq!(
        warmup.vocabulary_review,
        terms(&[("kia ora", 1), ("word 21", 1)])
    );
    let last = warmup.last_session.unwrap();
    assert_eq!(last.start_time, time("2026-12-21T10:30:00Z"));
}

async fn overview(
    caller: &mut Caller,
    date: &str,
    subject: Option<pb::Subject>,
) -> pb::GetPerformanceOverviewResponse {
    let request = pb::GetPerformanceOverviewRequest {
        user_id: USER.to_owned(),
        date: date.to_owned(),
        subject,
        ..Default::default()
    };
    let answer = caller.insights.get_performance_overview(request).await;
    answer.unwrap().into_inner()
}

type Summary = (Metric, f64, f64, i64, Trend, Option<i32>);

fn told(overview: &pb::GetPerformanceOverviewResponse) -> Vec<Summary> {
    let metrics = overview.metrics.iter().map(|one| {
        (
            one.metric(),
            one.value,
            one.previous_value,
            one.sample_size,
            one.trend(),
            one.percentile_rank,
        )
    });
    metrics.collect()
}

async fn performance_of_the_year(server: Server) {
    let mut caller = year(&server).await;
    let december = overview(&mut caller, "", None).await;
    assert_eq!(
        december.period,
        Some(pb::DateRange {
            start_date: "2026-12-01".to_owned(),
            end_date: "2026-12-31".to_owned(),
        })
    );
    assert_eq!(
        told(&december),
        [
            // 180 minutes in 31 days after 180 in 30 are 3.2% less a day. 100, 150 and Ada's own
            // 180 are at or below: 3 of 5.
            (Metric::StudyTime, 180.0, 180.0, 3, Trend::Stable, Some(60)),
            // Nobody else takes tests, learns cards or does assignments.
            (Metric::TestAverage, 80.0, 80.0, 3, Trend::Stable, None),
            (
                Metric::FlashcardMastery,
                90.0,
                90.0,
                30,
                Trend::Stable,
                None
            ),
            // One assignment a month is too little for a verdict.
            (
                Metric::AssignmentCompletion,
                12.0,
                11.0,
                1,
                Trend::InsufficientData,
                None
            ),
            // 3 of 31 and 3 of 30 days. The others have one day each.
            (Metric::Attendance, 9.68, 10.0, 3, Trend::Stable, Some(100)),
        ]
    );
    assert_eq!(
        december.strengths,
        ["Flashcard mastery: 90% of 30 items, which is 85% or more."]
    );
    assert_eq!(
        december.areas_for_improvement,
        ["Attendance: 9.68%, 3 of 31 days, which is below 40%."]
    );
    assert_eq!(
        december.recommendations,
        ["Practise on more days, if briefly: 9.68%, 3 of 31 days."]
    );

    // 60 to 80 percent, 50 to 90 percent. Ada is alone.
    let july = overview(&mut caller, "2026-07-15", None).await;
    let test = (Metric::TestAverage, 80.0, 60.0, 3, Trend::Improving, None);
    assert_eq!(told(&july)[1], test);
    let cards = (
        Metric::FlashcardMastery,
        90.0,
        50.0,
        30,
        Trend::Improving,
        None,
    );
    assert_eq!(told(&july)[2], cards);
    assert_eq!(
        july.strengths,
        [
            "Test average is improving: 80% over 3 tests, after 60% over 3 tests in the period \
             before.",
            "Flashcard mastery: 90% of 30 items, which is 85% or more.",
            "Flashcard mastery is improving: 90% of 30 items, after 50% of 30 items in the period \
             before.",
        ]
    );
    // 300 minutes in 30 days after 180 in 31; 4 of 30 days after 3 of 31 are 3.65 points more.
    let april = overview(&mut caller, "2026-04-30", None).await;
    let study = (Metric::StudyTime, 300.0, 180.0, 4, Trend::Improving, None);
    assert_eq!(told(&april)[0], study);
    let attendance = (Metric::Attendance, 13.33, 9.68, 4, Trend::Stable, None);
    assert_eq!(told(&april)[4], attendance);

    // Geometry begins in July.
    let geometry = overview(&mut caller, "2026-07-01", Some(course(7))).await;
    let study = (
        Metric::StudyTime,
        180.0,
        0.0,
        3,
        Trend::InsufficientData,
        None,
    );
    assert_eq!(told(&geometry)[0], study);
    let june = overview(&mut caller, "2026-06-01", Some(course(7))).await;
    let nothing = (0.0, 0.0, 0, Trend::InsufficientData, None);
    for (_, value, previous, sample, trend, rank) in told(&june) {
        assert_eq!((value, previous, sample, trend, rank), nothing);
    }

    trends(&mut caller).await;
}

async fn trend(
    caller: &mut Caller,
    metric: Metric,
    granularity: Granularity,
    periods: i32,
    subject: Option<pb::Subject>,
) -> (Vec<(String, f64, i64)>, Trend, f64) {
    let request = pb::GetPerformanceTrendRequest {
        user_id: USER.to_owned(),
        metric: metric.into(),
        granularity: granularity.into(),
        periods,
        subject,
    };
    let answer = caller.insights.get_performance_trend(request).await;
    let answer = answer.unwrap().into_inner();
    let trend = answer.overall_trend();
    let points = answer.points.into_iter();
    let points = points.map(|point| (point.period, point.value, point.sample_size));
    (points.collect(), trend, answer.change_percentage)
}

fn points(points: &[(&str, f64, i64)]) -> Vec<(String, f64, i64)> {
    let points = points.iter();
    points
        .map(|(period, value, n)| ((*period).to_owned(), *value, *n))
        .collect()
}

async fn trends(caller: &mut Caller) {
    // Twelve months. 60 in the first half, 80 in the second: a third more.
    let tests = trend(
        caller,
        Metric::TestAverage,
        Granularity::Unspecified,
        0,
        None,
    )
    .await;
    let months = (1..=12).map(|month| {
        let average = if month <= 6 { 60.0 } else { 80.0 };
        (format!("2026-{month:02}"), average, 3)
    });
    assert_eq!(tests, (months.collect(), Trend::Improving, 33.33));
    // The 1st, 11th and 21st are in three of the last five weeks. One session each is too little.
    let weeks = trend(caller, Metric::StudyTime, Granularity::Week, 5, None).await;
    let expected = [
        ("2026-W49", 60.0, 1),
        ("2026-W50", 60.0, 1),
        ("2026-W52", 60.0, 1),
    ];
    assert_eq!(weeks, (points(&expected), Trend::InsufficientData, 0.0));
    // From 23:30 to 24:00 on the 21st, and on to 0:30 on the 22nd, when no session starts.
    let days = trend(
        caller,
        Metric::StudyTime,
        Granularity::Day,
        11,
        Some(course(12)),
    )
    .await;
    let expected = [("2026-12-21", 30.0, 1), ("2026-12-22", 30.0, 0)];
    assert_eq!(days, (points(&expected), Trend::InsufficientData, 0.0));
    // 1 of 7 days in each of the weeks; one day is too little too.
    let weeks = trend(caller, Metric::Attendance, Granularity::Week, 3, None).await;
    assert_eq!(
        weeks,
        (
            points(&[("2026-W52", 14.29, 1)]),
            Trend::InsufficientData,
            0.0
        )
    );
    // 7 to 12 items: 24 in three months of 92 days, then 33 in three of 92 days.
    let work = trend(
        caller,
        Metric::AssignmentCompletion,
        Granularity::Month,
        6,
        None,
    )
    .await;
    let expected = (7..=12).map(|month| (format!("2026-{month:02}"), f64::from(month), 1));
    assert_eq!(work, (expected.collect(), Trend::Improving, 71.43));
    // Algebra was half a year ago.
    let cards = trend(
        caller,
        Metric::FlashcardMastery,
        Granularity::Month,
        8,
        Some(course(1)),
    );
    let expected = [("2026-05", 50.0, 30), ("2026-06", 50.0, 30)];
    assert_eq!(cards.await, (points(&expected), Trend::Stable, 0.0));
}

async fn compare(caller: &mut Caller, by: By, date: &str) -> Vec<pb::PerformanceEntry> {
    let request = pb::ComparePerformanceRequest {
        user_id: USER.to_owned(),
        by: by.into(),
        date: date.to_owned(),
        ..Default::default()
    };
    let answer = caller.insights.compare_performance(request).await;
    answer.unwrap().into_inner().entries
}

fn entry(
    rank: i32,
    label: &str,
    study_minutes: i64,
    test: Option<f64>,
    sessions: i64,
) -> pb::PerformanceEntry {
    pb::PerformanceEntry {
        rank,
        label: label.to_owned(),
        subject: None,
        study_minutes,
        average_test_score: test,
        sessions,
    }
}

async fn comparisons_of_the_year(server: Server) {
    let mut caller = year(&server).await;
    // The two hours of 5 April are about no subject.
    for (month, date) in [(4, "2026-04-05"), (12, "")] {
        let subject = course(month);
        let average = if month == 4 { 60.0 } else { 80.0 };
        let expected = pb::PerformanceEntry {
            subject: Some(subject.clone()),
            ..entry(1, &subject.name, 180, Some(average), 3)
        };
        assert_eq!(compare(&mut caller, By::Subject, date).await, [expected]);
    }
    // April has 300 minutes; of those with 180 the latest is first.
    let months = compare(&mut caller, By::Period, "").await;
    let mut expected = vec![entry(1, "2026-04", 300, Some(60.0), 4)];
    for month in (1..=12).rev().filter(|month| *month != 4) {
        let average = if month <= 6 { 60.0 } else { 80.0 };
        let rank = i32::try_from(expected.len()).unwrap() + 1;
        expected.push(entry(
            rank,
            &format!("2026-{month:02}"),
            180,
            Some(average),
            3,
        ));
    }
    assert_eq!(months, expected);
    // 180 + 100 + 150 + 200 + 400 = 1030 minutes and 3 + 4 = 7 sessions of five users: 206, and
    // 1.4, which is 1. All tests are Ada's.
    assert_eq!(
        compare(&mut caller, By::Cohort, "").await,
        [
            entry(1, "cohort", 206, Some(80.0), 1),
            entry(2, "you", 180, Some(80.0), 3),
        ]
    );
    // Without others the mean is Ada's own, and she is named first.
    assert_eq!(
        compare(&mut caller, By::Cohort, "2026-01-31").await,
        [
            entry(1, "you", 180, Some(60.0), 3),
            entry(2, "cohort", 180, Some(60.0), 3),
        ]
    );
    assert_eq!(compare(&mut caller, By::Cohort, "2025-01-01").await, []);
}
