use crate::domain::{
    event::EventPlace,
    ids::UserId,
    ledger::{Command, Halt, Ledger},
};

/// Forgets events that were kept long enough.
#[derive(Clone, Debug)]
pub struct ForgetEvents {
    pub places: Vec<EventPlace>,
}

impl Command for ForgetEvents {
    type Outcome = ();

    fn user(&self) -> Option<UserId> {
        None
    }

    fn decide(&self, ledger: &mut Ledger) -> Result<(), Halt> {
        ledger.forgotten.events.extend(&self.places);
        Ok(())
    }
}
