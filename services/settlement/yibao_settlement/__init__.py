"""The settlement service: what each bill costs whom, accounts, ledger."""

# Before anything else: it settles how gRPC logs, which gRPC asks when it is loaded.
import yibao_common as yibao_common
