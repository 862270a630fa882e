//! The rows of the matrix.

use callboard::Evidence;

/// One answer.
pub(super) struct Row {
    /// Where the record was written, and where it is read.
    pub(super) place: &'static str,
    /// What became of its process.
    pub(super) process: &'static str,
    pub(super) evidence: Evidence,
    pub(super) proof: Proof,
}

/// Why a row may be believed.
pub(super) enum Proof {
    /// Tests with real processes.
    Real(&'static [&'static str]),
    /// The same, of an answer that is known to be wrong.
    Wrong(&'static [&'static str]),
    /// The rule's table of cases alone, in which a witness is told what it sees: why no more.
    Table(&'static str),
}

macro_rules! rows {
    ($($place:literal { $($process:literal => $evidence:ident $proof:ident $said:tt;)+ })+) => {
        /// Every answer, those of one place together.
        pub(super) const ROWS: &[Row] = &[$($(Row {
            place: $place,
            process: $process,
            evidence: Evidence::$evidence,
            proof: rows!(@ $proof $said),
        },)+)+];
    };
    (@ real [$($test:literal),+]) => { Proof::Real(&[$($test),+]) };
    (@ wrong [$($test:literal),+]) => { Proof::Wrong(&[$($test),+]) };
    (@ table [$why:literal]) => { Proof::Table($why) };
}

rows! {
    "the same boot and PID namespace, pidfs" {
        "runs" => Pidfd real [
            "it namespaces::two_namespaces_see_each_other_by_the_lock",
            "worlds containers::nobody_is_not_the_same_as_nobody"
        ];
        "killed, collected" => NoProcess real ["it crash::kill_9_leaves_a_stale_record"];
        "killed, not collected (a zombie)" => Exited real [
            "it crash::a_zombie_is_dead",
            "it crash::a_zombie_of_another_parent_is_dead"
        ];
        "its pid is another process now" => PidReused real ["it crash::a_reused_pid_is_dead"];
        "its pid is a thread now" => NoProcess real [
            "it crash::the_number_of_a_thread_is_no_session"
        ];
        "replaced itself by `exec`" => Pidfd real [
            "it handover::a_program_that_was_replaced_by_exec_is_the_same_session"
        ];
    }
    "the same, `pidfd_open` refused or not there" {
        "runs" => StartTime real ["worlds kernels::without_pidfds_start_times_tell"];
        "killed" => NoProcess real ["worlds kernels::without_pidfds_start_times_tell"];
        "killed, not collected" => Exited real ["worlds kernels::without_pidfds_start_times_tell"];
        "its pid is another process now" => PidReused real [
            "worlds kernels::without_pidfds_start_times_tell"
        ];
    }
    "the same, `/proc` with `hidepid`, a process of another user" {
        "runs" => Pidfd real ["worlds views::processes_that_proc_hides_are_not_dead"];
        "runs, no pidfd identity in the record" => Hidden real [
            "worlds views::processes_that_proc_hides_are_not_dead",
            "it namespaces::a_process_that_proc_hides_is_not_dead"
        ];
        "killed" => NoProcess real ["worlds views::processes_that_proc_hides_are_not_dead"];
    }
    "the same, another time namespace" {
        "runs" => Pidfd real ["it namespaces::another_time_namespace_is_no_other_process"];
        "runs, no pidfd identity in the record" => Hidden real [
            "it namespaces::another_time_namespace_is_no_other_process"
        ];
    }
    "another PID namespace, on tmpfs, ramfs, ext2, ext4, XFS, btrfs" {
        "runs" => LockHeld real [
            "it namespaces::two_namespaces_see_each_other_by_the_lock",
            "worlds disks::on_every_local_disk_locks_tell_the_living_from_the_dead"
        ];
        "killed" => LockFree real [
            "it namespaces::two_namespaces_see_each_other_by_the_lock",
            "worlds disks::on_every_local_disk_locks_tell_the_living_from_the_dead"
        ];
        "replaced itself by `exec`, seen from outside" => SeenInside real [
            "it namespaces::exec_in_a_container_is_no_death"
        ];
    }
    "a PID namespace within the reader's, or around it" {
        "runs" => LockHeld real ["worlds containers::a_container_in_a_container"];
        "killed" => LockFree real ["worlds containers::a_container_in_a_container"];
    }
    "user, mount and PID namespace at once, the home at another path, the same pid number" {
        "runs" => LockHeld real [
            "worlds containers::a_development_container_and_its_host_do_not_take_each_other_for_dead"
        ];
        "killed" => LockFree real [
            "worlds containers::a_development_container_and_its_host_do_not_take_each_other_for_dead"
        ];
    }
    "another PID namespace, signed in on its behalf (no lock)" {
        "runs, seen from outside" => SeenInside real [
            "it namespaces::the_host_sees_into_a_container_and_a_sibling_does_not",
            "worlds containers::a_container_in_a_container"
        ];
        "gone, seen from the initial namespace" => NotInside real [
            "it namespaces::the_host_sees_into_a_container_and_a_sibling_does_not",
            "worlds containers::a_container_in_a_container"
        ];
        "not to be seen" => OtherNamespace real [
            "it namespaces::the_host_sees_into_a_container_and_a_sibling_does_not",
            "worlds containers::a_container_in_a_container"
        ];
        "not to be seen, through `hidepid`" => OtherNamespace real [
            "worlds views::a_look_through_a_proc_that_hides_is_no_look_at_all"
        ];
    }
    "another PID namespace, `pidfd_open` refused to the reader" {
        "runs" => LockHeld real ["worlds kernels::without_pidfds_locks_tell_between_containers"];
        "killed" => LockFree real ["worlds kernels::without_pidfds_locks_tell_between_containers"];
        "runs, no lock, seen from outside" => SeenInside real [
            "worlds kernels::without_pidfds_who_is_not_seen_is_not_absent"
        ];
        "gone, no lock" => OtherNamespace real [
            "worlds kernels::without_pidfds_who_is_not_seen_is_not_absent"
        ];
    }
    "a PID namespace that is gone, whose number the reader's has now" {
        "killed, its pid is another process now" => PidReused real [
            "worlds containers::a_namespace_whose_number_is_given_out_again_is_another"
        ];
        "killed" => NoProcess real [
            "worlds containers::a_namespace_whose_number_is_given_out_again_is_another"
        ];
    }
    "another PID namespace, on overlayfs" {
        "runs, or not" => OtherNamespace real [
            "worlds disks::on_overlayfs_another_container_is_unknown",
            "worlds disks::a_sandbox_above_the_home_sees_it_and_changes_only_its_own_copy"
        ];
        "runs, seen from outside on the directory below" => SeenInside real [
            "worlds disks::on_overlayfs_another_container_is_unknown"
        ];
    }
    "another PID namespace, on FUSE whose locks do nothing" {
        "runs, or not" => OtherNamespace real [
            "worlds network::two_mounts_that_share_no_locks_make_nobody_dead"
        ];
    }
    "the same PID namespace, on FUSE without locks, rename flags or lasting inode numbers" {
        "runs" => Pidfd real [
            "worlds network::a_session_lives_its_life_without_locks_and_without_renames"
        ];
        "killed" => NoProcess real [
            "worlds network::a_session_lives_its_life_without_locks_and_without_renames"
        ];
    }
    "a snapshot of the disk (btrfs), another PID namespace" {
        "runs, not to be seen" => LockFree wrong [
            "worlds disks::a_snapshot_of_the_disk_shows_the_living_as_dead_and_takes_nothing_from_them"
        ];
        "runs, seen from outside" => SeenInside real [
            "worlds disks::a_snapshot_of_the_disk_shows_the_living_as_dead_and_takes_nothing_from_them"
        ];
    }
    "read-only for the reader" {
        "runs" => Pidfd real ["worlds disks::a_read_only_home_is_read_and_left_alone"];
        "killed" => NoProcess real ["worlds disks::a_read_only_home_is_read_and_left_alone"];
        "another PID namespace: runs" => LockHeld real [
            "worlds disks::a_read_only_home_is_read_and_left_alone"
        ];
        "another PID namespace: killed" => LockFree real [
            "worlds disks::a_read_only_home_is_read_and_left_alone"
        ];
    }
    "a container that is told a boot id of its own (LXC, systemd-nspawn)" {
        "runs" => LockHeld real [
            "worlds boots::a_container_that_is_told_another_boot_lives_by_its_lock"
        ];
        "killed" => OtherBoot real [
            "worlds boots::a_container_that_is_told_another_boot_lives_by_its_lock"
        ];
    }
    "another boot" {
        "before this one, on a disk of this machine" => Rebooted real [
            "worlds boots::what_was_written_before_the_reboot_is_dead"
        ];
        "written since this machine has booted" => OtherBoot real [
            "worlds boots::what_was_written_since_this_machine_booted_is_perhaps_of_another"
        ];
        "of another machine, or of one without a name" => OtherBoot real [
            "worlds boots::another_machine_is_no_reboot"
        ];
        "read in a time namespace" => OtherBoot real [
            "worlds boots::a_time_namespace_makes_no_reboot"
        ];
    }
    "no `/proc` where it was written" {
        "runs, the same PID namespace" => Pidfd real [
            "worlds views::without_proc_only_the_living_are_known"
        ];
        "runs, another PID namespace" => LockHeld real [
            "worlds views::without_proc_in_a_container_nobody_is_taken_for_another",
            "worlds views::a_record_that_names_only_a_number_is_not_proven_by_it"
        ];
        "killed" => OriginUnstated real [
            "worlds views::without_proc_only_the_living_are_known",
            "worlds views::without_proc_in_a_container_nobody_is_taken_for_another",
            "worlds views::a_record_that_names_only_a_number_is_not_proven_by_it"
        ];
    }
    "no `/proc` where it is read" {
        "runs" => LockHeld real ["worlds views::without_proc_only_the_living_are_known"];
        "killed" => OtherBoot real ["worlds views::without_proc_only_the_living_are_known"];
    }
    "the `/proc` of a namespace below the reader's" {
        "runs, the same PID namespace" => Pidfd real [
            "worlds views::a_proc_that_we_are_not_in_is_no_place_to_sign_in_from"
        ];
        "runs, another PID namespace" => LockHeld real [
            "worlds views::a_proc_that_we_are_not_in_is_no_place_to_sign_in_from"
        ];
        "killed" => OriginUnstated real [
            "worlds views::a_proc_that_we_are_not_in_is_no_place_to_sign_in_from"
        ];
    }
    "the `/proc` of the namespace around the reader's" {
        "runs" => Pidfd real [
            "it namespaces::a_proc_of_another_namespace_is_not_asked",
            "worlds views::a_proc_of_the_namespace_around_us_is_not_ours_by_a_number"
        ];
        "runs, no pidfd identity in the record" => CannotLook real [
            "worlds views::a_proc_of_the_namespace_around_us_is_not_ours_by_a_number"
        ];
    }
    "`/proc` of processes alone (`subset=pid`)" {
        "runs" => Pidfd real ["worlds views::a_proc_of_processes_alone_is_enough_to_sign_in"];
        "killed" => NoProcess real ["worlds views::a_proc_of_processes_alone_is_enough_to_sign_in"];
        "runs, read from there, where no boot id is known" => LockHeld real [
            "worlds views::a_proc_of_processes_alone_is_enough_to_sign_in"
        ];
    }
    "the record says nothing of its origin" {
        "fits by its start time" => StartTime real [
            "callboard-agents::it replay::claude_code_at_every_step"
        ];
        "fits by its number and age" => OlderThanRecord real [
            "callboard-agents::it reports::records_of_march_2026_are_listed"
        ];
        "does not fit" => OriginUnstated real [
            "it namespaces::a_sweep_in_a_container_leaves_the_host_alone"
        ];
    }
    "another machine or system" {
        "a record without a boot id (Claude Code's)" => OtherHost table ["no second machine here"];
        "macOS or Windows" => OtherSystem table ["no such system here"];
    }
}
