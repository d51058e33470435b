//! The requests of `GoalService`.

use dwell::pb::v1::{
    CreateGoalRequest, DeleteGoalRequest, GetGoalRequest, Goal, ListGoalProgressRequest,
    ListGoalsRequest, RecordGoalProgressRequest, Subject, UpdateGoalRequest,
};
use prost_types::FieldMask;

use super::{
    Tokens,
    rows::{
        Input, Row, bad, category, date, enumeration, field, good, line, lines, optional_date,
        optional_uuid, page_size, share, token, uuid,
    },
    sessions::subject,
};
use crate::{
    harness::Caller,
    values::{GOAL, USER, id},
};

/// The largest target, and the largest value.
const MOST: f64 = 1e9;

/// A goal of which nothing more is said.
fn goal(id: &str) -> Goal {
    Goal {
        id: id.to_owned(),
        user_id: USER.to_owned(),
        goal_type: 6,
        name: "a goal".to_owned(),
        target_value: MOST,
        start_date: "2026-02-01".to_owned(),
        target_date: "2100-01-01".to_owned(),
        ..Goal::default()
    }
}

/// Two goals, two days of progress, and the tokens of pages of one.
pub async fn fill(caller: &mut Caller) -> [String; 2] {
    for id in [GOAL, &*id(0xd2)] {
        caller.set_goal(goal(id)).await;
    }
    for day in ["2026-02-01", "2026-02-02"] {
        let request = RecordGoalProgressRequest {
            date: day.to_owned(),
            value: 1.0,
            ..Input::right()
        };
        caller.goals.record_goal_progress(request).await.unwrap();
    }
    let page = ListGoalsRequest {
        page_size: 1,
        ..Input::right()
    };
    let goals = caller.goals.list_goals(page).await.unwrap();
    let page = ListGoalProgressRequest {
        page_size: 1,
        ..Input::right()
    };
    let progress = caller.goals.list_goal_progress(page).await.unwrap();
    [
        goals.into_inner().next_page_token,
        progress.into_inner().next_page_token,
    ]
}

/// All goals and their progress.
pub async fn everything(caller: &mut Caller) -> Vec<String> {
    let goals = caller.goals.list_goals(ListGoalsRequest::right()).await;
    let mut all = vec![format!("{:#?}", goals.unwrap().into_inner())];
    for goal_id in [GOAL.to_owned(), id(0xd2)] {
        let request = ListGoalProgressRequest {
            goal_id,
            ..Default::default()
        };
        let progress = caller.goals.list_goal_progress(request).await.unwrap();
        all.push(format!("{:#?}", progress.into_inner()));
    }
    all
}

/// Those that would be in the way of others come last.
pub fn rows(tokens: &Tokens) -> Vec<Row> {
    let mut rows = uuid("goal_id", GOAL, |r: &mut GetGoalRequest, id| r.goal_id = id);
    rows.extend(create());
    rows.extend(list(tokens));
    rows.extend(list_progress(tokens));
    rows.extend(update());
    rows.extend(progress());
    rows.extend(uuid("goal_id", GOAL, |r: &mut DeleteGoalRequest, id| {
        r.goal_id = id;
    }));
    rows
}

impl Input for GetGoalRequest {
    fn right() -> Self {
        Self {
            goal_id: GOAL.to_owned(),
        }
    }
}

impl Input for CreateGoalRequest {
    fn right() -> Self {
        Self {
            goal: Some(goal("")),
        }
    }
}

impl Input for ListGoalsRequest {
    fn right() -> Self {
        Self {
            user_id: USER.to_owned(),
            ..Self::default()
        }
    }
}

impl Input for UpdateGoalRequest {
    fn right() -> Self {
        Self {
            goal: Some(goal(GOAL)),
            update_mask: mask(&["reminder_enabled"]),
        }
    }
}

impl Input for DeleteGoalRequest {
    fn right() -> Self {
        Self {
            goal_id: GOAL.to_owned(),
            abandon: false,
        }
    }
}

impl Input for RecordGoalProgressRequest {
    fn right() -> Self {
        Self {
            goal_id: GOAL.to_owned(),
            ..Self::default()
        }
    }
}

impl Input for ListGoalProgressRequest {
    fn right() -> Self {
        Self {
            goal_id: GOAL.to_owned(),
            ..Self::default()
        }
    }
}

#[expect(clippy::unnecessary_wraps, reason = "messages hold it so")]
fn mask(paths: &[&str]) -> Option<FieldMask> {
    let paths = paths.iter().map(|path| (*path).to_owned()).collect();
    Some(FieldMask { paths })
}

/// Sets a field of the goal to create.
fn new<V>(set: impl Fn(&mut Goal, V)) -> impl Fn(&mut CreateGoalRequest, V) {
    move |request, value| set(request.goal.get_or_insert_default(), value)
}

/// Sets a field of the goal to update, and names it.
fn set<V>(path: &str, set: impl Fn(&mut Goal, V)) -> impl Fn(&mut UpdateGoalRequest, V) {
    move |request, value| {
        request.update_mask = mask(&[path]);
        set(request.goal.get_or_insert_default(), value);
    }
}

/// Values over 0.
fn target<R: Input>(set: impl Fn(&mut R, f64)) -> Vec<Row> {
    let wrong = [
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        -1.0,
        0.0,
        -0.0,
        MOST.next_up(),
    ];
    field("goal.target_value", set, wrong, [2.5, MOST])
}

fn create() -> Vec<Row> {
    type Request = CreateGoalRequest;
    let mut rows = optional_uuid("goal.id", &id(0xd3), new(|g, id| g.id = id));
    rows.extend(uuid("goal.user_id", USER, new(|g, id| g.user_id = id)));
    let types = [0, 7, -1, i32::MAX];
    rows.extend(field(
        "goal.goal_type",
        new(|g, n| g.goal_type = n),
        types,
        1..=6,
    ));
    rows.extend(line("goal.name", 200, new(|g, t| g.name = t)));
    rows.extend(lines(
        "goal.description",
        4_000,
        new(|g, t| g.description = t),
    ));
    rows.extend(line("goal.unit", 50, new(|g, t| g.unit = t)));
    rows.extend(target(new(|g, n| g.target_value = n)));
    rows.extend(enumeration("goal.priority", 3, new(|g, n| g.priority = n)));
    rows.extend(enumeration(
        "goal.recurrence",
        3,
        new(|g, n| g.recurrence = n),
    ));
    rows.extend(optional_date(
        "goal.start_date",
        new(|g, d| g.start_date = d),
    ));
    rows.extend(date("goal.target_date", new(|g, d| g.target_date = d)));
    rows.extend(subject("goal.subject", new(|g, s| g.subject = s)));
    let all = [
        "goal.user_id",
        "goal.goal_type",
        "goal.name",
        "goal.target_value",
        "goal.target_date",
    ];
    let with_goal = [&["goal"][..], &all].concat();
    rows.extend([
        bad(&["goal.name"], |r: &mut Request| {
            new(|g, t| g.name = t)(r, String::new());
        }),
        bad(&["goal.target_date"], |r: &mut Request| {
            new(|g, d| g.target_date = d)(r, "2026-01-31".to_owned());
        }),
        // The start is today.
        bad(&["goal.target_date"], |r: &mut Request| {
            new(|g, d| g.start_date = d)(r, String::new());
            new(|g, d| g.target_date = d)(r, "2026-03-01".to_owned());
        }),
        good(|r: &mut Request| {
            new(|g, d| g.start_date = d)(r, "2026-03-02".to_owned());
            new(|g, d| g.target_date = d)(r, "2026-03-02".to_owned());
        }),
        bad(&all, |r: &mut Request| r.goal = Some(Goal::default())),
        bad(&with_goal, |r: &mut Request| r.goal = None),
        // What the service says of it is not read.
        good(|r: &mut Request| {
            let goal = r.goal.get_or_insert_default();
            goal.status = 77;
            goal.current_value = f64::NAN;
            goal.days_remaining = -1;
        }),
    ]);
    rows
}

fn list(tokens: &Tokens) -> Vec<Row> {
    type Request = ListGoalsRequest;
    let about = |kind: String, id: String| {
        Some(Subject {
            r#type: kind,
            id,
            name: String::new(),
        })
    };
    let mut rows = uuid("user_id", USER, |r: &mut Request, id| r.user_id = id);
    rows.extend(enumeration("status", 4, |r: &mut Request, n| r.status = n));
    rows.extend(category("subject.type", |r: &mut Request, t| {
        r.subject = about(t, String::new());
    }));
    rows.extend(line("subject.id", 128, |r: &mut Request, t| {
        r.subject = about(String::new(), t);
    }));
    rows.extend(page_size(|r: &mut Request, n| r.page_size = n));
    let mut others = vec![&*tokens.sessions, &tokens.users, &tokens.progress];
    others.extend(tokens.foreign.iter().map(String::as_str));
    rows.extend(token(
        "page_token",
        &tokens.goals,
        &others,
        |r: &mut Request, t| r.page_token = t,
    ));
    let spoils: [fn(&mut Request); 3] = [
        |r| r.user_id = id(5),
        |r| r.status = 1,
        |r| r.subject.get_or_insert_default().id = "1".into(),
    ];
    for spoil in spoils {
        // Of the same list with another filter.
        let own = tokens.goals.clone();
        if !own.is_empty() {
            rows.push(bad(&["page_token"], |r: &mut Request| {
                r.page_token = own;
                spoil(r);
            }));
        }
    }
    rows
}

fn list_progress(tokens: &Tokens) -> Vec<Row> {
    type Request = ListGoalProgressRequest;
    let mut rows = uuid("goal_id", GOAL, |r: &mut Request, id| r.goal_id = id);
    rows.extend(page_size(|r: &mut Request, n| r.page_size = n));
    let mut others = vec![&*tokens.activities, &tokens.days, &tokens.goals];
    others.extend(tokens.foreign.iter().map(String::as_str));
    rows.extend(token(
        "page_token",
        &tokens.progress,
        &others,
        |r: &mut Request, t| r.page_token = t,
    ));
    let own = tokens.progress.clone();
    if !own.is_empty() {
        // Of another goal's list.
        rows.push(bad(&["page_token"], |r: &mut Request| {
            r.goal_id = id(0xd2);
            r.page_token = own;
        }));
    }
    rows
}

fn update() -> Vec<Row> {
    type Request = UpdateGoalRequest;
    let mut rows = uuid("goal.id", GOAL, |r: &mut Request, id| {
        r.goal.get_or_insert_default().id = id;
    });
    rows.extend(line("goal.name", 200, set("name", |g, t| g.name = t)));
    rows.extend(lines(
        "goal.description",
        4_000,
        set("description", |g, t| g.description = t),
    ));
    rows.extend(line("goal.unit", 50, set("unit", |g, t| g.unit = t)));
    rows.extend(enumeration(
        "goal.priority",
        3,
        set("priority", |g, n| g.priority = n),
    ));
    rows.extend(enumeration(
        "goal.recurrence",
        3,
        set("recurrence", |g, n| g.recurrence = n),
    ));
    rows.extend(target(set("target_value", |g, n| g.target_value = n)));
    rows.extend(date(
        "goal.target_date",
        set("target_date", |g, d| g.target_date = d),
    ));
    rows.extend(field(
        "goal.status",
        set("status", |g, n| g.status = n),
        [0, 2, 4, 5, -1],
        [3, 1],
    ));
    let masked = |paths: &'static [&str]| move |r: &mut Request| r.update_mask = mask(paths);
    rows.extend([
        bad(&["goal.name"], |r: &mut Request| {
            set("name", |g, t| g.name = t)(r, String::new());
        }),
        bad(&["goal.target_date"], |r: &mut Request| {
            set("target_date", |g, d| g.target_date = d)(r, "2026-01-31".to_owned());
        }),
        bad(&["update_mask"], masked(&["Name"])),
        bad(&["update_mask"], masked(&["goal.name"])),
        bad(&["update_mask"], masked(&["name", "user_id"])),
        bad(&["update_mask"], masked(&["name", "*"])),
        bad(&["update_mask"], |r: &mut Request| {
            r.update_mask = None;
            r.goal = Some(Goal {
                id: GOAL.to_owned(),
                ..Goal::default()
            });
        }),
        bad(&["goal", "goal.id"], |r: &mut Request| r.goal = None),
        // What is not named is not read.
        good(|r: &mut Request| {
            let goal = r.goal.get_or_insert_default();
            goal.name.clear();
            goal.target_value = f64::NAN;
            "soon".clone_into(&mut goal.target_date);
        }),
        good(|r: &mut Request| {
            r.update_mask = mask(&["*"]);
            r.goal.get_or_insert_default().status = 1;
        }),
    ]);
    rows
}

fn progress() -> Vec<Row> {
    type Request = RecordGoalProgressRequest;
    let mut rows = uuid("goal_id", GOAL, |r: &mut Request, id| r.goal_id = id);
    rows.extend(lines("notes", 4_000, |r: &mut Request, t| r.notes = t));
    rows.extend(optional_date("date", |r: &mut Request, d| r.date = d));
    rows.extend([
        bad(&["date"], |r: &mut Request| r.date = "2026-01-31".into()),
        bad(&["date"], |r: &mut Request| r.date = "2026-03-03".into()),
        good(|r: &mut Request| r.date = "2026-02-01".into()),
        good(|r: &mut Request| r.date = "2026-03-02".into()),
    ]);
    // The last one completes it.
    rows.extend(share("value", MOST, |r: &mut Request, n| r.value = n));
    rows
}
