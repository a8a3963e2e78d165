"""The three regions as their policies were before: files of the format `yibao-policy/1`.

What was settled by them stays decided and explained by them, so they are kept with the
tests; the regions themselves have files of `yibao-policy/2` of the same name.
"""

from dataclasses import replace
from pathlib import Path

from yibao_cli.regions import Region, load_region, regions_folder

FORMER = Path(__file__).parents[1] / "vectors" / "former"
FORMER_REGIONS = ("500112", "999019", "999029")


def former_policy(region: str) -> Path:
    """Returns the policy file that a region had."""
    (file,) = FORMER.glob(f"{region}-*.yaml")
    return file


def former_region(region: str) -> Region:
    """Returns a region with the policy that it had, beside its bills and items."""
    file = former_policy(region)
    return replace(
        load_region(regions_folder() / region),
        policy_file=file.read_bytes(),
        policy_name=file.name,
        policy_format="yibao-policy/1",
    )
