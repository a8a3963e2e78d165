"""`python -m compiled`: compiles into this environment, unless that is there already."""

import argparse
import sysconfig
from pathlib import Path

from compiled.listed import is_current
from yibao_common.process.compiled import PACKAGE


def main() -> None:
    """Compiles where sources were changed since, and says what there is."""
    parser = argparse.ArgumentParser(prog="python -m compiled", description=__doc__)
    installed = Path(sysconfig.get_path("platlib")) / PACKAGE
    parser.add_argument("--to", type=Path, default=installed, help="the folder of the package")
    folder: Path = parser.parse_args().to
    if is_current(folder):
        print(f"{folder} is of these sources.")
        return
    # It imports mypy, which takes a while.
    from compiled.build import build

    print(f"Compiling into {folder}, a minute or two ...", flush=True)
    print(f"{build(folder)} modules are compiled.")


if __name__ == "__main__":
    main()
