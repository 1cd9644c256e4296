//! What a running process takes of the machine, to be compared before and after.

use std::fs;

use crate::wait_for;

/// Descriptors and memory of a process.
#[derive(Debug, Clone, Copy)]
pub struct Burden {
    /// Its open descriptors; only root may count those of axisd.
    pub descriptors: Option<usize>,
    /// Its own memory in kB: what is in no file.
    pub memory_kb: u64,
}

impl Burden {
    /// What the process `pid` takes now.
    pub fn of(pid: u32) -> Self {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let memory = status
            .lines()
            .find_map(|line| line.strip_prefix("RssAnon:"))
            .and_then(|value| value.split_whitespace().next()?.parse().ok());
        let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).map(Iterator::count);
        #[expect(clippy::print_stderr, reason = "nothing is skipped silently")]
        if descriptors.is_err() {
            eprintln!("not done: only root may count the descriptors of process {pid}");
        }
        Self {
            descriptors: descriptors.ok(),
            memory_kb: memory.expect("the process runs"),
        }
    }

    /// Waits until `pid` takes no more than this again, but for `kilobytes` of
    /// memory and a few descriptors that are kept for the next call.
    ///
    /// # Panics
    /// When it goes on taking more.
    pub fn holds_again(self, pid: u32, kilobytes: u64) {
        const KEPT: usize = 4;
        let mut now = Self::of(pid);
        let settled = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            wait_for("what a process took to be given back", || {
                now = Self::of(pid);
                let descriptors = now.descriptors.zip(self.descriptors);
                let given_back = descriptors.is_none_or(|(now, before)| now <= before + KEPT);
                let memory = now.memory_kb <= self.memory_kb + kilobytes;
                (given_back && memory).then_some(())
            });
        }));
        assert!(settled.is_ok(), "it took {self:?}, and now takes {now:?}");
    }
}
