//! What may be written, and that nothing may be executed (landlock(7)).
//!
//! Reading is not restricted: where the links of a host lead, and what its devices are, must be seen as it is.

use landlock::{
    ABI, AccessFs, BitFlags, PathBeneath, PathFd, Ruleset, RulesetAttr, RulesetCreatedAttr,
    RulesetError, RulesetStatus, make_bitflags,
};

use super::plan::{What, Written};

/// Whatever of it the kernel knows is restricted.
const KNOWN: ABI = ABI::V5;

/// Answers what could not be restricted, and why.
pub(super) fn restrict(written: &[Written]) -> Option<String> {
    match apply(written) {
        Ok(RulesetStatus::FullyEnforced) => None,
        Ok(RulesetStatus::PartiallyEnforced) => {
            Some("Landlock (this kernel restricts a part of what can be)".to_owned())
        }
        Ok(_) => Some("Landlock (this kernel has none)".to_owned()),
        Err(error) => Some(format!("Landlock ({error})")),
    }
}

fn apply(written: &[Written]) -> Result<RulesetStatus, RulesetError> {
    let handled = AccessFs::from_write(KNOWN) | AccessFs::Execute;
    let mut rules = Ruleset::default().handle_access(handled)?.create()?;
    for place in written {
        // What is not there cannot be written.
        if let Ok(folder) = PathFd::new(&place.path) {
            let is_folder = place.path.is_dir();
            rules = rules.add_rule(PathBeneath::new(folder, rights(place.as_what, is_folder)))?;
        }
    }
    Ok(rules.restrict_self()?.ruleset)
}

fn rights(as_what: What, is_folder: bool) -> BitFlags<AccessFs> {
    let file = make_bitflags!(AccessFs::{WriteFile | Truncate});
    match as_what {
        _ if !is_folder => file,
        What::Files => file | AccessFs::MakeReg,
        What::Folders => file | AccessFs::MakeDir,
        What::Removals => AccessFs::RemoveFile.into(),
    }
}
