"""The identity service: insured persons, e-certificates, QR codes and trust."""

# Before anything else: it settles how gRPC logs, which gRPC asks when it is loaded.
import yibao_common as yibao_common
