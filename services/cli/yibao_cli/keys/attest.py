"""The offsite service's side of a key for attestations: made there, handed on by a request."""

from pathlib import Path

from rich.console import Console
from rich.markup import escape

from yibao.attesting import KeyRequest, sign_key_request
from yibao.issuing import key_id_of
from yibao_cli.keys.session import clock_of
from yibao_cli.output import is_json, print_document
from yibao_cli.services import read_config
from yibao_cli.whole_file import whole_file
from yibao_common.keys.key_file import KeyFileError
from yibao_common.keys.opening import open_key_store
from yibao_common.process.config import StartError
from yibao_offsite.config import OffsiteConfig


def request(out: Console, config_file: Path, file: Path, *, regions: list[str]) -> None:
    """Makes a key where the offsite service keeps its own, and writes the request for it.

    Raises:
        StartError: the configuration, the keys or the file cannot be used.
    """
    config = read_config(config_file).config
    if not isinstance(config, OffsiteConfig):
        raise StartError(f"{config_file} is not the configuration of offsite")
    if config.keys is None:
        raise StartError(f"{config_file} says no [keys]: where the private key is to lie")
    # In a sandbox the one by which identity looks at it.
    now = clock_of(config)()
    if file.exists():
        raise StartError(f"{file} exists and is not replaced; choose another name")
    followed = () if config.identity is None else config.identity.regions
    asked = set(regions or followed)
    if not asked:
        raise StartError("name the regions that it is to sign for with --region")
    # First the file: a key that nobody can be asked to list would only lie there.
    with whole_file(file, "wb") as stream:
        try:
            store = open_key_store(config.keys)
            public_key = store.make()
            private = store.find(public_key)
        except KeyFileError as error:
            raise StartError(str(error)) from None
        assert private is not None, "it was made there"
        made = KeyRequest(public_key, tuple(sorted(asked)), int(now.timestamp()))
        stream.write(sign_key_request(made, sign=private.sign))
    name = key_id_of(public_key).hex()
    if is_json():
        told = {"key_id": name, "use": "attest", "regions": list(made.regions), "file": str(file)}
        print_document(out, told)
        return
    out.print(f"Made attest key {name}; it signs nothing until identity lists it.", soft_wrap=True)
    out.print(
        f"Next: carry the request to identity: yibao keys take {escape(str(file))}", soft_wrap=True
    )
