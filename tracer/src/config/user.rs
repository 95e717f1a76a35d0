//! Users: names, numbers.

use super::Problem;
use crate::sandbox::User;

/// `nobody`, `65534`; only root can become another user.
pub(super) fn user(text: &str) -> Result<User, Problem> {
    let found = match text.parse() {
        Ok(uid) => uzers::get_user_by_uid(uid),
        Err(_) => uzers::get_user_by_name(text),
    };
    let found = found.ok_or(Problem::NoUser)?;
    if !rustix::process::geteuid().is_root() {
        return Err(Problem::NotRoot);
    }
    Ok(User { uid: found.uid(), gid: found.primary_group_id() })
}
