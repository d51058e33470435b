//! What counts for goals, how they end, and what comes after them.

#![expect(clippy::float_cmp, reason = "values are told to the last bit")]

use std::time::Duration;

use chrono_tz::Tz;
use dwell::{
    domain::{
        activity::ActivityDetails,
        commands::{
            CreateGoal, DeleteGoal, LogActivity, RecordGoalProgress, RecordSession,
            RecordedProgress, RecordedTime, UpdateGoal,
        },
        fingerprint::Fingerprint,
        goal::{
            GoalDetails, GoalFilter, GoalPatch, GoalPriority, GoalStatus, GoalType, GoalView,
            MAX_ACTIVE_GOALS, recurrence::Recurrence,
        },
        hundredths::Hundredths,
        ids::{ActivityId, GoalId, SessionId, UserId},
        rejection::{Entity, Rejection, UsedId},
        session::{SessionContext, Subject},
    },
    jobs::{self, Jobs},
    store::Error,
};
use uuid::Uuid;

use crate::fixture::{
    Fixture, HOUR, MINUTE, at, completed, context, day, days, invalid_field, session, user,
};

on_both_engines! {
    a_stay_counts_by_the_minute_on_the_days_of_the_goal
    activities_count_by_their_type
    only_the_subject_of_the_goal_counts
    a_streak_is_the_row_that_ends_with_the_latest_practised_day
    what_was_done_before_the_goal_was_set_counts
    a_target_that_is_reached_completes_at_once
    a_goal_past_its_date_is_expired_for_whoever_looks_first
    a_recurring_goal_opens_its_next_period_once
    after_a_long_silence_the_period_that_holds_today_is_opened
    a_value_by_hand_stands_in_the_place_of_what_was_counted
    a_day_has_its_latest_value_and_its_milestone
    a_progress_page_knows_the_milestones_before_it
    an_abandoned_goal_counts_what_it_missed_once_it_goes_on
    what_is_over_keeps_its_aim
    a_deleted_goal_is_gone_with_its_progress
    the_same_id_again_is_the_same_goal_or_taken
    a_user_has_so_many_active_goals_and_no_more
    goals_are_listed_by_target_date_as_they_are_seen
    numbers_come_back_as_they_were_given
    ends_at_once_on_two_instances_all_count
    a_goal_and_a_first_session_at_once_count
    nobody_elses_goals_move
    what_follows_a_goal_is_opened_once_whatever_becomes_of_the_goal
    a_milestone_is_first_passed_on_the_first_of_the_days_that_pass_it
    a_new_target_date_leaves_a_mean_by_hand_alone
}

const JANE: UserId = user(7);

pub const fn goal_id(number: u128) -> GoalId {
    GoalId(Uuid::from_u128(number))
}

pub fn details(goal_type: GoalType, target_value: f64) -> GoalDetails {
    GoalDetails {
        goal_type,
        name: "a goal".to_owned(),
        description: String::new(),
        target_value,
        unit: String::new(),
        priority: GoalPriority::Medium,
        recurrence: None,
        reminder_enabled: false,
        subject: None,
    }
}

fn recurring(goal_type: GoalType, target_value: f64, recurrence: Recurrence) -> GoalDetails {
    GoalDetails {
        recurrence: Some(recurrence),
        ..details(goal_type, target_value)
    }
}

fn about(id: &str) -> Subject {
    Subject {
        kind: "course".to_owned(),
        id: id.to_owned(),
        name: "A course".to_owned(),
    }
}

impl Fixture {
    pub async fn set_goal(
        &self,
        number: u128,
        details: GoalDetails,
        (start, target): (&str, &str),
    ) -> Result<GoalView, Error> {
        let print = Fingerprint::of("goal", &(&details, start, target));
        self.submit(CreateGoal {
            user_id: JANE,
            goal_id: goal_id(number),
            details,
            start_date: Some(day(start)),
            target_date: day(target),
            fingerprint: Some(print),
        })
        .await
    }

    pub async fn find_goal(&self, id: GoalId) -> Option<GoalView> {
        let found = self.store.get_goal(self.tenant, id, self.now()).await;
        found.unwrap()
    }

    pub async fn goal(&self, number: u128) -> GoalView {
        self.find_goal(goal_id(number)).await.unwrap()
    }

    async fn value(&self, number: u128) -> f64 {
        self.goal(number).await.value
    }

    /// A session of JANE's that was completed.
    async fn practise(&self, start: &str, seconds: u64, subject: Option<Subject>) -> SessionId {
        self.practise_as(JANE, start, seconds, subject).await
    }

    async fn practise_as(
        &self,
        user_id: UserId,
        start: &str,
        seconds: u64,
        subject: Option<Subject>,
    ) -> SessionId {
        let id = SessionId(self.new_id());
        let start = at(start);
        let end = start + Duration::from_secs(seconds);
        let context = SessionContext {
            subject,
            ..context()
        };
        self.submit(RecordSession {
            user_id,
            session_id: id,
            context,
            review: completed(),
            time: RecordedTime::Between { start, end },
            fingerprint: None,
        })
        .await
        .unwrap();
        id
    }

    async fn log_items(
        &self,
        session_id: SessionId,
        kind: &str,
        items: i64,
        correct: i64,
        start: &str,
    ) {
        let id = ActivityId(self.new_id());
        self.submit_for(session_id, |user_id| LogActivity {
            user_id,
            session_id,
            activity_id: id,
            details: ActivityDetails {
                activity_type: kind.to_owned(),
                content_type: String::new(),
                content_id: String::new(),
                items_completed: items,
                items_correct: correct,
                metadata: None,
            },
            start_time: Some(at(start)),
            duration: Duration::ZERO,
            fingerprint: None,
        })
        .await
        .unwrap();
    }

    async fn progress(
        &self,
        number: u128,
        value: f64,
        date: Option<&str>,
    ) -> Result<RecordedProgress, Error> {
        self.submit(RecordGoalProgress {
            user_id: JANE,
            goal_id: goal_id(number),
            value,
            notes: format!("at {value}"),
            date: date.map(day),
        })
        .await
    }

    async fn update(&self, number: u128, patch: GoalPatch) -> Result<GoalView, Error> {
        self.submit(UpdateGoal {
            user_id: JANE,
            goal_id: goal_id(number),
            patch,
        })
        .await
    }

    async fn delete(&self, number: u128, abandon: bool) -> Result<(), Error> {
        self.submit(DeleteGoal {
            user_id: JANE,
            goal_id: goal_id(number),
            abandon,
        })
        .await
    }

    /// Each day of progress: value, notes, milestone.
    async fn history(&self, number: u128) -> Vec<(String, f64, String, Option<u8>)> {
        let id = goal_id(number);
        let found = self.store.list_goal_progress(self.tenant, id, None, 1_000);
        let page = found.await.unwrap().unwrap();
        page.items
            .into_iter()
            .map(|day| {
                let notes = day.progress.notes.unwrap_or_default();
                (
                    day.progress.date.to_string(),
                    day.progress.value,
                    notes,
                    day.milestone,
                )
            })
            .collect()
    }

    async fn goals(&self, status: Option<GoalStatus>) -> Vec<GoalView> {
        let filter = GoalFilter {
            user_id: JANE,
            status,
            subject_type: None,
            subject_id: None,
        };
        let now = self.now();
        let page = self.store.list_goals(self.tenant, filter, None, 1_000, now);
        page.await.unwrap().items
    }

    /// What the job does, for all tenants.
    async fn expire_goals(&self) -> usize {
        let jobs = Jobs {
            store: self.store.clone(),
            writer: self.writer.clone(),
            clock: self.clock.clone(),
            delivery: None,
        };
        jobs::goals::expire(&jobs).await.unwrap()
    }
}

fn not_active(status: GoalStatus) -> Error {
    Rejection::GoalNotActive { status }.into()
}

const THIS_WEEK: (&str, &str) = ("2026-11-16", "2026-11-22");

async fn a_stay_counts_by_the_minute_on_the_days_of_the_goal(db: Fixture) {
    db.set_clock("2026-11-01T00:00:00Z");
    db.set_zone(Tz::America__New_York).await;
    db.set_clock("2026-11-20T12:00:00Z");
    db.set_goal(
        1,
        details(GoalType::StudyTime, 600.0),
        ("2026-11-18", "2026-11-20"),
    )
    .await
    .unwrap();
    // From 23:30 of the 17th to 00:30:59 of the 18th, in New York.
    db.practise("2026-11-18T04:30:00Z", HOUR + 59, None).await;
    assert_eq!(db.value(1).await, 30.0);
    // Seconds add up to a minute.
    db.practise("2026-11-19T12:00:00Z", 1, None).await;
    assert_eq!(db.value(1).await, 31.0);
    // A day before it does not count.
    db.practise("2026-11-17T12:00:00Z", HOUR, None).await;
    db.start_as(JANE, session(1)).await.unwrap();
    db.pass(5 * MINUTE);
    assert_eq!(db.value(1).await, 31.0, "an open session has not ended");
    db.end(session(1)).await.unwrap();
    let goal = db.goal(1).await;
    assert_eq!(goal.value, 36.0);
    assert_eq!(goal.percentage, Hundredths(600));
    assert_eq!(goal.goal.count.sum, 36 * 60);
    let expected = [("2026-11-20".to_owned(), 36.0, String::new(), None)];
    assert_eq!(db.history(1).await, expected);
}

async fn activities_count_by_their_type(db: Fixture) {
    let types = [
        (1, GoalType::TestScore),
        (2, GoalType::FlashcardMastery),
        (3, GoalType::AssignmentCompletion),
        (4, GoalType::Custom),
    ];
    for (number, goal_type) in types {
        db.set_goal(number, details(goal_type, 1_000.0), THIS_WEEK)
            .await
            .unwrap();
    }
    let id = db.practise("2026-11-20T10:00:00Z", 60, None).await;
    let today = "2026-11-20T10:00:00Z";
    db.log_items(id, "testing", 3, 2, today).await;
    db.log_items(id, "testing", 0, 0, today).await;
    db.log_items(id, "testing", 10, 10, today).await;
    db.log_items(id, "flashcards", 30, 20, today).await;
    db.log_items(id, "flashcards", 10, 10, today).await;
    db.log_items(id, "assignment", 5, 0, today).await;
    db.log_items(id, "assignment", 2, 2, today).await;
    db.log_items(id, "reading", 9, 9, today).await;
    // On another day than its session, which is none of the goals'.
    db.log_items(id, "assignment", 100, 0, "2026-11-15T10:00:00Z")
        .await;
    assert_eq!(db.value(1).await, 83.34);
    assert_eq!(db.value(2).await, 75.0);
    assert_eq!(db.value(3).await, 7.0);
    assert_eq!(db.value(4).await, 0.0);
}

async fn only_the_subject_of_the_goal_counts(db: Fixture) {
    for (number, goal_type) in [(1, GoalType::StudyTime), (2, GoalType::Streak)] {
        let mut details = details(goal_type, 1_000.0);
        details.subject = Some(about("a"));
        db.set_goal(number, details, THIS_WEEK).await.unwrap();
    }
    db.practise("2026-11-19T10:00:00Z", HOUR, None).await;
    db.practise("2026-11-19T10:00:00Z", HOUR, Some(about("b")))
        .await;
    assert_eq!((db.value(1).await, db.value(2).await), (0.0, 0.0));
    let mut renamed = about("a");
    "Another name".clone_into(&mut renamed.name);
    db.practise("2026-11-19T10:00:00Z", 60, Some(renamed)).await;
    db.practise("2026-11-20T10:00:00Z", 60, Some(about("a")))
        .await;
    assert_eq!((db.value(1).await, db.value(2).await), (2.0, 2.0));
}

async fn a_streak_is_the_row_that_ends_with_the_latest_practised_day(db: Fixture) {
    let dates = ("2026-11-10", "2026-11-30");
    db.set_goal(1, details(GoalType::Streak, 6.0), dates)
        .await
        .unwrap();
    db.practise("2026-11-09T10:00:00Z", 60, None).await;
    db.practise("2026-11-18T10:00:00Z", 60, None).await;
    assert_eq!(db.value(1).await, 0.0, "the 19th passed without practice");
    assert_eq!(db.goal(1).await.goal.value(), 1.0);
    db.practise("2026-11-20T10:00:00Z", 60, None).await;
    assert_eq!(db.value(1).await, 1.0);
    // Told late, and closes the gap.
    db.practise("2026-11-19T10:00:00Z", 60, None).await;
    assert_eq!(db.value(1).await, 3.0);
    db.practise("2026-11-19T11:00:00Z", 60, None).await;
    db.practise("2026-11-16T10:00:00Z", 60, None).await;
    assert_eq!(db.value(1).await, 3.0);
    db.set_clock("2026-11-21T23:59:59Z");
    assert_eq!(db.value(1).await, 3.0, "it may still go on");
    db.set_clock("2026-11-22T00:00:00Z");
    assert_eq!(db.value(1).await, 0.0);
    db.practise("2026-11-21T10:00:00Z", 60, None).await;
    db.practise("2026-11-17T10:00:00Z", 60, None).await;
    let goal = db.goal(1).await;
    assert_eq!((goal.value, goal.goal.status), (6.0, GoalStatus::Completed));
}

async fn what_was_done_before_the_goal_was_set_counts(db: Fixture) {
    let monday = db
        .practise("2026-11-16T10:00:00Z", 90, Some(about("a")))
        .await;
    db.log_items(monday, "testing", 4, 3, "2026-11-16T10:00:00Z")
        .await;
    db.practise("2026-11-15T23:59:00Z", 90, None).await;
    db.practise("2026-11-19T10:00:00Z", 60, None).await;
    db.practise("2026-11-20T10:00:00Z", 60, Some(about("b")))
        .await;
    let set = async |number, goal_type, subject| {
        let mut details = details(goal_type, 1_000.0);
        details.subject = subject;
        db.set_goal(number, details, THIS_WEEK).await.unwrap().value
    };
    // 30 + 90 + 60 + 60 seconds.
    assert_eq!(set(1, GoalType::StudyTime, None).await, 4.0);
    assert_eq!(set(2, GoalType::StudyTime, Some(about("a"))).await, 1.0);
    assert_eq!(set(3, GoalType::TestScore, None).await, 75.0);
    assert_eq!(set(4, GoalType::TestScore, Some(about("b"))).await, 0.0);
    assert_eq!(set(5, GoalType::Streak, None).await, 2.0);
    assert_eq!(set(6, GoalType::Streak, Some(about("b"))).await, 1.0);
    let expected = [("2026-11-20".to_owned(), 4.0, String::new(), None)];
    assert_eq!(db.history(1).await, expected);
    // In one batch with the session before it.
    let (_, goal) = tokio::join!(
        db.practise("2026-11-18T10:00:00Z", 60, None),
        db.set_goal(7, details(GoalType::StudyTime, 1_000.0), THIS_WEEK)
    );
    assert_eq!(goal.unwrap().value, 5.0);
    assert_eq!(db.value(7).await, 5.0);
}

async fn a_target_that_is_reached_completes_at_once(db: Fixture) {
    db.set_goal(1, details(GoalType::StudyTime, 10.0), THIS_WEEK)
        .await
        .unwrap();
    assert_eq!(db.user(JANE).await.user.active_goals, 1);
    db.start_as(JANE, session(1)).await.unwrap();
    db.pass(12 * MINUTE);
    let now = db.now();
    db.end(session(1)).await.unwrap();
    let goal = db.goal(1).await;
    assert_eq!(goal.goal.status, GoalStatus::Completed);
    assert_eq!(goal.goal.completed_at, Some(now));
    assert_eq!(goal.percentage, Hundredths(12_000));
    assert!(goal.on_track);
    assert_eq!(db.user(JANE).await.user.active_goals, 0);
    // It stays what it was.
    db.practise("2026-11-20T10:00:00Z", HOUR, None).await;
    assert_eq!(db.goal(1).await, goal);
    let expected = [("2026-11-20".to_owned(), 12.0, String::new(), Some(100))];
    assert_eq!(db.history(1).await, expected);
}

async fn a_goal_past_its_date_is_expired_for_whoever_looks_first(db: Fixture) {
    db.set_zone(Tz::Pacific__Auckland).await;
    for number in 1..=3 {
        db.set_goal(
            number,
            details(GoalType::StudyTime, 10.0),
            ("2026-11-20", "2026-11-21"),
        )
        .await
        .unwrap();
    }
    let tenants = async || {
        let found = db
            .store
            .list_tenants_with_goals_to_expire(db.now(), None, 10);
        found.await.unwrap()
    };
    // Midnight in Auckland.
    db.set_clock("2026-11-21T10:59:59Z");
    assert_eq!(db.goal(1).await.goal.status, GoalStatus::Active);
    assert_eq!(db.expire_goals().await, 0);
    db.set_clock("2026-11-21T11:00:00Z");
    assert_eq!(tenants().await, [db.tenant]);
    assert_eq!(db.goal(1).await.goal.status, GoalStatus::Expired);
    assert_eq!(db.goals(Some(GoalStatus::Expired)).await.len(), 3);
    assert!(db.goals(Some(GoalStatus::Active)).await.is_empty());
    assert_eq!(
        db.progress(1, 5.0, None).await.unwrap_err(),
        not_active(GoalStatus::Expired)
    );
    // What is told of its days now comes too late.
    db.practise("2026-11-21T10:00:00Z", 1_200, None).await;
    assert_eq!(db.value(2).await, 0.0);
    assert_eq!(db.goal(2).await.goal.status, GoalStatus::Expired);
    assert_eq!(db.expire_goals().await, 0, "the session's end found them");
    assert!(tenants().await.is_empty());
    assert_eq!(db.user(JANE).await.user.active_goals, 0);
}

async fn a_recurring_goal_opens_its_next_period_once(db: Fixture) {
    let week = recurring(GoalType::StudyTime, 10.0, Recurrence::Weekly);
    db.set_goal(1, week, THIS_WEEK).await.unwrap();
    db.practise("2026-11-20T10:00:00Z", 10 * MINUTE, None).await;
    // Completed early: the next one begins when this one would have ended.
    let goals = db.goals(None).await;
    assert_eq!(goals.len(), 2);
    let next = &goals[1];
    assert_eq!(next.goal.dates, days("2026-11-23", "2026-11-29"));
    assert_eq!((next.goal.status, next.value), (GoalStatus::Active, 0.0));
    assert_eq!(next.goal.details, goals[0].goal.details);
    db.practise("2026-11-20T10:00:00Z", 10 * MINUTE, None).await;
    assert_eq!(db.goals(None).await.len(), 2);
    assert_eq!(db.user(JANE).await.user.active_goals, 1);
    // Expired: what was done on the next one's days before the job came counts for it.
    db.set_clock("2026-11-30T12:00:00Z");
    db.practise("2026-11-30T10:00:00Z", 3 * MINUTE, None).await;
    let goals = db.goals(None).await;
    let told: Vec<_> = goals
        .iter()
        .map(|view| (view.goal.status, view.value))
        .collect();
    let expected = [
        (GoalStatus::Completed, 10.0),
        (GoalStatus::Expired, 0.0),
        (GoalStatus::Active, 3.0),
    ];
    assert_eq!(told, expected);
    assert_eq!(goals[2].goal.dates, days("2026-11-30", "2026-12-06"));
    // An abandoned one is not gone on with.
    let last = goals[2].goal.id;
    let command = DeleteGoal {
        user_id: JANE,
        goal_id: last,
        abandon: true,
    };
    db.submit(command).await.unwrap();
    db.set_clock("2026-12-20T12:00:00Z");
    assert_eq!(db.expire_goals().await, 0);
    assert_eq!(db.goals(None).await.len(), 3);
}

async fn after_a_long_silence_the_period_that_holds_today_is_opened(db: Fixture) {
    let daily = recurring(GoalType::StudyTime, 10.0, Recurrence::Daily);
    db.set_goal(1, daily, ("2026-11-20", "2026-11-20"))
        .await
        .unwrap();
    db.set_clock("2027-11-20T12:00:00Z");
    assert_eq!(db.expire_goals().await, 1);
    assert_eq!(db.expire_goals().await, 0);
    let goals = db.goals(None).await;
    assert_eq!(goals.len(), 2);
    assert_eq!(goals[1].goal.dates, days("2027-11-20", "2027-11-20"));
}

async fn a_value_by_hand_stands_in_the_place_of_what_was_counted(db: Fixture) {
    let id = db.practise("2026-11-20T10:00:00Z", 10 * MINUTE, None).await;
    let now = "2026-11-20T10:00:00Z";
    db.log_items(id, "testing", 2, 1, now).await;
    db.set_goal(1, details(GoalType::StudyTime, 1_000.0), THIS_WEEK)
        .await
        .unwrap();
    db.set_goal(2, details(GoalType::TestScore, 101.0), THIS_WEEK)
        .await
        .unwrap();
    db.set_goal(3, details(GoalType::Streak, 1_000.0), THIS_WEEK)
        .await
        .unwrap();
    for (number, value) in [(1, 4.5), (2, 90.25), (3, 5.0)] {
        let recorded = db.progress(number, value, None).await.unwrap();
        assert_eq!(recorded.goal.value, value);
        assert_eq!(db.value(number).await, value);
    }
    // A sum is gone on with from there; a mean and a streak are counted again.
    db.practise("2026-11-19T10:00:00Z", 2 * MINUTE, None).await;
    assert_eq!(db.value(1).await, 6.5);
    assert_eq!(db.value(3).await, 2.0);
    assert_eq!(db.value(2).await, 90.25);
    db.log_items(id, "testing", 2, 2, now).await;
    assert_eq!(db.value(2).await, 75.0);
    // The note of the day stays.
    let today = db.history(1).await.remove(0);
    assert_eq!((today.1, &*today.2), (6.5, "at 4.5"));
    // A correction outlives a new target date.
    let patch = GoalPatch {
        target_date: Some(day("2026-12-24")),
        ..GoalPatch::default()
    };
    assert_eq!(db.update(1, patch).await.unwrap().value, 6.5);
}

async fn a_day_has_its_latest_value_and_its_milestone(db: Fixture) {
    db.set_goal(1, details(GoalType::Custom, 8.0), THIS_WEEK)
        .await
        .unwrap();
    let milestone = |recorded: RecordedProgress| recorded.progress.milestone;
    let first = db.progress(1, 1.0, Some("2026-11-17")).await.unwrap();
    assert_eq!(first.progress.percentage, Hundredths(1_250));
    assert_eq!(milestone(first), None);
    let jump = db.progress(1, 6.0, Some("2026-11-19")).await.unwrap();
    assert_eq!(milestone(jump), Some(75));
    let less = db.progress(1, 5.0, Some("2026-11-19")).await.unwrap();
    assert_eq!((less.goal.value, milestone(less)), (5.0, Some(50)));
    // A day before the latest one does not move the goal.
    let earlier = db.progress(1, 2.0, Some("2026-11-18")).await.unwrap();
    assert_eq!((earlier.goal.value, milestone(earlier)), (5.0, Some(25)));
    let same = db.progress(1, 5.5, None).await.unwrap();
    assert_eq!(milestone(same), None);
    let bad = ["2026-11-21", "2026-11-15"];
    for date in bad {
        let answer = db.progress(1, 1.0, Some(date)).await;
        assert_eq!(invalid_field(answer), "date");
    }
    let values: Vec<_> = db
        .history(1)
        .await
        .into_iter()
        .map(|day| (day.1, day.3))
        .collect();
    let expected = [(1.0, None), (2.0, Some(25)), (5.0, Some(50)), (5.5, None)];
    assert_eq!(values, expected);
    let last = db.progress(1, 8.0, None).await.unwrap();
    assert_eq!(last.goal.goal.status, GoalStatus::Completed);
    assert_eq!(milestone(last), Some(100));
    let late = db.progress(1, 8.0, None).await.unwrap_err();
    assert_eq!(late, not_active(GoalStatus::Completed));
}

async fn a_progress_page_knows_the_milestones_before_it(db: Fixture) {
    db.set_goal(1, details(GoalType::Custom, 100.0), THIS_WEEK)
        .await
        .unwrap();
    let values = [30.0, 10.0, 40.0, 60.0];
    for (value, date) in values.into_iter().zip(16..) {
        db.progress(1, value, Some(&format!("2026-11-{date}")))
            .await
            .unwrap();
    }
    let mut after = None;
    let mut milestones = Vec::new();
    loop {
        let id = goal_id(1);
        let found = db.store.list_goal_progress(db.tenant, id, after, 1).await;
        let page = found.unwrap().unwrap();
        milestones.extend(page.items.iter().map(|day| day.milestone));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(milestones, [Some(25), None, None, Some(50)]);
}

async fn an_abandoned_goal_counts_what_it_missed_once_it_goes_on(db: Fixture) {
    db.set_goal(1, details(GoalType::StudyTime, 20.0), THIS_WEEK)
        .await
        .unwrap();
    db.delete(1, true).await.unwrap();
    db.delete(1, true).await.unwrap();
    assert_eq!(db.user(JANE).await.user.active_goals, 0);
    db.practise("2026-11-19T10:00:00Z", 10 * MINUTE, None).await;
    let goal = db.goal(1).await;
    assert_eq!((goal.goal.status, goal.value), (GoalStatus::Abandoned, 0.0));
    let refused = db.progress(1, 5.0, None).await.unwrap_err();
    assert_eq!(refused, not_active(GoalStatus::Abandoned));
    let to = |status| GoalPatch {
        status: Some(status),
        ..GoalPatch::default()
    };
    let goal = db.update(1, to(GoalStatus::Active)).await.unwrap();
    assert_eq!((goal.goal.status, goal.value), (GoalStatus::Active, 10.0));
    assert_eq!(db.user(JANE).await.user.active_goals, 1);
    let goal = db.update(1, to(GoalStatus::Abandoned)).await.unwrap();
    assert_eq!(goal.goal.status, GoalStatus::Abandoned);
    db.practise("2026-11-19T10:00:00Z", 10 * MINUTE, None).await;
    let goal = db.update(1, to(GoalStatus::Active)).await.unwrap();
    assert_eq!(
        goal.goal.status,
        GoalStatus::Completed,
        "it was reached meanwhile"
    );
}

async fn what_is_over_keeps_its_aim(db: Fixture) {
    db.set_goal(1, details(GoalType::StudyTime, 20.0), THIS_WEEK)
        .await
        .unwrap();
    db.practise("2026-11-19T10:00:00Z", 10 * MINUTE, None).await;
    let target = |value| GoalPatch {
        target_value: Some(value),
        ..GoalPatch::default()
    };
    let before_start = GoalPatch {
        target_date: Some(day("2026-11-15")),
        ..GoalPatch::default()
    };
    assert_eq!(
        invalid_field(db.update(1, before_start).await),
        "goal.target_date"
    );
    // Lowered to what is reached.
    let goal = db.update(1, target(10.0)).await.unwrap();
    assert_eq!(goal.goal.status, GoalStatus::Completed);
    let refused = db.update(1, target(30.0)).await.unwrap_err();
    assert_eq!(refused, not_active(GoalStatus::Completed));
    let refused = db.delete(1, true).await.unwrap_err();
    assert_eq!(refused, not_active(GoalStatus::Completed));
    let rename = GoalPatch {
        name: Some("another".to_owned()),
        target_value: Some(10.0),
        ..GoalPatch::default()
    };
    let goal = db.update(1, rename).await.unwrap();
    assert_eq!(goal.goal.details.name, "another");
    assert_eq!(goal, db.goal(1).await);
}

async fn a_deleted_goal_is_gone_with_its_progress(db: Fixture) {
    db.set_goal(1, details(GoalType::Custom, 20.0), THIS_WEEK)
        .await
        .unwrap();
    db.progress(1, 5.0, None).await.unwrap();
    db.delete(1, false).await.unwrap();
    let gone: Error = Rejection::NotFound(Entity::Goal).into();
    assert_eq!(db.find_goal(goal_id(1)).await, None);
    assert_eq!(db.delete(1, false).await.unwrap_err(), gone);
    let found = db.store.list_goal_progress(db.tenant, goal_id(1), None, 10);
    assert_eq!(found.await.unwrap(), None);
    assert_eq!(db.user(JANE).await.user.active_goals, 0);
    // The id is free, also within a batch, and what was is forgotten.
    db.set_goal(1, details(GoalType::Custom, 20.0), THIS_WEEK)
        .await
        .unwrap();
    let (progress, deleted, again) = tokio::join!(
        db.progress(1, 5.0, None),
        db.delete(1, false),
        db.set_goal(1, details(GoalType::Custom, 30.0), THIS_WEEK)
    );
    progress.unwrap();
    deleted.unwrap();
    again.unwrap();
    assert_eq!(db.goal(1).await.percentage, Hundredths(0));
    assert!(db.history(1).await.is_empty());
    assert_eq!(db.user(JANE).await.user.active_goals, 1);
}

async fn the_same_id_again_is_the_same_goal_or_taken(db: Fixture) {
    let goal = details(GoalType::StudyTime, 20.0);
    let first = db.set_goal(1, goal.clone(), THIS_WEEK).await.unwrap();
    let again = db.set_goal(1, goal.clone(), THIS_WEEK).await.unwrap();
    assert_eq!(first, again);
    let taken: Error = Rejection::IdTaken(UsedId::Goal).into();
    let other = db
        .set_goal(1, details(GoalType::StudyTime, 21.0), THIS_WEEK)
        .await;
    assert_eq!(other.unwrap_err(), taken);
    let backwards = db.set_goal(2, goal, ("2026-11-20", "2026-11-19")).await;
    assert_eq!(invalid_field(backwards), "goal.target_date");
    // Who sets a goal is known from then on.
    assert_eq!(db.user(JANE).await.user.first_seen_at, db.now());
}

async fn a_user_has_so_many_active_goals_and_no_more(db: Fixture) {
    let goal = details(GoalType::Custom, 20.0);
    let most = u128::try_from(MAX_ACTIVE_GOALS).unwrap();
    let all = (0..most).map(|number| db.set_goal(number, goal.clone(), THIS_WEEK));
    for set in futures::future::join_all(all).await {
        set.unwrap();
    }
    let limit = MAX_ACTIVE_GOALS;
    let full: Error = Rejection::TooManyGoals { limit }.into();
    let more = db.set_goal(most, goal.clone(), THIS_WEEK).await;
    assert_eq!(more.unwrap_err(), full);
    db.delete(0, true).await.unwrap();
    db.set_goal(most, goal, THIS_WEEK).await.unwrap();
    let resume = GoalPatch {
        status: Some(GoalStatus::Active),
        ..GoalPatch::default()
    };
    assert_eq!(db.update(0, resume).await.unwrap_err(), full);
}

async fn goals_are_listed_by_target_date_as_they_are_seen(db: Fixture) {
    let dates = [
        "2026-11-25",
        "2026-11-19",
        "2026-11-21",
        "2026-11-25",
        "2026-11-30",
    ];
    for (number, target) in (1..).zip(dates) {
        let mut goal = details(GoalType::Custom, 20.0);
        goal.subject = (number > 3).then(|| about(if number == 5 { "b" } else { "a" }));
        db.set_goal(number, goal, ("2026-11-10", target))
            .await
            .unwrap();
    }
    let numbers = |goals: &[GoalView]| -> Vec<_> {
        goals.iter().map(|view| view.goal.id.0.as_u128()).collect()
    };
    assert_eq!(numbers(&db.goals(None).await), [2, 3, 1, 4, 5]);
    assert_eq!(
        numbers(&db.goals(Some(GoalStatus::Active)).await),
        [3, 1, 4, 5]
    );
    assert_eq!(numbers(&db.goals(Some(GoalStatus::Expired)).await), [2]);
    let mut filter = GoalFilter {
        user_id: JANE,
        status: None,
        subject_type: Some("course".to_owned()),
        subject_id: None,
    };
    let list = async |filter: &GoalFilter, after, limit| {
        let (filter, now) = (filter.clone(), db.now());
        let page = db.store.list_goals(db.tenant, filter, after, limit, now);
        page.await.unwrap()
    };
    let page = list(&filter, None, 1).await;
    assert_eq!(numbers(&page.items), [4]);
    let page = list(&filter, page.next, 1).await;
    assert_eq!((numbers(&page.items), page.next), (vec![5], None));
    filter.subject_id = Some("b".to_owned());
    assert_eq!(numbers(&list(&filter, None, 9).await.items), [5]);
    filter.user_id = user(8);
    assert!(list(&filter, None, 9).await.items.is_empty());
}

async fn numbers_come_back_as_they_were_given(db: Fixture) {
    let values = [
        0.1,
        66.67,
        1e9,
        1.0 / 3.0,
        12_345.678_901_234_567,
        1e-9,
        0.3,
        5e-324,
    ];
    for (number, value) in (1..).zip(values) {
        let set = db
            .set_goal(number, details(GoalType::Custom, value), THIS_WEEK)
            .await;
        assert_eq!(
            set.unwrap().goal.details.target_value.to_bits(),
            value.to_bits()
        );
        let read = db.goal(number).await.goal.details.target_value;
        assert_eq!(read.to_bits(), value.to_bits(), "{value}");
        let reached = db.progress(number, value, None).await.unwrap();
        assert_eq!(reached.goal.goal.status, GoalStatus::Completed);
        assert_eq!(db.history(number).await[0].1.to_bits(), value.to_bits());
    }
}

async fn ends_at_once_on_two_instances_all_count(db: Fixture) {
    let other = db.second_instance().await;
    db.set_goal(1, details(GoalType::StudyTime, 1_000.0), THIS_WEEK)
        .await
        .unwrap();
    db.set_goal(
        2,
        details(GoalType::AssignmentCompletion, 1_000.0),
        THIS_WEEK,
    )
    .await
    .unwrap();
    let id = db.practise("2026-11-20T10:00:00Z", 60, None).await;
    for _ in 0..40 {
        tokio::join!(
            db.practise("2026-11-20T10:00:00Z", 60, None),
            other.practise("2026-11-20T10:00:00Z", 60, None),
            db.log_items(id, "assignment", 1, 0, "2026-11-20T10:00:00Z"),
            other.log_items(id, "assignment", 1, 0, "2026-11-20T10:00:00Z"),
        );
    }
    assert_eq!((db.value(1).await, db.value(2).await), (81.0, 80.0));
    assert_eq!(db.history(1).await.last().unwrap().1, 81.0);
}

async fn a_goal_and_a_first_session_at_once_count(db: Fixture) {
    let other = db.second_instance().await;
    for number in 0..40 {
        let user_id = user(1_000 + number);
        let goal = CreateGoal {
            user_id,
            goal_id: goal_id(number),
            details: details(GoalType::StudyTime, 1_000.0),
            start_date: None,
            target_date: day("2026-11-22"),
            fingerprint: None,
        };
        let (set, _) = tokio::join!(
            db.submit(goal),
            other.practise_as(user_id, "2026-11-20T10:00:00Z", 60, None)
        );
        set.unwrap();
        assert_eq!(db.value(number).await, 1.0, "user {number}");
    }
}

async fn nobody_elses_goals_move(db: Fixture) {
    db.set_goal(1, details(GoalType::StudyTime, 1_000.0), THIS_WEEK)
        .await
        .unwrap();
    let neighbour = db.for_tenant(2);
    neighbour.practise("2026-11-20T10:00:00Z", HOUR, None).await;
    db.practise_as(user(8), "2026-11-20T10:00:00Z", HOUR, None)
        .await;
    assert_eq!(db.value(1).await, 0.0);
    assert_eq!(neighbour.find_goal(goal_id(1)).await, None);
    assert!(neighbour.goals(None).await.is_empty());
    let found = neighbour
        .store
        .list_goal_progress(neighbour.tenant, goal_id(1), None, 10);
    assert_eq!(found.await.unwrap(), None);
    let gone: Error = Rejection::NotFound(Entity::Goal).into();
    assert_eq!(neighbour.delete(1, false).await.unwrap_err(), gone);
    // Nor for another user of the tenant.
    let command = DeleteGoal {
        user_id: user(8),
        goal_id: goal_id(1),
        abandon: false,
    };
    assert_eq!(db.submit(command).await.unwrap_err(), gone);
    // The same id is free there.
    let set = neighbour
        .set_goal(1, details(GoalType::Streak, 2.0), THIS_WEEK)
        .await;
    assert_eq!(set.unwrap().value, 1.0);
}

async fn what_follows_a_goal_is_opened_once_whatever_becomes_of_the_goal(db: Fixture) {
    let weekly = || recurring(GoalType::Custom, 8.0, Recurrence::Weekly);
    let named = |name: &str| GoalPatch {
        name: Some(name.to_owned()),
        ..GoalPatch::default()
    };
    db.set_goal(1, weekly(), THIS_WEEK).await.unwrap();
    db.progress(1, 8.0, None).await.unwrap();
    let next = db.goals(Some(GoalStatus::Active)).await.remove(0).goal;
    let rename = UpdateGoal {
        user_id: JANE,
        goal_id: next.id,
        patch: named("the user's own"),
    };
    db.submit(rename).await.unwrap();
    // The same id, set and reached again.
    db.delete(1, false).await.unwrap();
    db.set_goal(1, weekly(), THIS_WEEK).await.unwrap();
    db.progress(1, 8.0, None).await.unwrap();
    let goals = db.goals(None).await;
    let told: Vec<_> = goals.iter().map(|view| &*view.goal.details.name).collect();
    assert_eq!(told, ["a goal", "the user's own"]);
    assert_eq!(db.user(JANE).await.user.active_goals, 1);
    // What the user does not want does not come back with a new name of the goal before.
    let remove = DeleteGoal {
        user_id: JANE,
        goal_id: next.id,
        abandon: false,
    };
    db.submit(remove).await.unwrap();
    let before = db.goal(1).await.goal;
    db.clock.advance(Duration::from_secs(1));
    let after = db.update(1, named("done")).await.unwrap().goal;
    assert_eq!(after.completed_at, before.completed_at);
    assert_eq!(db.goals(None).await.len(), 1);
    assert_eq!(db.user(JANE).await.user.active_goals, 0);
}

async fn a_milestone_is_first_passed_on_the_first_of_the_days_that_pass_it(db: Fixture) {
    db.set_goal(1, details(GoalType::Custom, 8.0), THIS_WEEK)
        .await
        .unwrap();
    for (date, value, expected) in [
        ("2026-11-17", 6.0, Some(75)),
        ("2026-11-18", 1.0, None),
        ("2026-11-19", 5.0, None),
    ] {
        let recorded = db.progress(1, value, Some(date)).await.unwrap();
        assert_eq!(recorded.progress.milestone, expected, "{date}");
    }
}

async fn a_new_target_date_leaves_a_mean_by_hand_alone(db: Fixture) {
    let now = "2026-11-20T10:00:00Z";
    let id = db.practise(now, 10 * MINUTE, None).await;
    db.log_items(id, "testing", 2, 1, now).await;
    db.set_goal(1, details(GoalType::TestScore, 100.0), THIS_WEEK)
        .await
        .unwrap();
    db.progress(1, 90.25, None).await.unwrap();
    let later = GoalPatch {
        target_date: Some(day("2026-12-24")),
        ..GoalPatch::default()
    };
    assert_eq!(db.update(1, later).await.unwrap().value, 90.25);
}
