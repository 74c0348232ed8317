//! Work spread over threads, its results in order.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

/// How many threads the machine runs at once.
pub fn processors() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// Does `work` for each item on `jobs` threads; `done` gets the results on this thread, in the order of the items.
pub fn parallel<I: Sync, O: Send>(
    jobs: usize,
    items: &[I],
    work: impl Fn(&I) -> O + Sync,
    mut done: impl FnMut(usize, O),
) {
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        let (sender, results) = mpsc::channel();
        for _ in 0..jobs.clamp(1, items.len().max(1)) {
            let (sender, next, work) = (sender.clone(), &next, &work);
            scope.spawn(move || {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(at) else { return };
                    // Nobody listens any more: the rest is not wanted.
                    if sender.send((at, work(item))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        let mut early: Vec<Option<O>> = items.iter().map(|_| None).collect();
        let mut reported = 0;
        for (at, output) in results {
            if let Some(place) = early.get_mut(at) {
                *place = Some(output);
            }
            while let Some(output) = early.get_mut(reported).and_then(Option::take) {
                done(reported, output);
                reported += 1;
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_order() {
        let items: Vec<u64> = (0..100).collect();
        let mut got = Vec::new();
        parallel(4, &items, |item| item * item, |at, square| got.push((at as u64, square)));
        assert_eq!(got, items.iter().map(|item| (*item, item * item)).collect::<Vec<_>>());
        parallel(4, &[] as &[u64], |item| *item, |_, _| unreachable!("there is no item"));
    }
}
