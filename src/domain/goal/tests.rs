use chrono_tz::Tz;
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::domain::{calendar::plus_days, time::FIRST_DATE};

fn goal(goal_type: GoalType, target_value: f64, days: i64) -> Goal {
    let details = GoalDetails {
        goal_type,
        name: String::new(),
        description: String::new(),
        target_value,
        unit: String::new(),
        priority: GoalPriority::Medium,
        recurrence: None,
        reminder_enabled: false,
        subject: None,
    };
    let dates = DateRange {
        start: FIRST_DATE,
        end: plus_days(FIRST_DATE, days - 1),
    };
    let (id, user) = (GoalId(Uuid::nil()), UserId(Uuid::nil()));
    Goal::new(id, user, details, dates, Timestamp::FIRST)
}

fn given(value: f64) -> GivenValue {
    GivenValue { value, counted: 0 }
}

fn on_day(goal: &Goal, day: i64) -> GoalView {
    let calendar = Calendar::of(Tz::UTC);
    goal.clone().view(&calendar, plus_days(FIRST_DATE, day))
}

#[test]
fn on_track_is_as_far_along_as_the_days_before_today() {
    let mut goal = goal(GoalType::Custom, 10.0, 10);
    for (value, day, expected) in [
        (0.0, -5, true),
        (0.0, 0, true),
        (0.0, 1, false),
        (1.0, 1, true),
        (4.9, 5, false),
        (5.0, 5, true),
        (9.0, 9, true),
        (9.0, 10, false),
    ] {
        goal.given = Some(given(value));
        assert_eq!(on_day(&goal, day).on_track, expected, "{value} on {day}");
    }
    goal.status = GoalStatus::Completed;
    assert!(on_day(&goal, 500).on_track);
}

#[test]
fn a_goal_is_expired_once_its_last_day_is_over() {
    let mut goal = goal(GoalType::Custom, 10.0, 10);
    assert_eq!(on_day(&goal, 9).goal.status, GoalStatus::Active);
    assert_eq!(on_day(&goal, 10).goal.status, GoalStatus::Expired);
    goal.status = GoalStatus::Abandoned;
    assert_eq!(on_day(&goal, 10).goal.status, GoalStatus::Abandoned);
}

#[test]
fn a_sum_goes_on_from_a_value_by_hand() {
    let mut goal = goal(GoalType::StudyTime, 10.0, 10);
    goal.count.sum = 119;
    assert!(goal.value().total_cmp(&1.0).is_eq());
    goal.given = Some(GivenValue {
        value: 0.5,
        counted: 119,
    });
    assert!(goal.value().total_cmp(&0.5).is_eq());
    goal.count.sum = 119 + 60;
    assert!(goal.value().total_cmp(&1.5).is_eq());
}

#[test]
fn a_streak_is_kept_where_the_goal_ends() {
    let mut goal = goal(GoalType::Streak, 10.0, 10);
    goal.count = GoalCount {
        sum: 4,
        samples: 0,
        last_date: Some(plus_days(FIRST_DATE, 9)),
    };
    let value = |goal: &Goal, day| on_day(goal, day).value;
    assert!(value(&goal, 300).total_cmp(&4.0).is_eq());
    goal.count.last_date = Some(plus_days(FIRST_DATE, 7));
    assert!(value(&goal, 8).total_cmp(&4.0).is_eq());
    assert!(value(&goal, 300).total_cmp(&0.0).is_eq());
}

proptest! {
    #[test]
    fn what_is_shown_is_what_its_formula_says(
        value in 0_i32..1_000,
        target in 1_i32..1_000,
        all in 1_i64..400,
        day in -50_i64..500,
    ) {
        let mut goal = goal(GoalType::Custom, f64::from(target), all);
        goal.given = Some(given(f64::from(value)));
        let view = on_day(&goal, day);
        let exact = 20_000 * i64::from(value) + i64::from(target);
        prop_assert_eq!(view.percentage.0, exact / (2 * i64::from(target)));
        prop_assert_eq!(view.days_remaining, (all - 1 - day).max(0));
        let gone = day.clamp(0, all);
        let as_far = i64::from(value) * all >= i64::from(target) * gone;
        prop_assert_eq!(view.on_track, as_far);
    }
}
