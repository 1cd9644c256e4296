//! What stands in another process's memory, as root sees it: each page that is
//! the process's own, in every mapping, swapped out or not.

use std::fmt;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE};

const PAGE: usize = 4096;

/// A shorter half of a secret would be found where it isn't one.
const SHORTEST_HALF: usize = 10;

/// What is looked for: secrets, each in the forms that a buffer may hold.
pub(crate) struct Wanted {
    patterns: Vec<Pattern>,
    /// By their first two bytes, which patterns.
    starts: Vec<Vec<usize>>,
}

struct Pattern {
    secret: String,
    form: &'static str,
    bytes: Vec<u8>,
}

/// Where a secret stands.
pub(crate) struct Found {
    pub(crate) secret: String,
    pub(crate) form: &'static str,
    /// Whether the page is kept out of swap and dumps.
    pub(crate) is_locked: bool,
    at: u64,
    /// What stands around it, as far as it can be printed.
    around: String,
    mapping: String,
}

impl fmt::Debug for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let locked = if self.is_locked { ", locked" } else { "" };
        write!(
            f,
            "{} ({}) at {:x} in {}{locked}: {:?}",
            self.secret, self.form, self.at, self.mapping, self.around
        )
    }
}

impl Wanted {
    pub(crate) fn none() -> Self {
        Self {
            patterns: Vec::new(),
            starts: vec![Vec::new(); 1 << 16],
        }
    }

    /// A text, such as a credential.
    pub(crate) fn text(mut self, name: &str, secret: &str) -> Self {
        self = self.bytes(name, secret.as_bytes());
        let wide: Vec<u8> = secret.encode_utf16().flat_map(u16::to_le_bytes).collect();
        self.add(name, "UTF-16", wide);
        let escaped = secret.bytes().map(|it| format!("\\u{it:04x}"));
        let escaped = escaped.collect::<Vec<_>>().concat();
        self.add(name, "\\u", escaped.into_bytes());
        let json = serde_json::Value::from(secret).to_string();
        self.add(name, "JSON", json.trim_matches('"').into());
        self
    }

    /// Bytes, such as a key.
    pub(crate) fn bytes(mut self, name: &str, secret: &[u8]) -> Self {
        self.add(name, "raw", secret.to_vec());
        let (front, back) = secret.split_at(secret.len() / 2);
        if front.len() >= SHORTEST_HALF {
            // what an allocator or a later write left of it
            self.add(name, "front half", front.to_vec());
            self.add(name, "back half", back.to_vec());
        }
        self.add(name, "hex", hex::encode(secret).into());
        self.add(name, "HEX", hex::encode_upper(secret).into());
        // as HMAC pads its key
        for (form, pad) in [("inner pad", 0x36), ("outer pad", 0x5c)] {
            let padded = secret.iter().map(|byte| byte ^ pad).collect();
            self.add(name, form, padded);
        }
        for offset in 0..3 {
            for engine in [&BASE64_STANDARD, &BASE64_URL_SAFE] {
                let encoded = engine.encode([&[0; 2][..offset], secret].concat());
                // the digits that depend on nothing but the secret
                let from = [0, 2, 3][offset];
                let to = (offset + secret.len()) / 3 * 4;
                self.add(name, "base64", encoded[from..to].into());
            }
        }
        self
    }

    fn add(&mut self, secret: &str, form: &'static str, bytes: Vec<u8>) {
        let known = self.patterns.iter();
        if known
            .filter(|it| it.secret == secret)
            .any(|it| it.bytes == bytes)
        {
            return;
        }
        self.starts[start(&bytes)].push(self.patterns.len());
        self.patterns.push(Pattern {
            secret: secret.to_owned(),
            form,
            bytes,
        });
    }

    /// Every place in the memory of the process `pid` where one of them stands.
    pub(crate) fn found_in(&self, pid: u32) -> Vec<Found> {
        let memory = File::open(format!("/proc/{pid}/mem")).unwrap();
        let pagemap = File::open(format!("/proc/{pid}/pagemap")).unwrap();
        let mut found = Vec::new();
        let mut looked_at = 0;
        for mapping in mappings(pid) {
            for (from, to) in mapping.own_pages(&pagemap) {
                let mut bytes = vec![0; usize::try_from(to - from).unwrap()];
                // a region may have gone since the list was made
                if memory.read_exact_at(&mut bytes, from).is_ok() {
                    looked_at += bytes.len();
                    self.look(&bytes, from, &mapping, &mut found);
                }
            }
        }
        assert!(looked_at > 64 * PAGE, "there is no less memory than that");
        found
    }

    fn look(&self, bytes: &[u8], from: u64, mapping: &Mapping, found: &mut Vec<Found>) {
        // most of memory was never written, or was wiped
        let zeros = [0; 64];
        let mut at = 0;
        while at + 1 < bytes.len() {
            if bytes[at] == 0 && bytes[at..].starts_with(&zeros) {
                at += zeros.len();
                continue;
            }
            for which in &self.starts[start(&bytes[at..])] {
                let pattern = &self.patterns[*which];
                // a whole one holds both halves
                let here = from + u64::try_from(at).unwrap();
                let whole = u64::try_from(2 * pattern.bytes.len() + 1).unwrap();
                let is_part = pattern.form.ends_with("half")
                    && found.iter().rev().take(8).any(|near: &Found| {
                        near.form == "raw"
                            && near.secret == pattern.secret
                            && (near.at..near.at + whole).contains(&here)
                    });
                if !is_part && bytes[at..].starts_with(&pattern.bytes) {
                    let (left, right) = (at.saturating_sub(48), at + pattern.bytes.len() + 24);
                    let around = &bytes[left..right.min(bytes.len())];
                    found.push(Found {
                        secret: pattern.secret.clone(),
                        form: pattern.form,
                        is_locked: mapping.is_locked,
                        at: here,
                        around: String::from_utf8_lossy(around).replace('\0', "·"),
                        mapping: mapping.name.clone(),
                    });
                }
            }
            at += 1;
        }
    }
}

fn start(bytes: &[u8]) -> usize {
    usize::from(bytes[0]) << 8 | usize::from(bytes[1])
}

struct Mapping {
    start: u64,
    end: u64,
    /// Its mode, and what is mapped.
    name: String,
    is_file: bool,
    is_locked: bool,
}

fn mappings(pid: u32) -> Vec<Mapping> {
    let smaps = fs::read_to_string(format!("/proc/{pid}/smaps")).unwrap();
    let mut mappings: Vec<Mapping> = Vec::new();
    for line in smaps.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        if words[0] == "VmFlags:" {
            let has = |flag| words.contains(&flag);
            let last = mappings.last_mut().unwrap();
            last.is_locked = has("lo") && has("dd");
        } else if let Some((start, end)) = words[0].split_once('-') {
            let path = words.get(5).copied().unwrap_or("anonymous memory");
            mappings.push(Mapping {
                start: u64::from_str_radix(start, 16).unwrap(),
                end: u64::from_str_radix(end, 16).unwrap(),
                name: format!("{} {path}", words[1]),
                // changed pages of a private mapping are the process's own
                is_file: path.starts_with('/') && words[1].ends_with('p'),
                is_locked: false,
            });
        }
    }
    mappings
}

impl Mapping {
    /// The stretches of pages that hold something, but for those that are just
    /// as in the file: whoever reads that needs no memory.
    fn own_pages(&self, pagemap: &File) -> Vec<(u64, u64)> {
        const PRESENT: u64 = 1 << 63;
        const SWAPPED: u64 = 1 << 62;
        const OF_FILE: u64 = 1 << 61;
        let page = u64::try_from(PAGE).unwrap();
        let count = usize::try_from((self.end - self.start) / page).unwrap();
        let mut entries = vec![0; 8 * count];
        // the kernel's own pages, such as those of the clock, have none
        if pagemap
            .read_exact_at(&mut entries, self.start / page * 8)
            .is_err()
        {
            return Vec::new();
        }
        let mut stretches: Vec<(u64, u64)> = Vec::new();
        for (entry, from) in entries.chunks_exact(8).zip((self.start..).step_by(PAGE)) {
            let entry = u64::from_le_bytes(entry.try_into().unwrap());
            let is_there = entry & (PRESENT | SWAPPED) != 0;
            if !is_there || self.is_file && entry & OF_FILE != 0 {
                continue;
            }
            match stretches.last_mut() {
                Some((_, to)) if *to == from => *to += page,
                _ => stretches.push((from, from + page)),
            }
        }
        stretches
    }
}
