//! Whatever comes over the wire is answered, and never with a fault of ours.
//!
//! A target is a function of bytes that acts on a server of its own. It is run in two ways: with a
//! fixed number of inputs from a fixed seed among the other tests, and for long by
//!
//! ```console
//! $ BOLERO_RANDOM_ITERATIONS=1000000 cargo test --test api fuzz -- --ignored --test-threads 1
//! ```
//!
//! where bolero makes the inputs, anew each time, and tells the seed of one that fails; under
//! `cargo bolero test` it follows what they reach. A new kind of input is a new function here and
//! two lines at the end.

mod bearers;
mod messages;
mod metadata;
mod rest;
mod tokens;

use std::panic::AssertUnwindSafe;

use tokio::runtime::{Builder, Runtime};

use crate::{
    auth,
    harness::{Server, Setup},
};

/// Inputs of a short run, and how long one is at most.
const SHORT: usize = 1_500;
const LONGEST: usize = 400;

/// Choices, made by bytes; once they are used up always the first.
pub struct Entropy<'a>(&'a [u8]);

impl Entropy<'_> {
    pub fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else {
            return 0;
        };
        self.0 = rest;
        *first
    }

    /// One of so many, up to 256.
    pub fn below(&mut self, count: usize) -> usize {
        usize::from(self.byte()) % count.max(1)
    }

    pub fn pick<'v, T>(&mut self, values: &'v [T]) -> &'v T {
        &values[self.below(values.len())]
    }

    pub fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.byte()).collect()
    }
}

/// What targets act on: a server on which limits are not in the way.
pub struct World {
    runtime: Runtime,
    server: Server,
}

impl World {
    fn new(setup: Setup) -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let flags = [
            ["--tenant-rate", "1000000"],
            ["--tenant-burst", "1000000"],
            ["--max-feature-names", "100000"],
            ["--max-score-names", "100000"],
            ["--max-tags", "100000"],
        ];
        let flags = flags.concat();
        let server = runtime.block_on(Server::with(Setup { flags, ..setup }));
        Self { runtime, server }
    }
}

fn short<T>(
    setup: Setup,
    prepare: impl Fn(&World) -> T,
    target: impl Fn(&World, &T, &mut Entropy<'_>),
) {
    let world = World::new(setup);
    let prepared = prepare(&world);
    let mut random = fastrand::Rng::with_seed(7);
    for _ in 0..SHORT {
        let length = random.usize(..LONGEST);
        let input: Vec<u8> = (0..length).map(|_| random.u8(..)).collect();
        target(&world, &prepared, &mut Entropy(&input));
    }
}

macro_rules! fuzz {
    ($($name:ident $long:ident $setup:path, $prepare:path, $target:path;)*) => {
        $(
            #[test]
            fn $name() {
                short($setup(), $prepare, $target);
            }

            #[test]
            #[ignore = "runs for long: the module tells how"]
            fn $long() {
                let world = World::new($setup());
                let prepared = $prepare(&world);
                let target = AssertUnwindSafe((&world, &prepared));
                bolero::check!().for_each(move |input: &[u8]| {
                    let AssertUnwindSafe((world, prepared)) = &target;
                    $target(world, prepared, &mut Entropy(input));
                });
            }
        )*
    };
}

fuzz! {
    requests requests_long Setup::default, messages::prepare, messages::target;
    page_tokens page_tokens_long Setup::default, tokens::prepare, tokens::target;
    caller_metadata caller_metadata_long Setup::default, metadata::prepare, metadata::target;
    rest_requests rest_requests_long Setup::default, rest::prepare, rest::target;
    bearer_tokens bearer_tokens_long auth::setup, bearers::prepare, bearers::target;
}
