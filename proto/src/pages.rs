//! Secret pages: anonymous memory of one secret each that is locked (not
//! swapped), left out of core dumps and of forked children, and wiped at the end.

use memmap2::MmapMut;
use zeroize::{Zeroize, Zeroizing};

/// Bytes in pages of their own. Where the system gives no such pages they lie
/// on the heap and are still wiped; [`SecretPages::is_locked`] tells. It has
/// neither Debug nor Clone nor Serialize.
pub struct SecretPages {
    pages: Pages,
    length: usize,
}

enum Pages {
    /// The lock goes before what it locks.
    Mapped {
        apart: Apart,
        map: MmapMut,
    },
    Heap(Zeroizing<Box<[u8]>>),
}

impl SecretPages {
    /// So many zeros.
    #[must_use]
    pub fn zeroed(length: usize) -> Self {
        let pages = match MmapMut::map_anon(length.max(1)) {
            Ok(map) => Pages::Mapped {
                apart: Apart::set(&map),
                map,
            },
            Err(_) => Pages::Heap(Zeroizing::new(vec![0; length].into_boxed_slice())),
        };
        Self { pages, length }
    }

    /// A copy; the caller wipes its own.
    #[must_use]
    pub fn copy_of(bytes: &[u8]) -> Self {
        let mut pages = Self::zeroed(bytes.len());
        pages.bytes_mut().copy_from_slice(bytes);
        pages
    }

    /// What is in them. Whoever copies it out must wipe the copy.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        match &self.pages {
            Pages::Mapped { map, .. } => &map[..self.length],
            Pages::Heap(bytes) => bytes,
        }
    }

    /// The same, to be written.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        match &mut self.pages {
            Pages::Mapped { map, .. } => &mut map[..self.length],
            Pages::Heap(bytes) => bytes,
        }
    }

    /// Whether they are locked and left out of dumps; false where the system's
    /// limit of locked memory (`ulimit -l`) was reached.
    #[must_use]
    pub fn is_locked(&self) -> bool {
        match &self.pages {
            Pages::Mapped { apart, .. } => apart.holds(),
            Pages::Heap(_) => false,
        }
    }
}

/// That a mapping is kept out of swap, dumps and children.
#[cfg(unix)]
struct Apart(bool);

#[cfg(unix)]
impl Apart {
    /// All of it, even where one fails.
    fn set(map: &MmapMut) -> Self {
        let locked = map.lock().is_ok();
        #[cfg(target_os = "linux")]
        let left_out = {
            let dumps = map.advise(memmap2::Advice::DontDump).is_ok();
            let children = map.advise(memmap2::Advice::DontFork).is_ok();
            dumps && children
        };
        #[cfg(not(target_os = "linux"))]
        let left_out = true;
        Self(locked && left_out)
    }

    fn holds(&self) -> bool {
        self.0
    }
}

/// That a mapping is kept out of swap, until this is dropped. Nothing is forked
/// here; a dump of the process has it.
#[cfg(windows)]
struct Apart(Option<region::LockGuard>);

#[cfg(windows)]
impl Apart {
    fn set(map: &MmapMut) -> Self {
        Self(region::lock(map.as_ptr(), map.len()).ok())
    }

    fn holds(&self) -> bool {
        self.0.is_some()
    }
}

impl Drop for SecretPages {
    fn drop(&mut self) {
        self.bytes_mut().zeroize();
    }
}
