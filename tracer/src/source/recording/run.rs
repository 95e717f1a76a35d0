//! How far a run has been read: what must come next, and what is missing.

use super::{Step, window::Window};
use crate::{
    event::{ClockPair, Event, Gap, LossStage, MonotonicNs},
    recording::{Alive, End, FrameHead, FrameKind, HeadFact, Run},
};

/// The feature of knowing what was there before the first event.
const EXISTING: &str = "existing_sockets";
/// Why it is only half there.
const LACKS_SOME: &str = "more sockets were alive than a recording tells of";

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
    stage: Stage,
    is_told: bool,
    /// Not all that was alive is known.
    lacks_some: bool,
    /// What the last frame held that was read.
    last: FrameKind,
    /// It began before what is read of it, or goes on after it.
    is_partial: bool,
    clock: ClockPair,
}

/// How much of it is told.
enum Stage {
    /// What exists, as it is read: nothing has happened yet.
    Beginning,
    /// Nothing: what is wanted begins later. This is alive so far.
    Waiting(Alive),
    /// What happens. What exists is known.
    UnderWay,
}

impl Progress {
    /// A run of which this frame is the first that was found.
    pub(super) fn new(head: &FrameHead, window: &Window) -> Self {
        let waits = window.begins_after(head.clock, head.from);
        Self {
            id: head.run,
            fact: None,
            sequence: head.sequence,
            read: head.before,
            known: head.before,
            read_to: head.from,
            known_to: head.from,
            stage: if waits { Stage::Waiting(Alive::default()) } else { Stage::Beginning },
            is_told: false,
            lacks_some: false,
            last: head.kind,
            is_partial: waits || head.kind == FrameKind::Head && head.sequence > 0,
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

    /// Whether what exists is known already.
    pub(super) fn is_under_way(&self) -> bool {
        matches!(self.stage, Stage::UnderWay)
    }

    /// What is alive so far, if what is wanted begins later.
    pub(super) fn waiting(&mut self) -> Option<&mut Alive> {
        match &mut self.stage {
            Stage::Waiting(alive) => Some(alive),
            Stage::Beginning | Stage::UnderWay => None,
        }
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
        self.last = head.kind;
        if head.kind == FrameKind::Events {
            if let Stage::Beginning = self.stage {
                self.stage = Stage::UnderWay;
            }
            self.read = head.before.saturating_add(head.events.into());
            self.read_to = head.to;
        }
    }

    /// A frame was not wanted.
    pub(super) fn leaves_out(&mut self, head: &FrameHead) {
        self.is_cut();
        self.passes(head);
    }

    /// Only a part of a frame was wanted.
    pub(super) fn is_cut(&mut self) {
        self.is_partial = true;
    }

    /// A segment begins, and what exists is told anew.
    pub(super) fn begins_segment(&mut self, fact: HeadFact) {
        match &mut self.stage {
            Stage::Waiting(alive) => *alive = Alive::default(),
            Stage::Beginning if self.is_told => self.stage = Stage::UnderWay,
            Stage::Beginning | Stage::UnderWay => {}
        }
        if !self.is_told {
            self.fact = Some(fact);
        }
    }

    /// This exists, all of it together with what the frames before and after say exists. Returns what is to be told of it.
    pub(super) fn meets(&mut self, head: &FrameHead, mut events: Vec<Event>) -> Vec<Event> {
        let begins = !matches!(self.last, FrameKind::Head | FrameKind::Existing);
        self.passes(head);
        self.lacks_some |= head.lacks_some;
        if let Stage::Waiting(alive) = &mut self.stage {
            if begins {
                *alive = Alive::default();
                self.lacks_some = head.lacks_some;
            }
            events.iter().for_each(|event| alive.note(event));
            events.clear();
        }
        // Nothing else was there before the first event, and a path may be of any length.
        events.retain(|event| matches!(event, Event::Existing(_) | Event::Timer(_) | Event::Namespace(_)));
        events
    }

    /// Events are missing before what follows.
    pub(super) fn loses_track(&mut self) {
        self.waiting().into_iter().for_each(Alive::lose_track);
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

    /// Takes note of the clock at the end of a frame: one of its events may have set it.
    pub(super) fn note_clock(&mut self, head: &FrameHead, events: &[Event]) {
        let pair = events.iter().rev().find_map(|event| match event {
            Event::Clock(pair) => Some(*pair),
            _ => None,
        });
        self.clock = pair.unwrap_or(head.clock);
    }

    /// Whether it has to be told of without its facts.
    pub(super) fn lacks_head(&self) -> bool {
        !self.is_told && self.fact.is_none()
    }

    /// Tells of the run before the first of its frames that is wanted, or at its end.
    pub(super) fn tell(&mut self, window: &Window) -> impl Iterator<Item = Told> + use<> {
        let mut existing = Vec::new();
        if let Some(alive) = self.waiting() {
            existing.extend(alive.events());
            self.lacks_some |= alive.lacks_some();
            self.stage = Stage::UnderWay;
        }
        let run = (!self.is_told).then(|| (Step::Run(Box::new(self.run(window))), Vec::new()));
        self.is_told = true;
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
        if let Some(feature) = run.start.features.iter_mut().find(|it| it.name == EXISTING && self.lacks_some) {
            feature.missing.get_or_insert(LACKS_SOME.to_owned());
        }
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
