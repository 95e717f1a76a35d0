//! Sizes of types, and what lies behind their typedefs.

use super::{
    Btf,
    types::{Kind, Type, u32_at},
};

/// How many modifiers or arrays may lie inside each other. Real kernels stay below eight.
const MAX_NESTING: u32 = 32;
/// Bytes of a pointer on every machine the programs run on.
const POINTER: u32 = 8;

impl Btf {
    /// The type behind typedefs and qualifiers.
    pub(super) fn plain(&self, mut id: u32) -> Option<Type> {
        for _ in 0..MAX_NESTING {
            let found = self.get(id)?;
            if !found.kind.is_modifier() {
                return Some(found);
            }
            id = found.size_or_type;
        }
        None
    }

    /// How many bits an integer has, if they are fewer than its bytes hold: how older compilers describe a bitfield.
    pub(super) fn narrow(&self, id: u32) -> Option<u32> {
        let int = self.plain(id).filter(|found| found.kind == Kind::INT)?;
        let bits = u32_at(&self.data, int.body).unwrap_or_default() & 0xff;
        (u64::from(bits) != u64::from(int.size_or_type) * 8).then_some(bits)
    }

    /// Element type and number of elements, if the type is an array.
    pub(super) fn array(&self, id: u32) -> Option<(u32, u32)> {
        self.plain(id).filter(|found| found.kind == Kind::ARRAY).and_then(|array| self.elements(&array))
    }

    fn elements(&self, array: &Type) -> Option<(u32, u32)> {
        Some((u32_at(&self.data, array.body)?, u32_at(&self.data, array.body + 8)?))
    }

    /// Bytes a value of this type takes; `None` for what has no size.
    pub(super) fn size(&self, id: u32) -> Option<u32> {
        let mut count = 1_u32;
        let mut found = self.plain(id)?;
        for _ in 0..MAX_NESTING {
            match found.kind {
                Kind::PTR => return count.checked_mul(POINTER),
                Kind::INT | Kind::ENUM | Kind::ENUM64 | Kind::FLOAT | Kind::STRUCT | Kind::UNION => {
                    return count.checked_mul(found.size_or_type);
                }
                Kind::ARRAY => {
                    let (element, of_them) = self.elements(&found)?;
                    count = count.checked_mul(of_them)?;
                    found = self.plain(element)?;
                }
                _ => return None,
            }
        }
        None
    }
}
