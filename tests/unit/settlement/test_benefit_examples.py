"""Every example of `yibao-policy/2` is settled to the fen, bill after bill."""

from pathlib import Path

import pytest
from support.benefit_examples import FOLDERS, outcomes


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_an_example_is_settled_to_the_fen(folder: Path) -> None:
    found = list(outcomes(folder))
    assert found
    assert [each for each in found if each[1] != each[2]] == []
