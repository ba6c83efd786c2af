//! One TOML file, parsed once into domain types.
