"""Calendars of working days, format `yibao-calendar/1`; the national one comes with the package."""

import datetime as dt
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from yibao_common.files.yaml_file import YamlFile, parse_yaml
from yibao_common.files.yaml_model import DAY, StrictModel, read_model, text, whole
from yibao_common.process.config import StartError
from yibao_common.process.plain_file import read_plain_file
from yibao_common.values.errors import FieldFault, RuleError, refuse_faults
from yibao_common.values.reasons import Reason
from yibao_common.values.working_days import WorkingCalendar

_DAY = dt.timedelta(days=1)
_SATURDAY = 5
_MOST_DAYS = 31


class _SpanModel(StrictModel):
    first: Annotated[dt.date, DAY] = Field(alias="from")
    to: Annotated[dt.date, DAY]
    title: Annotated[str, text(40)]

    def days(self) -> Iterator[dt.date]:
        """Yields its days, of an absurd span no more than a month."""
        length = min((self.to - self.first).days + 1, _MOST_DAYS)
        return (self.first + number * _DAY for number in range(length))


class _YearModel(StrictModel):
    year: Annotated[int, whole(1990, 2100)]
    source: Annotated[str, text(100)]
    days_off: list[_SpanModel]
    days_worked: list[Annotated[dt.date, DAY]]


class _CalendarModel(StrictModel):
    format: Literal["yibao-calendar/1"]
    years: list[_YearModel] = Field(min_length=1)


def national_calendar() -> WorkingCalendar:
    """Returns the working days as the State Council told them up to this version's making."""
    file = resources.files("yibao_common.files") / "calendars" / "china.yaml"
    return load_calendar(file.read_bytes(), name="china.yaml")


def read_calendar(path: Path | None) -> WorkingCalendar:
    """Returns the calendar in a file, or the national one where none is named.

    Raises:
        StartError: the file cannot be read, or has mistakes; all of them are told.
    """
    if path is None:
        return national_calendar()
    try:
        return load_calendar(read_plain_file(path), name=path.name)
    except OSError as error:
        raise StartError(f"{path}: cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise StartError(f"{path}: {error}") from None
    except RuleError as error:
        told = "; ".join(f"{fault.field}: {fault.message}" for fault in error.faults)
        raise StartError(f"{path}: {told or error.message}") from None


def load_calendar(contents: bytes, *, name: str) -> WorkingCalendar:
    """Returns the calendar in a file; `name` is how messages call the file.

    Raises:
        RuleError: FIELDS_INVALID or a like reason, with a fault for every mistake: file, line,
            key and what was expected.
    """
    file = parse_yaml(contents, name=name, reason=Reason.FIELD_MALFORMED)
    model, faults = read_model(_CalendarModel, file, file.data)
    faults = [*file.faults, *faults]
    if model is not None:
        faults.extend(_contradictions(model, file))
    refuse_faults(faults)
    assert model is not None
    return WorkingCalendar(
        days_off=frozenset(
            day for year in model.years for span in year.days_off for day in span.days()
        ),
        days_worked=frozenset(day for year in model.years for day in year.days_worked),
        years=frozenset(year.year for year in model.years),
    )


def _contradictions(model: _CalendarModel, file: YamlFile) -> Iterator[FieldFault]:
    """Yields what the model of a file cannot see: days that nobody can have meant."""
    seen: set[int] = set()
    for number, year in enumerate(model.years):
        at = ("years", number)
        if year.year in seen:
            yield file.fault((*at, "year"), f"{year.year} stands there twice")
        seen.add(year.year)
        for index, span in enumerate(year.days_off):
            place = (*at, "days_off", index)
            if not 0 <= (span.to - span.first).days < _MOST_DAYS:
                yield file.fault((*place, "to"), f"lies before from, or over {_MOST_DAYS} days on")
            if span.first.year != year.year or span.to.year != year.year:
                yield file.fault(place, f"expected days of {year.year}")
        off = {day for span in year.days_off for day in span.days()}
        for index, day in enumerate(year.days_worked):
            place = (*at, "days_worked", index)
            if day.year != year.year or day.weekday() < _SATURDAY or day in off:
                yield file.fault(
                    place, f"expected a day of a weekend of {year.year} that is not off"
                )
