//! Every term of the account.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{
    account::{Account, ProgramAccount},
    output::matrix::kinds,
};

/// `OLD>NEW` and how often, without those that did not occur.
pub(super) fn pairs(matrix: &[u64; 256]) -> BTreeMap<String, u64> {
    kinds(matrix).map(|kind| (format!("{}>{}", kind.old, kind.new), kind.count)).collect()
}

#[derive(Serialize)]
pub(super) struct AccountObject {
    made: u64,
    seen: u64,
    missed: u64,
    filtered: u64,
    submitted: u64,
    reserve_failed: u64,
    held: u64,
    decoded: u64,
    undecodable: u64,
    lost: u64,
    closes: bool,
    programs: [ProgramObject; 2],
    made_by_transition: BTreeMap<String, u64>,
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
            made: account.made(),
            seen: account.seen(),
            missed: account.missed(),
            filtered: account.filtered(),
            submitted: account.submitted(),
            reserve_failed: account.reserve_failed(),
            held: account.held(),
            decoded: account.decoded,
            undecodable: account.undecodable,
            lost: account.lost(),
            closes: account.closes(),
            programs: [ProgramObject::new(&account.first), ProgramObject::new(&account.second)],
            made_by_transition: pairs(&account.matrix),
        }
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
