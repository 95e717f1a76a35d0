//! What can go wrong, in sentences that say what to do.

use std::io;

use super::VMLINUX;

/// The kernel's type information is not there, or not usable.
#[derive(Debug, thiserror::Error)]
pub enum BtfError {
    /// It cannot be read; most often the kernel has none.
    #[error("cannot read {VMLINUX}")]
    Read(#[source] io::Error),
    /// Something else lies there.
    #[error("{VMLINUX} does not hold BTF type information")]
    NotBtf,
    /// Written by a big-endian kernel.
    #[error("{VMLINUX} is big-endian, and tracer's kernel programs are little-endian")]
    BigEndian,
    /// It contradicts itself, or ends too early.
    #[error("{VMLINUX} is damaged at byte {at}")]
    Damaged {
        /// Bytes from the start.
        at: usize,
    },
    /// It has a type of which not even the length is known, so that nothing after it can be found.
    #[error("{VMLINUX} holds a type of unknown kind {kind} at byte {at}: this kernel is newer than this tracer")]
    UnknownKind {
        /// `BTF_KIND_…`.
        kind: u8,
        /// Bytes from the start.
        at: usize,
    },
}

/// A member could not be found, or is not what it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FieldError {
    /// There is no struct or union of that name.
    #[error("this kernel has no struct {structure} (wanted for its member {path})")]
    MissingStruct {
        /// Name of the struct.
        structure: String,
        /// Path of the member.
        path: String,
    },
    /// The struct has no such member, or one on the way to it is not a struct.
    #[error("struct {structure} of this kernel has no member {path}")]
    MissingMember {
        /// Name of the struct.
        structure: String,
        /// Path of the member.
        path: String,
    },
    /// The member is a bitfield, which an ordinary load cannot read.
    #[error("{structure}.{path} is a bitfield in this kernel")]
    Bitfield {
        /// Name of the struct.
        structure: String,
        /// Path of the member.
        path: String,
    },
    /// There is no such tracepoint that BPF programs can attach to.
    #[error("this kernel has no tracepoint {0} for BPF programs")]
    MissingTracepoint(&'static str),
    /// Programs may not read what no typed pointer leads to (`bpf_probe_read_kernel`): packets, timewait sockets.
    #[error("this kernel is locked down and lets no program read its memory")]
    Unreadable,
    /// The kernel does not show where this function is.
    #[error("this process may not see the address of the kernel's {0}")]
    HiddenSymbol(&'static str),
    /// The tracepoint does not tell this.
    #[error("{tracepoint} of this kernel does not tell {what}")]
    Untold {
        /// Name of the tracepoint.
        tracepoint: &'static str,
        /// What was wanted.
        what: &'static str,
    },
    /// The member has another size than the programs load.
    #[error("{structure}.{path} is {size} bytes long in this kernel, not {expected}")]
    UnexpectedSize {
        /// Name of the struct.
        structure: String,
        /// Path of the member.
        path: String,
        /// Bytes it has.
        size: u32,
        /// Bytes it should have.
        expected: u32,
    },
    /// Structs of the same name disagree about the member: any choice would be a guess.
    #[error("this kernel describes struct {structure} more than once, with {path} in different places")]
    Ambiguous {
        /// Name of the struct.
        structure: String,
        /// Path of the member.
        path: String,
    },
}
