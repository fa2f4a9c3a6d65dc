"""What training frees is kept for what comes next."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

# Twenty times 40 MB, in the first thread and in another; 200,000 pages, if each time they are cleared anew.
PAGES_CLEARED = """
import sys
if sys.argv[1] == "kept":
    from maskedgender.memory import keep_freed
    keep_freed()
import resource, threading
import numpy as np
def work():
    for _ in range(10):
        np.ones(40_000_000, np.uint8)
work()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
work()
thread = threading.Thread(target=work)
thread.start()
thread.join()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc alone needs it")
def test_freed_memory_is_kept_for_what_comes_next():
    cleared = {
        how: int(subprocess.check_output([sys.executable, "-c", PAGES_CLEARED, how])) for how in ("kept", "not kept")
    }
    assert cleared["kept"] < 2_000 and cleared["not kept"] > 5 * cleared["kept"]
