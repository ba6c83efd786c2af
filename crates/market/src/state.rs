//! How a struct is written to a snapshot and read back: little-endian, fields in order, no names, no padding.
//!
//! A snapshot is only ever read by the build that wrote it (its header says which), so the format needs no evolution;
//! what must live longer is rebuilt from the journal. Floats keep their bits.

/// A value whose running state can be saved and put back.
pub trait State {
    /// Appends the state to `out`.
    fn save(&self, out: &mut Vec<u8>);

    /// Replaces the state by what `from` holds.
    ///
    /// # Errors
    /// [`Torn`] when the bytes end early or hold what no `save` writes; the value is then unspecified.
    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), Torn>;
}

/// The bytes (of a snapshot, or of a record's payload) ended early or hold what no build writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Torn;

impl std::fmt::Display for Torn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the bytes end early or hold a value that no build writes")
    }
}

impl std::error::Error for Torn {}

/// Reads the bytes of a snapshot in order.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    /// A reader of `bytes`.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    /// What has not been read yet.
    pub const fn rest(&self) -> &'a [u8] {
        self.bytes
    }

    /// The next `N` bytes.
    ///
    /// # Errors
    /// [`Torn`] when fewer are left.
    pub fn take<const N: usize>(&mut self) -> Result<[u8; N], Torn> {
        let (head, tail) = self.bytes.split_first_chunk::<N>().ok_or(Torn)?;
        self.bytes = tail;
        Ok(*head)
    }

    /// The next `len` bytes.
    ///
    /// # Errors
    /// [`Torn`] when fewer are left.
    pub fn slice(&mut self, len: usize) -> Result<&'a [u8], Torn> {
        let (head, tail) = self.bytes.split_at_checked(len).ok_or(Torn)?;
        self.bytes = tail;
        Ok(head)
    }

    /// The next byte.
    ///
    /// # Errors
    /// [`Torn`] at the end.
    pub fn u8(&mut self) -> Result<u8, Torn> {
        Ok(self.take::<1>()?[0])
    }

    /// Reads a value of a type that has a default to start from.
    ///
    /// # Errors
    /// [`Torn`] as for [`State::load`].
    pub fn read<T: State + Default>(&mut self) -> Result<T, Torn> {
        let mut value = T::default();
        value.load(self)?;
        Ok(value)
    }
}

macro_rules! numbers {
    ($($number:ty),*) => {$(
        impl State for $number {
            fn save(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_le_bytes());
            }
            fn load(&mut self, from: &mut Reader<'_>) -> Result<(), Torn> {
                *self = Self::from_le_bytes(from.take()?);
                Ok(())
            }
        }
    )*};
}

numbers!(u8, u16, u32, u64, i32, i64, i128, f32, f64);

impl State for usize {
    fn save(&self, out: &mut Vec<u8>) {
        (*self as u64).save(out);
    }
    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), Torn> {
        *self = Self::try_from(from.read::<u64>()?).map_err(|_| Torn)?;
        Ok(())
    }
}

impl State for bool {
    fn save(&self, out: &mut Vec<u8>) {
        out.push(u8::from(*self));
    }
    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), Torn> {
        *self = match from.u8()? {
            0 => false,
            1 => true,
            _ => return Err(Torn),
        };
        Ok(())
    }
}

impl<T: State + Default> State for Option<T> {
    fn save(&self, out: &mut Vec<u8>) {
        self.is_some().save(out);
        if let Some(value) = self {
            value.save(out);
        }
    }
    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), Torn> {
        *self = if from.read::<bool>()? { Some(from.read()?) } else { None };
        Ok(())
    }
}

impl<T: State, const N: usize> State for [T; N] {
    fn save(&self, out: &mut Vec<u8>) {
        for value in self {
            value.save(out);
        }
    }
    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), Torn> {
        self.iter_mut().try_for_each(|value| value.load(from))
    }
}

impl<A: State, B: State> State for (A, B) {
    fn save(&self, out: &mut Vec<u8>) {
        self.0.save(out);
        self.1.save(out);
    }
    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), Torn> {
        self.0.load(from)?;
        self.1.load(from)
    }
}

/// Keeps the vector's capacity when it is large enough, so that loading into a desk built with room allocates nothing.
impl<T: State + Default> State for Vec<T> {
    fn save(&self, out: &mut Vec<u8>) {
        self.len().save(out);
        for value in self {
            value.save(out);
        }
    }
    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), Torn> {
        let len: usize = from.read()?;
        self.clear();
        for _ in 0..len {
            self.push(from.read()?);
        }
        Ok(())
    }
}

impl<T: State + Default> State for std::collections::VecDeque<T> {
    fn save(&self, out: &mut Vec<u8>) {
        self.len().save(out);
        for value in self {
            value.save(out);
        }
    }
    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), Torn> {
        let len: usize = from.read()?;
        self.clear();
        for _ in 0..len {
            self.push_back(from.read()?);
        }
        Ok(())
    }
}

/// Saves and loads the named fields of a struct, in that order. Name every field that changes while running; what comes
/// from the configuration stays out, so that a snapshot loads into a value built from the same configuration.
#[macro_export]
macro_rules! state {
    ($name:ty { $($field:ident),* $(,)? }) => {
        impl $crate::state::State for $name {
            fn save(&self, out: &mut Vec<u8>) {
                let _ = &out;
                $($crate::state::State::save(&self.$field, out);)*
            }
            fn load(&mut self, from: &mut $crate::state::Reader<'_>) -> Result<(), $crate::state::Torn> {
                let _ = &from;
                $($crate::state::State::load(&mut self.$field, from)?;)*
                Ok(())
            }
        }
    };
}

/// Saves and loads an enum without fields as one byte: the variant's place. Every variant must be named, in order.
#[macro_export]
macro_rules! state_enum {
    ($name:ident { $($variant:ident),* $(,)? }) => {
        impl $name {
            /// Every variant, in the order of their numbers.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The number of this variant in snapshots and journals.
            pub const fn code(self) -> u8 {
                self as u8
            }
        }

        const _: () = {
            let mut code = 0;
            while code < $name::ALL.len() {
                assert!($name::ALL[code] as usize == code, "name every variant, in the order of its declaration");
                code += 1;
            }
        };

        impl $crate::state::State for $name {
            fn save(&self, out: &mut Vec<u8>) {
                out.push(self.code());
            }
            fn load(&mut self, from: &mut $crate::state::Reader<'_>) -> Result<(), $crate::state::Torn> {
                *self = *Self::ALL.get(usize::from(from.u8()?)).ok_or($crate::state::Torn)?;
                Ok(())
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default, Clone, PartialEq)]
    struct Sample {
        count: u64,
        mean: f64,
        window: Vec<i64>,
        last: Option<(u16, bool)>,
    }
    crate::state!(Sample { count, mean, window, last });

    #[expect(unreachable_pub, reason = "the macro makes public items")]
    mod light {
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
        pub(super) enum Light {
            #[default]
            Red,
            Green,
        }
        crate::state_enum!(Light { Red, Green });
    }
    use light::Light;

    #[test]
    fn a_struct_round_trips_and_every_cut_is_torn() {
        let sample = Sample { count: 7, mean: -0.0, window: vec![1, -2], last: Some((3, true)) };
        let mut bytes = Vec::new();
        sample.save(&mut bytes);
        Light::Green.save(&mut bytes);
        let mut reader = Reader::new(&bytes);
        assert_eq!(reader.read::<Sample>(), Ok(sample));
        assert_eq!(reader.read::<Light>(), Ok(Light::Green));
        assert!(reader.rest().is_empty());
        for cut in 0..bytes.len() {
            let mut reader = Reader::new(&bytes[..cut]);
            assert!(reader.read::<Sample>().is_err() || reader.read::<Light>().is_err(), "cut at {cut}");
        }
    }
}
