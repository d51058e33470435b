//! The tables that hold users' rows: the one list that deletion, its receipt and the export are
//! made from. A test holds it against the schema itself.

use super::{
    fault::Fault,
    rows::Kind::{self, Bool, Date, Float, Int, Json, Small, Text, Time, Uuid},
};

pub type Column = (&'static str, Kind);

/// A table with users' rows.
#[derive(Debug)]
pub struct UserTable {
    pub name: &'static str,
    /// The column that says whose a row is.
    pub owner: &'static str,
    /// What tells a user's rows apart. An index holds them in this order, after tenant and user.
    pub key: &'static [Column],
    /// The columns of the export besides those of the key.
    pub columns: &'static [Column],
}

/// Where an event stands is counted over all tenants, and so nobody's to know.
const EVENTS: &str = "session_events";
const EVENT_PLACE: [&str; 3] = ["epoch", "position", "number"];

/// The user's own row, of which a mark stays.
pub const USERS: UserTable = UserTable {
    name: "users",
    owner: "id",
    key: &[("id", Uuid)],
    columns: &[
        ("login_count", Int),
        ("last_login_at", Time),
        ("last_session_start", Time),
        ("last_active_at", Time),
        ("total_usage_seconds", Int),
        ("active_goals", Int),
        ("first_seen_at", Time),
        ("first_date", Date),
        ("created_at", Time),
        ("updated_at", Time),
    ],
};

/// What else there is of a user, in the order in which it goes: what refers to a row before it.
pub const USER_TABLES: &[UserTable] = &[
    UserTable {
        name: EVENTS,
        owner: "user_id",
        key: &[("epoch", Int), ("position", Int), ("number", Int)],
        columns: &[
            ("session_id", Uuid),
            ("started_at", Time),
            ("kind", Small),
            ("created_at", Time),
            ("state", Small),
            ("last_active_at", Time),
            ("paused_at", Time),
            ("ended_at", Time),
            ("end_reason", Small),
            ("duration_micros", Int),
            ("points_earned", Int),
            ("expires_at", Time),
        ],
    },
    UserTable {
        name: "points_outbox",
        owner: "user_id",
        key: &[("position", Int)],
        columns: &[
            ("reference_type", Small),
            ("reference_id", Uuid),
            ("points", Int),
            ("created_at", Time),
            ("due_at", Time),
            ("attempts", Int),
            ("first_attempt_at", Time),
            ("set_aside_at", Time),
        ],
    },
    UserTable {
        name: "goal_progress",
        owner: "user_id",
        key: &[("goal_id", Uuid), ("progress_date", Date)],
        columns: &[("value", Float), ("notes", Text), ("updated_at", Time)],
    },
    UserTable {
        name: "goals",
        owner: "user_id",
        key: &[("target_date", Date), ("id", Uuid)],
        columns: &[
            ("goal_type", Small),
            ("name", Text),
            ("description", Text),
            ("target_value", Float),
            ("unit", Text),
            ("start_date", Date),
            ("status", Small),
            ("priority", Small),
            ("recurrence", Small),
            ("reminder_enabled", Bool),
            ("subject_type", Text),
            ("subject_id", Text),
            ("subject_name", Text),
            ("counted", Int),
            ("samples", Int),
            ("last_practised", Date),
            ("given_value", Float),
            ("given_counted", Int),
            ("progress_date", Date),
            ("completed_at", Time),
            ("created_at", Time),
            ("updated_at", Time),
        ],
    },
    UserTable {
        name: "session_activities",
        owner: "user_id",
        key: &[("id", Uuid)],
        columns: &[
            ("session_id", Uuid),
            ("activity_type", Text),
            ("content_type", Text),
            ("content_id", Text),
            ("started_at", Time),
            ("ended_at", Time),
            ("items_completed", Int),
            ("items_correct", Int),
            ("points_earned", Int),
            ("metadata", Json),
            ("created_at", Time),
        ],
    },
    UserTable {
        name: "user_sessions",
        owner: "user_id",
        key: &[("started_at", Time), ("id", Uuid)],
        columns: &[
            ("session_type", Text),
            ("client_type", Text),
            ("client_info", Text),
            ("ip_address", Text),
            ("subject_type", Text),
            ("subject_id", Text),
            ("subject_name", Text),
            ("focus_mode", Bool),
            ("location", Text),
            ("metadata", Json),
            ("state", Small),
            ("start_date", Date),
            ("last_active_at", Time),
            ("paused_at", Time),
            ("pauses", Json),
            ("ended_at", Time),
            ("end_reason", Small),
            ("duration_seconds", Int),
            ("completion_status", Small),
            ("notes", Text),
            ("mood_rating", Small),
            ("productivity_rating", Small),
            ("result", Json),
            ("items_correct", Int),
            ("points_earned", Int),
            ("sweep_at", Time),
            ("created_at", Time),
            ("updated_at", Time),
        ],
    },
    UserTable {
        name: "usage_requests",
        owner: "user_id",
        key: &[("id", Uuid)],
        columns: &[("usage_date", Date), ("created_at", Time)],
    },
    UserTable {
        name: "user_usage_stats",
        owner: "user_id",
        key: &[("usage_date", Date)],
        columns: &[
            ("login_count", Int),
            ("active_seconds", Int),
            ("simulation_runs", Int),
            ("documents_accessed", Int),
            ("feature_usage", Json),
            ("sessions_started", Int),
            ("sessions_completed", Int),
            ("sessions_ended", Int),
            ("sessions_partial", Int),
            ("sessions_abandoned", Int),
            ("completed_seconds", Int),
            ("outcomes", Json),
            ("revision", Int),
            ("updated_at", Time),
        ],
    },
    UserTable {
        name: "user_practice_times",
        owner: "user_id",
        key: &[("practice_date", Date), ("utc_quarter", Small)],
        columns: &[("sessions", Int)],
    },
    UserTable {
        name: "user_subject_days",
        owner: "user_id",
        key: &[
            ("subject_type", Text),
            ("subject_id", Text),
            ("practice_date", Date),
        ],
        columns: &[("subject_name", Text), ("sessions", Int), ("seconds", Int)],
    },
    UserTable {
        name: "performance_days",
        owner: "user_id",
        key: &[
            ("local_date", Date),
            ("subject_type", Text),
            ("subject_id", Text),
        ],
        columns: &[
            ("subject_name", Text),
            ("sessions", Int),
            ("active_seconds", Int),
            ("tests", Int),
            ("test_accuracy", Int),
            ("flashcards", Int),
            ("flashcards_correct", Int),
            ("assignments", Int),
            ("assignment_items", Int),
            ("points_earned", Int),
            ("notes_created", Int),
            ("ratings", Int),
            ("rating_sum", Int),
            ("focus_seconds", Int),
        ],
    },
    UserTable {
        name: "performance_months",
        owner: "user_id",
        key: &[("month", Date)],
        columns: &[
            ("sessions", Int),
            ("active_seconds", Int),
            ("tests", Int),
            ("test_accuracy", Int),
            ("flashcards", Int),
            ("flashcards_correct", Int),
            ("assignments", Int),
            ("assignment_items", Int),
            ("attended", Int),
        ],
    },
];

impl UserTable {
    /// A statement on this table.
    pub fn sql(&self, template: &str) -> String {
        let names = |columns: &[Column]| {
            let names: Vec<_> = columns.iter().map(|(name, _)| *name).collect();
            names.join(", ")
        };
        let all: Vec<_> = self.all_columns().copied().collect();
        template
            .replace("{table}", self.name)
            .replace("{owner}", self.owner)
            .replace("{key_and_columns}", &names(&all))
            .replace("{key}", &names(self.key))
    }

    /// The columns of the export.
    pub fn told_columns(&self) -> impl Iterator<Item = &Column> {
        let told = move |(name, _): &&Column| self.name != EVENTS || !EVENT_PLACE.contains(name);
        self.all_columns().filter(told)
    }

    /// Those of the key, and the others of the export.
    pub fn all_columns(&self) -> impl Iterator<Item = &Column> {
        self.key.iter().chain(self.columns)
    }

    /// A row of this table is not as dwell writes it.
    pub const fn corrupt(&self, column: &'static str) -> Fault {
        Fault::Corrupt {
            table: self.name,
            column,
        }
    }
}
