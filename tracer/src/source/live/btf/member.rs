//! Follows a member path through structs, unions, arrays and typedefs.

use super::{Btf, Field, FieldError, types::u32_at};

/// How many members one step may visit. Real structs have a few hundred; a damaged blob can hold a cycle.
const MAX_VISITS: u32 = 100_000;
/// Length of `struct btf_member`, bytes.
const MEMBER_LEN: usize = 12;

/// Where a member lies, in bits, and whether as a bitfield.
#[derive(Clone, Copy)]
struct Place {
    type_id: u32,
    bits: u64,
    /// How many bits, if it is a bitfield.
    width: Option<u32>,
}

/// Why a path leads nowhere.
enum Lost {
    Missing,
    Bitfield,
}

impl Btf {
    /// Finds `path` (such as `__sk_common.skc_net.net` or `rtt_min.s[0].v`) in the struct or union of that name.
    ///
    /// # Errors
    /// When there is no such struct or member, or it is a bitfield, or structs of that name disagree.
    pub fn field(&self, structure: &str, path: &str) -> Result<Field, FieldError> {
        self.look(structure, path, |id| self.walk(id, path).and_then(|place| self.whole_bytes(place)))
    }

    /// Finds a member that is one bit: where it lies, in bits from the start of the struct.
    ///
    /// # Errors
    /// As [`Self::field`], and when the member is not a bitfield of one bit.
    pub fn bit(&self, structure: &str, path: &str) -> Result<Field, FieldError> {
        self.look(structure, path, |id| match self.walk(id, path)? {
            Place { bits, width: Some(1), .. } => {
                Ok(Field { offset: u32::try_from(bits).map_err(|_| Lost::Missing)?, size: 0 })
            }
            _ => Err(Lost::Bitfield),
        })
    }

    /// What `find` gives for all structs of that name.
    fn look(
        &self,
        structure: &str,
        path: &str,
        find: impl Fn(u32) -> Result<Field, Lost>,
    ) -> Result<Field, FieldError> {
        let (name, member) = (|| structure.to_owned(), || path.to_owned());
        let mut found: Option<Result<Field, Lost>> = None;
        for id in self.structs_named(structure) {
            // A kernel may describe a struct twice, when its build could not merge the descriptions.
            match (&found, find(id)) {
                (Some(Ok(first)), Ok(field)) if *first != field => {
                    return Err(FieldError::Ambiguous { structure: name(), path: member() });
                }
                (Some(Ok(_)), _) => {}
                (_, result) => found = Some(result),
            }
        }
        match found {
            Some(Ok(field)) => Ok(field),
            Some(Err(Lost::Bitfield)) => Err(FieldError::Bitfield { structure: name(), path: member() }),
            Some(Err(Lost::Missing)) => Err(FieldError::MissingMember { structure: name(), path: member() }),
            None => Err(FieldError::MissingStruct { structure: name(), path: member() }),
        }
    }

    /// Finds a member as [`Self::field`] does and insists on its size.
    ///
    /// # Errors
    /// As [`Self::field`], and when the member has another size.
    pub fn field_of_size(&self, structure: &str, path: &str, expected: u32) -> Result<Field, FieldError> {
        let field = self.field(structure, path)?;
        if field.size == expected {
            return Ok(field);
        }
        let (structure, path) = (structure.to_owned(), path.to_owned());
        Err(FieldError::UnexpectedSize { structure, path, size: field.size, expected })
    }

    fn structs_named(&self, wanted: &str) -> impl Iterator<Item = u32> {
        self.structs.iter().filter(move |(name, _)| self.is_named(*name, wanted)).map(|(_, id)| *id)
    }

    fn walk(&self, structure: u32, path: &str) -> Result<Place, Lost> {
        let mut place = Place { type_id: structure, bits: 0, width: None };
        for step in path.split('.') {
            let (name, indexes) = step.split_at(step.find('[').unwrap_or(step.len()));
            place = self.member(place, name).ok_or(Lost::Missing)?;
            for index in indexes.split_terminator(']') {
                let index = index.trim_start_matches('[').parse().map_err(|_| Lost::Missing)?;
                place = self.element(place, index).ok_or(Lost::Missing)?;
            }
        }
        Ok(place)
    }

    fn whole_bytes(&self, place: Place) -> Result<Field, Lost> {
        if place.width.is_some() || !place.bits.is_multiple_of(8) {
            return Err(Lost::Bitfield);
        }
        let offset = u32::try_from(place.bits / 8).map_err(|_| Lost::Missing)?;
        let size = self.size(place.type_id).ok_or(Lost::Missing)?;
        Ok(Field { offset, size })
    }

    /// The member `name` of the struct at `place`, also inside its anonymous structs and unions.
    fn member(&self, place: Place, name: &str) -> Option<Place> {
        let mut open = vec![place];
        let mut visits = 0;
        while let Some(outer) = open.pop() {
            let Some(structure) = self.plain(outer.type_id).filter(|found| found.kind.has_members()) else { continue };
            for at in (structure.body..).step_by(MEMBER_LEN).take(structure.vlen as usize) {
                visits += 1;
                let its_name = u32_at(&self.data, at).filter(|_| visits <= MAX_VISITS)?;
                let inner = self.place(outer, structure.flag, at)?;
                if self.is_named(its_name, "") {
                    open.push(inner);
                } else if self.is_named(its_name, name) {
                    return Some(inner);
                }
            }
        }
        None
    }

    /// Decodes the `struct btf_member` at byte `at`; `packed` says that its offset also carries a bitfield size.
    fn place(&self, outer: Place, packed: bool, at: usize) -> Option<Place> {
        let (type_id, offset) = (u32_at(&self.data, at + 4)?, u32_at(&self.data, at + 8)?);
        let (bits, width) = if packed { (offset & 0xff_ffff, offset >> 24) } else { (offset, 0) };
        let width = (width != 0).then_some(width).or_else(|| self.narrow(type_id));
        Some(Place { type_id, bits: outer.bits + u64::from(bits), width })
    }

    fn element(&self, place: Place, index: u32) -> Option<Place> {
        let (type_id, _) = self.array(place.type_id).filter(|(_, count)| index < *count)?;
        let bytes = self.size(type_id)?.checked_mul(index)?;
        Some(Place { type_id, bits: place.bits + u64::from(bytes) * 8, width: None })
    }
}
