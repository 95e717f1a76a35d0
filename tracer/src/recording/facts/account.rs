//! What was seen, filtered and lost.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    account::{Account, ProgramAccount, TracepointAccount},
    recording::RecordError,
};

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct AccountFact {
    /// By the tracepoint's name.
    tracepoints: BTreeMap<String, [ProgramFact; 2]>,
    /// Old state, new state, count.
    matrix: Vec<(u8, u8, u64)>,
    decoded: u64,
    undecodable: u64,
}

#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct ProgramFact {
    handled: u64,
    not_tcp: u64,
    same_state: u64,
    filtered: u64,
    submitted: u64,
    reserve_failed: u64,
    held: u64,
    released: u64,
    missed: u64,
}

impl AccountFact {
    pub(super) fn of(account: &Account) -> Self {
        let programs = |it: &TracepointAccount| [ProgramFact::of(&it.first), ProgramFact::of(&it.second)];
        let tracepoints = account.tracepoints().into_iter().map(|(name, it)| (name.to_owned(), programs(it))).collect();
        let entry =
            |(pair, count): (usize, &u64)| (*count > 0).then_some(((pair >> 4) as u8, (pair & 15) as u8, *count));
        Self {
            tracepoints,
            matrix: account.matrix.iter().enumerate().filter_map(entry).collect(),
            decoded: account.decoded,
            undecodable: account.undecodable,
        }
    }

    pub(super) fn account(&self) -> Result<Account, RecordError> {
        let mut account = Account { decoded: self.decoded, undecodable: self.undecodable, ..Account::default() };
        for (name, tracepoint) in account.tracepoints_mut() {
            if let Some([first, second]) = self.tracepoints.get(name) {
                *tracepoint = TracepointAccount { first: first.program(), second: second.program() };
            }
        }
        for (old, new, count) in &self.matrix {
            if *old > 15 || *new > 15 {
                return Err(RecordError::Value);
            }
            account.matrix[usize::from(old << 4 | new)] = *count;
        }
        Ok(account)
    }
}

impl ProgramFact {
    fn of(it: &ProgramAccount) -> Self {
        let ProgramAccount {
            handled,
            not_tcp,
            same_state,
            filtered,
            submitted,
            reserve_failed,
            held,
            released,
            missed,
        } = *it;
        Self { handled, not_tcp, same_state, filtered, submitted, reserve_failed, held, released, missed }
    }

    fn program(&self) -> ProgramAccount {
        let Self { handled, not_tcp, same_state, filtered, submitted, reserve_failed, held, released, missed } = *self;
        ProgramAccount { handled, not_tcp, same_state, filtered, submitted, reserve_failed, held, released, missed }
    }
}
