"""A second evaluator of `yibao-policy/2`, which the engine is compared with.

It is written from the specification of the language and knows nothing of the engine: no
module of the services is imported. It is plain and slow: YAML read into dicts, fractions
and whole numbers, lots cut one by one, the tables asked anew for every bill.
"""
