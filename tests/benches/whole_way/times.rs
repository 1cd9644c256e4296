//! How long calls take.

use std::time::{Duration, Instant};

use tokio::runtime::Runtime;
use tokio::task::JoinSet;

/// How often each way is measured.
pub const ROUNDS: usize = 5;

/// Calls of one round, one at a time and again many at once.
pub const CALLS: usize = 2_000;

const WARM_UP: usize = 200;
const AT_ONCE: usize = 16;

/// What calls of one kind took.
#[derive(Default)]
pub struct Times {
    each: Vec<Duration>,
    /// What rounds of [`CALLS`], [`AT_ONCE`] at a time, took.
    at_once: Vec<Duration>,
}

impl Times {
    /// One round of `call`.
    pub fn measure<F, Answer>(&mut self, runtime: &Runtime, call: F)
    where
        F: Fn() -> Answer + Clone + Send + 'static,
        Answer: Future<Output = ()> + Send,
    {
        // on the runtime's own threads, as a program's calls are
        let (each, at_once) = runtime
            .block_on(runtime.spawn(async move {
                for _ in 0..WARM_UP {
                    call().await;
                }
                let mut each = Vec::with_capacity(CALLS);
                for _ in 0..CALLS {
                    let began = Instant::now();
                    call().await;
                    each.push(began.elapsed());
                }
                let began = Instant::now();
                let mut tasks = JoinSet::new();
                for _ in 0..AT_ONCE {
                    let call = call.clone();
                    tasks.spawn(async move {
                        for _ in 0..CALLS / AT_ONCE {
                            call().await;
                        }
                    });
                }
                while let Some(ended) = tasks.join_next().await {
                    ended.unwrap();
                }
                (each, began.elapsed())
            }))
            .unwrap();
        self.each.extend(each);
        self.at_once.push(at_once);
    }

    /// One round of `call`, never two at once.
    pub fn measure_one_by_one(&mut self, mut call: impl FnMut()) {
        for round in 0..WARM_UP + CALLS {
            let began = Instant::now();
            call();
            if round >= WARM_UP {
                self.each.push(began.elapsed());
            }
        }
    }

    /// What `percent` of the calls stayed within, in µs.
    pub fn percentile(&self, percent: usize) -> f64 {
        let mut each = self.each.clone();
        each.sort();
        each[(each.len() * percent / 100).min(each.len() - 1)].as_secs_f64() * 1e6
    }

    /// Calls a second, [`AT_ONCE`] at a time, in the median round; 0 where that
    /// was not measured.
    pub fn per_second(&self) -> f64 {
        let mut at_once = self.at_once.clone();
        at_once.sort();
        at_once.get(at_once.len() / 2).map_or(0.0, |took| {
            (CALLS / AT_ONCE * AT_ONCE) as f64 / took.as_secs_f64()
        })
    }

    /// Prints a row.
    pub fn print(&self, name: &str) {
        let per_second = match self.per_second() {
            0.0 => String::new(),
            measured => format!("{measured:.0}"),
        };
        println!(
            "{name:<46} {:>8.0} {:>8.0} {per_second:>18}",
            self.percentile(50),
            self.percentile(99),
        );
    }
}
