//! Requests about goals.

use std::collections::BTreeSet;

use super::check::Check;
use crate::{
    domain::{
        commands::{CreateGoal, RecordGoalProgress},
        fingerprint::Fingerprint,
        goal::{
            GoalDetails, GoalFilter, GoalPatch, GoalPriority, GoalStatus, GoalType, MAX_VALUE,
            recurrence::Recurrence,
        },
        ids::{GoalId, UserId},
        rejection::Rejection,
    },
    pb::v1 as pb,
};

/// Characters of a goal's description, and of the notes of a day.
const MAX_TEXT: usize = 4_000;
/// Every field that a mask may name.
const FIELDS: [&str; 9] = [
    "name",
    "description",
    "target_value",
    "target_date",
    "unit",
    "priority",
    "recurrence",
    "reminder_enabled",
    "status",
];

/// A request that names one goal and nothing else.
pub fn goal_id(text: &str) -> Result<GoalId, Rejection> {
    let mut check = Check::default();
    let id = GoalId(check.uuid("goal_id", text));
    check.done(id)
}

/// `new_id` makes the goal's id where the caller chose none.
pub fn create_goal(
    request: pb::CreateGoalRequest,
    new_id: impl Fn() -> uuid::Uuid,
) -> Result<CreateGoal, Rejection> {
    let mut check = Check::default();
    check.that(request.goal.is_some(), "goal", "is required");
    let goal = request.goal.unwrap_or_default();
    let id = check.optional_uuid("goal.id", &goal.id);
    let user_id = UserId(check.uuid("goal.user_id", &goal.user_id));
    let start_date = check.optional_date("goal.start_date", &goal.start_date);
    let target_date = target_date(&mut check, &goal.target_date);
    check.that(
        start_date.is_none_or(|start| target_date.is_none_or(|target| start <= target)),
        "goal.target_date",
        "must not be before goal.start_date",
    );
    let goal_type = check.enumeration("goal.goal_type", goal.goal_type, type_from);
    let is_given = goal.goal_type != 0;
    check.that(is_given, "goal.goal_type", "is required");
    let details = GoalDetails {
        goal_type: goal_type.unwrap_or(GoalType::Custom),
        name: name(&mut check, goal.name),
        description: check.lines("goal.description", goal.description, MAX_TEXT),
        target_value: target_value(&mut check, goal.target_value),
        unit: check.line("goal.unit", goal.unit, 50),
        priority: priority(&mut check, goal.priority),
        recurrence: recurrence(&mut check, goal.recurrence),
        reminder_enabled: goal.reminder_enabled,
        subject: check.subject("goal.subject", goal.subject),
    };
    let whole = (user_id, &details, start_date, target_date);
    let fingerprint = id.map(|_| Fingerprint::of("goal", &whole));
    check.done(CreateGoal {
        user_id,
        goal_id: GoalId(id.unwrap_or_else(new_id)),
        start_date,
        target_date: target_date.unwrap_or_default(),
        details,
        fingerprint,
    })
}

/// Which goal an update changes, and what of it: the fields that the mask names (`*` is all of
/// them), or without a mask those that are set. A field that is named and not set gets its
/// default, if it has one.
pub fn update_goal(request: pb::UpdateGoalRequest) -> Result<(GoalId, GoalPatch), Rejection> {
    let mut check = Check::default();
    check.that(request.goal.is_some(), "goal", "is required");
    let goal = request.goal.unwrap_or_default();
    let id = GoalId(check.uuid("goal.id", &goal.id));
    let paths = request.update_mask.map_or_else(Vec::new, |mask| mask.paths);
    let named = if paths.is_empty() {
        set_fields(&goal)
    } else {
        named_fields(&mut check, &paths)
    };
    let nothing = paths.is_empty() && named.is_empty();
    check.that(!nothing, "update_mask", "must name a field");
    let is_named = |field: &str| named.contains(field).then_some(());
    let mut patch = GoalPatch {
        recurrence: is_named("recurrence").map(|()| recurrence(&mut check, goal.recurrence)),
        priority: is_named("priority").map(|()| priority(&mut check, goal.priority)),
        reminder_enabled: is_named("reminder_enabled").map(|()| goal.reminder_enabled),
        name: is_named("name").map(|()| name(&mut check, goal.name)),
        target_value: is_named("target_value")
            .map(|()| target_value(&mut check, goal.target_value)),
        unit: is_named("unit").map(|()| check.line("goal.unit", goal.unit, 50)),
        ..GoalPatch::default()
    };
    patch.description = is_named("description")
        .map(|()| check.lines("goal.description", goal.description, MAX_TEXT));
    patch.target_date =
        is_named("target_date").and_then(|()| target_date(&mut check, &goal.target_date));
    patch.status = is_named("status").and_then(|()| new_status(&mut check, goal.status));
    check.done((id, patch))
}

/// Which goal is to be deleted, and whether it is to be kept as abandoned.
pub fn delete_goal(request: &pb::DeleteGoalRequest) -> Result<(GoalId, bool), Rejection> {
    Ok((goal_id(&request.goal_id)?, request.abandon))
}

/// Everything of a `RecordGoalProgress` but whose goal it is.
pub fn record_goal_progress(
    request: pb::RecordGoalProgressRequest,
) -> Result<(GoalId, impl Fn(UserId) -> RecordGoalProgress), Rejection> {
    let mut check = Check::default();
    let goal_id = GoalId(check.uuid("goal_id", &request.goal_id));
    let value = request.value;
    check.that(
        (0.0..=MAX_VALUE).contains(&value),
        "value",
        format!("must be from 0 to {MAX_VALUE}"),
    );
    let notes = check.lines("notes", request.notes, MAX_TEXT);
    let date = check.optional_date("date", &request.date);
    check.done((goal_id, move |user_id| RecordGoalProgress {
        user_id,
        goal_id,
        value,
        notes: notes.clone(),
        date,
    }))
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

fn named_fields(check: &mut Check, paths: &[String]) -> BTreeSet<&'static str> {
    if paths.len() == 1 && paths.first().is_some_and(|path| path == "*") {
        return FIELDS.into();
    }
    let mut named = BTreeSet::new();
    for path in paths {
        match FIELDS.iter().find(|field| *field == path) {
            Some(field) => {
                named.insert(*field);
            }
            None => check.fail(
                "update_mask",
                format!("must name fields of a goal: {}", FIELDS.join(", ")),
            ),
        }
    }
    named
}

/// The fields that are not what an absent field would be.
fn set_fields(goal: &pb::Goal) -> BTreeSet<&'static str> {
    let set = [
        !goal.name.is_empty(),
        !goal.description.is_empty(),
        goal.target_value != 0.0,
        !goal.target_date.is_empty(),
        !goal.unit.is_empty(),
        goal.priority != 0,
        goal.recurrence != 0,
        goal.reminder_enabled,
        goal.status != 0,
    ];
    let fields = FIELDS.into_iter().zip(set);
    fields
        .filter_map(|(field, set)| set.then_some(field))
        .collect()
}

fn name(check: &mut Check, name: String) -> String {
    let rule = "is required: 1 to 200 characters";
    check.that(!name.trim().is_empty(), "goal.name", rule);
    check.line("goal.name", name, 200)
}

fn target_value(check: &mut Check, value: f64) -> f64 {
    check.that(
        value > 0.0 && value <= MAX_VALUE,
        "goal.target_value",
        format!("must be over 0 and at most {MAX_VALUE}"),
    );
    value
}

fn target_date(check: &mut Check, text: &str) -> Option<chrono::NaiveDate> {
    let field = "goal.target_date";
    check.that(!text.is_empty(), field, "is required: YYYY-MM-DD");
    check.optional_date(field, text)
}

fn priority(check: &mut Check, value: i32) -> GoalPriority {
    let given = check.enumeration("goal.priority", value, |priority| match priority {
        pb::GoalPriority::Unspecified => None,
        pb::GoalPriority::Low => Some(GoalPriority::Low),
        pb::GoalPriority::Medium => Some(GoalPriority::Medium),
        pb::GoalPriority::High => Some(GoalPriority::High),
    });
    given.unwrap_or_default()
}

fn recurrence(check: &mut Check, value: i32) -> Option<Recurrence> {
    check.enumeration("goal.recurrence", value, |recurrence| match recurrence {
        pb::GoalRecurrence::Unspecified => None,
        pb::GoalRecurrence::Daily => Some(Recurrence::Daily),
        pb::GoalRecurrence::Weekly => Some(Recurrence::Weekly),
        pb::GoalRecurrence::Monthly => Some(Recurrence::Monthly),
    })
}

/// What an update can make of a goal's status.
fn new_status(check: &mut Check, value: i32) -> Option<GoalStatus> {
    let given = pb::GoalStatus::try_from(value).ok().and_then(status_from);
    let status = given.filter(|s| matches!(s, GoalStatus::Active | GoalStatus::Abandoned));
    let rule = "must be ABANDONED or ACTIVE";
    check.that(status.is_some(), "goal.status", rule);
    status
}

const fn type_from(goal_type: pb::GoalType) -> Option<GoalType> {
    match goal_type {
        pb::GoalType::Unspecified => None,
        pb::GoalType::StudyTime => Some(GoalType::StudyTime),
        pb::GoalType::TestScore => Some(GoalType::TestScore),
        pb::GoalType::AssignmentCompletion => Some(GoalType::AssignmentCompletion),
        pb::GoalType::FlashcardMastery => Some(GoalType::FlashcardMastery),
        pb::GoalType::Streak => Some(GoalType::Streak),
        pb::GoalType::Custom => Some(GoalType::Custom),
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
