//! Goals and their progress.

use super::{
    check::Check,
    encode::{subject, timestamp},
};
use crate::{
    domain::{
        goal::{
            GoalFilter, GoalPriority, GoalStatus, GoalType, GoalView, progress::ProgressView,
            recurrence::Recurrence,
        },
        ids::{GoalId, UserId},
        rejection::Rejection,
    },
    pb::v1 as pb,
};

/// A request that names one goal and nothing else.
pub fn goal_id(text: &str) -> Result<GoalId, Rejection> {
    let mut check = Check::default();
    let id = GoalId(check.uuid("goal_id", text));
    check.done(id)
}

/// A list's filter.
pub fn goal_filter(check: &mut Check, request: &pb::ListGoalsRequest) -> GoalFilter {
    let subject = request.subject.clone().unwrap_or_default();
    let given = |text: String| (!text.is_empty()).then_some(text);
    GoalFilter {
        user_id: UserId(check.uuid("user_id", &request.user_id)),
        status: check.enumeration("status", request.status, status_from),
        subject_type: given(check.name("subject.type", subject.r#type, "")),
        subject_id: given(check.line("subject.id", subject.id, 128)),
    }
}

const fn status_from(status: pb::GoalStatus) -> Option<GoalStatus> {
    match status {
        pb::GoalStatus::Unspecified => None,
        pb::GoalStatus::Active => Some(GoalStatus::Active),
        pb::GoalStatus::Completed => Some(GoalStatus::Completed),
        pb::GoalStatus::Abandoned => Some(GoalStatus::Abandoned),
        pb::GoalStatus::Expired => Some(GoalStatus::Expired),
    }
}

const fn goal_type(goal_type: GoalType) -> pb::GoalType {
    match goal_type {
        GoalType::StudyTime => pb::GoalType::StudyTime,
        GoalType::TestScore => pb::GoalType::TestScore,
        GoalType::AssignmentCompletion => pb::GoalType::AssignmentCompletion,
        GoalType::FlashcardMastery => pb::GoalType::FlashcardMastery,
        GoalType::Streak => pb::GoalType::Streak,
        GoalType::Custom => pb::GoalType::Custom,
    }
}

const fn goal_status(status: GoalStatus) -> pb::GoalStatus {
    match status {
        GoalStatus::Active => pb::GoalStatus::Active,
        GoalStatus::Completed => pb::GoalStatus::Completed,
        GoalStatus::Abandoned => pb::GoalStatus::Abandoned,
        GoalStatus::Expired => pb::GoalStatus::Expired,
    }
}

const fn goal_priority(priority: GoalPriority) -> pb::GoalPriority {
    match priority {
        GoalPriority::Low => pb::GoalPriority::Low,
        GoalPriority::Medium => pb::GoalPriority::Medium,
        GoalPriority::High => pb::GoalPriority::High,
    }
}

const fn goal_recurrence(recurrence: Option<Recurrence>) -> pb::GoalRecurrence {
    match recurrence {
        None => pb::GoalRecurrence::Unspecified,
        Some(Recurrence::Daily) => pb::GoalRecurrence::Daily,
        Some(Recurrence::Weekly) => pb::GoalRecurrence::Weekly,
        Some(Recurrence::Monthly) => pb::GoalRecurrence::Monthly,
    }
}

/// For an answer.
pub fn goal(view: GoalView) -> pb::Goal {
    let goal = view.goal;
    let details = goal.details;
    pb::Goal {
        id: goal.id.to_string(),
        user_id: goal.user_id.to_string(),
        goal_type: goal_type(details.goal_type).into(),
        name: details.name,
        description: details.description,
        target_value: details.target_value,
        current_value: view.value,
        unit: details.unit,
        start_date: goal.dates.start.to_string(),
        target_date: goal.dates.end.to_string(),
        status: goal_status(goal.status).into(),
        priority: goal_priority(details.priority).into(),
        recurrence: goal_recurrence(details.recurrence).into(),
        reminder_enabled: details.reminder_enabled,
        subject: details.subject.map(subject),
        complete_time: goal.completed_at.map(timestamp),
        create_time: Some(timestamp(goal.created_at)),
        update_time: Some(timestamp(goal.updated_at)),
        percentage_complete: view.percentage.value(),
        days_remaining: i32::try_from(view.days_remaining).unwrap_or(i32::MAX),
        on_track: view.on_track,
    }
}

/// For an answer.
pub fn goal_progress(view: ProgressView) -> pb::GoalProgress {
    let progress = view.progress;
    pb::GoalProgress {
        goal_id: progress.goal_id.to_string(),
        date: progress.date.to_string(),
        value: progress.value,
        percentage_complete: view.percentage.value(),
        notes: progress.notes.unwrap_or_default(),
        milestone_reached: view.milestone.is_some(),
        milestone_name: view
            .milestone
            .map_or_else(String::new, |percent| format!("{percent}% Complete")),
    }
}
