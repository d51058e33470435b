//! `GoalService`, from setting a goal to its end.

#![expect(clippy::float_cmp, reason = "values are told to the last bit")]

use dwell::pb::v1 as pb;
use prost_types::FieldMask;
use tonic::Code;

use crate::{
    harness::{Caller, Server},
    values::{GOAL, USER, refusal, seconds, time},
};

on_both_engines! {
    a_goal_is_told_whole
    a_goal_moves_with_practice_to_its_end_and_begins_again
    progress_by_hand_has_milestones
    an_update_changes_what_its_mask_names
    what_a_goal_refuses_is_told
    pages_follow_each_other
}

fn goal() -> pb::Goal {
    pb::Goal {
        id: GOAL.to_owned(),
        user_id: USER.to_owned(),
        goal_type: pb::GoalType::StudyTime.into(),
        name: "Read every day".to_owned(),
        target_value: 100.0,
        target_date: "2026-03-08".to_owned(),
        ..Default::default()
    }
}

fn custom() -> pb::Goal {
    pb::Goal {
        goal_type: pb::GoalType::Custom.into(),
        ..goal()
    }
}

impl Caller {
    /// Saves a session that ended just now.
    async fn practise(&mut self, length: i64) {
        let request = pb::RecordSessionRequest {
            user_id: USER.to_owned(),
            duration: seconds(length),
            ..Default::default()
        };
        self.sessions.record_session(request).await.unwrap();
    }

    async fn goals_of_user(&mut self) -> Vec<pb::Goal> {
        let request = pb::ListGoalsRequest {
            user_id: USER.to_owned(),
            ..Default::default()
        };
        let answer = self.goals.list_goals(request).await.unwrap();
        answer.into_inner().goals
    }

    async fn progress(
        &mut self,
        value: f64,
        date: &str,
    ) -> Result<pb::RecordGoalProgressResponse, tonic::Status> {
        let request = pb::RecordGoalProgressRequest {
            goal_id: GOAL.to_owned(),
            value,
            notes: "by hand".to_owned(),
            date: date.to_owned(),
        };
        let answer = self.goals.record_goal_progress(request).await?;
        Ok(answer.into_inner())
    }
}

async fn a_goal_is_told_whole(server: Server) {
    let mut caller = server.tenant(1);
    let asked = pb::Goal {
        description: "A book\na week".to_owned(),
        unit: "minutes".to_owned(),
        start_date: "2026-03-01".to_owned(),
        priority: pb::GoalPriority::High.into(),
        recurrence: pb::GoalRecurrence::Weekly.into(),
        reminder_enabled: true,
        subject: Some(pb::Subject {
            r#type: "course".to_owned(),
            id: "es".to_owned(),
            name: "Spanish".to_owned(),
        }),
        // The service's to say.
        status: pb::GoalStatus::Completed.into(),
        current_value: 99.0,
        complete_time: time("2026-01-01T00:00:00Z"),
        ..goal()
    };
    let set = caller.set_goal(asked.clone()).await;
    let now = time("2026-03-02T09:00:00Z");
    let expected = pb::Goal {
        status: pb::GoalStatus::Active.into(),
        current_value: 0.0,
        complete_time: None,
        create_time: now,
        update_time: now,
        percentage_complete: 0.0,
        days_remaining: 6,
        // The 1st has passed.
        on_track: false,
        ..asked.clone()
    };
    assert_eq!(set, expected);
    assert_eq!(caller.goal(GOAL).await, expected);
    // Safe to repeat, whatever the output fields say.
    let again = pb::Goal {
        status: 0,
        ..asked.clone()
    };
    assert_eq!(caller.set_goal(again).await, expected);
    let other = pb::CreateGoalRequest {
        goal: Some(pb::Goal {
            unit: "hours".to_owned(),
            ..asked
        }),
    };
    let refused = refusal(caller.goals.create_goal(other).await);
    assert_eq!(refused, (Code::AlreadyExists, "ID_TAKEN".to_owned()));
    // What is left out.
    let mut plain = goal();
    plain.id.clear();
    let plain = caller.set_goal(plain).await;
    assert_eq!(plain.start_date, "2026-03-02");
    assert_eq!(plain.priority(), pb::GoalPriority::Medium);
    assert_eq!(plain.recurrence(), pb::GoalRecurrence::Unspecified);
    assert_ne!(plain.id, GOAL);
    assert!(plain.on_track, "its first day is not over");
}

async fn a_goal_moves_with_practice_to_its_end_and_begins_again(server: Server) {
    let mut caller = server.tenant(1);
    let weekly = pb::Goal {
        recurrence: pb::GoalRecurrence::Weekly.into(),
        ..goal()
    };
    caller.set_goal(weekly).await;
    caller.practise(20 * 60).await;
    let goal = caller.goal(GOAL).await;
    assert_eq!((goal.current_value, goal.percentage_complete), (20.0, 20.0));
    // Two of seven days have passed, and 20 % is less than that.
    server.set_clock("2026-03-04T09:00:00Z");
    assert!(!caller.goal(GOAL).await.on_track);
    caller.practise(9 * 60).await;
    assert!(caller.goal(GOAL).await.on_track);
    caller.practise(90 * 60).await;
    let goal = caller.goal(GOAL).await;
    assert_eq!(goal.status(), pb::GoalStatus::Completed);
    assert_eq!(goal.complete_time, time("2026-03-04T09:00:00Z"));
    assert_eq!(goal.percentage_complete, 119.0);
    let goals = caller.goals_of_user().await;
    assert_eq!(goals.len(), 2);
    assert_eq!(goals[1].start_date, "2026-03-09");
    assert_eq!(goals[1].target_date, "2026-03-15");
    server.set_clock("2026-03-16T09:00:00Z");
    let expired = caller.goal(&goals[1].id).await;
    assert_eq!(expired.status(), pb::GoalStatus::Expired);
    assert_eq!((expired.days_remaining, expired.on_track), (0, false));
    // Whatever touches it has it end, and the next one begin.
    caller.practise(60).await;
    let goals = caller.goals_of_user().await;
    assert_eq!(goals.len(), 3);
    assert_eq!(goals[2].current_value, 1.0);
    assert_eq!(goals[2].start_date, "2026-03-16");
}

async fn progress_by_hand_has_milestones(server: Server) {
    let mut caller = server.tenant(1);
    caller.set_goal(custom()).await;
    let first = caller.progress(30.0, "").await.unwrap();
    assert_eq!(
        first.progress,
        Some(pb::GoalProgress {
            goal_id: GOAL.to_owned(),
            date: "2026-03-02".to_owned(),
            value: 30.0,
            percentage_complete: 30.0,
            notes: "by hand".to_owned(),
            milestone_reached: true,
            milestone_name: "25% Complete".to_owned(),
        })
    );
    assert_eq!(first.goal, Some(caller.goal(GOAL).await));
    server.set_clock("2026-03-03T09:00:00Z");
    let second = caller.progress(33.333, "2026-03-03").await.unwrap();
    let day = second.progress.unwrap();
    assert_eq!((day.milestone_reached, &*day.milestone_name), (false, ""));
    assert_eq!(day.percentage_complete, 33.33);
    let last = caller.progress(100.0, "").await.unwrap();
    let day = last.progress.clone().unwrap();
    assert_eq!(day.milestone_name, "100% Complete");
    assert_eq!(last.goal.unwrap().status(), pb::GoalStatus::Completed);
    let request = pb::ListGoalProgressRequest {
        goal_id: GOAL.to_owned(),
        ..Default::default()
    };
    let listed = caller.goals.list_goal_progress(request).await.unwrap();
    let listed = listed.into_inner().progress;
    assert_eq!(listed, [first.progress.unwrap(), day]);
}

async fn an_update_changes_what_its_mask_names(server: Server) {
    let mut caller = server.tenant(1);
    let before = caller.set_goal(goal()).await;
    server.set_clock("2026-03-02T10:00:00Z");
    let said = pb::Goal {
        id: GOAL.to_owned(),
        name: "Another".to_owned(),
        unit: "hours".to_owned(),
        priority: pb::GoalPriority::Low.into(),
        target_date: "2026-03-31".to_owned(),
        ..Default::default()
    };
    let paths = |paths: &[&str]| {
        let paths = paths.iter().map(|path| (*path).to_owned()).collect();
        Some(FieldMask { paths })
    };
    let mut update = async |goal: &pb::Goal, update_mask| {
        let goal = Some(goal.clone());
        let request = pb::UpdateGoalRequest { goal, update_mask };
        let answer = caller.goals.update_goal(request).await.unwrap();
        answer.into_inner().goal.unwrap()
    };
    let after = update(&said, paths(&["name", "priority"])).await;
    let expected = pb::Goal {
        name: "Another".to_owned(),
        priority: pb::GoalPriority::Low.into(),
        update_time: time("2026-03-02T10:00:00Z"),
        ..before
    };
    assert_eq!(after, expected);
    // Without a mask, what is set.
    let after = update(&said, None).await;
    let expected = pb::Goal {
        unit: "hours".to_owned(),
        target_date: "2026-03-31".to_owned(),
        days_remaining: 29,
        ..expected
    };
    assert_eq!(after, expected);
    // A mask can take away what a message cannot.
    let after = update(&said, paths(&["description", "recurrence", "unit"])).await;
    assert_eq!(after.unit, "hours");
    let nothing = pb::Goal {
        id: GOAL.to_owned(),
        ..Default::default()
    };
    assert_eq!(update(&nothing, paths(&["unit"])).await.unit, "");
    assert_eq!(caller.goal(GOAL).await.name, "Another");
}

async fn what_a_goal_refuses_is_told(server: Server) {
    let mut caller = server.tenant(1);
    caller.set_goal(custom()).await;
    let delete = |abandon| pb::DeleteGoalRequest {
        goal_id: GOAL.to_owned(),
        abandon,
    };
    caller.goals.delete_goal(delete(true)).await.unwrap();
    assert_eq!(caller.goal(GOAL).await.status(), pb::GoalStatus::Abandoned);
    let status = caller.progress(1.0, "").await.unwrap_err();
    assert_eq!(
        status.message(),
        "the goal's status is GOAL_STATUS_ABANDONED"
    );
    let refused = refusal::<()>(Err(status));
    assert_eq!(
        refused,
        (Code::FailedPrecondition, "GOAL_NOT_ACTIVE".to_owned())
    );
    caller.goals.delete_goal(delete(false)).await.unwrap();
    let gone = (Code::NotFound, "GOAL_NOT_FOUND".to_owned());
    assert_eq!(refusal(caller.goals.delete_goal(delete(false)).await), gone);
    assert_eq!(refusal(caller.progress(1.0, "").await), gone);
}

async fn pages_follow_each_other(server: Server) {
    let mut caller = server.tenant(1);
    for day in 2..9 {
        let goal = pb::Goal {
            id: String::new(),
            target_date: format!("2026-03-1{}", day % 3),
            ..goal()
        };
        caller.set_goal(goal).await;
    }
    let all = caller.goals_of_user().await;
    let mut paged = Vec::new();
    let mut request = pb::ListGoalsRequest {
        user_id: USER.to_owned(),
        status: pb::GoalStatus::Active.into(),
        page_size: 3,
        ..Default::default()
    };
    loop {
        let page = caller.goals.list_goals(request.clone()).await.unwrap();
        let page = page.into_inner();
        paged.extend(page.goals);
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    assert_eq!(paged, all);
    assert!(all.is_sorted_by_key(|goal| (goal.target_date.clone(), goal.id.clone())));
}
