"""A seccomp filter: the system calls that scoring never needs fail with EPERM.

What is not listed is allowed: a list of what Python may call would break with every libc. Landlock
guards what is opened; this guards what Landlock does not know (sockets other than TCP, processes,
file modes, the kernel's own interfaces).

Source: seccomp(2); numbers from asm/unistd_64.h and asm-generic/unistd.h of Linux 6.12.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
from dataclasses import dataclass
from typing import Final

from verifier_service.hardening import kernel

_PR_SET_SECCOMP: Final = 22
_MODE_FILTER: Final = 2

# Classic BPF operations, and where they read in `struct seccomp_data`.
_LOAD: Final = 0x20
_JUMP_IF_EQUAL: Final = 0x15
_JUMP_IF_AT_LEAST: Final = 0x35
_JUMP_IF_ANY_BIT: Final = 0x45
_RETURN: Final = 0x06
_NUMBER: Final = 0
_ARCHITECTURE: Final = 4
_FIRST_ARGUMENT: Final = 16  # its low 32 bits, on little-endian CPUs

_ALLOW: Final = 0x7FFF0000
_DENY: Final = 0x00050000 | errno.EPERM
_NOT_IMPLEMENTED: Final = 0x00050000 | errno.ENOSYS

_CLONE_THREAD: Final = 0x00010000
_X32_CALLS: Final = 0x40000000  # the second ABI of x86-64, whose numbers would evade the list


@dataclass(frozen=True, slots=True)
class Cpu:
    """What the filter must know of a CPU: its audit name and the numbers of its calls."""

    audit_arch: int
    column: int
    """Which number of each row below is its own."""


CPUS: Final = {
    "x86_64": Cpu(audit_arch=0xC000003E, column=0),
    "aarch64": Cpu(audit_arch=0xC00000B7, column=1),
}

# Number on x86-64, number on aarch64 (None: that CPU has no such call).
DENIED: Final[dict[str, tuple[int, int | None]]] = {
    # sockets: the one to the front is open already
    "socket": (41, 198),
    "socketpair": (53, 199),
    "connect": (42, 203),
    "bind": (49, 200),
    "listen": (50, 201),
    "accept": (43, 202),
    "accept4": (288, 242),
    # programs and processes
    "execve": (59, 221),
    "execveat": (322, 281),
    "fork": (57, None),
    "vfork": (58, None),
    "tkill": (200, 130),
    "pidfd_open": (434, 434),
    "pidfd_getfd": (438, 438),
    "pidfd_send_signal": (424, 424),
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
    # other processes' memory and pace
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "kcmp": (312, 272),
    "migrate_pages": (256, 238),
    "move_pages": (279, 239),
    "setpriority": (141, 140),
    "ioprio_set": (251, 30),
    "sched_setscheduler": (144, 119),
    "sched_setparam": (142, 118),
    "sched_setattr": (314, 274),
    "sched_setaffinity": (203, 122),
    # what outlives the process
    "shmget": (29, 194),
    "shmat": (30, 196),
    "msgget": (68, 186),
    "semget": (64, 190),
    "mq_open": (240, 180),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    # file attributes, which Landlock does not guard
    "chmod": (90, None),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "fchmodat2": (452, 452),
    "chown": (92, None),
    "fchown": (93, 55),
    "lchown": (94, None),
    "fchownat": (260, 54),
    "setxattr": (188, 5),
    "lsetxattr": (189, 6),
    "fsetxattr": (190, 7),
    "removexattr": (197, 14),
    "lremovexattr": (198, 15),
    "fremovexattr": (199, 16),
    "utime": (132, None),
    "utimes": (235, None),
    "futimesat": (261, None),
    "utimensat": (280, 88),
    # file systems and namespaces
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "unshare": (272, 97),
    "setns": (308, 268),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "fanotify_init": (300, 262),
    "quotactl": (179, 60),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    # the kernel's larger surfaces; io_uring would also open and connect unseen by this filter
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "iopl": (172, None),
    "ioperm": (173, None),
    "personality": (135, 92),
    # the machine
    "reboot": (169, 142),
    "acct": (163, 89),
    "syslog": (103, 116),
    "sethostname": (170, 161),
    "setdomainname": (171, 162),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "adjtimex": (159, 171),
    "clock_adjtime": (305, 266),
}

CLONE: Final = (56, 220)
CLONE3: Final = (435, 435)
KILL: Final = (62, 129)
TGKILL: Final = (234, 131)
PRLIMIT64: Final = (302, 261)


def install() -> int:
    """Put the filter before every later system call of this thread; needs `no_new_privs`.

    Returns:
        How many system calls it denies.

    Raises:
        OSError: The kernel has no seccomp filters, or this CPU is not in `CPUS`.
    """
    cpu = CPUS.get(platform.machine())
    if cpu is None:
        raise OSError(errno.ENOSYS, f"no system call numbers for {platform.machine()}")

    program = _program(cpu, os.getpid())
    buffer = ctypes.create_string_buffer(program, len(program))
    instructions = len(program) // 8
    # `struct sock_fprog`: a length, padding, a pointer.
    filter_program = struct.pack("@HP", instructions, ctypes.addressof(buffer))
    argument = ctypes.create_string_buffer(filter_program, len(filter_program))
    kernel.prctl(_PR_SET_SECCOMP, _MODE_FILTER, ctypes.addressof(argument))
    return sum(numbers[cpu.column] is not None for numbers in DENIED.values())


def _program(cpu: Cpu, pid: int) -> bytes:
    """The filter as BPF; each part falls through to the next where it does not apply."""
    own = [_jump(_JUMP_IF_EQUAL, pid, 0, 1), _return(_ALLOW), _return(_DENY)]
    own_or_0 = [_jump(_JUMP_IF_EQUAL, 0, 1, 0), *own]
    a_thread = [_jump(_JUMP_IF_ANY_BIT, _CLONE_THREAD, 0, 1), _return(_ALLOW), _return(_DENY)]
    denied = [numbers[cpu.column] for numbers in DENIED.values()]
    parts = [
        [_load(_ARCHITECTURE), _jump(_JUMP_IF_EQUAL, cpu.audit_arch, 1, 0), _return(_DENY)],
        [_load(_NUMBER), _jump(_JUMP_IF_AT_LEAST, _X32_CALLS, 0, 1), _return(_DENY)],
        *([_on(number, [_return(_DENY)])] for number in denied if number is not None),
        # glibc then falls back to clone, whose flags a filter can read.
        [_on(CLONE3[cpu.column], [_return(_NOT_IMPLEMENTED)])],
        [_on(CLONE[cpu.column], [_load(_FIRST_ARGUMENT), *a_thread])],
        [_on(KILL[cpu.column], [_load(_FIRST_ARGUMENT), *own])],
        [_on(TGKILL[cpu.column], [_load(_FIRST_ARGUMENT), *own])],
        [_on(PRLIMIT64[cpu.column], [_load(_FIRST_ARGUMENT), *own_or_0])],
        [_return(_ALLOW)],
    ]
    return b"".join(instruction for part in parts for instruction in part)


def _on(number: int, block: list[bytes]) -> bytes:
    """`block`, which must return, for this system call only."""
    return b"".join([_jump(_JUMP_IF_EQUAL, number, 0, len(block)), *block])


def _load(offset: int) -> bytes:
    return struct.pack("=HBBI", _LOAD, 0, 0, offset)


def _jump(operation: int, value: int, if_true: int, if_false: int) -> bytes:
    """Skip `if_true` or `if_false` instructions."""
    return struct.pack("=HBBI", operation, if_true, if_false, value)


def _return(action: int) -> bytes:
    return struct.pack("=HBBI", _RETURN, 0, 0, action)
