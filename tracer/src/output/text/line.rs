//! The line of a transition.

use std::fmt::Write as _;

use super::{
    TextOutput,
    columns::{Line, grown},
    endpoint,
    groups::NOTHING,
    numbers,
};
use crate::{
    errno,
    event::{Process, Transition},
    observation::{Anomaly, Known, ObservedTransition, Role},
};

/// `14:03:07.123456` and a space.
const TIME: usize = 16;
/// `ESTABLISHED→CLOSE_WAIT` and a space.
pub(super) const STATES: usize = 23;
/// `12.3 ms`
const AFTER: usize = 7;

impl TextOutput {
    /// Appends the headings of the columns.
    pub(super) fn heading(&self, buf: &mut Vec<u8>) {
        let (set, reset) = self.palette.heading();
        let mut text = Vec::new();
        let mut line = Line::new(&mut text);
        line.put("TIME").end_column(TIME).put("LOCAL").end_column(self.widths.local + 3);
        line.put("REMOTE").end_column(self.widths.remote + 2).put("STATE").end_column(STATES);
        line.right(AFTER, "AFTER").put("  PROCESS");
        buf.extend_from_slice(set.to_string().as_bytes());
        buf.extend_from_slice(&text);
        buf.extend_from_slice(reset.to_string().as_bytes());
        buf.push(b'\n');
    }

    /// Appends the line of a transition.
    pub(super) fn transition(&mut self, observed: &ObservedTransition, buf: &mut Vec<u8>) {
        let ObservedTransition { transition, in_state_ns, known, inferred } = observed;
        self.new_day(transition, buf);
        self.shown += u64::from(!observed.inferred);
        self.clock_time(transition.time, buf);
        buf.push(b' ');
        let mut line = Line::new(buf);
        self.ends(transition, known, &mut line);
        self.states(transition, &mut line);
        let text = &mut self.scratch;
        text.clear();
        match in_state_ns {
            Some(ns) => numbers::push_duration(text, *ns),
            None => text.push_str(NOTHING),
        }
        line.right(AFTER, text).put("  ");
        text.clear();
        push_process(text, known);
        line.put(text);
        if *inferred {
            line.put("  (not seen, inferred)");
        }
        if self.options.verbose {
            line.put(&identity(transition));
        }
        line.end();
    }

    /// Appends the line of an anomaly.
    pub(super) fn anomaly(&mut self, anomaly: &Anomaly, buf: &mut Vec<u8>) {
        let transition = &anomaly.observed.transition;
        let expected: Vec<_> = anomaly.expected.iter().map(|state| state.name()).collect();
        let text = format!(
            "!! {}→{} is not a change TCP knows (expected: {}); seen on ",
            transition.old,
            transition.new,
            expected.join(", ")
        );
        let mut ends = Vec::new();
        self.ends(transition, &anomaly.observed.known, &mut Line::new(&mut ends));
        let ends = String::from_utf8_lossy(&ends);
        let ends: Vec<_> = ends.split_whitespace().collect();
        let (set, reset) = self.palette.alarm();
        buf.extend_from_slice(format!("{set}{text}{}{reset}\n", ends.join(" ")).as_bytes());
    }

    /// A line of its own when the date changes: the times do not say it.
    fn new_day(&mut self, transition: &Transition, buf: &mut Vec<u8>) {
        let day = self.clock.day(transition.time);
        if day != self.day {
            buf.extend_from_slice(format!("-- {day} --\n").as_bytes());
            self.day = day;
        }
    }

    pub(super) fn ends(&mut self, transition: &Transition, known: &Known, line: &mut Line<'_>) {
        let services = self.options.services.as_ref();
        let serves = known.role.map(|role| role != Role::Client);
        let text = &mut self.scratch;

        text.clear();
        let name = endpoint::service(services, &transition.local, serves);
        endpoint::push(text, &transition.local, name);
        self.widths.local = grown(self.widths.local, text.chars().count());
        line.put(text).put(" ").end_column(self.widths.local + 1);
        line.put(arrow(known.role)).put(" ").end_column(2);

        text.clear();
        match &transition.remote {
            Some(end) if end.is_nowhere() => text.push('*'),
            Some(end) => {
                let name = endpoint::service(services, end, serves.map(|serves| !serves));
                endpoint::push(text, end, name);
            }
            None => text.push('?'),
        }
        self.widths.remote = grown(self.widths.remote, text.chars().count());
        line.put(text).put(" ").end_column(self.widths.remote + 2);
    }

    fn states(&self, transition: &Transition, line: &mut Line<'_>) {
        line.styled(&self.palette.state(transition.old), transition.old.name()).put("→");
        line.styled(&self.palette.state(transition.new), transition.new.name());
        if let Some(error) = transition.error {
            line.put(" ").styled(&self.palette.error(), &errno::name(error));
        }
        line.put(" ").end_column(STATES);
    }
}

pub(super) fn arrow(role: Option<Role>) -> &'static str {
    match role {
        Some(Role::Client) => "→",
        Some(Role::Server) => "←",
        Some(Role::Listener) => "·",
        None => "?",
    }
}

/// Appends the owner; where it is not proven, who listens, in brackets; else a dash.
fn push_process(text: &mut String, known: &Known) {
    match (&known.owner, &known.listener) {
        (Some(owner), _) => push_named(text, &owner.process),
        (None, Some(listener)) => {
            text.push('(');
            push_named(text, listener);
            text.push(')');
        }
        (None, None) => text.push_str(NOTHING),
    }
}

fn push_named(text: &mut String, process: &Process) {
    text.push_str(&process.comm.escaped());
    text.push('/');
    numbers::push(text, process.pid);
}

fn identity(transition: &Transition) -> String {
    let uid = transition.uid.map(|uid| format!(" uid={uid}"));
    let mut text = format!(" {} netns={}", uid.unwrap_or_default(), transition.netns);
    if let Some(cookie) = transition.cookie {
        // Writing to memory does not fail.
        let _ = write!(text, " socket={}", cookie.0);
    }
    text
}
