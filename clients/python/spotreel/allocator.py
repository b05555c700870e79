"""What the C library's allocator does with the chunks of a transfer."""

from functools import cache

# glibc raises its two thresholds when a block of up to 32 MiB that it had mapped is freed (mallopt(3),
# M_MMAP_THRESHOLD), and never lowers them again.
_BLOCK_BYTES = 31 << 20


@cache
def keep_freed_chunks() -> None:
    """Lets the allocator reuse the memory of chunks of 1 MiB, once for the process.

    As glibc starts out it hands each such block back to the kernel, which has to clear it for the next. It shows in
    `python -m tests.bench client-download`. In return up to 62 MiB that are free stay with
    the process. Other allocators take no notice.
    """
    bytes(_BLOCK_BYTES)
