"""What faulty programs do: take off the windows what a bill had added."""

from support.benefit_oracle.memory import Memory

from .settlements import Settlement
from .terms import decide


def without(windows: Memory, settlement: Settlement) -> Memory:
    """Returns windows less what a bill added when it was decided first."""
    before = settlement.counter_windows
    after = decide(settlement.counter_terms, settlement.bill, before).after
    left = windows.copy()
    for instance, names in after.windows.items():
        known = before.windows.get(instance, {})
        for name, value in names.items():
            kept = left.windows.get(instance, {})
            if name.endswith(".amount"):
                # An amount that a bill fixed is a note, which goes with the bill that made it.
                if name not in known:
                    kept.pop(name, None)
            elif name in kept:
                kept[name] -= value - known.get(name, 0)
    for count, numbers in after.counted.items():
        added = numbers[len(before.counted.get(count, [])) :]
        left.counted[count] = [each for each in left.counted.get(count, []) if each not in added]
    return left
