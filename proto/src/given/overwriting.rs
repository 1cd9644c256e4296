//! Writing over the variables where the kernel put them.

use std::env;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;

use zeroize::Zeroizing;

use super::{VARIABLES, taken};
use crate::pages::SecretPages;

/// This process's memory, open for writing, where one of the variables is set.
/// A process that has closed itself to others can't open it any more.
pub(crate) fn memory(unwanted: &[&str]) -> Option<File> {
    let mut names = VARIABLES.iter().chain(unwanted);
    names.find(|name| env::var_os(name).is_some())?;
    let memory = OpenOptions::new()
        .read(true)
        .write(true)
        .open("/proc/self/mem");
    memory.ok()
}

/// Writes zeros over the variables, and keeps the passwords.
pub(crate) fn take_out(memory: &File, unwanted: &[&str]) -> io::Result<()> {
    let (start, end) = bounds()?;
    let length = usize::try_from(end.saturating_sub(start)).map_err(io::Error::other)?;
    let mut block = Zeroizing::new(vec![0; length]);
    memory.read_exact_at(&mut block, start)?;
    let mut at = start;
    for entry in block.split(|byte| *byte == 0) {
        let set = |name: &&str| {
            let value = entry.strip_prefix(name.as_bytes())?;
            value.strip_prefix(b"=")
        };
        let password = VARIABLES.iter().find_map(|name| Some((*name, set(name)?)));
        if let Some((name, value)) = password {
            let mut taken = taken();
            // of one that stands there twice the first counts, as everywhere
            if taken.iter().all(|(known, _)| *known != name) {
                taken.push((name, SecretPages::copy_of(value)));
            }
        }
        if password.is_some() || unwanted.iter().any(|name| set(name).is_some()) {
            memory.write_all_at(&vec![0; entry.len()], at)?;
        }
        at += u64::try_from(entry.len()).map_err(io::Error::other)? + 1;
    }
    Ok(())
}

/// Where the kernel put this process's environment.
fn bounds() -> io::Result<(u64, u64)> {
    /// Their places in `/proc/PID/stat`, counted from the state behind the name.
    const ENV_START: usize = 50 - 3;
    let text = fs::read("/proc/self/stat")?;
    let text = String::from_utf8_lossy(&text);
    let (_, fields) = text.rsplit_once(')').unwrap_or_default();
    let mut fields = fields.split_whitespace().skip(ENV_START);
    let mut number = || fields.next()?.parse::<u64>().ok();
    match (number(), number()) {
        (Some(start), Some(end)) if 0 < start && start <= end => Ok((start, end)),
        _ => Err(io::Error::other("/proc/self/stat has no environment")),
    }
}
