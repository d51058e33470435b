use crate::domain::{
    ids::UserId,
    ledger::{Command, Halt, Ledger},
    settings::{SettingsPatch, TenantSettings},
};

/// Changes some of a tenant's settings.
#[derive(Clone, Debug)]
pub struct UpdateSettings {
    pub patch: SettingsPatch,
}

impl Command for UpdateSettings {
    type Outcome = TenantSettings;

    const CHANGES_TENANT: bool = true;

    fn user(&self) -> Option<UserId> {
        None
    }

    fn decide(&self, ledger: &mut Ledger) -> Result<TenantSettings, Halt> {
        let settings = ledger.settings().patched(self.patch.clone(), ledger.now);
        ledger.change_settings(settings.clone());
        Ok(settings)
    }
}
