//! How far a run has been read: what must come next, and what is missing.

use std::mem;

use super::{Step, window::Window};
use crate::{
    event::{ClockPair, Event, Gap, LossStage, MonotonicNs, TcpState},
    recording::{End, FrameHead, FrameKind, HeadFact, Run},
};

/// Sockets that wait at most for the frame after which they are told of.
const WAITING: usize = 262_144;
/// Namespaces among them at most: one takes much more room than a socket.
const WAITING_NAMESPACES: usize = 4_096;

/// What a step brings.
pub(super) type Told = (Step, Vec<Event>);

/// A run that is being read.
pub(super) struct Progress {
    id: u64,
    fact: Option<HeadFact>,
    /// Number of the next frame.
    sequence: u64,
    /// Events that there should have been so far, by the frames that were read, and by all heads that were.
    read: u64,
    known: u64,
    /// The latest time that was read, and that is known of.
    read_to: MonotonicNs,
    known_to: MonotonicNs,
    /// What there was before the first event.
    existing: Vec<Event>,
    is_told: bool,
    /// It began before what is read of it, or goes on after it.
    is_partial: bool,
    clock: ClockPair,
}

impl Progress {
    /// A run of which this frame is the first that was found.
    pub(super) fn new(head: &FrameHead) -> Self {
        Self {
            id: head.run,
            fact: None,
            sequence: head.sequence,
            read: head.before,
            known: head.before,
            read_to: head.from,
            known_to: head.from,
            existing: Vec::new(),
            is_told: false,
            is_partial: head.kind == FrameKind::Head && head.sequence > 0,
            clock: head.clock,
        }
    }

    pub(super) fn id(&self) -> u64 {
        self.id
    }

    /// Whether its end is none that was asked for.
    pub(super) fn goes_on_after(&self, window: &Window) -> bool {
        window.ends_before(self.clock, self.known_to)
    }

    /// Whether it was told of, and what exists at a segment's head is older than what is known.
    pub(super) fn is_told(&self) -> bool {
        self.is_told
    }

    /// Whether this frame came before, or one after it did.
    pub(super) fn has_passed(&self, head: &FrameHead) -> bool {
        head.sequence < self.sequence
    }

    /// Takes note of a frame's head, whatever becomes of its content.
    pub(super) fn hears_of(&mut self, head: &FrameHead) {
        self.known = self.known.max(head.before.saturating_add(head.events.into()));
        self.known_to = self.known_to.max(head.to);
    }

    /// A frame was read.
    pub(super) fn passes(&mut self, head: &FrameHead) {
        self.sequence = head.sequence.saturating_add(1);
        if head.kind == FrameKind::Events {
            self.read = head.before.saturating_add(head.events.into());
            self.read_to = head.to;
        }
    }

    /// A frame was not wanted. What became of the sockets in it is unknown then; who listens goes on, in all likelihood.
    pub(super) fn leaves_out(&mut self, head: &FrameHead) {
        self.is_cut();
        let listens = |event: &Event| matches!(event, Event::Existing(socket) if socket.state == TcpState::Listen);
        self.existing.retain(listens);
        self.passes(head);
    }

    /// Only a part of a frame was wanted.
    pub(super) fn is_cut(&mut self) {
        self.is_partial = true;
        // What the kernel counted since this reading, nobody will be told of.
        self.existing.retain(|event| !matches!(event, Event::Namespace(_)));
    }

    /// A segment begins.
    pub(super) fn begins_segment(&mut self, fact: HeadFact) {
        if !self.is_told {
            self.existing.clear();
            self.fact = Some(fact);
        }
    }

    /// This was there.
    pub(super) fn meets(&mut self, mut events: Vec<Event>) {
        let namespaces = self.existing.iter().filter(|event| matches!(event, Event::Namespace(_))).count();
        let mut room = WAITING_NAMESPACES.saturating_sub(namespaces);
        events.retain(|event| match event {
            Event::Existing(_) | Event::Timer(_) => true,
            Event::Namespace(_) => {
                let has_room = room > 0;
                room = room.saturating_sub(1);
                has_room
            }
            // Nothing else was there before the first event, and a path may be of any length.
            _ => false,
        });
        events.truncate(WAITING.saturating_sub(self.existing.len()));
        self.existing.append(&mut events);
    }

    /// What is missing before this frame.
    pub(super) fn loss_before(&self, head: &FrameHead) -> Option<Gap> {
        gap(head.before.saturating_sub(self.read), self.read_to, head.from)
    }

    /// What is missing at the end.
    pub(super) fn loss_at_the_end(&self) -> Option<Gap> {
        gap(self.known.saturating_sub(self.read), self.read_to, self.known_to)
    }

    /// The clock that a frame's times are to be read by, unless that was told already.
    pub(super) fn turned_clock(&self, head: &FrameHead) -> Option<Event> {
        (self.clock != head.clock).then_some(Event::Clock(head.clock))
    }

    /// Takes note of the clock that a frame was told last, if one of its events sets it; says whether one does.
    pub(super) fn note_clock(&mut self, head: &FrameHead, events: &[Event]) -> bool {
        let pair = events.iter().rev().find_map(|event| match event {
            Event::Clock(pair) => Some(*pair),
            _ => None,
        });
        self.clock = pair.unwrap_or(head.clock);
        pair.is_some()
    }

    /// Whether it has to be told of without its facts.
    pub(super) fn lacks_head(&self) -> bool {
        !self.is_told && self.fact.is_none()
    }

    /// Tells of the run before the first of its frames that is wanted, or at its end.
    pub(super) fn tell(&mut self, window: &Window) -> impl Iterator<Item = Told> + use<> {
        let run = (!self.is_told).then(|| (Step::Run(Box::new(self.run(window))), Vec::new()));
        self.is_told = true;
        let existing = mem::take(&mut self.existing);
        run.into_iter().chain((!existing.is_empty()).then_some((Step::Existing, existing)))
    }

    /// The facts of the run; without the head of any segment, as little as the frames tell.
    fn run(&mut self, window: &Window) -> Run {
        let Some(HeadFact { mut run, .. }) = self.fact.clone() else {
            return Run::headless(self.id, self.clock);
        };
        if self.is_partial {
            run.start.clock = window.start(self.clock, self.read_to);
        }
        self.clock = run.start.clock;
        run
    }

    /// How it ended, if all of it was wanted.
    pub(super) fn end(&self, end: Option<End>) -> Told {
        (Step::End(end.filter(|_| !self.is_partial).map(Box::new)), Vec::new())
    }
}

fn gap(lost: u64, from: MonotonicNs, to: MonotonicNs) -> Option<Gap> {
    (lost > 0).then_some(Gap { lost, from, to: to.max(from), stage: LossStage::Damage })
}
