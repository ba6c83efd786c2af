//! Models as signed, encrypted, versioned files with their whole history.

pub mod formats;
