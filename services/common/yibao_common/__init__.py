"""What the three services share: configuration, server, engine, errors."""

import os

from yibao_common.process.compiled import use_compiled

# The core of gRPC writes lines of its own between those of the log, about each connection
# that breaks. It reads this when it is loaded; who needs the lines sets the variable.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")

# Before anything that may have been compiled is imported.
use_compiled()
