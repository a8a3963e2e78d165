"""Writes `docs/reference/`: run `python -m docs.generate_reference` at the top of the tree.

Without a descriptor set (with source info) it asks the `buf` beside this Python for one.
The same protos and access tables always give the same files.
"""

import argparse
import subprocess
import sys
from pathlib import Path

from google.protobuf.descriptor_pb2 import FileDescriptorSet

from docs.generate_reference.contract import Contract
from docs.generate_reference.pages import all_pages

_ROOT = Path(__file__).resolve().parents[2]


def _built_by_buf() -> bytes:
    buf = str(Path(sys.executable).parent / "buf")
    command = [buf, "build", "protos", "--as-file-descriptor-set", "-o", "-"]
    return subprocess.run(command, cwd=_ROOT, check=True, stdout=subprocess.PIPE).stdout  # noqa: S603


def main() -> None:
    """Writes the pages and removes those of services that are gone."""
    parser = argparse.ArgumentParser(prog="docs.generate_reference")
    parser.add_argument("--descriptors", type=Path, help="a descriptor set with source info")
    parser.add_argument("--out", type=Path, default=_ROOT / "docs" / "reference")
    arguments = parser.parse_args()
    source: Path | None = arguments.descriptors
    built = source.read_bytes() if source is not None else _built_by_buf()
    pages = all_pages(Contract(FileDescriptorSet.FromString(built)))
    out: Path = arguments.out
    out.mkdir(parents=True, exist_ok=True)
    for old in out.glob("*.md"):
        if old.name not in pages:
            old.unlink()
    for name, text in pages.items():
        (out / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
