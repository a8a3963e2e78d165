"""The commands of `yibao institution`."""

from datetime import date, datetime
from typing import Annotated, Literal

import typer

from yibao_cli.command_line import App
from yibao_cli.connection import Connection, takes_connection
from yibao_cli.options import Json

app = App(help="Institutions as they stand, their doctors, and who is suspended.")

_REGION = "The pooling region."
_DAYS = ["%Y-%m-%d", "%Y%m%d"]
InstitutionId = Annotated[str, typer.Argument(help="The institution.", metavar="CODE")]
DoctorCode = Annotated[str, typer.Argument(help="The doctor's national code.", metavar="CODE")]
SuspensionId = Annotated[str, typer.Argument(help="The suspension.", metavar="SUSPENSION_ID")]
Reason = Annotated[str, typer.Argument(help="Why.", metavar="REASON")]
Day = Annotated[
    datetime | None, typer.Option(help="As of this day; today.", formats=_DAYS, metavar="DAY")
]
LastDay = Annotated[
    datetime | None,
    typer.Option("--last", help="The last day of it.", formats=_DAYS, metavar="DAY"),
]
Kind = Annotated[
    Literal["institution", "department", "doctor"],
    typer.Argument(help="Who is suspended.", metavar="KIND"),
]


@app.command()
@takes_connection("settlement", region=_REGION)
def show(
    at: Connection, institution_id: InstitutionId, day: Day = None, as_json: Json = False
) -> None:
    """Show an institution, what it is networked for, and its suspensions."""
    from yibao_cli.console import err, out, told_plainly
    from yibao_cli.institution import run_show

    with told_plainly():
        code = run_show(out, err, at, institution_id, day=_date(day))
    raise typer.Exit(code)


@app.command("list")
@takes_connection("settlement", region=_REGION)
def list_(
    at: Connection,
    prefix: Annotated[
        str, typer.Option(help="Codes that begin so: H hospitals, P pharmacies.", metavar="TEXT")
    ] = "",
    name: Annotated[str, typer.Option(help="With this in the name.", metavar="TEXT")] = "",
    as_json: Json = False,
) -> None:
    """List institutions, by their codes."""
    from yibao_cli.console import err, out, told_plainly
    from yibao_cli.institution import run_list

    with told_plainly():
        code = run_list(out, err, at, prefix=prefix, name=name)
    raise typer.Exit(code)


@app.command()
@takes_connection("settlement", region=_REGION)
def doctor(
    at: Connection,
    doctor_code: DoctorCode,
    year: Annotated[
        int, typer.Option(help="Whose points are told; this one.", min=0, metavar="YEAR")
    ] = 0,
    as_json: Json = False,
) -> None:
    """Show a doctor with the points of a year and the suspensions."""
    from yibao_cli.console import err, out, told_plainly
    from yibao_cli.institution import run_doctor

    with told_plainly():
        code = run_doctor(out, err, at, doctor_code, year=year)
    raise typer.Exit(code)


@app.command()
@takes_connection("settlement", region=_REGION)
def points(
    at: Connection,
    doctor_code: DoctorCode,
    count: Annotated[int, typer.Argument(help="How many.", min=1, max=12, metavar="POINTS")],
    reason: Reason,
    day: Day = None,
    as_json: Json = False,
) -> None:
    """Add points to a doctor, who is suspended where they come to that."""
    from yibao_cli.console import err, out, told_plainly
    from yibao_cli.institution import run_points

    with told_plainly():
        code = run_points(
            out, err, at, doctor_code, points=count, day=_date(day) or _today(), reason=reason
        )
    raise typer.Exit(code)


@app.command()
@takes_connection("settlement", region=_REGION)
def suspended(
    at: Connection,
    institution: Annotated[
        str, typer.Option(help="Of this institution and its doctors.", metavar="CODE")
    ] = "",
    day: Annotated[
        datetime | None,
        typer.Option(help="Who is on this day.", formats=_DAYS, metavar="DAY"),
    ] = None,
    as_json: Json = False,
) -> None:
    """List suspensions, the one recorded first at the head."""
    from yibao_cli.console import err, out, told_plainly
    from yibao_cli.institution import run_suspended

    with told_plainly():
        code = run_suspended(out, err, at, institution_id=institution, day=_date(day))
    raise typer.Exit(code)


@app.command()
@takes_connection("settlement", region=_REGION)
def suspend(
    at: Connection,
    kind: Kind,
    reason: Reason,
    institution: Annotated[str, typer.Option(help="The institution.", metavar="CODE")] = "",
    code: Annotated[
        str, typer.Option(help="The department's own code, or the doctor's.", metavar="CODE")
    ] = "",
    first: Annotated[
        datetime | None,
        typer.Option(help="The first day of it; today.", formats=_DAYS, metavar="DAY"),
    ] = None,
    last: LastDay = None,
    as_json: Json = False,
) -> None:
    """Suspend an institution, a department or a doctor from a charge day on."""
    from yibao_cli.console import err, out, told_plainly
    from yibao_cli.institution import run_suspend

    with told_plainly():
        ended = run_suspend(
            out,
            err,
            at,
            kind,
            institution_id=institution,
            code=code,
            first=_date(first) or _today(),
            last=_date(last),
            reason=reason,
        )
    raise typer.Exit(ended)


@app.command()
@takes_connection("settlement", region=_REGION)
def lift(
    at: Connection,
    suspension_id: SuspensionId,
    reason: Reason,
    last: LastDay = None,
    as_json: Json = False,
) -> None:
    """Lift a suspension, after a day or altogether."""
    from yibao_cli.console import err, out, told_plainly
    from yibao_cli.institution import run_lift

    with told_plainly():
        code = run_lift(out, err, at, suspension_id, last=_date(last), reason=reason)
    raise typer.Exit(code)


def _date(day: datetime | None) -> date | None:
    return None if day is None else day.date()


def _today() -> date:
    from yibao_common.values.calendar import shanghai_day
    from yibao_common.values.clock import system_clock

    return shanghai_day(system_clock())
