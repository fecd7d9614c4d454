"""TensorFlow, loaded without what its native libraries say to nobody."""

from __future__ import annotations

import os
import re
import sys
import tempfile
from importlib import import_module

from pipelines.engine.run_log import LOADING, current

#: What TensorFlow 2.21 writes before it knows how much is wanted: that it has no GPU, and how oneDNN adds.
_CHATTER = re.compile(
    rb"WARNING: All log messages before absl::InitializeLog\(\) is called are written to STDERR|I\d{4} [\d:]+\.\d"
)


def load_tensorflow(say: bool = True) -> None:
    """Imports TensorFlow; of what its libraries write to standard error, their notes of no consequence are left out.

    Args:
        say: Whether to tell that it takes a while.
    """
    if say:
        current().say(LOADING)
    if "tensorflow" in sys.modules:
        return
    sys.stderr.flush()
    # Native code writes to the descriptor, past `sys.stderr`.
    kept = os.dup(2)
    with tempfile.TemporaryFile() as caught:
        os.dup2(caught.fileno(), 2)
        try:
            import_module("tensorflow")
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            caught.seek(0)
            for line in caught:
                if not _CHATTER.match(line):
                    os.write(2, line)
