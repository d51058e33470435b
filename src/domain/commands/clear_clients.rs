use crate::domain::{
    ids::{SessionId, UserId},
    ledger::{Command, Halt, Ledger},
};

/// Clears the IP address and client info of ended sessions.
#[derive(Clone, Debug)]
pub struct ClearClients {
    pub session_ids: Vec<SessionId>,
}

impl Command for ClearClients {
    type Outcome = ();

    fn user(&self) -> Option<UserId> {
        None
    }

    fn decide(&self, ledger: &mut Ledger) -> Result<(), Halt> {
        ledger.forgotten.clients.extend(&self.session_ids);
        Ok(())
    }
}
