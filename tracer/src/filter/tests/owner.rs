//! `--pid`, `--comm`, `--role`: what is not proven is not decided.

use tracer_common::filter::Verdict::{self, Match, NoMatch, Undecided};

use super::{filter, sample};
use crate::{
    event::{Comm, Process},
    filter::{CgroupAncestry, Criteria, List, WantedRole},
    observation::{Known, Owner, OwnerSource, Role},
};

fn comm(name: &str) -> Comm {
    let mut comm = [0; 16];
    comm[..name.len()].copy_from_slice(name.as_bytes());
    Comm(comm)
}

fn process(pid: u32) -> Process {
    Process { pid, comm: comm(&format!("p{pid}")) }
}

fn known(owner: Option<u32>, listener: Option<u32>) -> Known {
    let owner = owner.map(|pid| Owner { process: process(pid), source: OwnerSource::Close });
    Known { owner, listener: listener.map(process), ..Known::default() }
}

fn pids(include: &[u32], exclude: &[u32]) -> Criteria {
    let pids = List { include: include.to_vec(), exclude: exclude.to_vec() };
    Criteria { pids, ..Criteria::default() }
}

fn decide(criteria: &Criteria, known: &Known) -> (Verdict, bool) {
    let filter = filter(criteria.clone());
    let cgroups = CgroupAncestry::default();
    (filter.decide(&sample(), known, &cgroups), filter.decide_finally(&sample(), known, &cgroups))
}

#[test]
fn a_wanted_process_is_the_proven_owner_or_the_listener() {
    let wanted = pids(&[7], &[]);
    assert_eq!(decide(&wanted, &known(Some(7), None)), (Match, true));
    assert_eq!(decide(&wanted, &known(Some(8), None)), (NoMatch, false));
    assert_eq!(decide(&wanted, &known(None, Some(7))), (Match, true));
    assert_eq!(decide(&wanted, &known(Some(8), Some(7))), (Match, true));
    // A worker may yet prove to own what another process listens for.
    assert_eq!(decide(&wanted, &known(None, Some(8))), (Undecided, false));
    assert_eq!(decide(&wanted, &known(None, None)), (Undecided, false));
}

#[test]
fn an_excluded_process_takes_the_listener_for_the_owner() {
    let unwanted = pids(&[], &[7]);
    assert_eq!(decide(&unwanted, &known(Some(7), None)), (NoMatch, false));
    assert_eq!(decide(&unwanted, &known(Some(8), None)), (Match, true));
    assert_eq!(decide(&unwanted, &known(None, Some(7))), (NoMatch, false));
    assert_eq!(decide(&unwanted, &known(None, Some(8))), (Match, true));
    assert_eq!(decide(&unwanted, &known(None, None)), (Undecided, true));
}

#[test]
fn names_are_compared_as_the_kernel_keeps_them() {
    let comms = List { include: vec![comm("p7")], exclude: Vec::new() };
    let wanted = Criteria { comms, ..Criteria::default() };
    assert_eq!(decide(&wanted, &known(Some(7), None)), (Match, true));
    assert_eq!(decide(&wanted, &known(Some(77), None)), (NoMatch, false));
}

#[test]
fn listeners_are_on_the_server_s_side() {
    let roles = List { include: vec![WantedRole::Server], exclude: Vec::new() };
    let wanted = Criteria { roles, ..Criteria::default() };
    let of = |role| decide(&wanted, &Known { role, ..Known::default() });
    assert_eq!(of(Some(Role::Server)), (Match, true));
    assert_eq!(of(Some(Role::Listener)), (Match, true));
    assert_eq!(of(Some(Role::Client)), (NoMatch, false));
    assert_eq!(of(None), (Undecided, false));
}

#[test]
fn only_user_space_decides_about_owners() {
    let filter = filter(pids(&[7], &[]));
    assert!(filter.needs_user_decision() && !filter.is_pass_all());
    assert_eq!(filter.compile((1, 2)).config.port_lists, 0);
    assert_eq!(filter.compile((1, 2)).config.may_hold, 0);
}
