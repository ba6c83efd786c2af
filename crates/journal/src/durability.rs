//! What an order may wait for before it leaves.

/// What must have happened to a record before the order behind it may leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Durability {
    /// Written to the operating system (`write` returned). Survives the death of the process, kill -9 included, at any
    /// instant: nothing acknowledged is lost. A power loss or a crash of the kernel loses what the kernel had not yet
    /// written back, tens of seconds at worst.
    Process,
    /// On the disk (`fdatasync` returned). Survives power loss too: nothing acknowledged is lost, as far as the disk
    /// keeps its word. The loss of the disk loses everything.
    Disk,
    /// Acknowledged by a second machine. Survives the loss of the first. Needs a [`Replica`]; there is none yet.
    Replica,
}

/// A second machine that follows the journal: a slot without an implementation yet.
pub trait Replica: Send + Sync {
    /// The last record that the second machine has acknowledged; never falls.
    fn acknowledged(&self) -> u64;
}
