//! Who may call what: one rule for each RPC of the contract. An RPC without one does not build.

use crate::{auth::Roles, pb::Rpc};

const NOBODY: Roles = Roles {
    service: false,
    admin: false,
    user: false,
};
/// Writes on behalf of users that nobody does for themselves.
const SERVICE: Roles = Roles {
    service: true,
    ..NOBODY
};
/// Changes what holds for the tenant, and gives out or deletes what is kept.
const ADMIN: Roles = Roles {
    admin: true,
    ..NOBODY
};
/// Reads of the whole tenant.
const TENANT: Roles = Roles {
    service: true,
    admin: true,
    ..NOBODY
};
/// Writes that users may do for themselves too.
const SERVICE_OR_OWN: Roles = Roles {
    service: true,
    user: true,
    ..NOBODY
};
/// What everybody may do: users to what is their own.
const ANY_OR_OWN: Roles = Roles {
    user: true,
    ..TENANT
};

/// Who may call an RPC. A caller who may as a user alone is held to what is its own.
pub const fn rule(rpc: Rpc) -> Roles {
    match rpc {
        // A user's own client starts, keeps and ends its sessions, and says what was done in
        // them; signing out elsewhere is revoking one's own.
        Rpc::StartSession
        | Rpc::EndSession
        | Rpc::RecordSession
        | Rpc::Heartbeat
        | Rpc::StreamHeartbeats
        | Rpc::PauseSession
        | Rpc::ResumeSession
        | Rpc::LogActivity => SERVICE_OR_OWN,
        Rpc::GetSession
        | Rpc::ListSessions
        | Rpc::ListActivities
        | Rpc::WatchSessions
        | Rpc::RevokeSessions => ANY_OR_OWN,

        // What was used is counted by those who provide it.
        Rpc::RecordUsage | Rpc::ImportUsage => SERVICE,
        Rpc::GetUserUsageStats | Rpc::GetUserSummary => ANY_OR_OWN,
        Rpc::StreamUsageStats | Rpc::GetTenantUsageReport | Rpc::ListUserSummaries => TENANT,

        Rpc::GetSessionStats
        | Rpc::GetWarmup
        | Rpc::GetUserStatistics
        | Rpc::GetStreak
        | Rpc::GetCalendar
        | Rpc::GetPracticeFrequency
        | Rpc::ListTopSubjects
        | Rpc::GetPerformanceOverview
        | Rpc::GetPerformanceTrend
        | Rpc::ComparePerformance => ANY_OR_OWN,

        Rpc::CreateGoal | Rpc::UpdateGoal | Rpc::DeleteGoal | Rpc::RecordGoalProgress => {
            SERVICE_OR_OWN
        }
        Rpc::GetGoal | Rpc::ListGoals | Rpc::ListGoalProgress => ANY_OR_OWN,

        // Files of sessions are lists of them in another form.
        Rpc::GetDailyReport
        | Rpc::GetWeeklyReport
        | Rpc::GetMonthlyReport
        | Rpc::ExportSessions => ANY_OR_OWN,

        // A service asks what client types there are, and which day it is.
        Rpc::GetTenantSettings => TENANT,
        Rpc::UpdateTenantSettings
        | Rpc::ExportUserData
        | Rpc::DeleteUserData
        | Rpc::PurgeSessions => ADMIN,
    }
}

#[cfg(test)]
mod tests {
    use prost::Message;
    use prost_types::FileDescriptorSet;

    use super::*;
    use crate::pb::FILE_DESCRIPTOR_SET;

    #[test]
    fn every_rpc_of_the_contract_has_a_rule_that_lets_somebody_in() {
        let set = FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).unwrap();
        let mut rpcs = 0;
        for file in set.file.iter().filter(|file| file.package() == "dwell.v1") {
            for service in &file.service {
                for method in &service.method {
                    let path = format!("/dwell.v1.{}/{}", service.name(), method.name());
                    let rpc = Rpc::at(&path).unwrap();
                    assert_eq!(rpc.path(), path);
                    assert_ne!(rule(rpc), NOBODY, "{path}");
                    rpcs += 1;
                }
            }
        }
        assert_eq!(rpcs, 46);
        assert_eq!(Rpc::at("/dwell.v1.SessionService/Nothing"), None);
        assert_eq!(Rpc::at("/dwell.v1.sessionservice/GetSession"), None);
    }
}
