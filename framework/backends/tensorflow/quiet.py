"""TensorFlow imported without its start-up banner.

TensorFlow's C++ side writes a dozen lines to file descriptor 2 before it reads its log level. On a
user's terminal they bury the answer, so while it is imported what is written there is held back,
and what is not a banner line is written out afterwards. The descriptor is the whole process's, so
beside other threads, which may be writing to it, the banner is shown. TF_CPP_MIN_LOG_LEVEL=0 shows
everything.
"""

import os
import re
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager

LEVEL = "TF_CPP_MIN_LOG_LEVEL"
_BANNER = re.compile(
    rb"(WARNING: All log messages before absl|[IWE]\d{4} \d\d:\d\d:\d+|To enable the)"
)


@contextmanager
def held_banner() -> Iterator[None]:
    """Hold back what is written to file descriptor 2; afterwards write what is no banner."""
    if os.environ.setdefault(LEVEL, "2") == "0" or threading.active_count() > 1:
        yield
        return
    sys.stderr.flush()
    shown = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(shown, 2)
            os.close(shown)
            held.seek(0)
            for line in held:
                if not _BANNER.match(line):
                    os.write(2, line)
