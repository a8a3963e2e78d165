"""Which context a command takes its connection from, and what of it the command still lacks."""

import os
from collections.abc import Collection
from pathlib import Path

from yibao_cli.connection import ADDRESS_VARIABLES, VALUES
from yibao_cli.contexts.file import Contexts, read_contexts
from yibao_cli.contexts.names import FILE_VARIABLE, contexts_file, is_file_named
from yibao_common.process.config import StartError


def values_for(service: str, *, named: str, said: Collection[str]) -> dict[str, str]:
    """Returns what the context says of a command's options, by the name of the option.

    The address may be of the variable that the service has.

    Args:
        service: Which service is called; empty where it is not known, and no address said.
        named: The context that was asked for, empty for the one in use.
        said: The options that were typed or stand in the environment.

    Raises:
        StartError: the file or the context that was asked for is not there, or is of no use.
    """
    variable = ADDRESS_VARIABLES.get(service)
    address = os.environ.get(variable) if variable and "address" not in said else None
    # The option has no variable where the service is known by what was typed.
    of_environment = {"address": address} if address else {}
    return {**_of_context(service, named, {*said, *of_environment}), **of_environment}


def _of_context(service: str, named: str, said: Collection[str]) -> dict[str, str]:
    wanted = {"address", *(option for option, _, _ in VALUES)} - {"server_name"}
    if not named and wanted <= set(said):
        return {}
    path = contexts_file()
    chosen = named or _in_use(path)
    if not chosen:
        return {}
    context = read_named(path).named(chosen, path=path).values()
    found = {option: context[key] for option, _, key in VALUES if key in context}
    if f"{service}_address" in context:
        found["address"] = context[f"{service}_address"]
    if "address" in said:
        # Another address has another name in its certificate.
        found.pop("server_name", None)
    # Options and variables win over these, which are defaults.
    return found


def read_named(path: Path) -> Contexts:
    """Returns the contexts of a file that somebody counts on.

    Raises:
        StartError: it is not there, or see `read_contexts`.
    """
    if not path.exists():
        raise StartError(
            f"{path}: there is no file of contexts: yibao context add makes one, "
            f"and {FILE_VARIABLE} names another"
        )
    return read_contexts(path)


def _in_use(path: Path) -> str | None:
    """Returns the context that is used where none is named, None where there is none."""
    if not path.exists() and not is_file_named():
        return None
    contexts = read_named(path)
    if contexts.current is not None:
        contexts.named(contexts.current, path=path)
    return contexts.current
