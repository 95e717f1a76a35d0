//! The account of a run: every event the kernel made is seen, filtered or lost, and the sums prove it.

use crate::event::TcpState;

/// What one transition program did, all CPUs together.
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

/// Every term of the identities in which a run's records must add up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Account {
    /// The program that takes everything it sees.
    pub first: ProgramAccount,
    /// The program that takes what the first one was skipped for.
    pub second: ProgramAccount,
    /// TCP events by `old << 4 | new`, before any filter.
    pub matrix: [u64; 256],
    /// Records user space decoded.
    pub decoded: u64,
    /// Records user space could not decode.
    pub undecodable: u64,
}

impl Default for Account {
    fn default() -> Self {
        let none = ProgramAccount::default();
        Self { first: none, second: none, matrix: [0; 256], decoded: 0, undecodable: 0 }
    }
}

impl Account {
    /// Events the kernel made: those the first program saw and those it was skipped for.
    #[must_use]
    pub fn made(&self) -> u64 {
        self.first.handled + self.first.missed
    }

    /// Events handled by either program.
    #[must_use]
    pub fn seen(&self) -> u64 {
        self.first.handled + self.second.handled
    }

    /// Events that were not TCP, not a change, or excluded by the filter.
    #[must_use]
    pub fn filtered(&self) -> u64 {
        let of = |p: &ProgramAccount| p.not_tcp + p.same_state + p.filtered;
        of(&self.first) + of(&self.second)
    }

    /// Records submitted to the ring buffers.
    #[must_use]
    pub fn submitted(&self) -> u64 {
        self.first.submitted + self.second.submitted
    }

    /// Records lost to full ring buffers.
    #[must_use]
    pub fn reserve_failed(&self) -> u64 {
        self.first.reserve_failed + self.second.reserve_failed
    }

    /// Records still waiting for their filter to be decided.
    #[must_use]
    pub fn held(&self) -> u64 {
        (self.first.held + self.second.held).saturating_sub(self.first.released + self.second.released)
    }

    /// Events neither program saw.
    #[must_use]
    pub fn missed(&self) -> u64 {
        self.made().saturating_sub(self.seen())
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
    /// 1. `made = seen + missed`, which fails if the second program took an event the first one had (seen > made);
    /// 2. `seen = filtered + submitted + reserve_failed + held`;
    /// 3. `submitted = decoded + undecodable`;
    /// 4. the matrix adds up to the TCP events seen.
    #[must_use]
    pub fn closes(&self) -> bool {
        let tcp = self.seen().checked_sub(self.first.not_tcp + self.second.not_tcp);
        self.seen() <= self.made()
            && self.seen() == self.filtered() + self.submitted() + self.reserve_failed() + self.held()
            && self.submitted() == self.decoded + self.undecodable
            && tcp == Some(self.matrix.iter().sum())
    }
}

#[cfg(test)]
mod tests {
    use super::Account;

    /// Ten events seen by the first program, one of two misses recovered by the second.
    fn consistent() -> Account {
        let mut account = Account::default();
        account.first.handled = 10;
        account.first.missed = 2;
        account.first.not_tcp = 1;
        account.first.filtered = 3;
        account.first.submitted = 5;
        account.first.reserve_failed = 1;
        account.second.handled = 1;
        account.second.submitted = 1;
        account.matrix[0x72] = 10;
        account.decoded = 6;
        account
    }

    #[test]
    fn a_consistent_account_closes_and_names_its_losses() {
        let account = consistent();
        assert!(account.closes());
        assert_eq!((account.made(), account.seen(), account.missed()), (12, 11, 1));
        assert_eq!(account.lost(), 2);
    }

    #[test]
    fn any_record_unaccounted_for_is_noticed() {
        let spoil: [fn(&mut Account); 6] = [
            |a| a.decoded -= 1,
            |a| a.first.filtered += 1,
            |a| a.first.submitted += 1,
            |a| a.second.handled += 2,
            |a| a.matrix[0x72] -= 1,
            |a| a.first.held += 1,
        ];
        for (which, spoil) in spoil.into_iter().enumerate() {
            let mut account = consistent();
            spoil(&mut account);
            assert!(!account.closes(), "{which}: {account:?}");
        }
    }
}
