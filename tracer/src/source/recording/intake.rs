//! What a frame brings: to the run that is read, to those who are told of it, and to the damage.

use std::mem;

use super::{Recording, Step, error::ReadError, run::Progress};
use crate::{
    event::{Event, Gap},
    recording::{End, FrameHead, FrameKind, HEAD, read_end, read_head},
};

impl Recording {
    /// Counts damage. A frame that is not what was written and what it takes to find the next one are one place.
    pub(super) fn count(&mut self, bytes: u64) {
        self.damage.places += u64::from(!self.is_damaged_here);
        self.damage.bytes += bytes;
        self.is_damaged_here = true;
    }

    /// Counts events that are missing. A file can claim any number of them.
    fn count_missing(&mut self, gap: Option<Gap>) {
        self.damage.records = self.damage.records.saturating_add(gap.map_or(0, |gap| gap.lost));
    }

    /// Takes note of a frame of which only the head is there.
    pub(super) fn hear_of(&mut self, head: Option<FrameHead>) {
        let run = self.run.as_mut().zip(head);
        run.into_iter().filter(|(run, head)| run.id() == head.run).for_each(|(run, head)| run.hears_of(&head));
    }

    /// Takes in a frame.
    pub(super) fn frame(&mut self, head: &FrameHead) -> Result<(), ReadError> {
        if self.run.as_ref().is_some_and(|run| run.id() != head.run) {
            self.end_run(None);
        }
        self.has_ended = false;
        self.is_damaged_here = false;
        let run = self.run.get_or_insert_with(|| Progress::new(head, &self.window));
        if run.has_passed(head) {
            self.count(HEAD as u64 + u64::from(head.stored));
            return self.skip(head);
        }
        run.hears_of(head);
        let comes_before_all = self.checkpoints.get(&head.run).is_some_and(|checkpoint| head.sequence < *checkpoint);
        match head.kind {
            FrameKind::Head => self.head(head),
            FrameKind::Existing if comes_before_all || run.is_under_way() => {
                run.passes(head);
                self.skip(head)
            }
            FrameKind::Existing => self.existing(head),
            FrameKind::Events if self.is_wanted(head) => self.events(head),
            FrameKind::Events if !comes_before_all && self.may_tell_what_is_alive(head) => self.catch_up(head),
            FrameKind::Events => {
                self.run.iter_mut().for_each(|run| run.leaves_out(head));
                self.skip(head)
            }
            FrameKind::End => self.end(head),
        }
    }

    /// Whether any of a frame's events may be in the window: by its clock, or by the one that it may have been set to in the
    /// frame, which the next head tells.
    fn is_wanted(&mut self, head: &FrameHead) -> bool {
        let Some((_, frames)) = &mut self.current else { return false };
        self.window.overlaps(head, head.clock)
            || frames.after(head).is_some_and(|next| self.window.overlaps(head, next.clock))
    }

    /// Whether a frame that comes before the window tells what is alive where that begins.
    fn may_tell_what_is_alive(&mut self, head: &FrameHead) -> bool {
        self.run.as_mut().is_some_and(|run| run.waiting().is_some()) && self.window.begins_after(head.clock, head.to)
    }

    fn head(&mut self, head: &FrameHead) -> Result<(), ReadError> {
        if self.content(head)?
            && let Some(run) = &mut self.run
        {
            match read_head(head.run, &self.block) {
                Ok(fact) => {
                    run.begins_segment(fact);
                    run.passes(head);
                }
                Err(_) => self.count(head.stored.into()),
            }
        }
        Ok(())
    }

    fn existing(&mut self, head: &FrameHead) -> Result<(), ReadError> {
        let mut events = Vec::new();
        if self.decode(head, &mut events)?
            && let Some(run) = &mut self.run
        {
            let events = run.meets(head, events);
            if !events.is_empty() {
                self.tell();
                self.ready.push_back((Step::Existing, events));
            }
        }
        Ok(())
    }

    /// Takes note of what happened before what is wanted.
    fn catch_up(&mut self, head: &FrameHead) -> Result<(), ReadError> {
        let mut events = mem::take(&mut self.spare);
        events.clear();
        let is_whole = self.decode(head, &mut events)?;
        if let Some(run) = &mut self.run {
            if !is_whole || run.loss_before(head).is_some() {
                run.loses_track();
            }
            run.waiting().into_iter().for_each(|alive| events.iter().for_each(|event| alive.note(event)));
            run.leaves_out(head);
        }
        self.spare = events;
        Ok(())
    }

    fn events(&mut self, head: &FrameHead) -> Result<(), ReadError> {
        let mut events = mem::take(&mut self.spare);
        events.clear();
        let is_whole = self.decode(head, &mut events)?;
        let Some(run) = &mut self.run else { return Ok(()) };
        let gap = run.loss_before(head);
        if !is_whole || gap.is_some() {
            run.loses_track();
        }
        if !is_whole {
            return Ok(());
        }
        let all = events.len();
        if sets_clock(&events) || !self.window.holds_all_of(head) {
            self.window
                .clip(head.clock, &mut events, |early| run.waiting().into_iter().for_each(|alive| alive.note(early)));
        }
        let is_cut = events.len() < all;
        self.tell();
        let Some(run) = &mut self.run else { return Ok(()) };
        let told_before = run.turned_clock(head).into_iter().chain(gap.map(Event::Gap));
        events.splice(..0, told_before);
        run.passes(head);
        run.note_clock(head, &events);
        if is_cut {
            run.is_cut();
        }
        self.count_missing(gap);
        self.ready.push_back((Step::Events, events));
        Ok(())
    }

    fn end(&mut self, head: &FrameHead) -> Result<(), ReadError> {
        if self.content(head)? {
            match read_end(&self.block) {
                Ok(end) => {
                    self.has_ended = true;
                    self.end_run(Some(end));
                }
                Err(_) => self.count(head.stored.into()),
            }
        }
        Ok(())
    }

    /// Tells of the current run, unless that was done.
    fn tell(&mut self) {
        let Some(run) = &mut self.run else { return };
        self.damage.headless += u64::from(run.lacks_head());
        self.ready.extend(run.tell(&self.window));
    }

    /// Ends the current run.
    pub(super) fn end_run(&mut self, end: Option<End>) {
        self.tell();
        let Some(run) = self.run.take() else { return };
        if let Some(gap) = run.loss_at_the_end() {
            self.count_missing(Some(gap));
            self.ready.push_back((Step::Events, vec![Event::Gap(gap)]));
        }
        self.damage.unended += u64::from(end.is_none() && !run.goes_on_after(&self.window));
        self.ready.push_back(run.end(end));
    }

    fn skip(&mut self, head: &FrameHead) -> Result<(), ReadError> {
        let Some((segment, frames)) = &mut self.current else { return Ok(()) };
        frames.skip(head).map_err(|source| segment.failed(source))
    }

    /// Appends the events of a frame's content; false if it is damaged, which is counted.
    fn decode(&mut self, head: &FrameHead, events: &mut Vec<Event>) -> Result<bool, ReadError> {
        if !self.content(head)? {
            return Ok(false);
        }
        let decoded = self.decoder.decode(&self.block, events).is_ok();
        if !decoded {
            self.count(head.stored.into());
        }
        Ok(decoded)
    }

    /// Has the content of a frame in `block`; false if it is damaged, which is counted.
    fn content(&mut self, head: &FrameHead) -> Result<bool, ReadError> {
        let Some((segment, frames)) = &mut self.current else { return Ok(false) };
        let content = frames.content(head).map_err(|source| segment.failed(source))?;
        self.block.clear();
        let is_whole = match content {
            Some(stored) if head.is_compressed => self
                .decompressor
                .decompress_to_buffer(stored, &mut self.block)
                .is_ok_and(|len| len == head.len as usize),
            Some(stored) if stored.len() == head.len as usize => {
                self.block.extend_from_slice(stored);
                true
            }
            _ => false,
        };
        if !is_whole {
            self.count(HEAD as u64);
        }
        Ok(is_whole)
    }
}

/// Whether one of the events sets the clock that the times after it are read by.
fn sets_clock(events: &[Event]) -> bool {
    events.iter().any(|event| matches!(event, Event::Clock(_)))
}
