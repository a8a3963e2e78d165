"""`yibao context list, show, use, add, remove`."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from cryptography import x509
from pydantic import ValidationError
from rich.console import Console

from yibao_cli.connection import ADDRESS_VARIABLES, VALUES
from yibao_cli.contexts.choice import read_named
from yibao_cli.contexts.file import Context, Contexts, changing, check_name
from yibao_cli.contexts.names import contexts_file, is_file_named
from yibao_cli.output import is_json, print_document
from yibao_common.process.config import StartError
from yibao_common.rpc.tls import check_files, read_text_file

_VARIABLES = {
    **{key: variable for _, variable, key in VALUES},
    **{f"{service}_address": variable for service, variable in ADDRESS_VARIABLES.items()},
}
_OPTIONS = {
    **{key: f"--{option.replace('_', '-')}" for option, _, key in VALUES},
    **{f"{service}_address": f"--{service}" for service in ADDRESS_VARIABLES},
}


def run_list(out: Console) -> int:
    """Prints all contexts. Raises StartError where the file is of no use."""
    path = contexts_file()
    contexts = read_named(path) if path.exists() or is_file_named() else Contexts()
    if is_json():
        found = [
            {"name": name, "is_in_use": name == contexts.current, **_whole(context)}
            for name, context in contexts.contexts.items()
        ]
        print_document(out, {"file": str(path), "current": contexts.current, "contexts": found})
        return 0
    if not contexts.contexts:
        out.print(f"No contexts yet in {path}: yibao context add -h", soft_wrap=True, markup=False)
    width = max(map(len, contexts.contexts), default=0)
    for name, context in contexts.contexts.items():
        mark = "*" if name == contexts.current else " "
        services = ", ".join(
            f"{service} {address}"
            for service in ADDRESS_VARIABLES
            if (address := getattr(context, f"{service}_address"))
        )
        said = f"{mark} {name:{width}}  {context.region or '-':6}  {services or '-'}"
        out.print(said, soft_wrap=True, markup=False)
    return 0


def run_show(out: Console, name: str) -> int:
    """Prints a context as commands take it now, with the variables that override it.

    Raises:
        StartError: there is no such context, or the file is of no use.
    """
    path = contexts_file()
    chosen = name or os.environ.get("YIBAO_CONTEXT") or ""
    if not chosen and not (path.exists() or is_file_named()):
        raise StartError(f"{path}: there is no file of contexts: yibao context add makes one")
    contexts = read_named(path)
    chosen = chosen or contexts.current or ""
    if not chosen:
        raise StartError("no context is in use: yibao context use NAME, or name one")
    said = contexts.named(chosen, path=path)
    values: dict[str, str | None] = {}
    origins: dict[str, str] = {}
    for key, value in _whole(said).items():
        overriding = os.environ.get(_VARIABLES[key])
        values[key] = overriding or value
        if overriding:
            origins[key] = _VARIABLES[key]
    problems = list(_problems(values))
    if is_json():
        told = {"name": chosen, "file": str(path), **values}
        print_document(out, {**told, "environment": origins, "problems": problems})
        return 0
    lines = [f"{chosen}, of {path}"]
    for key, value in values.items():
        origin = f"  (of {origins[key]})" if key in origins else ""
        lines.append(f"  {key:18}  {value or '-'}{origin}")
    if caller := _caller(values["certificate_file"]):
        lines.append(f"  {'calls as':18}  {caller}")
    lines += [f"! {problem}" for problem in problems]
    out.print("\n".join(lines), soft_wrap=True, markup=False)
    return 0


def run_use(out: Console, name: str) -> int:
    """Takes a context into use. Raises StartError where there is none of the name."""
    path = contexts_file()
    read_named(path)
    with changing(path) as (before, write):
        before.named(name, path=path)
        write(before.model_copy(update={"current": name}))
    return _tell(out, {"current": name}, f"Commands take context {name} from now on.")


def run_add(
    out: Console,
    name: str,
    values: Mapping[str, str | None],
    *,
    is_replaced: bool,
    is_used: bool,
) -> int:
    """Adds a context, after a look at its files.

    Raises:
        StartError: a value is wrong, a file cannot be used, or the name is taken.
    """
    context = _checked(name, values)
    if context.certificate_file and context.key_file and context.ca_file:
        check_files(context.certificate_file, context.key_file, context.ca_file)
    path = contexts_file()
    with changing(path) as (before, write):
        if name in before.contexts and not is_replaced:
            raise StartError(f"there is a context {name} in {path} already: see --replace")
        current = name if is_used or not before.contexts else before.current
        write(Contexts(current=current, contexts={**before.contexts, name: context}))
    problems = list(_problems({key: values.get(key) for key in _whole(context)}))
    used = " Commands take it from now on." if current == name else ""
    told = "".join(f"\n! {problem}" for problem in problems)
    document = {"name": name, "file": str(path), "current": current, "problems": problems}
    return _tell(out, document, f"Context {name} is in {path}.{used}{told}")


def run_remove(out: Console, name: str) -> int:
    """Removes a context. Raises StartError where there is none of the name."""
    path = contexts_file()
    read_named(path)
    with changing(path) as (before, write):
        before.named(name, path=path)
        current = None if before.current == name else before.current
        left = {key: value for key, value in before.contexts.items() if key != name}
        write(Contexts(current=current, contexts=left))
    used = "" if current == before.current else " None is in use now: yibao context use NAME."
    return _tell(out, {"removed": name, "current": current}, f"Context {name} is removed.{used}")


def _checked(name: str, values: Mapping[str, str | None]) -> Context:
    problems = []
    try:
        check_name(name)
    except ValueError as error:
        problems.append(f"NAME {name}: {error}")
    context = Context()
    try:
        context = Context.model_validate({k: v for k, v in values.items() if v is not None})
    except ValidationError as error:
        for each in error.errors(include_url=False, include_input=False):
            message = each["msg"].removeprefix("Value error, ")
            key = str(each["loc"][0])
            problems.append(f"{_OPTIONS[key]} {values[key]}: {message}")
    if problems:
        raise StartError("\n".join(problems))
    return context


def _whole(context: Context) -> dict[str, str | None]:
    return {name: None if value is None else str(value) for name, value in context}


def _problems(values: Mapping[str, str | None]) -> Iterator[str]:
    """Yields what is wrong with the files of a context."""
    files = [values.get(key) for key in ("certificate_file", "key_file", "ca_file")]
    for file in files:
        if file is not None and not Path(file).exists():
            yield f"{file}: there is no such file"
    if all(file is not None and Path(file).exists() for file in files):
        try:
            check_files(*(Path(str(file)) for file in files))
        except StartError as error:
            yield str(error)
    key = files[1]
    if key is not None and Path(key).exists() and Path(key).stat().st_mode & 0o077:
        yield f"{key}: others may read this key: chmod 600 {key}"


def _caller(file: str | None) -> str:
    """Returns whom a certificate names and until when, empty where it cannot be read."""
    if file is None:
        return ""
    try:
        certificate = x509.load_pem_x509_certificates(read_text_file(Path(file)))[0]
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (StartError, ValueError, x509.ExtensionNotFound):
        return ""
    uris = names.get_values_for_type(x509.UniformResourceIdentifier)
    end = certificate.not_valid_after_utc
    return f"{', '.join(uris)}, until {end:%Y-%m-%d %H:%M} UTC" if uris else ""


def _tell(out: Console, document: Mapping[str, object], sentence: str) -> int:
    if is_json():
        print_document(out, document)
    else:
        out.print(sentence, soft_wrap=True, markup=False)
    return 0
