"""Runs a service that must not outlive whoever started it.

    python -m yibao_cli.leash yibao_identity.main --config FILE

The other end of stdin is held by the starter and nobody else, so it closes when that
process ends, in whatever way; the service is then asked to drain.
"""

import os
import runpy
import signal
import sys
import threading


def _wait_for_the_end() -> None:
    while os.read(0, 64):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def main() -> None:
    """Runs the module named first with the arguments behind it."""
    threading.Thread(target=_wait_for_the_end, name="leash", daemon=True).start()
    sys.argv = sys.argv[1:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
