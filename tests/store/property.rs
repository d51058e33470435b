//! How a property is tried on the store.

use std::sync::atomic::{AtomicU64, Ordering};

use proptest::{
    strategy::Strategy,
    test_runner::{Config, TestRunner},
};

use crate::fixture::Fixture;

/// Tries a property on cases of `strategy`, on both engines. Each case is a tenant of its own, on
/// the same databases.
pub fn try_cases<S: Strategy>(
    config: &Config,
    strategy: &S,
    run: &impl AsyncFn(&S::Value, &[Fixture; 2]),
) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let engines = runtime.block_on(async { [Fixture::sqlite().await, Fixture::postgres().await] });
    let config = Config {
        failure_persistence: None,
        ..config.clone()
    };
    let tenants = AtomicU64::new(1_000);
    TestRunner::new(config)
        .run(strategy, |case| {
            let tenant = u128::from(tenants.fetch_add(1, Ordering::SeqCst));
            let engines = engines.each_ref().map(|db| db.for_tenant(tenant));
            runtime.block_on(run(&case, &engines));
            Ok(())
        })
        .unwrap();
}
