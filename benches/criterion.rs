//! `cargo bench --bench criterion`: each row as a group of criterion's, its sides one after the other.
//!
//! Criterion tells one side's time with its spread, and how it changed since the last run. For ratios on a machine whose
//! speed wanders, take `pairs`.

mod common;
mod rows;

use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};

fn all_rows(criterion: &mut Criterion) {
    for maker in rows::rows() {
        let row = (maker.make)();
        let mut group = criterion.benchmark_group(row.id);
        for mut side in [Some(row.ours), row.yardstick].into_iter().flatten() {
            group.bench_function(side.name, |bencher| bencher.iter_custom(|rounds| (side.run)(rounds)));
        }
        group.finish();
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1));
    targets = all_rows
}
criterion_main!(benches);
