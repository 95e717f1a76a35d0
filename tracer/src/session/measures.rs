//! What a run adds up to.

use std::borrow::Cow;

use super::TIME_WAIT;
use crate::{
    event::MonotonicNs,
    figures::{GroupBy, host::HostFigures},
    filter::Filter,
    measure::{
        Aggregate,
        host::{Circumstances, Host},
    },
    memory::Budget,
    observation::{Feature, Observation},
};

/// What many observations add up to.
pub(super) struct Measures {
    pub(super) aggregate: Aggregate,
    host: Host,
    filter: Filter,
    /// Names of the features that are measured.
    measured: Vec<Cow<'static, str>>,
    /// Whether anybody will see them.
    pub(super) are_wanted: bool,
}

impl Measures {
    pub(super) fn new(
        group_by: GroupBy,
        filter: Filter,
        features: &[Feature],
        are_wanted: bool,
        budget: &Budget,
    ) -> Self {
        let measured: Vec<_> =
            features.iter().filter(|it| it.missing.is_none()).map(|feature| feature.name.clone()).collect();
        let aggregate = Aggregate::new(group_by, measured.iter().any(|name| name == TIME_WAIT), budget);
        Self { aggregate, host: Host::new(budget), filter, measured, are_wanted }
    }

    /// Takes in what was observed.
    pub(super) fn meet(&mut self, observation: &Observation) {
        self.host.observe(observation);
        self.aggregate.observe(observation);
    }

    /// What the host runs out of and what the kernel counted, in a span of the run; so many records were lost.
    pub(super) fn host(&self, span: (MonotonicNs, MonotonicNs), is_final: bool, lost: u64) -> HostFigures {
        let sees = |feature| self.measured.iter().any(|name| name == feature);
        self.host.figures(&Circumstances {
            span,
            is_final,
            filter: &self.filter,
            lost,
            sees_time_wait: sees(TIME_WAIT),
            sees_resets: sees("resets"),
            sees_all_resets: sees("reset_reasons"),
        })
    }
}
