"""The `yibao` command."""

import os

# Before gRPC is loaded, which reads it once: the commands tell in a sentence why a call
# failed, and a line of its core beside that helps nobody who typed.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")
