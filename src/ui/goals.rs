//! Goals, and how far along they are.

use tonic::Status;

use super::{api::Api, text};
use crate::pb::v1 as pb;

/// Goals of a user that a page shows.
const SHOWN: i32 = 30;

/// A goal on a page.
pub struct Goal {
    pub name: String,
    pub about: String,
    /// 0 to 100, and as it is: a goal may be passed.
    pub bar: String,
    pub percent: String,
    pub reached: String,
    pub until: String,
    pub state: String,
    pub state_class: &'static str,
}

/// A user's goals, the earliest target date first; those of a status, or all.
pub async fn of(api: &Api, user: &str, status: pb::GoalStatus) -> Result<Vec<Goal>, Status> {
    let request = api.ask(pb::ListGoalsRequest {
        user_id: user.to_owned(),
        status: status.into(),
        page_size: SHOWN,
        ..Default::default()
    });
    let found = api.goals().list_goals(request).await?.into_inner();
    Ok(shown(&found.goals))
}

pub fn shown(goals: &[pb::Goal]) -> Vec<Goal> {
    goals.iter().map(goal).collect()
}

fn goal(goal: &pb::Goal) -> Goal {
    let (state, state_class) = match goal.status() {
        pb::GoalStatus::Active if goal.on_track => ("on track".to_owned(), "good"),
        pb::GoalStatus::Active => ("behind".to_owned(), "fair"),
        pb::GoalStatus::Completed => ("completed".to_owned(), "good"),
        status => (text::name(status.as_str_name(), "GOAL_STATUS_"), "over"),
    };
    let subject = goal.subject.clone().unwrap_or_default();
    let recurrence = match goal.recurrence() {
        pb::GoalRecurrence::Unspecified => String::new(),
        recurrence => text::name(recurrence.as_str_name(), "GOAL_RECURRENCE_"),
    };
    let kind = text::name(goal.goal_type().as_str_name(), "GOAL_TYPE_");
    let about = [kind, subject.name, recurrence];
    let about: Vec<_> = about.into_iter().filter(|part| !part.is_empty()).collect();
    let (current, target) = (
        text::number(goal.current_value),
        text::number(goal.target_value),
    );
    let is_running = goal.status() == pb::GoalStatus::Active;
    let left = text::several(goal.days_remaining.into(), "day");
    Goal {
        name: goal.name.clone(),
        about: about.join(", "),
        bar: format!("{:.0}", goal.percentage_complete.clamp(0.0, 100.0)),
        percent: text::number(goal.percentage_complete),
        reached: format!("{current} of {target} {}", goal.unit),
        until: if is_running {
            format!("until {}, {left} left", goal.target_date)
        } else {
            format!("until {}", goal.target_date)
        },
        state,
        state_class,
    }
}
