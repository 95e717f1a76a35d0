//! Finds struct members in the running kernel's type information (BTF).
//!
//! Our own parser, because of the crates that could do it `btf-rs` is LGPL (which matters in a static binary) and takes
//! ten times as long, and `aya-obj` does not expose members. It knows just enough for [`Btf::field`]. The format is
//! `include/uapi/linux/btf.h`; all that it says is checked against the blob's bounds, so a damaged blob is an error.

#[cfg(test)]
pub(crate) mod builder;
mod error;
mod layout;
mod member;
#[cfg(test)]
mod tests;
mod types;

use std::{fs, ops::Range};

pub use error::{BtfError, FieldError};
use types::{Kind, Layouts, Type, u32_at};

/// Where the kernel shows its own type information.
pub const VMLINUX: &str = "/sys/kernel/btf/vmlinux";

/// `BTF_MAGIC`, as little-endian kernels write it.
const MAGIC: [u8; 2] = [0x9f, 0xeb];
/// `BTF_MAGIC`, as big-endian kernels write it.
const MAGIC_SWAPPED: [u8; 2] = [0xeb, 0x9f];
/// Length of `struct btf_header` in kernels whose BTF has no layout section.
const HEADER_LEN: usize = 24;
/// Length of `struct btf_header` with the layout section.
const HEADER_LEN_LAYOUT: usize = 32;

/// Length of `struct btf_enum`, bytes.
const ENUMERATOR_LEN: usize = 8;

/// A struct member: where it lies and how large it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// Bytes from the start of the struct that was asked for.
    pub offset: u32,
    /// Bytes.
    pub size: u32,
}

/// Type information of a kernel, indexed.
#[derive(Clone, Debug)]
pub struct Btf {
    data: Vec<u8>,
    strings: Range<usize>,
    /// Where each type starts in `data`; the first is type 1 (type 0 is void and has no entry).
    starts: Vec<u32>,
    /// Name offset and type of every struct and union that has a name.
    structs: Vec<(u32, u32)>,
}

impl Btf {
    /// Reads the running kernel's type information. Needs no privilege.
    ///
    /// # Errors
    /// When the kernel shows none, or it cannot be read or understood.
    pub fn of_running_kernel() -> Result<Self, BtfError> {
        Self::parse(fs::read(VMLINUX).map_err(BtfError::Read)?)
    }

    /// Indexes a blob in one pass.
    ///
    /// # Errors
    /// When it is not BTF, or damaged.
    pub fn parse(data: Vec<u8>) -> Result<Self, BtfError> {
        match data.get(..2) {
            Some(magic) if magic == MAGIC => {}
            Some(magic) if magic == MAGIC_SWAPPED => return Err(BtfError::BigEndian),
            _ => return Err(BtfError::NotBtf),
        }
        let header_len = header(&data, 4)?;
        let types = section(&data, header_len, 8)?;
        let strings = section(&data, header_len, 16)?;
        let layouts = if header_len < HEADER_LEN_LAYOUT {
            Layouts::default()
        } else {
            Layouts::new(&data[section(&data, header_len, 24)?])
        };
        // On average a type takes 25 bytes in kernels 5.10 to 6.18.
        let starts = Vec::with_capacity(types.len() / 20);
        let mut btf = Self { data, strings, starts, structs: Vec::new() };
        btf.index(types, &layouts)?;
        Ok(btf)
    }

    /// How many arguments the tracepoint of this name has; `None` if there is none that BPF programs can attach to.
    /// Those of a tracepoint `x` are the parameters of `btf_trace_x`, after the first (include/trace/bpf_probe.h).
    #[must_use]
    pub fn tracepoint_arguments(&self, name: &str) -> Option<u32> {
        let typedef = self.named(Kind::TYPEDEF, &format!("btf_trace_{name}"))?;
        let pointer = self.plain(typedef.size_or_type)?;
        self.plain(pointer.size_or_type)?.vlen.checked_sub(1)
    }

    /// Names of an enum's members and their numbers; none if there is no such enum.
    #[must_use]
    pub fn enumerators(&self, name: &str) -> Vec<(u32, String)> {
        let Some(found) = self.named(Kind::ENUM, name) else { return Vec::new() };
        let members = (found.body..).step_by(ENUMERATOR_LEN).take(found.vlen as usize);
        members.map_while(|at| Some((u32_at(&self.data, at + 4)?, self.string(u32_at(&self.data, at)?)?))).collect()
    }

    fn named(&self, kind: Kind, name: &str) -> Option<Type> {
        self.starts
            .iter()
            .filter_map(|start| Type::at(&self.data, *start as usize))
            .find(|found| found.kind == kind && self.is_named(found.name, name))
    }

    fn string(&self, offset: u32) -> Option<String> {
        let rest = self.data[self.strings.clone()].get(offset as usize..)?;
        let end = rest.iter().position(|byte| *byte == 0)?;
        Some(String::from_utf8_lossy(&rest[..end]).into_owned())
    }

    fn index(&mut self, types: Range<usize>, layouts: &Layouts) -> Result<(), BtfError> {
        let mut at = types.start;
        while at < types.end {
            let found = Type::at(&self.data[..types.end], at).ok_or(BtfError::Damaged { at })?;
            let len = found.len(layouts).ok_or(BtfError::UnknownKind { kind: found.kind.0, at })?;
            self.starts.push(u32::try_from(at).map_err(|_| BtfError::Damaged { at })?);
            if found.kind.has_members() && found.name != 0 {
                self.structs.push((found.name, self.starts.len() as u32));
            }
            at += len;
        }
        if at == types.end { Ok(()) } else { Err(BtfError::Damaged { at }) }
    }

    /// The type with this number; `None` for void and for numbers that no type has.
    fn get(&self, id: u32) -> Option<Type> {
        let start = self.starts.get(id.checked_sub(1)? as usize)?;
        Type::at(&self.data, *start as usize)
    }

    /// Whether the string at `offset` of the string section is `name`.
    fn is_named(&self, offset: u32, name: &str) -> bool {
        let strings = &self.data[self.strings.clone()];
        let rest = strings.get(offset as usize..).unwrap_or_default();
        rest.starts_with(name.as_bytes()) && rest.get(name.len()) == Some(&0)
    }
}

fn header(data: &[u8], at: usize) -> Result<usize, BtfError> {
    u32_at(data, at).map(|value| value as usize).ok_or(BtfError::Damaged { at })
}

/// The section whose offset (from the end of the header) and length are at `at` in the header.
fn section(data: &[u8], header_len: usize, at: usize) -> Result<Range<usize>, BtfError> {
    let start = header_len + header(data, at)?;
    let range = start..start + header(data, at + 4)?;
    if header_len < HEADER_LEN || range.end > data.len() {
        return Err(BtfError::Damaged { at });
    }
    Ok(range)
}
