"""How `yibao doctor` tells what it finds: line by line as it looks, or as one document."""

from rich.console import Console
from rich.markup import escape

from yibao_cli.doctor.finding import Finding
from yibao_cli.output import is_json, print_document


class Report:
    """What was found so far. A program gets all of it at the end."""

    def __init__(self, console: Console) -> None:
        """Begins with nothing; what is found first concerns no configuration."""
        self._console = console
        self._findings: list[dict[str, object]] = []
        self._service = self._file = ""

    def open_part(self, service: str, file: str = "") -> None:
        """Begins what is found of a service, or of a file that names none."""
        self._service, self._file = service, file
        if not is_json():
            named = f"[bold]{escape(service)}[/bold]" if service else ""
            told = f"{named}  {escape(file)}" if named else f"[bold]{escape(file)}[/bold]"
            self._console.print(told if file else named)

    def show(self, finding: Finding) -> bool:
        """Tells a finding; returns whether it has no problem."""
        self._findings.append(
            {
                "service": self._service,
                "file": self._file,
                "subject": finding.subject,
                "problem": finding.problem or None,
                "remark": finding.remark,
            }
        )
        if not is_json():
            mark = "[red]✗[/red]" if finding.problem else "[green]✓[/green]"
            text = finding.problem or finding.remark
            told = f": {escape(text)}" if text else ""
            self._console.print(f"  {mark} {escape(finding.subject)}{told}", soft_wrap=True)
        return not finding.problem

    def remark(self, subject: str, remark: str) -> None:
        """Tells what was examined, which is no finding."""
        if is_json():
            self.show(Finding(subject, remark=remark))
        else:
            self._console.print(f"  {subject}: {remark}")

    def close(self) -> int:
        """Tells whether all is well; returns 0 then, else 1."""
        is_well = not any(each["problem"] for each in self._findings)
        if is_json():
            print_document(self._console, {"is_well": is_well, "findings": self._findings})
        else:
            self._console.print("All is well." if is_well else "Something is wrong, see above.")
        return 0 if is_well else 1
