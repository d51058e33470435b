//! What each write does, decided on the [ledger](super::ledger).

mod clear_clients;
mod create_goal;
mod delete_goal;
mod delete_user;
mod end_session;
mod erase_rows;
mod expire_goal;
mod expire_session;
mod forget_events;
mod forget_requests;
mod heartbeat;
mod log_activity;
mod pause_session;
mod purge_session;
mod record_goal_progress;
mod record_session;
mod record_usage;
mod revoke_sessions;
mod start_session;
mod update_goal;
mod update_settings;

pub use self::{
    clear_clients::ClearClients,
    create_goal::CreateGoal,
    delete_goal::DeleteGoal,
    delete_user::{DeleteUser, Deleted},
    end_session::{EndSession, Ended},
    erase_rows::{EraseRows, Erased},
    expire_goal::ExpireGoal,
    expire_session::ExpireSession,
    forget_events::ForgetEvents,
    forget_requests::ForgetRequests,
    heartbeat::Heartbeat,
    log_activity::LogActivity,
    pause_session::{PauseSession, ResumeSession},
    purge_session::PurgeSession,
    record_goal_progress::{RecordGoalProgress, RecordedProgress},
    record_session::{RecordSession, Recorded, RecordedTime},
    record_usage::RecordUsage,
    revoke_sessions::{RevokeSessions, Revoked},
    start_session::{StartSession, Started},
    update_goal::UpdateGoal,
    update_settings::UpdateSettings,
};
