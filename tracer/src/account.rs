//! The account of a run: every event the kernel made is seen, filtered or lost, and the sums prove it.

mod latency;

pub use self::latency::LatencyAccount;
use crate::event::TcpState;

/// What one program did, all CPUs together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProgramAccount {
    /// Events it handled.
    pub handled: u64,
    /// Of them not TCP.
    pub not_tcp: u64,
    /// Of them with old state equal to new.
    pub same_state: u64,
    /// Of them excluded by the filter.
    pub filtered: u64,
    /// Of them submitted to a ring buffer.
    pub submitted: u64,
    /// Of them lost to a full ring buffer.
    pub reserve_failed: u64,
    /// Records put into the hold map.
    pub held: u64,
    /// Records taken out of it again.
    pub released: u64,
    /// Events the kernel's recursion guard kept from it.
    pub missed: u64,
}

/// What the programs on one tracepoint did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TracepointAccount {
    /// The program that takes everything it sees.
    pub first: ProgramAccount,
    /// The program that takes what the first one was skipped for; all zero where there is none.
    pub second: ProgramAccount,
}

impl TracepointAccount {
    /// Events the kernel made: those the first program saw and those it was skipped for.
    #[must_use]
    pub fn made(&self) -> u64 {
        self.first.handled + self.first.missed
    }

    /// Events handled by either program.
    #[must_use]
    pub fn seen(&self) -> u64 {
        self.sum(|program| program.handled)
    }

    /// Events neither program saw.
    #[must_use]
    pub fn missed(&self) -> u64 {
        self.made().saturating_sub(self.seen())
    }

    /// Events that were not TCP, not a change, or excluded by the filter.
    #[must_use]
    pub fn filtered(&self) -> u64 {
        self.sum(|program| program.not_tcp + program.same_state + program.filtered)
    }

    /// Records submitted to the ring buffers.
    #[must_use]
    pub fn submitted(&self) -> u64 {
        self.sum(|program| program.submitted)
    }

    /// Records lost to full ring buffers.
    #[must_use]
    pub fn reserve_failed(&self) -> u64 {
        self.sum(|program| program.reserve_failed)
    }

    /// Records still waiting for their filter to be decided.
    #[must_use]
    pub fn held(&self) -> u64 {
        self.sum(|program| program.held).saturating_sub(self.sum(|program| program.released))
    }

    /// Whether every event ended somewhere; not if the second program took one that the first one had (seen > made).
    fn closes(&self) -> bool {
        self.seen() <= self.made()
            && self.seen() == self.filtered() + self.submitted() + self.reserve_failed() + self.held()
    }

    fn sum(&self, count: impl Fn(&ProgramAccount) -> u64) -> u64 {
        count(&self.first) + count(&self.second)
    }
}

/// Every term of the identities in which a run's records must add up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Account {
    /// `inet_sock_set_state`.
    pub states: TracepointAccount,
    /// `tcp_send_reset`.
    pub sent_resets: TracepointAccount,
    /// `tcp_receive_reset`.
    pub received_resets: TracepointAccount,
    /// `tcp_retransmit_synack`.
    pub syn_acks: TracepointAccount,
    /// `timer_start`, of timewait sockets.
    pub timer_starts: TracepointAccount,
    /// `timer_cancel`, of timewait sockets.
    pub timer_cancels: TracepointAccount,
    /// `timer_expire_entry`, of timewait sockets.
    pub timer_expiries: TracepointAccount,
    /// TCP transitions by `old << 4 | new`, before any filter.
    pub matrix: [u64; 256],
    /// Records user space decoded.
    pub decoded: u64,
    /// Records user space could not decode.
    pub undecodable: u64,
}

impl Default for Account {
    fn default() -> Self {
        let none = TracepointAccount::default();
        Self {
            states: none,
            sent_resets: none,
            received_resets: none,
            syn_acks: none,
            timer_starts: none,
            timer_cancels: none,
            timer_expiries: none,
            matrix: [0; 256],
            decoded: 0,
            undecodable: 0,
        }
    }
}

impl Account {
    /// The tracepoints by their kernel names.
    #[must_use]
    pub fn tracepoints(&self) -> [(&'static str, &TracepointAccount); 7] {
        [
            ("inet_sock_set_state", &self.states),
            ("tcp_send_reset", &self.sent_resets),
            ("tcp_receive_reset", &self.received_resets),
            ("tcp_retransmit_synack", &self.syn_acks),
            ("timer_start", &self.timer_starts),
            ("timer_cancel", &self.timer_cancels),
            ("timer_expire_entry", &self.timer_expiries),
        ]
    }

    /// The same, to be filled in.
    pub(crate) fn tracepoints_mut(&mut self) -> [(&'static str, &mut TracepointAccount); 7] {
        let names = self.tracepoints().map(|(name, _)| name);
        let Self {
            states, sent_resets, received_resets, syn_acks, timer_starts, timer_cancels, timer_expiries, ..
        } = self;
        let mut all =
            [states, sent_resets, received_resets, syn_acks, timer_starts, timer_cancels, timer_expiries].into_iter();
        names.map(|name| (name, all.next().expect("as many as names")))
    }

    /// A figure of all tracepoints together.
    #[must_use]
    pub fn sum(&self, figure: impl Fn(&TracepointAccount) -> u64) -> u64 {
        self.tracepoints().into_iter().map(|(_, tracepoint)| figure(tracepoint)).sum()
    }

    /// Events neither program saw.
    #[must_use]
    pub fn missed(&self) -> u64 {
        self.sum(TracepointAccount::missed)
    }

    /// Records lost to full ring buffers.
    #[must_use]
    pub fn reserve_failed(&self) -> u64 {
        self.sum(TracepointAccount::reserve_failed)
    }

    /// Events that should have been shown and were not.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.missed() + self.reserve_failed() + self.undecodable
    }

    /// How often the kernel reported `old`→`new` on TCP sockets, before any filter.
    #[must_use]
    pub fn made_of(&self, old: TcpState, new: TcpState) -> u64 {
        self.matrix[usize::from(old as u8) << 4 | usize::from(new as u8)]
    }

    /// Whether every record ended somewhere: the identities of docs and `summary.account.closes`.
    ///
    /// 1. of each tracepoint, `made = seen + missed`;
    /// 2. of each tracepoint, `seen = filtered + submitted + reserve_failed + held`;
    /// 3. `submitted = decoded + undecodable`;
    /// 4. the matrix adds up to the TCP transitions seen.
    #[must_use]
    pub fn closes(&self) -> bool {
        let transitions = self.states.seen().checked_sub(self.states.sum(|program| program.not_tcp));
        self.tracepoints().into_iter().all(|(_, tracepoint)| tracepoint.closes())
            && self.sum(TracepointAccount::submitted) == self.decoded + self.undecodable
            && transitions == Some(self.matrix.iter().sum())
    }
}

#[cfg(test)]
mod tests {
    use super::{Account, TracepointAccount};

    /// Ten transitions seen by the first program, one of two misses recovered by the second; one reset.
    fn consistent() -> Account {
        let mut account = Account::default();
        let TracepointAccount { first, second } = &mut account.states;
        first.handled = 10;
        first.missed = 2;
        first.not_tcp = 1;
        first.filtered = 3;
        first.submitted = 5;
        first.reserve_failed = 1;
        second.handled = 1;
        second.submitted = 1;
        account.matrix[0x72] = 10;
        account.sent_resets.first.handled = 1;
        account.sent_resets.first.submitted = 1;
        account.decoded = 7;
        account
    }

    #[test]
    fn a_consistent_account_closes_and_names_its_losses() {
        let account = consistent();
        assert!(account.closes());
        assert_eq!((account.states.made(), account.states.seen(), account.missed()), (12, 11, 1));
        assert_eq!(account.lost(), 2);
    }

    #[test]
    fn any_record_unaccounted_for_is_noticed() {
        let spoil: [fn(&mut Account); 7] = [
            |a| a.decoded -= 1,
            |a| a.states.first.filtered += 1,
            |a| a.states.first.submitted += 1,
            |a| a.states.second.handled += 2,
            |a| a.matrix[0x72] -= 1,
            |a| a.states.first.held += 1,
            |a| a.received_resets.second.handled += 1,
        ];
        for (which, spoil) in spoil.into_iter().enumerate() {
            let mut account = consistent();
            spoil(&mut account);
            assert!(!account.closes(), "{which}: {account:?}");
        }
    }
}
