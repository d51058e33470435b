//! What the people of the demo have set themselves: by the month and by the year, so that each
//! run of the same month means the same goals.

use chrono::{Datelike, Months, NaiveDate};

use super::{
    cast::Company,
    person::{Person, one_of, rng},
};
use crate::pb::v1::{Goal, GoalPriority, GoalType, RecordGoalProgressRequest};

/// A goal, and how far it came by when.
pub struct Plan {
    pub goal: Goal,
    pub progress: Vec<RecordGoalProgressRequest>,
}

/// What somebody wants this month and wanted the month before, and what of the year they have
/// told of. Some want nothing.
pub fn plans(person: &Person, company: &Company, today: NaiveDate) -> Vec<Plan> {
    let mut rng = rng(person.named("goals"));
    if rng.u32(0..10) < 3 {
        return Vec::new();
    }
    let this_month = first_of_month(today);
    let last_month = this_month - Months::new(1);
    let minutes = f64::from(rng.u32(3..=24) * 50);
    let mut plans = vec![
        monthly(
            person,
            last_month,
            GoalType::StudyTime,
            "More time",
            minutes,
            "minutes",
        ),
        monthly(
            person,
            this_month,
            GoalType::StudyTime,
            "More time",
            minutes,
            "minutes",
        ),
    ];
    if rng.bool() {
        let days = f64::from(one_of(&mut rng, &[5_u32, 7, 10, 14]));
        let (kind, name) = (GoalType::Streak, "Days in a row");
        plans.push(monthly(person, this_month, kind, name, days, "days"));
    }
    let lessons = company.lessons.as_ref();
    if lessons.is_some_and(|lessons| lessons.activities.len() > 2) {
        let (kind, name) = (GoalType::TestScore, "Better tests");
        plans.push(monthly(person, this_month, kind, name, 85.0, "percent"));
        let (kind, name) = (GoalType::FlashcardMastery, "Know the cards");
        plans.push(monthly(person, this_month, kind, name, 80.0, "percent"));
    }
    if rng.bool() {
        plans.push(yearly(person, today, rng.u32(6..=24)));
    }
    plans
}

fn monthly(
    person: &Person,
    month: NaiveDate,
    kind: GoalType,
    name: &str,
    target: f64,
    unit: &str,
) -> Plan {
    let id = person.named(&format!("{month} goal {name}"));
    let last = month + Months::new(1);
    let goal = Goal {
        id: id.to_string(),
        user_id: person.id.to_string(),
        goal_type: kind.into(),
        name: name.to_owned(),
        target_value: target,
        unit: unit.to_owned(),
        start_date: month.to_string(),
        target_date: last.pred_opt().unwrap_or(last).to_string(),
        priority: GoalPriority::High.into(),
        ..Goal::default()
    };
    Plan {
        goal,
        progress: Vec::new(),
    }
}

/// Something that only its owner can tell of: never quite done.
fn yearly(person: &Person, today: NaiveDate, books: u32) -> Plan {
    let year = today.year();
    let id = person.named(&format!("{year} goal books")).to_string();
    let goal = Goal {
        id: id.clone(),
        user_id: person.id.to_string(),
        goal_type: GoalType::Custom.into(),
        name: format!("{books} books in {year}"),
        target_value: books.into(),
        unit: "books".to_owned(),
        start_date: format!("{year}-01-01"),
        target_date: format!("{year}-12-31"),
        ..Goal::default()
    };
    let months = (1..=12).filter_map(|month| NaiveDate::from_ymd_opt(year, month, 1));
    let progress = months
        .take_while(|first| *first <= today)
        .map(|first| RecordGoalProgressRequest {
            goal_id: id.clone(),
            value: f64::from(books * first.month0() / 12),
            notes: String::new(),
            date: first.to_string(),
        })
        .collect();
    Plan { goal, progress }
}

fn first_of_month(date: NaiveDate) -> NaiveDate {
    date.with_day(1).unwrap_or(date)
}
