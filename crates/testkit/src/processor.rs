//! A tracer and its child on one processor. Only one of the two ever runs: on two, each of its
//! thousands of stops wakes up the other one.

/// This thread and the children that it has meanwhile stay where it is, until this is dropped.
#[derive(Debug)]
pub(crate) struct OnOneProcessor {
    before: libc::cpu_set_t,
}

impl OnOneProcessor {
    pub(crate) fn new() -> Self {
        // SAFETY: plain data, of which all zeros is a value: no processors.
        #[allow(unsafe_code)]
        let (mut before, mut one): (libc::cpu_set_t, libc::cpu_set_t) =
            unsafe { (std::mem::zeroed(), std::mem::zeroed()) };
        let length = size_of_val(&before);
        // SAFETY: writes no more than this length into `before`, and sets a bit in `one`, of a
        // processor that there is.
        #[allow(unsafe_code)]
        unsafe {
            assert_eq!(libc::sched_getaffinity(0, length, &raw mut before), 0);
            let here = usize::try_from(libc::sched_getcpu()).expect("a processor");
            libc::CPU_SET(here, &mut one);
        }
        allow(&one);
        Self { before }
    }
}

impl Drop for OnOneProcessor {
    fn drop(&mut self) {
        allow(&self.before);
    }
}

fn allow(processors: &libc::cpu_set_t) {
    // SAFETY: reads as much as there is.
    #[allow(unsafe_code)]
    let done = unsafe { libc::sched_setaffinity(0, size_of_val(processors), processors) };
    assert_eq!(done, 0, "{}", std::io::Error::last_os_error());
}
