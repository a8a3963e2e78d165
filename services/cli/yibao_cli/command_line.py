"""The frame of the command line: help, completion, mistakes of who types, exit codes.

Every mistake of a command line is told at once, in plain lines or, with --json, as a document.
"""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import typer
from typer.core import TyperCommand, TyperGroup

from yibao_cli import output
from yibao_cli.output import UnusableError

Run = TypeVar("Run", bound=Callable[..., Any])

PROGRAM = "yibao"
COMPLETE_VARIABLE = "_YIBAO_COMPLETE"
MISTYPED = 2
# What shells report of a program that Ctrl-C ended.
INTERRUPTED = 130

_OF_CONTEXTS = (
    "Region, address, certificate and key may come from a context instead, so that nobody has to "
    "type them: yibao context -h."
)

SETTINGS: dict[str, Any] = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


class SeveralMistakes(typer.BadParameter):
    """All that is missing or wrong of one command line, in the order of its parameters.

    `typed` is what stands there, by the name of the parameter.
    """

    def __init__(
        self, faults: Sequence[typer.BadParameter], ctx: Any, typed: Mapping[str, Any]
    ) -> None:
        """Keeps what was found."""
        super().__init__("", ctx)
        self.faults = tuple(faults)
        self.typed = typed


class Command(TyperCommand):
    """A command that tells all mistakes at once and takes its connection from a context."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parses what was typed.

        Raises:
            typer.BadParameter: something is missing or wrong; all of it is told.
            UnusableError: the context that was asked for cannot be used.
        """
        words = list(args)
        if not ctx.resilient_parsing:
            self.take_context(ctx, words)
        try:
            return super().parse_args(ctx, args)
        except typer.BadParameter:
            typed = self.typed(ctx, words)
            faults = [*self._faults(ctx, typed)]
            raise SeveralMistakes(faults, ctx, typed) from None

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Ends the help of a command that calls a service with where its options may come from."""
        super().format_epilog(ctx, formatter)
        if getattr(self.callback, "called", None) is not None:
            formatter.write_paragraph()
            with formatter.indentation():
                formatter.write_text(_OF_CONTEXTS)

    def typed(self, ctx: Any, words: Sequence[str]) -> Mapping[str, Any]:
        """Returns what was typed, as it was, by the name of its parameter."""
        typed: Mapping[str, Any] = self.make_parser(ctx).parse_args(args=list(words))[0]
        return typed

    def take_context(self, ctx: Any, words: Sequence[str]) -> None:
        """Has what no option and no variable says be taken from the context."""
        called = getattr(self.callback, "called", None)
        if called is None:
            return
        typed = self.typed(ctx, words)
        # Whoever asks for help needs no context, and least of all a faulty one.
        if typed.get("help"):
            return
        parameters = self.get_params(ctx)
        given = {
            each.name: value
            for each in parameters
            if each.name
            and (value := typed.get(each.name) or each.resolve_envvar_value(ctx)) is not None
        }
        from yibao_cli.contexts.choice import values_for
        from yibao_common.process.config import StartError

        service = called if isinstance(called, str) else called(typed)
        if service is None:
            return
        named = typed.get("context") or ctx.find_root().params.get("context")
        try:
            ctx.default_map = values_for(
                service, named=named or given.get("context") or "", said=given.keys()
            )
        except StartError as error:
            raise UnusableError(str(error)) from None

    def _faults(self, ctx: Any, typed: Mapping[str, Any]) -> Sequence[typer.BadParameter]:
        found = []
        for parameter in self.get_params(ctx):
            # Those were looked at before anything else, and were good.
            if parameter.is_eager:
                continue
            try:
                parameter.handle_parse_result(ctx, typed, [])
            except typer.BadParameter as fault:
                found.append(fault)
        return found


class Group(TyperGroup):
    """Commands under one name; the outermost one ends the program."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parses what was typed; `help COMMAND` is `COMMAND --help` in every group."""
        if args[:1] == ["help"] and "help" not in self.commands:
            args[:] = [*args[1:], "--help"]
        return super().parse_args(ctx, args)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Writes the commands by what they are for, each with its whole first sentence."""
        parts: dict[str, list[tuple[str, str]]] = {}
        for name, command in self.commands.items():
            title = getattr(command, "rich_help_panel", None)
            told = " ".join(str(command.help or "").strip().partition("\n\n")[0].split())
            parts.setdefault(title if isinstance(title, str) else "Commands", []).append(
                (name, told)
            )
        for title, rows in parts.items():
            with formatter.section(title):
                formatter.write_dl(rows)

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        """Runs a command line and ends with its exit code."""
        words = list(sys.argv[1:] if args is None else args)
        if os.environ.get(COMPLETE_VARIABLE):
            from typer import completion

            completion.completion_init()  # type: ignore[attr-defined]
        with output.json_where("--json" in words):
            try:
                code = super().main(
                    words,
                    PROGRAM,
                    COMPLETE_VARIABLE,
                    standalone_mode=False,
                    windows_expand_args=windows_expand_args,
                    **extra,
                )
            except UnusableError as error:
                output.tell_unusable(str(error))
                sys.exit(MISTYPED)
            except typer.Abort:
                sys.exit(_tell_aborted())
            except typer.TyperException as error:
                _tell(error)
                sys.exit(error.exit_code)
            sys.exit(code if isinstance(code, int) else 0)


class App(typer.Typer):
    """A group of commands in this frame."""

    def __init__(self, **said: Any) -> None:
        """Takes what Typer takes."""
        super().__init__(
            cls=Group,
            context_settings=SETTINGS,
            rich_markup_mode=None,
            add_completion=False,
            pretty_exceptions_enable=False,
            **{"no_args_is_help": True, **said},
        )

    def command(self, name: str | None = None, **said: Any) -> Callable[[Run], Run]:
        """Adds a command, which Typer's decorator of the same name describes."""
        return super().command(name, **{"cls": Command, "context_settings": SETTINGS, **said})


def _tell(error: Any) -> None:
    from yibao_cli.usage import tell_mistake

    if type(error).__name__ == "NoArgsIsHelpError":
        # The help that it holds is all there is to say.
        typer.echo(error.format_message(), err=True)
    elif isinstance(error, SeveralMistakes):
        tell_mistake(error, error.faults, error.typed)
    else:
        tell_mistake(error, [error] if isinstance(error, typer.BadParameter) else [], {})


def _tell_aborted() -> int:
    if output.is_json():
        document = output.error_document(output.UNUSABLE, "aborted", exit_code=1)
        output.write_document(sys.stderr, document)
    else:
        typer.echo("Aborted.", err=True)
    return 1
