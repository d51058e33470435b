//! When and how much a user practised: a year of it, and the edges of its figures.

use dwell::pb::v1::{self as pb, CompletionStatus};

use crate::{
    harness::{Caller, MORNING, Server},
    values::{OTHER_USER, USER, id, seconds, start, time},
};

on_both_engines! {
    a_year_of_practice_is_what_was_worked_out_by_hand
    nothing_is_known_of_a_new_user
    a_session_that_is_over_has_ended_before_the_sweep_finds_it
    a_streak_survives_both_changes_of_the_clock
}

const DONE: CompletionStatus = CompletionStatus::Completed;

/// The offset of New Zealand: daylight saving ends on 5 April 2026 at 3:00, when it is 2:00
/// again, and begins on 27 September at 2:00, when it is 3:00.
fn offset(date: &str) -> &'static str {
    // At no time that is used here is it one of those hours.
    if ("2026-04-05".."2026-09-27").contains(&date) {
        "+12:00"
    } else {
        "+13:00"
    }
}

/// One user's clients, and short forms of what is asked.
struct Jane {
    caller: Caller,
}

impl Jane {
    /// The tenant is in Auckland from the beginning of 2025 on.
    async fn in_auckland(server: &Server) -> Self {
        let mut caller = server.tenant(1);
        server.set_clock("2025-01-01T00:00:00Z");
        let settings = pb::TenantSettings {
            time_zone: "Pacific/Auckland".to_owned(),
            ..Default::default()
        };
        caller.set(settings).await;
        Self { caller }
    }

    /// Saves a session by the clock on the wall.
    async fn save(
        &mut self,
        date: &str,
        clock: &str,
        minutes: i64,
        status: CompletionStatus,
        sequence: &str,
    ) {
        let request = pb::RecordSessionRequest {
            user_id: USER.to_owned(),
            start_time: time(&format!("{date}T{clock}:00{}", offset(date))),
            duration: seconds(minutes * 60),
            completion_status: status.into(),
            subject: (!sequence.is_empty()).then(|| pb::Subject {
                r#type: "sequence".to_owned(),
                id: sequence.to_owned(),
                name: format!("The {sequence}"),
            }),
            ..Default::default()
        };
        self.caller.sessions.record_session(request).await.unwrap();
    }

    async fn statistics(&mut self, range: Option<pb::DateRange>) -> pb::GetUserStatisticsResponse {
        let request = pb::GetUserStatisticsRequest {
            user_id: USER.to_owned(),
            range,
        };
        let answer = self.caller.insights.get_user_statistics(request).await;
        answer.unwrap().into_inner()
    }

    async fn streak(&mut self) -> pb::GetStreakResponse {
        let user_id = USER.to_owned();
        let request = pb::GetStreakRequest { user_id };
        let answer = self.caller.insights.get_streak(request).await;
        answer.unwrap().into_inner()
    }

    async fn calendar(&mut self, start: &str, end: &str, sessions: bool) -> Vec<pb::CalendarDay> {
        let request = pb::GetCalendarRequest {
            user_id: USER.to_owned(),
            range: range(start, end),
            include_sessions: sessions,
        };
        let answer = self.caller.insights.get_calendar(request).await;
        answer.unwrap().into_inner().days
    }

    async fn frequency(&mut self, days: i32) -> pb::GetPracticeFrequencyResponse {
        let request = pb::GetPracticeFrequencyRequest {
            user_id: USER.to_owned(),
            days,
        };
        let answer = self.caller.insights.get_practice_frequency(request).await;
        answer.unwrap().into_inner()
    }

    async fn subjects(&mut self, range: Option<pb::DateRange>) -> Vec<pb::SubjectCount> {
        let request = pb::ListTopSubjectsRequest {
            user_id: USER.to_owned(),
            range,
            ..Default::default()
        };
        let answer = self.caller.insights.list_top_subjects(request).await;
        answer.unwrap().into_inner().subjects
    }
}

#[expect(clippy::unnecessary_wraps, reason = "messages hold it so")]
fn range(start: &str, end: &str) -> Option<pb::DateRange> {
    Some(pb::DateRange {
        start_date: start.to_owned(),
        end_date: end.to_owned(),
    })
}

fn entry(date: &str, started: i64, completed: i64, active_seconds: i64) -> pb::CalendarDay {
    pb::CalendarDay {
        date: date.to_owned(),
        session_count: started,
        completed_count: completed,
        active_seconds,
        sessions: Vec::new(),
    }
}

fn top(sequence: &str, sessions: i64, total_seconds: i64) -> pb::SubjectCount {
    pb::SubjectCount {
        subject: Some(pb::Subject {
            r#type: "sequence".to_owned(),
            id: sequence.to_owned(),
            name: format!("The {sequence}"),
        }),
        sessions,
        total_seconds,
    }
}

/// Exactly, without a comparison of floats.
fn rate(statistics: &pb::GetUserStatisticsResponse) -> String {
    statistics.completion_rate_percentage.to_string()
}

/// The dates from `first` on, so many days apart.
fn dates(first: &str, apart: usize, count: usize) -> Vec<String> {
    let first: chrono::NaiveDate = first.parse().unwrap();
    let dates = first.iter_days().step_by(apart).take(count);
    dates.map(|date| date.to_string()).collect()
}

/// A year in Auckland, from 1 December 2025 to 20 November 2026, a Friday:
///
/// - A: the sun, 40 minutes at 6:30 on every Monday, Wednesday and Friday: 51 weeks, 153.
/// - B: the moon, 60 minutes at 23:30 on the 14 days from Monday 30 March to 12 April.
/// - C: the breath, 30 minutes at 5:00 on the 16 days from Monday 21 September to 6 October.
/// - D: on the first of each of the twelve months, 10 minutes at noon that were partial.
/// - E: on the 15th of each of them, 5 minutes at noon that were abandoned.
/// - F: 20 minutes at 6:45 of nothing in particular on 17 and 19 November 2026.
async fn practise_for_a_year(jane: &mut Jane) {
    for first in ["2025-12-01", "2025-12-03", "2025-12-05"] {
        for date in dates(first, 7, 51) {
            jane.save(&date, "06:30", 40, DONE, "sun").await;
        }
    }
    for date in dates("2026-03-30", 1, 14) {
        jane.save(&date, "23:30", 60, DONE, "moon").await;
    }
    for date in dates("2026-09-21", 1, 16) {
        jane.save(&date, "05:00", 30, DONE, "breath").await;
    }
    for month in 0..12 {
        let (year, month) = (2025 + (month + 11) / 12, (month + 11) % 12 + 1);
        let (first, middle) = (
            format!("{year}-{month:02}-01"),
            format!("{year}-{month:02}-15"),
        );
        let (partial, abandoned) = (CompletionStatus::Partial, CompletionStatus::Abandoned);
        jane.save(&first, "12:00", 10, partial, "sun").await;
        jane.save(&middle, "12:00", 5, abandoned, "sun").await;
    }
    for date in ["2026-11-17", "2026-11-19"] {
        jane.save(date, "06:45", 20, DONE, "").await;
    }
}

async fn a_year_of_practice_is_what_was_worked_out_by_hand(server: Server) {
    let mut jane = Jane::in_auckland(&server).await;
    // 21:00 of Friday 20 November 2026 in Auckland.
    server.set_clock("2026-11-20T08:00:00Z");
    practise_for_a_year(&mut jane).await;

    // Completed: A 153 + B 14 + C 16 + F 2 = 185 sessions and
    // 153 * 2,400 + 14 * 3,600 + 16 * 1,800 + 2 * 1,200
    // = 367,200 + 50,400 + 28,800 + 2,400 = 448,800 seconds.
    // Ended: 185 + D 12 + E 12 = 209, and 185 / 209 = 88.516... %.
    // The current streak: Monday A, Tuesday F, Wednesday A, Thursday F, Friday A; on Sunday the
    // 15th there was only an abandoned session.
    // The longest: C from 21 September to 6 October, 16 days, and A on Wednesday the 7th; B has
    // 14 days and A on Monday 13 April.
    // The last 30 days are those from Thursday 22 October: A on Friday the 23rd, then four weeks
    // of 3, and F: 1 + 12 + 2.
    let year = pb::GetUserStatisticsResponse {
        total_sessions: 185,
        total_seconds: 448_800,
        total_hours: 448_800.0 / 3_600.0,
        average_session_minutes: 448_800.0 / 185.0 / 60.0,
        current_streak_days: 5,
        longest_streak_days: 17,
        completion_rate_percentage: 88.52,
        sessions_last_30_days: 15,
        partial_sessions: 12,
        abandoned_sessions: 12,
    };
    assert_eq!(jane.statistics(None).await, year);
    // Nothing of it is outside of these days.
    let whole = range("2025-12-01", "2026-11-20");
    assert_eq!(jane.statistics(whole).await, year);

    // September: A on 4 Mondays, 5 Wednesdays and 4 Fridays, and C on its last 10 days:
    // 23 sessions, 13 * 2,400 + 10 * 1,800 = 49,200 seconds; one of D and one of E: 23 of 25.
    let september = pb::GetUserStatisticsResponse {
        total_sessions: 23,
        total_seconds: 49_200,
        total_hours: 49_200.0 / 3_600.0,
        average_session_minutes: 49_200.0 / 23.0 / 60.0,
        completion_rate_percentage: 92.0,
        partial_sessions: 1,
        abandoned_sessions: 1,
        ..year
    };
    let found = jane.statistics(range("2026-09-01", "2026-09-30")).await;
    assert_eq!(found, september);

    streaks_of_the_year(&server, &mut jane).await;
    server.set_clock("2026-11-20T08:00:00Z");
    calendar_of_the_year(&mut jane).await;
    frequency_of_the_year(&mut jane).await;

    // By completed sessions: the time of B does not make it come before C.
    assert_eq!(
        jane.subjects(None).await,
        [
            top("sun", 153, 367_200),
            top("breath", 16, 28_800),
            top("moon", 14, 50_400),
        ]
    );
    assert_eq!(
        jane.subjects(range("2026-09-01", "2026-09-30")).await,
        [top("sun", 13, 31_200), top("breath", 10, 18_000)]
    );
}

async fn streaks_of_the_year(server: &Server, jane: &mut Jane) {
    let friday = pb::GetStreakResponse {
        current_days: 5,
        longest_days: 17,
        last_date: "2026-11-20".to_owned(),
        done_today: true,
        at_risk: false,
    };
    assert_eq!(jane.streak().await, friday);
    // One minute before Auckland's midnight, and at midnight: 11:00 in UTC.
    server.set_clock("2026-11-20T10:59:00Z");
    assert_eq!(jane.streak().await, friday);
    server.set_clock("2026-11-20T11:00:00Z");
    let saturday = pb::GetStreakResponse {
        done_today: false,
        at_risk: true,
        ..friday
    };
    assert_eq!(jane.streak().await, saturday);
    server.set_clock("2026-11-21T11:00:00Z");
    let sunday = pb::GetStreakResponse {
        current_days: 0,
        at_risk: false,
        ..saturday
    };
    assert_eq!(jane.streak().await, sunday);
}

async fn calendar_of_the_year(jane: &mut Jane) {
    // B gives half an hour to its own day and half an hour to the next, as long as the clock is
    // set back at 3:00 of Sunday 5 April or not: 3,600 seconds on a day between two of them.
    // A adds 2,400 on Monday, Wednesday and Friday, D 600 on the first.
    assert_eq!(
        jane.calendar("2026-03-30", "2026-04-14", false).await,
        [
            entry("2026-03-30", 2, 2, 2_400 + 1_800),
            entry("2026-03-31", 1, 1, 3_600),
            entry("2026-04-01", 3, 2, 2_400 + 3_600 + 600),
            entry("2026-04-02", 1, 1, 3_600),
            entry("2026-04-03", 2, 2, 6_000),
            entry("2026-04-04", 1, 1, 3_600),
            entry("2026-04-05", 1, 1, 3_600),
            entry("2026-04-06", 2, 2, 6_000),
            entry("2026-04-07", 1, 1, 3_600),
            entry("2026-04-08", 2, 2, 6_000),
            entry("2026-04-09", 1, 1, 3_600),
            entry("2026-04-10", 2, 2, 6_000),
            entry("2026-04-11", 1, 1, 3_600),
            entry("2026-04-12", 1, 1, 3_600),
            entry("2026-04-13", 1, 1, 1_800 + 2_400),
        ]
    );
    // Where the clock is set forward, on Sunday 27 September, nothing is lost either.
    assert_eq!(
        jane.calendar("2026-09-26", "2026-09-28", false).await,
        [
            entry("2026-09-26", 1, 1, 1_800),
            entry("2026-09-27", 1, 1, 1_800),
            entry("2026-09-28", 2, 2, 4_200),
        ]
    );
    let with_sessions = jane.calendar("2026-04-01", "2026-04-01", true).await;
    let sessions = &with_sessions[0].sessions;
    let starts: Vec<_> = sessions.iter().map(|session| session.start_time).collect();
    assert_eq!(
        starts,
        ["06:30", "12:00", "23:30"].map(|clock| time(&format!("2026-04-01T{clock}:00+13:00")))
    );
    // A stay over midnight is a session of its first day alone.
    let next = jane.calendar("2026-04-13", "2026-04-13", true).await;
    assert_eq!(next[0].sessions.len(), 1);
}

async fn frequency_of_the_year(jane: &mut Jane) {
    // The last 30 days: A from Friday 23 October to Friday 20 November, and F.
    let month = jane.frequency(0).await;
    let days: Vec<_> = month
        .days
        .iter()
        .map(|day| (&*day.date, day.sessions))
        .collect();
    let expected = [
        "2026-10-23",
        "2026-10-26",
        "2026-10-28",
        "2026-10-30",
        "2026-11-02",
        "2026-11-04",
        "2026-11-06",
        "2026-11-09",
        "2026-11-11",
        "2026-11-13",
        "2026-11-16",
        "2026-11-17",
        "2026-11-18",
        "2026-11-19",
        "2026-11-20",
    ];
    assert_eq!(days, expected.map(|date| (date, 1)));
    // A at 6 o'clock: 4 Mondays, 4 Wednesdays, 5 Fridays; F on Tuesday and Thursday.
    let mut grid = vec![0; 7 * 24];
    for (weekday, sessions) in [(0, 4), (1, 1), (2, 4), (3, 1), (4, 5)] {
        grid[weekday * 24 + 6] = sessions;
    }
    assert_eq!(month.weekday_hours, grid);

    // The year: A and F at 6 o'clock; B at 23 on each weekday twice, also after the clock was set
    // back; C at 5 on each weekday twice, and on a third Monday and Tuesday.
    let year = jane.frequency(366).await;
    let mut grid = vec![0; 7 * 24];
    for (weekday, [a, b, c]) in [
        [51, 2, 3],
        [1, 2, 3],
        [51, 2, 2],
        [1, 2, 2],
        [51, 2, 2],
        [0, 2, 2],
        [0, 2, 2],
    ]
    .into_iter()
    .enumerate()
    {
        grid[weekday * 24 + 6] = a;
        grid[weekday * 24 + 23] = b;
        grid[weekday * 24 + 5] = c;
    }
    assert_eq!(year.weekday_hours, grid);
    // A has 153 days, F 2; of the 14 days of B 6 are A's too, of the 16 days of C 7 are:
    // 153 + 2 + 8 + 9 = 172 days, 13 of them with two sessions.
    assert_eq!(year.days.len(), 172);
    let two = year.days.iter().filter(|day| day.sessions == 2).count();
    assert_eq!(two, 13);
    assert_eq!(year.days.iter().map(|day| day.sessions).sum::<i64>(), 185);
    assert_eq!(year.days[0].date, "2025-12-01");

    // Today alone: A.
    let today = jane.frequency(1).await;
    assert_eq!(today.days.len(), 1);
    assert_eq!(today.weekday_hours.iter().sum::<i64>(), 1);
}

async fn nothing_is_known_of_a_new_user(server: Server) {
    let mut jane = Jane {
        caller: server.tenant(1),
    };
    for _ in 0..2 {
        assert_eq!(
            jane.statistics(None).await,
            pb::GetUserStatisticsResponse::default()
        );
        assert_eq!(jane.streak().await, pb::GetStreakResponse::default());
        assert_eq!(jane.calendar("2026-03-01", "2026-03-31", true).await, []);
        let frequency = jane.frequency(0).await;
        assert_eq!(frequency.days, []);
        assert_eq!(frequency.weekday_hours, vec![0; 168]);
        assert_eq!(jane.subjects(None).await, []);
        // The same once the tenant has somebody else.
        jane.caller.start(start(OTHER_USER)).await;
    }
}

async fn a_session_that_is_over_has_ended_before_the_sweep_finds_it(server: Server) {
    let mut jane = Jane {
        caller: server.tenant(1),
    };
    let session = pb::StartSessionRequest {
        session_id: id(1),
        ..start(USER)
    };
    jane.caller.start(session).await;
    server.pass(std::time::Duration::from_mins(10));
    let session_id = id(1);
    let heartbeat = pb::HeartbeatRequest { session_id };
    jane.caller.sessions.heartbeat(heartbeat).await.unwrap();
    // It counts for the calendar as it starts; its time and its end when it is over.
    let today = &MORNING[..10];
    assert_eq!(
        jane.calendar(today, today, false).await,
        [entry(today, 1, 0, 0)]
    );
    let request = pb::RecordSessionRequest {
        user_id: USER.to_owned(),
        duration: seconds(60),
        ..Default::default()
    };
    jane.caller.sessions.record_session(request).await.unwrap();
    assert_eq!(rate(&jane.statistics(None).await), "100");

    server.pass(std::time::Duration::from_mins(31));
    let statistics = jane.statistics(None).await;
    assert_eq!(rate(&statistics), "50");
    assert_eq!(
        (statistics.total_sessions, statistics.partial_sessions),
        (1, 0)
    );
    let yesterday = jane.statistics(range("2026-03-01", "2026-03-01")).await;
    assert_eq!(rate(&yesterday), "0");
    let expected = [entry(today, 2, 1, 600 + 60)];
    assert_eq!(jane.calendar(today, today, false).await, expected);
    // What the sweep then writes is what was told.
    let session_id = id(1);
    let heartbeat = pb::HeartbeatRequest { session_id };
    assert!(jane.caller.sessions.heartbeat(heartbeat).await.is_err());
    jane.caller.get(&id(1)).await;
    assert_eq!(jane.statistics(None).await, statistics);
    assert_eq!(jane.calendar(today, today, false).await, expected);
}

async fn a_streak_survives_both_changes_of_the_clock(server: Server) {
    let mut jane = Jane::in_auckland(&server).await;
    server.set_clock("2026-10-01T00:00:00Z");
    // At the first and the last minute of days of 25 and of 23 hours.
    for (date, clock) in [
        ("2026-04-04", "00:00"),
        ("2026-04-05", "23:59"),
        ("2026-04-06", "00:00"),
        ("2026-09-26", "23:59"),
        ("2026-09-27", "23:59"),
        ("2026-09-28", "00:00"),
        ("2026-09-29", "00:00"),
    ] {
        jane.save(date, clock, 1, DONE, "").await;
    }
    let streak = jane.streak().await;
    // 1 October, 13:00: the last day was the one before yesterday.
    assert_eq!((streak.current_days, streak.longest_days), (0, 4));
    server.set_clock("2026-09-30T10:59:59Z");
    let streak = jane.streak().await;
    assert_eq!((streak.current_days, streak.at_risk), (4, true));
}
