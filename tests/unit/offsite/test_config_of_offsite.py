"""What the configuration of offsite refuses, because nothing could come of it."""

import pytest
from pydantic import ValidationError

from yibao_offsite.config import AuditsConfig, MaterialsConfig


def test_the_longest_paper_fits_into_what_is_kept() -> None:
    MaterialsConfig(max_megabytes=20, person_megabytes=20, party_unused_megabytes=20)
    for of_person, of_party in ((19, 20), (20, 19)):
        with pytest.raises(ValidationError, match="must be at least max_megabytes"):
            MaterialsConfig(
                max_megabytes=20, person_megabytes=of_person, party_unused_megabytes=of_party
            )


@pytest.mark.parametrize("least_fen", [-1, 10_000_000_001])
def test_a_stay_that_assistance_is_asked_about_costs_what_stays_cost(least_fen: int) -> None:
    assert AuditsConfig(assistance_minimum_fen=10_000_000_000).assistance_minimum_fen > 0
    with pytest.raises(ValidationError, match="assistance_minimum_fen"):
        AuditsConfig(assistance_minimum_fen=least_fen)
