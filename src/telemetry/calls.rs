//! Calls by method and by what became of them.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use tonic::Code;

use super::count::{Histogram, SECONDS};
use crate::pb::Rpc;

/// What the conventions call methods that are not ours: health, reflection, and those that there
/// are none of. What a caller makes up is no label.
pub const OTHER: &str = "_OTHER";
/// One for each code.
const CODES: usize = 17;

/// All calls of one server.
#[derive(Clone, Debug)]
pub struct Calls(Arc<[Method]>);

/// The calls of one method.
#[derive(Debug)]
pub struct Method {
    /// `package.Service/Method`, or [`OTHER`].
    pub name: &'static str,
    active: AtomicI64,
    by_code: [Histogram; CODES],
}

impl Default for Calls {
    fn default() -> Self {
        let names = Rpc::ALL
            .iter()
            .map(|rpc| rpc.path().trim_start_matches('/'));
        let methods = names.chain([OTHER]).map(|name| Method {
            name,
            active: AtomicI64::new(0),
            by_code: [SECONDS; CODES].map(Histogram::new),
        });
        Self(methods.collect())
    }
}

impl Calls {
    /// A call of the method at `path` is under way until it is [`Begun::end`]ed.
    #[must_use]
    pub fn begin(&self, path: &str) -> Begun {
        // The last one is for all others.
        let method = Rpc::at(path).map_or(self.0.len() - 1, |rpc| rpc as usize);
        let begun = Begun {
            calls: self.clone(),
            method,
        };
        if let Some(method) = begun.method() {
            method.active.fetch_add(1, Ordering::Relaxed);
        }
        begun
    }

    pub fn methods(&self) -> impl Iterator<Item = &Method> {
        self.0.iter()
    }
}

impl Method {
    /// Calls under way; `None` if there never was one.
    #[must_use]
    pub fn active(&self) -> Option<i64> {
        let active = self.active.load(Ordering::Relaxed);
        let was_called = active != 0 || self.by_code.iter().any(|times| times.total() > 0);
        was_called.then_some(active)
    }

    /// How long those took that were answered, by code.
    pub fn answered(&self) -> impl Iterator<Item = (Code, &Histogram)> {
        let codes = (0..).map(Code::from_i32);
        codes.zip(&self.by_code)
    }
}

/// A call that is under way.
#[derive(Debug)]
pub struct Begun {
    calls: Calls,
    method: usize,
}

impl Begun {
    fn method(&self) -> Option<&Method> {
        self.calls.0.get(self.method)
    }

    /// The name of the method, if it is ours.
    #[must_use]
    pub fn name(&self) -> Option<&'static str> {
        let name = self.method()?.name;
        (name != OTHER).then_some(name)
    }

    /// It ended after so long.
    pub fn end(&self, code: Code, after: Duration) {
        if let Some(method) = self.method() {
            method.active.fetch_sub(1, Ordering::Relaxed);
            if let Some(times) = method.by_code.get(code as usize) {
                times.time(after);
            }
        }
    }
}
