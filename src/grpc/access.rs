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
#[expect(clippy::match_same_arms, reason = "a table has a line for each RPC")]
pub const fn rule(rpc: Rpc) -> Roles {
    match rpc {
        // A user's own client starts, keeps and ends its sessions, and says what was done in them.
        Rpc::StartSession => SERVICE_OR_OWN,
        Rpc::EndSession => SERVICE_OR_OWN,
        Rpc::RecordSession => SERVICE_OR_OWN,
        Rpc::Heartbeat => SERVICE_OR_OWN,
        Rpc::StreamHeartbeats => SERVICE_OR_OWN,
        Rpc::PauseSession => SERVICE_OR_OWN,
        Rpc::ResumeSession => SERVICE_OR_OWN,
        Rpc::LogActivity => SERVICE_OR_OWN,
        Rpc::GetSession => ANY_OR_OWN,
        Rpc::ListSessions => ANY_OR_OWN,
        Rpc::ListActivities => ANY_OR_OWN,
        Rpc::WatchSessions => ANY_OR_OWN,

        // Signing out elsewhere is revoking one's own.
        Rpc::RevokeSessions => ANY_OR_OWN,

        // What was used is counted by those who provide it.
        Rpc::RecordUsage => SERVICE,
        Rpc::ImportUsage => SERVICE,
        Rpc::GetUserUsageStats => ANY_OR_OWN,
        Rpc::GetUserSummary => ANY_OR_OWN,
        Rpc::StreamUsageStats => TENANT,
        Rpc::GetTenantUsageReport => TENANT,
        Rpc::ListUserSummaries => TENANT,

        // Ranks and means of others name nobody.
        Rpc::GetSessionStats => ANY_OR_OWN,
        Rpc::GetWarmup => ANY_OR_OWN,
        Rpc::GetUserStatistics => ANY_OR_OWN,
        Rpc::GetStreak => ANY_OR_OWN,
        Rpc::GetCalendar => ANY_OR_OWN,
        Rpc::GetPracticeFrequency => ANY_OR_OWN,
        Rpc::ListTopSubjects => ANY_OR_OWN,
        Rpc::GetPerformanceOverview => ANY_OR_OWN,
        Rpc::GetPerformanceTrend => ANY_OR_OWN,
        Rpc::ComparePerformance => ANY_OR_OWN,

        // Goals are a user's own to set.
        Rpc::CreateGoal => SERVICE_OR_OWN,
        Rpc::UpdateGoal => SERVICE_OR_OWN,
        Rpc::DeleteGoal => SERVICE_OR_OWN,
        Rpc::RecordGoalProgress => SERVICE_OR_OWN,
        Rpc::GetGoal => ANY_OR_OWN,
        Rpc::ListGoals => ANY_OR_OWN,
        Rpc::ListGoalProgress => ANY_OR_OWN,

        // A file of sessions is a list of them in another form.
        Rpc::GetDailyReport => ANY_OR_OWN,
        Rpc::GetWeeklyReport => ANY_OR_OWN,
        Rpc::GetMonthlyReport => ANY_OR_OWN,
        Rpc::ExportSessions => ANY_OR_OWN,

        // A service asks what client types there are, and in which time zone days are.
        Rpc::GetTenantSettings => TENANT,
        Rpc::UpdateTenantSettings => ADMIN,
        Rpc::ExportUserData => ADMIN,
        Rpc::DeleteUserData => ADMIN,
        Rpc::PurgeSessions => ADMIN,
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
