//! Where this process stands: what a record's incarnation is compared with.

/// The place that this process looks from.
///
/// Found once per [`Registry`](crate::Registry), by [`Here::detect`]; plain data, so that the
/// rule can be tested from any place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Here {
    /// This process.
    pub pid: u32,
    /// This boot of the kernel.
    pub boot_id: Option<Box<str>>,
    /// The machine, as the system names it (Linux: `/etc/machine-id`); often empty in containers.
    pub machine_id: Option<Box<str>>,
    /// The PID namespace, by inode number.
    pub pid_ns: Option<u64>,
    /// The time namespace, by inode number.
    pub time_ns: Option<u64>,
    /// Whether pidfds have inode numbers of their own (Linux 6.9).
    pub has_pidfs: bool,
    /// Whether `/proc` is that of this PID namespace.
    pub proc_is_ours: bool,
    /// When this boot began, in seconds since the epoch by the clock as it stands now; unknown in
    /// a time namespace. Only for comparison with the times of files, never with the start of a
    /// process.
    pub booted_at: Option<i64>,
    /// Whether everything above was found or is not there. If not, a call failed that may succeed
    /// the next time (out of file descriptors, say), and this must not be kept.
    pub is_complete: bool,
}

impl Here {
    /// Looks. Nothing in it fails: what cannot be found is left out, and leads to more unknown
    /// verdicts, never to a wrong one.
    #[must_use]
    pub fn detect() -> Self {
        super::system::detect()
    }

    /// The `pidDomain` of this place, see [`crate::record::FIELDS`].
    #[must_use]
    pub fn pid_domain(&self) -> String {
        super::system::pid_domain(self)
    }
}
