"""A model of histories of bills: refunds, reversals, corrections, holds, new terms.

It is plain and slow and knows nothing of the services: no module of theirs is imported, and
bills are decided by the second evaluator, `benefit_oracle`. `docs/internals/histories.md`
says what it models. A history is a list of operations (`operations`); `World.run` answers
each with an `Outcome`; `checks` hold after every one of them.
"""
