//! One type description: its fixed part and the length of what follows.

/// `BTF_KIND_…`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kind(pub(super) u8);

impl Kind {
    pub(super) const INT: Self = Self(1);
    pub(super) const PTR: Self = Self(2);
    pub(super) const ARRAY: Self = Self(3);
    pub(super) const STRUCT: Self = Self(4);
    pub(super) const UNION: Self = Self(5);
    pub(super) const ENUM: Self = Self(6);
    pub(super) const FWD: Self = Self(7);
    pub(super) const TYPEDEF: Self = Self(8);
    pub(super) const VOLATILE: Self = Self(9);
    pub(super) const CONST: Self = Self(10);
    pub(super) const RESTRICT: Self = Self(11);
    pub(super) const FUNC: Self = Self(12);
    pub(super) const FUNC_PROTO: Self = Self(13);
    pub(super) const VAR: Self = Self(14);
    pub(super) const DATASEC: Self = Self(15);
    pub(super) const FLOAT: Self = Self(16);
    pub(super) const DECL_TAG: Self = Self(17);
    pub(super) const TYPE_TAG: Self = Self(18);
    pub(super) const ENUM64: Self = Self(19);

    /// Struct or union.
    pub(super) fn has_members(self) -> bool {
        matches!(self, Self::STRUCT | Self::UNION)
    }

    /// Says something about another type without changing its layout.
    pub(super) fn is_modifier(self) -> bool {
        matches!(self, Self::TYPEDEF | Self::VOLATILE | Self::CONST | Self::RESTRICT | Self::TYPE_TAG)
    }

    /// Bytes that follow the fixed part: once, and for each of `vlen` elements.
    fn layout(self) -> Option<(usize, usize)> {
        Some(match self {
            Self::PTR | Self::FWD | Self::FUNC | Self::FLOAT => (0, 0),
            kind if kind.is_modifier() => (0, 0),
            Self::INT | Self::VAR | Self::DECL_TAG => (4, 0),
            Self::ARRAY => (12, 0),
            Self::ENUM | Self::FUNC_PROTO => (0, 8),
            Self::STRUCT | Self::UNION | Self::DATASEC | Self::ENUM64 => (0, 12),
            _ => return None,
        })
    }
}

/// Lengths of kinds this parser does not know, as newer blobs declare them (`struct btf_layout`).
#[derive(Debug, Default)]
pub(super) struct Layouts(Vec<(usize, usize)>);

impl Layouts {
    pub(super) fn new(section: &[u8]) -> Self {
        Self(section.chunks_exact(4).map(|kind| (usize::from(kind[0]), usize::from(kind[1]))).collect())
    }

    fn get(&self, kind: Kind) -> Option<(usize, usize)> {
        self.0.get(usize::from(kind.0)).copied()
    }
}

/// The fixed part of a type (`struct btf_type`).
#[derive(Clone, Copy, Debug)]
pub(super) struct Type {
    /// Where in the blob its variable part starts.
    pub(super) body: usize,
    /// Offset in the string section; 0 for none.
    pub(super) name: u32,
    /// What it is.
    pub(super) kind: Kind,
    /// Meaning depends on the kind; for structs: member offsets carry bitfield sizes.
    pub(super) flag: bool,
    /// Number of members and the like.
    pub(super) vlen: u32,
    /// Bytes, or the number of the type that this one refers to.
    pub(super) size_or_type: u32,
}

impl Type {
    /// Length of the fixed part, bytes.
    const LEN: usize = 12;

    /// The type that starts at byte `at`.
    #[inline]
    pub(super) fn at(data: &[u8], at: usize) -> Option<Self> {
        let info = u32_at(data, at + 4)?;
        Some(Self {
            body: at + Self::LEN,
            name: u32_at(data, at)?,
            // Seven bits of kind and 24 of vlen in the newest headers; older kernels leave the upper ones zero.
            kind: Kind((info >> 24 & 0x7f) as u8),
            flag: info >> 31 != 0,
            vlen: info & 0xff_ffff,
            size_or_type: u32_at(data, at + 8)?,
        })
    }

    /// Length of the whole description in bytes; `None` for a kind nobody describes.
    #[inline]
    pub(super) fn len(&self, layouts: &Layouts) -> Option<usize> {
        let (once, each) = self.kind.layout().or_else(|| layouts.get(self.kind))?;
        Some(Self::LEN + once + each * self.vlen as usize)
    }
}

/// The little-endian number at byte `at`.
#[inline]
pub(super) fn u32_at(data: &[u8], at: usize) -> Option<u32> {
    data.get(at..)?.first_chunk().map(|bytes| u32::from_le_bytes(*bytes))
}
