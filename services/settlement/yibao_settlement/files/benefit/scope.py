"""What the parts of a policy file may name, as far as it has been read."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from yibao_common.files.yaml_model import shown
from yibao_settlement.files.benefit.body import Body, Faults
from yibao_settlement.rules.benefit.facts import CARE_GROUP, CLOSED_CODES, COUNT, FACTS, Kind
from yibao_settlement.rules.benefit.names import PARTS, TOTAL, spelled
from yibao_settlement.rules.benefit.steps import AnyStep
from yibao_settlement.rules.benefit.windows import Window, Windows


@dataclass(slots=True)
class Scope:
    """What has been declared so far; `sources` are titles and
    addresses, by name.

    `amounts` are what steps so far have left, in order; `open_lots` those of them that can
    stand in a base, because they name lots that nobody has paid.
    """

    faults: Faults
    sources: dict[str, tuple[str, str]] = field(default_factory=dict)
    care_groups: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    windows: Windows = field(default_factory=Windows)
    counts: tuple[str, ...] = ()
    parameters: tuple[str, ...] = ()
    amounts: list[str] = field(default_factory=list)
    open_lots: list[str] = field(default_factory=list)
    steps: dict[str, AnyStep] = field(default_factory=dict)

    def start_amounts(self) -> None:
        """Names what `classify` leaves."""
        by_group = [f"{part}.{group}" for part in PARTS for group in self.groups]
        self.amounts = [TOTAL, *PARTS, *by_group]
        self.open_lots = list(self.amounts)

    def add_step(self, step: AnyStep) -> None:
        """Names what a step leaves to later ones."""
        self.steps[step.id] = step
        tags = step.tags
        for what in step.leaves:
            self.amounts.append(f"{step.id}.{what}")
            by_group = [f"{step.id}.{what}.{group}" for group in self.groups if what in tags]
            self.amounts += by_group
            if what in tags:
                self.open_lots += [f"{step.id}.{what}", *by_group]

    def kind_of(self, fact: object) -> Kind | None:
        """Returns what a fact can be, None where there is no such fact."""
        if not isinstance(fact, str):
            return None
        if fact.startswith(COUNT) and fact.removeprefix(COUNT) in self.counts:
            return Kind.NUMBER
        return FACTS.get(fact)

    def facts(self) -> str:
        """Returns the names of all facts, for messages."""
        return ", ".join((*FACTS, *(COUNT + name for name in self.counts)))

    def closed_codes(self, fact: str) -> tuple[str, ...] | None:
        """Returns all that a fact can be, None where its codes are open."""
        if fact == CARE_GROUP:
            return self.care_groups
        return CLOSED_CODES.get(fact)

    def clause(self, body: Body) -> str:
        """Returns what `cites` of a body says, for people; empty where it has none."""
        cites = body.inner("cites", need=("source", "clause"))
        if not cites.data:
            return ""
        source, clause = cites.text("source"), cites.text("clause", most=1000)
        if source and source not in self.sources:
            known = ", ".join(self.sources)
            message = f"expected a source that the file lists ({known}), got {shown(source)}"
            cites.fault("source", message)
        if source not in self.sources:
            return clause
        title, url = self.sources[source]
        return f"{title}: {clause}" + (f" <{url}>" if url else "")

    def window(self, body: Body, key: str = "window") -> Window:
        """Returns a window; a period must be said how long."""
        window = body.choice(key, Window, Window.BILL)
        if window is Window.PERIOD and self.windows.period_days is None:
            body.fault(key, "period needs windows.period.days")
        return window

    def per(self, body: Body) -> tuple[str, ...]:
        """Returns the facts that divide a window."""
        facts = []
        for fact, path in body.items("per", "facts"):
            if self.kind_of(fact) is not Kind.CODE:
                self.faults.note(path, f"{shown(fact)} is not a fact with one code")
            else:
                facts.append(str(fact))
        return tuple(dict.fromkeys(facts))

    def names(
        self,
        body: Body,
        key: str,
        known: Iterable[str],
        *,
        refused: Mapping[str, str] = MappingProxyType({}),
    ) -> tuple[str, ...]:
        """Returns a list of names among `known`; `refused` says why others cannot stand here."""
        allowed = [name for name in known if name not in refused]
        found: list[str] = []
        for value, path in body.items(key, "names"):
            name = spelled(value) if isinstance(value, str) else ""
            if name in refused:
                self.faults.note(path, refused[name])
            elif name not in allowed:
                message = f"{shown(value)} is not left by an earlier step"
                # Those of a line group that no line can be put in would only hide the others.
                told = [
                    each for each in allowed if len(self.groups) > 1 or not each.endswith(".rest")
                ]
                self.faults.note(path, f"{message}; known: {', '.join(told)}")
            elif name in found:
                self.faults.note(path, f"{shown(value)} stands here twice")
            else:
                found.append(name)
        return tuple(found)

    def paid_names(self, own: str = "") -> list[str]:
        """Returns the names of all that steps so far have paid, and `own` behind them."""
        names = [f"{step.id}.paid" for step in self.steps.values() if "paid" in step.leaves]
        return [*names, own] if own else names

    def base(self, body: Body) -> tuple[str, ...]:
        """Returns the lots that a step takes."""
        return self.names(body, "base", self.open_lots)
