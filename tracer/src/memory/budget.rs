//! How much may be remembered.

use std::{cell::Cell, fmt, rc::Rc};

/// What a socket takes in all tables together, bytes, if half of them are clients: an established connection takes 192, a
/// client's 228. One in TIME_WAIT takes 280, or 316.
const SOCKET: usize = 212;
/// However few sockets are asked for, what else is remembered has this much room, bytes.
const LEAST: usize = 16 << 20;
/// What a list, a text and the allocator take beside a value that is kept by itself, bytes.
const BESIDE: usize = 256;

/// Memory that several tables share, in bytes. It is counted, not measured: the same events find the same room whatever the
/// machine, so that a replay forgets what the live run forgot.
#[derive(Clone)]
pub struct Budget(Rc<State>);

struct State {
    /// Less than nothing, where what was counted before is summed up.
    left: Cell<i64>,
    refused: Cell<u64>,
}

impl Budget {
    /// Room for so many sockets.
    #[must_use]
    pub fn of_sockets(count: usize) -> Self {
        Self::of_bytes(count.saturating_mul(SOCKET).max(LEAST))
    }

    fn of_bytes(bytes: usize) -> Self {
        Self(Rc::new(State { left: Cell::new(bytes as i64), refused: Cell::new(0) }))
    }

    /// How often there was no room for what should have been remembered.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.0.refused.get()
    }

    /// Takes so much, if there is so much left; counts if not.
    pub(crate) fn take(&self, bytes: usize) -> bool {
        let is_there = self.take_if_left(bytes);
        if !is_there {
            self.refuse();
        }
        is_there
    }

    /// The same for who knows another way.
    pub(super) fn take_if_left(&self, bytes: usize) -> bool {
        let is_there = self.0.left.get() >= bytes as i64;
        if is_there {
            self.give(-(bytes as i64));
        }
        is_there
    }

    /// Counts that there was no room.
    pub(super) fn refuse(&self) {
        self.0.refused.set(self.refused() + 1);
    }

    fn give(&self, bytes: i64) {
        self.0.left.set(self.0.left.get() + bytes);
    }

    /// Keeps a value by itself, if there is room for it.
    pub(crate) fn keep<T>(&self, value: T) -> Option<Kept<T>> {
        let mut paid = Paid::nothing(self);
        paid.pay(size_of::<T>() + BESIDE).then(|| Kept { value: Box::new(value), _paid: paid })
    }
}

impl fmt::Debug for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes left", self.0.left.get())
    }
}

/// A value that is paid for as long as it is kept.
#[derive(Debug)]
pub(crate) struct Kept<T> {
    pub(crate) value: Box<T>,
    _paid: Paid,
}

/// What was taken for something that grows; it is given back when that goes.
#[derive(Debug)]
pub(crate) struct Paid {
    budget: Budget,
    bytes: usize,
}

impl Paid {
    pub(crate) fn nothing(budget: &Budget) -> Self {
        Self { budget: budget.clone(), bytes: 0 }
    }

    /// Takes more, if there is so much left; counts if not.
    pub(crate) fn pay(&mut self, bytes: usize) -> bool {
        let is_there = self.budget.take(bytes);
        if is_there {
            self.bytes += bytes;
        }
        is_there
    }

    /// Takes more even if there is nothing left.
    pub(crate) fn owe(&mut self, bytes: usize) {
        self.budget.give(-(bytes as i64));
        self.bytes += bytes;
    }
}

impl Drop for Paid {
    fn drop(&mut self) {
        self.budget.give(self.bytes as i64);
    }
}

#[cfg(test)]
mod tests {
    use super::{BESIDE, Budget};

    #[test]
    fn what_is_kept_is_paid_for_until_it_goes() {
        let budget = Budget::of_bytes(2 * (BESIDE + 8));
        let kept = budget.keep(7_u64).expect("room");
        let _other = budget.keep(8_u64).expect("room");
        assert!(budget.keep(9_u64).is_none());
        assert_eq!((*kept.value, budget.refused()), (7, 1));
        drop(kept);
        assert!(budget.keep(9_u64).is_some());
    }
}
