"""The annual close of personal accounts (个人账户年度结转): interest, carry-over, counters."""
