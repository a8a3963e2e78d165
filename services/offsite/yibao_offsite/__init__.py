"""The offsite service: registration for care in another region."""

# Before anything else: it settles how gRPC logs, which gRPC asks when it is loaded.
import yibao_common as yibao_common
