"""The engine against the second evaluator, on generated policies and years of bills.

Compared are refusals, every amount by step, part and group, every line, the account, and
what the windows remember after each bill.
"""
