"""What the three services share: configuration, server, engine, errors."""

import os

# The core of gRPC writes lines of its own between those of the log, about each connection
# that breaks. It reads this when it is loaded; who needs the lines sets the variable.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")
