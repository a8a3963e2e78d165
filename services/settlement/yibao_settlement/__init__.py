"""The settlement service: what each bill costs whom, accounts, ledger."""
