//! What the end of a run means for the exit status.

use super::say;
use crate::{figures::Summary, run::Status};

/// The exit status, said aloud if it is bad news.
pub(super) fn judge(summary: &Summary) -> Status {
    let Some(account) = &summary.account else { return Status::Done };
    if account.lost() > 0 {
        say(&format!(
            "{} records were lost ({} to full ring buffers, {} to nesting, {} damaged); a larger --ring-size or a narrower \
             filter helps.",
            account.lost(),
            account.reserve_failed(),
            account.missed(),
            account.undecodable
        ));
    } else if !account.closes() {
        say("the account does not close, which is a defect of tracer: run with --format json and report it.");
    }
    if summary.unexplained_holes() > 0 {
        say(&format!(
            "{} transitions or more are missing from sockets' histories although the kernel counted no loss: it ran no \
             program for them.",
            summary.unexplained_holes()
        ));
    }
    if account.lost() > 0 || !account.closes() || summary.unexplained_holes() > 0 {
        Status::Lossy
    } else {
        Status::Done
    }
}
