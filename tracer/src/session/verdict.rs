//! What the end of a run means for the exit status.

use super::say;
use crate::{figures::Summary, run::Status};

/// The exit status, said aloud if it is bad news. So many records were lost, as the stream told.
pub(super) fn judge(summary: &Summary, lost: u64) -> Status {
    let Some(account) = &summary.account else { return judge_part(summary, lost) };
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

/// The same of a run of which the account is not known: its end was not asked for, or is missing.
fn judge_part(summary: &Summary, lost: u64) -> Status {
    if lost == 0 && summary.discontinuities == 0 {
        return Status::Done;
    }
    if lost > 0 {
        say(&format!("{lost} records were lost in what was read; the gaps are in --format json."));
    } else {
        say(&format!(
            "{} transitions or more are missing from sockets' histories in what was read.",
            summary.discontinuities
        ));
    }
    Status::Lossy
}
