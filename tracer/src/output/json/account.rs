//! Every term of the account.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{
    account::{Account, ProgramAccount, TracepointAccount},
    output::matrix::kinds,
};

/// `OLD>NEW` and how often, without those that did not occur.
pub(super) fn pairs(matrix: &[u64; 256]) -> BTreeMap<String, u64> {
    kinds(matrix).map(|kind| (format!("{}>{}", kind.old, kind.new), kind.count)).collect()
}

#[derive(Serialize)]
pub(super) struct AccountObject {
    #[serde(flatten)]
    all: Terms,
    decoded: u64,
    undecodable: u64,
    lost: u64,
    closes: bool,
    tracepoints: BTreeMap<&'static str, TracepointObject>,
    made_by_transition: BTreeMap<String, u64>,
}

/// Figures of one tracepoint, or of all.
#[derive(Serialize)]
struct Terms {
    made: u64,
    seen: u64,
    missed: u64,
    filtered: u64,
    submitted: u64,
    reserve_failed: u64,
    held: u64,
}

#[derive(Serialize)]
struct TracepointObject {
    #[serde(flatten)]
    all: Terms,
    programs: [ProgramObject; 2],
}

#[derive(Serialize)]
struct ProgramObject {
    handled: u64,
    missed: u64,
    not_tcp: u64,
    same_state: u64,
    filtered: u64,
    submitted: u64,
    reserve_failed: u64,
    held: u64,
    released: u64,
}

impl AccountObject {
    pub(super) fn new(account: &Account) -> Self {
        Self {
            all: Terms::new(|figure| account.sum(figure)),
            decoded: account.decoded,
            undecodable: account.undecodable,
            lost: account.lost(),
            closes: account.closes(),
            tracepoints: account.tracepoints().into_iter().map(TracepointObject::new).collect(),
            made_by_transition: pairs(&account.matrix),
        }
    }
}

impl Terms {
    fn new(sum: impl Fn(fn(&TracepointAccount) -> u64) -> u64) -> Self {
        Self {
            made: sum(TracepointAccount::made),
            seen: sum(TracepointAccount::seen),
            missed: sum(TracepointAccount::missed),
            filtered: sum(TracepointAccount::filtered),
            submitted: sum(TracepointAccount::submitted),
            reserve_failed: sum(TracepointAccount::reserve_failed),
            held: sum(TracepointAccount::held),
        }
    }
}

impl TracepointObject {
    fn new((name, tracepoint): (&'static str, &TracepointAccount)) -> (&'static str, Self) {
        let programs = [ProgramObject::new(&tracepoint.first), ProgramObject::new(&tracepoint.second)];
        (name, Self { all: Terms::new(|figure| figure(tracepoint)), programs })
    }
}

impl ProgramObject {
    fn new(program: &ProgramAccount) -> Self {
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
        } = *program;
        Self { handled, missed, not_tcp, same_state, filtered, submitted, reserve_failed, held, released }
    }
}
