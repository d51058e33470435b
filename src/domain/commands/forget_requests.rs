use crate::domain::{
    ids::{RequestId, UserId},
    ledger::{Command, Halt, Ledger},
};

/// Forgets requests that were remembered long enough.
#[derive(Clone, Debug)]
pub struct ForgetRequests {
    pub request_ids: Vec<RequestId>,
}

impl Command for ForgetRequests {
    type Outcome = ();

    fn user(&self) -> Option<UserId> {
        None
    }

    fn decide(&self, ledger: &mut Ledger) -> Result<(), Halt> {
        ledger.forgotten.requests.extend(&self.request_ids);
        Ok(())
    }
}
