"""What the reading of a policy file has found so far: names, sources and mistakes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from yibao_common.files.yaml_file import Path, YamlFile
from yibao_common.values.errors import FieldFault
from yibao_settlement.files.policy.schema import CitationModel, SourceModel, SumModel
from yibao_settlement.rules.policy.step import BILL_NAMES, Sum


@dataclass(slots=True)
class Reading:
    """The state of reading one file. Faults are collected, so that all are told at once.

    `sources` has None for one too faulty to be read. `all_names` are the amounts that
    any step of the file defines, `names` those defined so far, in their order.
    `all_deductibles` are the ids of all deductible steps, `deductibles` the positions of
    what those so far leave, by step id, and `annual_deductibles` the accumulators of those
    that are of the year.
    """

    file: YamlFile
    sources: Mapping[str, SourceModel | None]
    care_groups: Sequence[str]
    all_names: frozenset[str]
    all_deductibles: frozenset[str]
    step_ids: dict[str, int] = field(default_factory=dict)
    names: list[str] = field(default_factory=lambda: list(BILL_NAMES))
    annual_deductibles: dict[str, str] = field(default_factory=dict)
    deductibles: dict[str, int] = field(default_factory=dict)
    counted: set[str] = field(default_factory=set)
    faults: list[FieldFault] = field(default_factory=list)

    def fault(self, path: Path, message: str) -> None:
        """Notes a mistake."""
        self.faults.append(self.file.fault(path, message))

    def clause(self, cites: CitationModel, path: Path) -> str:
        """Returns a citation for people; notes one of a source that is not listed."""
        if cites.source not in self.sources:
            known = ", ".join(self.sources)
            self.fault(
                (*path, "cites", "source"),
                f"expected a source that the file lists ({known}), got '{cites.source}'",
            )
        source = self.sources.get(cites.source)
        if source is None:
            return cites.clause
        return f"{source.title}: {cites.clause}" + (f" <{source.url}>" if source.url else "")

    def name_amounts(self, step_id: str, names: Sequence[str]) -> int:
        """Defines the amounts that a step leaves and returns the first one's position."""
        first = len(self.names)
        self.names += [f"{step_id}.{name}" for name in names]
        return first

    def sum_of(self, model: SumModel, path: Path) -> Sum:
        """Returns an expression by position; notes names that are not defined before."""
        return Sum(
            add=self._positions(model.add, (*path, "add")),
            subtract=self._positions(model.subtract, (*path, "subtract")),
        )

    def _positions(self, names: Sequence[str], path: Path) -> tuple[int, ...]:
        positions: list[int] = []
        for index, name in enumerate(names):
            if name in names[:index]:
                self.fault((*path, index), f"'{name}' stands here twice")
            elif name in self.names:
                positions.append(self.names.index(name))
            elif name in self.all_names:
                self.fault((*path, index), f"'{name}' is used before the step that defines it")
            else:
                known = ", ".join(self.names)
                self.fault((*path, index), f"expected one of: {known}; got '{name}'")
        return tuple(positions)
