"""Memory that training on a CPU takes, gives back and takes again at every step."""

import ctypes
import platform

# Numbers of glibc's malloc.h.
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_MAX = -1, -2, -4


def keep_freed_memory() -> bool:
    """Let this process keep the memory of freed tensors for the next ones; whether the C library can.

    glibc maps every large tensor anew and unmaps it when it is freed, so that each feature map is first written page by
    page into memory that the system has to clear. Kept, training steps take a tenth less time (docs/lab-log/speed.md);
    the process holds what it held at its fullest until it ends. For processes that train and end, not for servers.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    settings = {_MMAP_MAX: 0, _TRIM_THRESHOLD: 2**31 - 1, _TOP_PAD: 64 * 2**20}
    return all(mallopt(name, value) for name, value in settings.items())
