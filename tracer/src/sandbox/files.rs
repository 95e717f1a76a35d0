//! Which files can be opened: Landlock.

use std::{os::fd::BorrowedFd, path::PathBuf};

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, CompatLevel, Compatible as _, PathBeneath, RestrictionStatus, Ruleset,
    RulesetAttr as _, RulesetCreatedAttr as _, RulesetError, RulesetStatus, Scope, path_beneath_rules,
};

/// The newest rights that are asked for; an older kernel takes away those it knows.
const NEWEST: ABI = ABI::V6;

/// Whether this kernel has Landlock, and it is enabled.
pub(super) fn is_supported() -> bool {
    let ruleset = Ruleset::default().set_compatibility(CompatLevel::HardRequirement);
    ruleset.handle_access(AccessFs::from_all(ABI::V1)).is_ok()
}

/// Leaves the process `readable`, files in `rotation`, and nothing else of the file system and the network. False if this
/// kernel cannot.
pub(super) fn confine(readable: &[PathBuf], rotation: Option<BorrowedFd<'_>>) -> Result<bool, RulesetError> {
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    let rotate = read | AccessFs::MakeReg | AccessFs::WriteFile | AccessFs::Truncate | AccessFs::RemoveFile;
    let RestrictionStatus { ruleset, .. } = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(NEWEST))?
        .handle_access(AccessNet::from_all(NEWEST))?
        .scope(Scope::from_all(NEWEST))?
        .create()?
        .add_rules(path_beneath_rules(readable, read))?
        .add_rules(rotation.map(|directory| Ok::<_, RulesetError>(PathBeneath::new(directory, rotate))))?
        .restrict_self()?;
    Ok(ruleset != RulesetStatus::NotEnforced)
}
