//! The system calls that are left (seccomp(2)): what the tests show to be needed, and what the C library may use in
//! its place. None starts or looks into another process, mounts, or changes the kernel.

use std::collections::BTreeMap;

use libc::c_long;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch, apply_filter_all_threads,
};

use super::plan::Unused;

/// Calls that are there on every architecture.
const CALLS: &[c_long] = &[
    // Files and what else has a descriptor.
    libc::SYS_read,
    libc::SYS_write,
    libc::SYS_readv,
    libc::SYS_writev,
    libc::SYS_pread64,
    libc::SYS_pwrite64,
    libc::SYS_preadv,
    libc::SYS_pwritev,
    libc::SYS_preadv2,
    libc::SYS_pwritev2,
    libc::SYS_close,
    libc::SYS_close_range,
    libc::SYS_lseek,
    libc::SYS_dup,
    libc::SYS_dup3,
    libc::SYS_flock,
    libc::SYS_fsync,
    libc::SYS_fdatasync,
    libc::SYS_ftruncate,
    libc::SYS_fallocate,
    libc::SYS_fadvise64,
    libc::SYS_openat,
    libc::SYS_openat2,
    libc::SYS_readlinkat,
    libc::SYS_newfstatat,
    libc::SYS_fstat,
    libc::SYS_statx,
    libc::SYS_statfs,
    libc::SYS_fstatfs,
    libc::SYS_faccessat,
    libc::SYS_faccessat2,
    libc::SYS_getdents64,
    libc::SYS_getcwd,
    libc::SYS_mkdirat,
    libc::SYS_unlinkat,
    libc::SYS_umask,
    libc::SYS_pipe2,
    libc::SYS_splice,
    libc::SYS_tee,
    libc::SYS_sendfile,
    libc::SYS_copy_file_range,
    // Waiting.
    libc::SYS_epoll_create1,
    libc::SYS_epoll_ctl,
    libc::SYS_epoll_pwait,
    libc::SYS_epoll_pwait2,
    libc::SYS_ppoll,
    libc::SYS_pselect6,
    libc::SYS_eventfd2,
    libc::SYS_signalfd4,
    libc::SYS_timerfd_create,
    libc::SYS_timerfd_settime,
    libc::SYS_timerfd_gettime,
    libc::SYS_inotify_init1,
    libc::SYS_inotify_add_watch,
    libc::SYS_inotify_rm_watch,
    // Sockets; those of which kinds is said below.
    libc::SYS_connect,
    libc::SYS_bind,
    libc::SYS_accept4,
    libc::SYS_getsockname,
    libc::SYS_getpeername,
    libc::SYS_getsockopt,
    libc::SYS_setsockopt,
    libc::SYS_sendto,
    libc::SYS_recvfrom,
    libc::SYS_sendmsg,
    libc::SYS_recvmsg,
    libc::SYS_sendmmsg,
    libc::SYS_recvmmsg,
    libc::SYS_shutdown,
    libc::SYS_socketpair,
    // Memory.
    libc::SYS_mmap,
    libc::SYS_munmap,
    libc::SYS_mprotect,
    libc::SYS_mremap,
    libc::SYS_madvise,
    libc::SYS_msync,
    libc::SYS_mincore,
    libc::SYS_mlock,
    libc::SYS_munlock,
    libc::SYS_brk,
    libc::SYS_membarrier,
    // Threads; how they begin is said below.
    libc::SYS_clone3,
    libc::SYS_futex,
    libc::SYS_set_robust_list,
    libc::SYS_get_robust_list,
    libc::SYS_set_tid_address,
    libc::SYS_rseq,
    libc::SYS_prctl,
    libc::SYS_sched_yield,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_setaffinity,
    libc::SYS_sched_getscheduler,
    libc::SYS_sched_getparam,
    libc::SYS_sched_get_priority_max,
    libc::SYS_sched_get_priority_min,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_wait4,
    libc::SYS_waitid,
    libc::SYS_pidfd_open,
    // Signals; to whom is said below.
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_rt_sigtimedwait,
    libc::SYS_rt_sigpending,
    libc::SYS_rt_sigsuspend,
    libc::SYS_sigaltstack,
    libc::SYS_restart_syscall,
    // What the process is, and what time it is.
    libc::SYS_getpid,
    libc::SYS_getppid,
    libc::SYS_gettid,
    libc::SYS_getpgid,
    libc::SYS_getsid,
    libc::SYS_getuid,
    libc::SYS_geteuid,
    libc::SYS_getgid,
    libc::SYS_getegid,
    libc::SYS_getresuid,
    libc::SYS_getresgid,
    libc::SYS_getgroups,
    libc::SYS_capget,
    libc::SYS_getrusage,
    libc::SYS_times,
    libc::SYS_uname,
    libc::SYS_sysinfo,
    libc::SYS_getcpu,
    libc::SYS_getrandom,
    libc::SYS_gettimeofday,
    libc::SYS_clock_gettime,
    libc::SYS_clock_getres,
    libc::SYS_clock_nanosleep,
    libc::SYS_nanosleep,
    libc::SYS_setitimer,
    libc::SYS_getitimer,
];

/// The older forms of the same.
#[cfg(target_arch = "x86_64")]
const OLDER: &[c_long] = &[
    libc::SYS_open,
    libc::SYS_stat,
    libc::SYS_lstat,
    libc::SYS_access,
    libc::SYS_readlink,
    libc::SYS_getdents,
    libc::SYS_mkdir,
    libc::SYS_unlink,
    libc::SYS_dup2,
    libc::SYS_pipe,
    libc::SYS_poll,
    libc::SYS_select,
    libc::SYS_epoll_create,
    libc::SYS_epoll_wait,
    libc::SYS_eventfd,
    libc::SYS_inotify_init,
    libc::SYS_accept,
    libc::SYS_arch_prctl,
    libc::SYS_getrlimit,
    libc::SYS_pause,
    libc::SYS_alarm,
    libc::SYS_time,
];
#[cfg(not(target_arch = "x86_64"))]
const OLDER: &[c_long] = &[];

/// Kinds of sockets: to clients, daemons, registries and the kernel's tables.
const FAMILIES: [i32; 3] = [libc::AF_UNIX, libc::AF_INET, libc::AF_INET6];

/// Of the kernel's tables: addresses and routes, and which socket is whose. Not those of its filters.
const TABLES: [i32; 2] = [libc::NETLINK_ROUTE, libc::NETLINK_SOCK_DIAG];

/// What has the kernel send signals, to any process, when something comes (fcntl(2); the last are `F_SETSIG` and
/// `F_SETOWN_EX`, which not every C library names).
const SIGNALLING: [u64; 3] = [8, 10, 15];

/// Requests to terminals that type for whoever sits there: `TIOCSTI` and `TIOCLINUX`, of another type in each C library.
const TYPING: [u64; 2] = [0x5412, 0x541c];

/// From now on only these calls are done.
///
/// # Errors
/// What the kernel says.
pub(super) fn restrict(unused: Unused) -> Result<(), String> {
    let text = |error: seccompiler::Error| error.to_string();
    let rules = rules().map_err(|error| error.to_string())?;
    if unused == Unused::Refused {
        // Its flags stand where a filter does not see them: the C library takes the older call then.
        let only: BTreeMap<_, _> = [(libc::SYS_clone3, Vec::new())].into();
        let absent = SeccompAction::Errno(libc::ENOSYS as u32);
        let filter = compile(only, SeccompAction::Allow, absent)?;
        apply_filter_all_threads(&filter).map_err(text)?;
    }
    let others = match unused {
        Unused::Refused => SeccompAction::Errno(libc::EPERM as u32),
        Unused::Logged => SeccompAction::Log,
    };
    let filter = compile(rules, others, SeccompAction::Allow)?;
    apply_filter_all_threads(&filter).map_err(text)
}

fn compile(
    rules: BTreeMap<i64, Vec<SeccompRule>>,
    others: SeccompAction,
    these: SeccompAction,
) -> Result<BpfProgram, String> {
    const ARCHITECTURE: TargetArch = match cfg!(target_arch = "x86_64") {
        true => TargetArch::x86_64,
        false => TargetArch::aarch64,
    };
    let filter = SeccompFilter::new(rules, others, these, ARCHITECTURE);
    filter.and_then(TryInto::try_into).map_err(|error| error.to_string())
}

/// The calls, and what must be in their arguments.
fn rules() -> Result<BTreeMap<i64, Vec<SeccompRule>>, seccompiler::BackendError> {
    let equal = |argument, value| {
        SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, value)
    };
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> =
        CALLS.iter().chain(OLDER).map(|call| (*call, Vec::new())).collect();
    let families = FAMILIES
        .iter()
        .map(|family| SeccompRule::new(vec![equal(0, u64::from(family.unsigned_abs()))?]));
    let netlink = equal(0, u64::from(libc::AF_NETLINK.unsigned_abs()))?;
    let tables = TABLES.iter().map(|table| {
        SeccompRule::new(vec![netlink.clone(), equal(2, u64::from(table.unsigned_abs()))?])
    });
    rules.insert(libc::SYS_socket, families.chain(tables).collect::<Result<_, _>>()?);
    let thread = libc::CLONE_THREAD.unsigned_abs().into();
    let begins_thread =
        SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::MaskedEq(thread), thread)?;
    rules.insert(libc::SYS_clone, vec![SeccompRule::new(vec![begins_thread])?]);
    // A thread may end the process, as an abort does, or be interrupted; other processes are none of its business.
    let own = equal(0, u64::from(std::process::id()))?;
    rules.insert(libc::SYS_tgkill, vec![SeccompRule::new(vec![own.clone()])?]);
    rules.insert(libc::SYS_kill, vec![SeccompRule::new(vec![own])?]);
    // Its own bounds alone.
    rules.insert(libc::SYS_prlimit64, vec![SeccompRule::new(vec![equal(0, 0)?])?]);
    let signals = SIGNALLING.iter().map(|command| {
        SeccompCondition::new(1, SeccompCmpArgLen::Dword, SeccompCmpOp::Ne, *command)
    });
    rules.insert(libc::SYS_fcntl, vec![SeccompRule::new(signals.collect::<Result<_, _>>()?)?]);
    let types = TYPING.iter().map(|request| {
        SeccompCondition::new(1, SeccompCmpArgLen::Dword, SeccompCmpOp::Ne, *request)
    });
    rules.insert(libc::SYS_ioctl, vec![SeccompRule::new(types.collect::<Result<_, _>>()?)?]);
    Ok(rules)
}
