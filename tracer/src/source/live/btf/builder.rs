//! Makes small BTF blobs for tests.

use super::Btf;

/// A blob in the making. Types get the numbers 1, 2, … in the order in which they are added.
#[derive(Default)]
pub(crate) struct Builder {
    types: Vec<u8>,
    strings: Vec<u8>,
    layout: Vec<u8>,
    count: u32,
}

impl Builder {
    /// An empty blob.
    pub(crate) fn new() -> Self {
        Self { strings: vec![0], ..Self::default() }
    }

    /// Adds a type as it stands in the blob.
    pub(crate) fn raw(&mut self, name: &str, info: u32, size_or_type: u32, rest: &[u32]) -> u32 {
        let name = self.name(name);
        for word in [name, info, size_or_type].iter().chain(rest) {
            self.types.extend(word.to_le_bytes());
        }
        self.count += 1;
        self.count
    }

    /// `size` bytes of integer.
    pub(crate) fn int(&mut self, size: u32) -> u32 {
        self.narrow_int(size, size * 8)
    }

    /// An integer of `bits` bits.
    pub(crate) fn narrow_int(&mut self, size: u32, bits: u32) -> u32 {
        self.raw("int", 1 << 24, size, &[bits])
    }

    /// A pointer, typedef, qualifier or other kind that only refers to `to`.
    pub(crate) fn refer(&mut self, kind: u32, name: &str, to: u32) -> u32 {
        self.raw(name, kind << 24, to, &[])
    }

    /// `count` elements of type `of`.
    pub(crate) fn array(&mut self, of: u32, count: u32) -> u32 {
        self.raw("", 3 << 24, 0, &[of, of, count])
    }

    /// A struct; members are name, type and offset in bits.
    pub(crate) fn structure(&mut self, name: &str, size: u32, members: &[(&str, u32, u32)]) -> u32 {
        self.members(4 << 24, name, size, members)
    }

    /// A struct whose member offsets carry bitfield sizes in their upper byte.
    pub(crate) fn packed(&mut self, name: &str, size: u32, members: &[(&str, u32, u32)]) -> u32 {
        self.members(1 << 31 | 4 << 24, name, size, members)
    }

    /// A union; members are name and type.
    pub(crate) fn union(&mut self, name: &str, size: u32, members: &[(&str, u32)]) -> u32 {
        let members: Vec<_> = members.iter().map(|(name, of)| (*name, *of, 0)).collect();
        self.members(5 << 24, name, size, &members)
    }

    /// A tracepoint that BPF programs can attach to, with so many arguments.
    pub(crate) fn tracepoint(&mut self, name: &str, arguments: u32) -> u32 {
        // A parameter is a name and a type; the first one is the program's own.
        let parameters = vec![0; (arguments as usize + 1) * 2];
        let function = self.raw("", 13 << 24 | (arguments + 1), 0, &parameters);
        let pointer = self.refer(2, "", function);
        self.refer(8, &format!("btf_trace_{name}"), pointer)
    }

    /// An enum; members are name and number.
    pub(crate) fn enumeration(&mut self, name: &str, members: &[(&str, u32)]) -> u32 {
        let words: Vec<u32> = members.iter().flat_map(|(name, number)| [self.name(name), *number]).collect();
        self.raw(name, 6 << 24 | members.len() as u32, 4, &words)
    }

    fn members(&mut self, info: u32, name: &str, size: u32, members: &[(&str, u32, u32)]) -> u32 {
        let words: Vec<u32> = members.iter().flat_map(|(name, of, bits)| [self.name(name), *of, *bits]).collect();
        self.raw(name, info | members.len() as u32, size, &words)
    }

    /// Declares the length of a kind: bytes once, and for each element.
    pub(crate) fn declare(&mut self, kind: u8, once: u8, each: u8) {
        self.layout.resize(usize::from(kind) * 4, 0);
        self.layout.extend([once, each, 0, 0]);
    }

    fn name(&mut self, name: &str) -> u32 {
        if name.is_empty() {
            return 0;
        }
        let at = self.strings.len() as u32;
        self.strings.extend(name.bytes().chain([0]));
        at
    }

    /// The blob: header, types, strings, layouts.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let lens = [&self.types, &self.strings, &self.layout].map(|section| section.len() as u32);
        let mut blob = vec![0x9f, 0xeb, 1, 0];
        let words = [32, 0, lens[0], lens[0], lens[1], lens[0] + lens[1], lens[2]];
        blob.extend(words.iter().flat_map(|word| word.to_le_bytes()));
        blob.extend([&self.types[..], &self.strings, &self.layout].concat());
        blob
    }

    /// The blob, indexed.
    pub(crate) fn build(&self) -> Btf {
        Btf::parse(self.bytes()).expect("the builder makes valid BTF")
    }
}
