//! Keys, seals and signatures: the only room with cryptography.
