//! What is asked and granted at a moment. Pure: the moments are arguments.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::entry::{Entry, Taken, Verdict};
use super::error::{MAX_ASKED_A_MINUTE, NotWaiting, TooMany};
use super::question::{ApprovalId, Binding, Question};
use super::waiting::HostKey;
use crate::names::Identity;

/// Most questions that wait at once; an owner can't look at more.
const MAX_OPEN: usize = 64;
/// Of these, so many of one identity, so that none keeps the others out.
const MAX_OPEN_OF_ONE: usize = 16;
/// Most questions in a minute, whoever asks.
const MAX_ASKED_BY_ALL: usize = 120;
/// Most bytes of params that all of them hold: more could not be shown.
const MAX_BYTES: usize = 8 * 1024 * 1024;
/// Of these, so many of one identity, so that none keeps the others out.
const MAX_BYTES_OF_ONE: usize = 2 * 1024 * 1024;
/// Most questions that are remembered, answered ones included.
const MAX_REMEMBERED: usize = 256;
/// Most grants.
const MAX_GRANTS: usize = 256;
/// Most windows in which a host asks about one question.
const MAX_HOSTS: usize = 8;
const MINUTE: Duration = Duration::from_mins(1);

/// A moment on both clocks, and how long a question waits.
#[derive(Clone, Copy)]
pub(super) struct Moment {
    pub now: Duration,
    pub wall: Timestamp,
    pub timeout: Duration,
}

/// A question that waits.
#[derive(Debug, Clone)]
pub struct Open {
    /// Its id.
    pub id: ApprovalId,
    /// The call.
    pub question: Arc<Question>,
    /// When it was asked, by the wall clock.
    pub asked_at: Timestamp,
    /// When it ends unanswered.
    pub expires_at: Timestamp,
}

/// An approval that lasts.
#[derive(Debug, Clone)]
pub struct Grant {
    /// The id of the question that it answered.
    pub id: ApprovalId,
    /// That question: identity, service, action and credential are what it
    /// counts for.
    pub question: Arc<Question>,
    /// Until when, by the wall clock as it was set when it was given.
    pub until: Timestamp,
    ends: Duration,
}

/// A question that ended by itself.
#[derive(Debug, Clone)]
pub struct Lapsed {
    /// Its id.
    pub id: ApprovalId,
    /// The call.
    pub question: Arc<Question>,
    /// Whether it had been approved, and no call came for it.
    pub was_approved: bool,
}

/// A call among those that wait for one question.
pub(super) struct Joined {
    pub id: ApprovalId,
    pub question: Arc<Question>,
    pub is_new: bool,
}

/// All of it.
#[derive(Default)]
pub(super) struct Standing {
    epoch: u64,
    entries: HashMap<Binding, Entry>,
    grants: Vec<Grant>,
    asked: HashMap<Identity, VecDeque<Duration>>,
}

impl Standing {
    /// Changes when all is forgotten.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    pub fn grant_for(&self, question: &Question, now: Duration) -> Option<ApprovalId> {
        let mut grants = self.grants.iter().filter(|grant| now < grant.ends);
        let found = grants.find(|grant| question.is_granted_with(&grant.question));
        found.map(|grant| grant.id.clone())
    }

    pub fn join(&mut self, question: Question, moment: Moment) -> Result<Joined, TooMany> {
        if let Some(entry) = self.entries.get_mut(&question.binding) {
            entry.waiting += 1;
            return Ok(Joined {
                id: entry.id.clone(),
                question: Arc::clone(&entry.question),
                is_new: false,
            });
        }
        self.check_room(&question, moment.now)?;
        let wait = jiff::SignedDuration::try_from(moment.timeout).unwrap_or_default();
        let entry = Entry {
            id: ApprovalId::random(),
            question: Arc::new(question),
            asked_at: moment.wall,
            expires_at: moment.wall.saturating_add(wait).unwrap_or(moment.wall),
            expires: moment.now + moment.timeout,
            verdict: None,
            waiting: 1,
            hosts: Vec::new(),
        };
        let joined = Joined {
            id: entry.id.clone(),
            question: Arc::clone(&entry.question),
            is_new: true,
        };
        let asked = self.asked.entry(entry.question.identity.clone());
        asked.or_default().push_back(moment.now);
        self.entries.insert(entry.question.binding, entry);
        Ok(joined)
    }

    fn check_room(&mut self, question: &Question, now: Duration) -> Result<(), TooMany> {
        let identity = &question.identity;
        let held = |of: Option<&Identity>| {
            let entries = self.entries.values().map(|entry| &entry.question);
            let of_those = entries.filter(|it| of.is_none_or(|of| it.identity == *of));
            of_those.map(|it| it.params.len()).sum::<usize>() + question.params.len()
        };
        if held(Some(identity)) > MAX_BYTES_OF_ONE || held(None) > MAX_BYTES {
            return Err(TooMany::Bytes);
        }
        let open = self.entries.values().filter(|entry| entry.is_open(now));
        let own = open
            .clone()
            .filter(|entry| entry.question.identity == *identity)
            .count();
        let all = open.count();
        if all >= MAX_OPEN || own >= MAX_OPEN_OF_ONE {
            return Err(TooMany::Waiting {
                waiting: if all >= MAX_OPEN { all } else { own },
            });
        }
        if let Some(asked) = self.asked.get_mut(identity) {
            while asked.front().is_some_and(|first| *first + MINUTE <= now) {
                asked.pop_front();
            }
            if asked.len() >= MAX_ASKED_A_MINUTE
                && let Some(first) = asked.front()
            {
                let wait = (*first + MINUTE).saturating_sub(now);
                return Err(TooMany::Asked {
                    retry_after_s: wait.as_secs() + 1,
                });
            }
        }
        let by_all = self.asked.values().flatten();
        let recent = by_all.filter(|at| now < **at + MINUTE);
        if recent.count() >= MAX_ASKED_BY_ALL {
            return Err(TooMany::Asked { retry_after_s: 10 });
        }
        while self.entries.len() >= MAX_REMEMBERED {
            // those that wait are far fewer: one that is answered gives way
            let answered = self.entries.iter().filter_map(|(binding, entry)| {
                let (_, until) = entry.verdict.as_ref()?;
                Some((*until, *binding))
            });
            let Some((_, oldest)) = answered.min_by_key(|(until, _)| *until) else {
                break;
            };
            self.entries.remove(&oldest);
        }
        Ok(())
    }

    /// What is said to the question, for one of the calls that wait for it. An
    /// approval is taken by this: it is there for one call.
    pub fn take_verdict(&mut self, binding: Binding, id: &ApprovalId, moment: Moment) -> Taken {
        let Some(entry) = self.entries.get(&binding).filter(|entry| entry.id == *id) else {
            return Taken::Gone;
        };
        match entry.verdict.as_ref().map(|(verdict, _)| verdict.clone()) {
            None if entry.expires <= moment.now => Taken::Said(Verdict::Expired {
                after: moment.timeout,
            }),
            None => Taken::Nothing,
            Some(Verdict::Approved) => {
                self.entries.remove(&binding);
                Taken::Said(Verdict::Approved)
            }
            Some(verdict) => Taken::Said(verdict),
        }
    }

    /// One call waits no more. Whether with it the question is withdrawn:
    /// nobody else waits, it isn't answered, and nobody is to come back for it.
    pub fn leave(&mut self, binding: Binding, id: &ApprovalId, comes_back: bool) -> bool {
        let Some(entry) = self.entries.get_mut(&binding) else {
            return false;
        };
        if entry.id != *id {
            return false;
        }
        entry.waiting = entry.waiting.saturating_sub(1);
        if entry.waiting > 0 || comes_back {
            return false;
        }
        match &entry.verdict {
            // those who waited were told
            Some((Verdict::Rejected { .. } | Verdict::Expired { .. }, _)) => {
                self.entries.remove(&binding);
                false
            }
            // an approval waits for its call
            Some((Verdict::Approved, _)) => false,
            None => {
                self.entries.remove(&binding);
                true
            }
        }
    }

    pub fn open(&self, now: Duration) -> Vec<Open> {
        let open = self.entries.values().filter(|entry| entry.is_open(now));
        let mut open: Vec<_> = open.map(|entry| (entry.expires, entry.shown())).collect();
        open.sort_by(|(one, a), (other, b)| (one, a.id.as_str()).cmp(&(other, b.id.as_str())));
        open.into_iter().map(|(_, open)| open).collect()
    }

    pub fn grants(&self, now: Duration) -> Vec<Grant> {
        let grants = self.grants.iter().filter(|grant| now < grant.ends);
        grants.cloned().collect()
    }

    pub fn check(&self, ids: &[ApprovalId], now: Duration) -> Result<(), NotWaiting> {
        ids.iter().try_for_each(|id| self.find(id, now).map(drop))
    }

    pub fn approve(
        &mut self,
        ids: &[ApprovalId],
        lasting: Option<Duration>,
        moment: Moment,
    ) -> Result<Vec<Arc<Question>>, NotWaiting> {
        let approved: Vec<_> = ids
            .iter()
            .map(|id| {
                let entry = self.find(id, moment.now)?;
                Ok((entry.id.clone(), Arc::clone(&entry.question)))
            })
            .collect::<Result<_, _>>()?;
        for (id, question) in &approved {
            match lasting {
                Some(lasting) => self.grant(id.clone(), question, lasting, moment),
                None => {
                    if let Some(entry) = self.entries.get_mut(&question.binding) {
                        entry.verdict = Some((Verdict::Approved, moment.now + moment.timeout));
                    }
                }
            }
        }
        Ok(approved.into_iter().map(|(_, question)| question).collect())
    }

    fn grant(
        &mut self,
        id: ApprovalId,
        question: &Arc<Question>,
        lasting: Duration,
        moment: Moment,
    ) {
        let length = jiff::SignedDuration::try_from(lasting).unwrap_or_default();
        // what it covers waits no more: each of those calls finds the grant
        self.entries
            .retain(|_, entry| !entry.question.is_granted_with(question));
        // one grant for one thing, so that ending it ends it
        self.grants
            .retain(|grant| !grant.question.is_granted_with(question));
        if self.grants.len() >= MAX_GRANTS {
            self.grants.remove(0);
        }
        self.grants.push(Grant {
            id,
            question: Arc::clone(question),
            until: moment.wall.saturating_add(length).unwrap_or(moment.wall),
            ends: moment.now + lasting,
        });
    }

    pub fn reject(
        &mut self,
        ids: &[ApprovalId],
        reason: &str,
        now: Duration,
        kept: Duration,
    ) -> Result<Vec<(ApprovalId, Arc<Question>)>, NotWaiting> {
        for id in ids {
            let is_grant = self.grants.iter().any(|grant| grant.id == *id);
            if !is_grant && self.entry(id, now).is_none() {
                return Err(NotWaiting { id: id.clone() });
            }
        }
        let mut rejected = Vec::new();
        for id in ids {
            let ended = self.grants.extract_if(.., |grant| grant.id == *id);
            rejected.extend(ended.map(|grant| (grant.id, grant.question)));
            let Some(binding) = self.entry(id, now).map(|entry| entry.question.binding) else {
                continue;
            };
            if let Some(entry) = self.entries.get_mut(&binding) {
                let reason = reason.to_owned();
                entry.verdict = Some((Verdict::Rejected { reason }, now + kept));
                rejected.push((id.clone(), Arc::clone(&entry.question)));
            }
        }
        Ok(rejected)
    }

    /// Lets `key` answer the question, from the window of a host.
    pub fn let_host_answer(&mut self, binding: Binding, id: &ApprovalId, key: HostKey) {
        let entry = self.entries.get_mut(&binding);
        if let Some(entry) = entry.filter(|entry| entry.id == *id)
            && entry.hosts.len() < MAX_HOSTS
        {
            entry.hosts.push(key);
        }
    }

    pub fn answer_by_host(
        &mut self,
        id: &ApprovalId,
        key: &HostKey,
        approved: bool,
        now: Duration,
        kept: Duration,
    ) -> Result<Arc<Question>, NotWaiting> {
        let binding = self.find(id, now)?.question.binding;
        let not_waiting = || NotWaiting { id: id.clone() };
        let entry = self.entries.get_mut(&binding).ok_or_else(not_waiting)?;
        if !entry.hosts.contains(key) {
            return Err(not_waiting());
        }
        let verdict = if approved {
            Verdict::Approved
        } else {
            Verdict::Rejected {
                reason: "said no in the MCP host's window".to_owned(),
            }
        };
        entry.verdict = Some((verdict, now + kept));
        Ok(Arc::clone(&entry.question))
    }

    /// Forgets what came over the own socket of `identity`.
    pub fn forget(&mut self, identity: &Identity) {
        let is_its = |question: &Question| question.own_socket && question.identity == *identity;
        self.entries.retain(|_, entry| !is_its(&entry.question));
        self.grants.retain(|grant| !is_its(&grant.question));
    }

    pub fn clear(&mut self) -> (usize, usize) {
        let cleared = (self.entries.len(), self.grants.len());
        self.epoch += 1;
        self.entries.clear();
        self.grants.clear();
        cleared
    }

    pub fn sweep(&mut self, now: Duration, kept: Duration) -> Vec<Lapsed> {
        let mut lapsed = Vec::new();
        self.entries.retain(|_, entry| match &entry.verdict {
            None if entry.expires <= now => {
                lapsed.push(entry.lapsed(false));
                let verdict = Verdict::Expired { after: kept };
                entry.verdict = Some((verdict, now + kept));
                true
            }
            Some((verdict, until)) if *until <= now && entry.waiting == 0 => {
                if *verdict == Verdict::Approved {
                    lapsed.push(entry.lapsed(true));
                }
                false
            }
            _ => true,
        });
        self.grants.retain(|grant| now < grant.ends);
        self.asked
            .retain(|_, asked| asked.back().is_some_and(|last| now < *last + MINUTE));
        lapsed
    }

    /// The question of that id, where it waits.
    fn find(&self, id: &ApprovalId, now: Duration) -> Result<&Entry, NotWaiting> {
        let entry = self.entry(id, now).filter(|entry| entry.is_open(now));
        entry.ok_or_else(|| NotWaiting { id: id.clone() })
    }

    /// The question of that id, where it waits or its approval wasn't used.
    fn entry(&self, id: &ApprovalId, now: Duration) -> Option<&Entry> {
        let mut entries = self.entries.values();
        entries.find(|entry| {
            entry.id == *id
                && (entry.is_open(now) || matches!(entry.verdict, Some((Verdict::Approved, _))))
        })
    }
}
