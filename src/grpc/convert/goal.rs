//! Goals and their progress, as they are told.

use super::encode::{subject, timestamp};
use crate::{
    domain::goal::{
        GoalPriority, GoalStatus, GoalType, GoalView, progress::ProgressView,
        recurrence::Recurrence,
    },
    pb::v1 as pb,
};

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

pub const fn goal_status(status: GoalStatus) -> pb::GoalStatus {
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
