"""Changed codes are refused with a fixed error, whatever the change."""

import os
import random
from typing import get_args

import pytest
from support.presentation_minting import device_trust
from support.token_minting import AUDIENCE
from vectors.fuzzing import SCAN_TIME, changed, fuzz, sources

from yibao import qr

# 50,000 in parts, which several processes may share.
PARTS = 5
MUTATIONS = 10_000
SEED = int(os.environ.get("YIBAO_FUZZ_SEED", random.randrange(2**32)))


@pytest.mark.parametrize("part", range(PARTS))
def test_no_changed_code_is_accepted_and_every_error_is_a_fixed_one(part: int) -> None:
    print(f"YIBAO_FUZZ_SEED={SEED}")
    outcome = fuzz(MUTATIONS, seed=SEED + part)
    assert outcome.wrong == [], f"seed {SEED}"
    assert sum(outcome.errors.values()) + outcome.accepted == MUTATIONS
    # Nearly all: a change may undo itself, or be a sound statement rightly signed.
    assert outcome.accepted < MUTATIONS // 50, f"seed {SEED}"
    seen = set(outcome.errors)
    assert seen <= set(get_args(qr.ErrorName)), f"seed {SEED}"
    assert seen >= {"malformed", "unknown_key", "bad_signature", "wrong_audience"}, f"seed {SEED}"


def test_every_cut_of_a_code_is_malformed() -> None:
    trust = device_trust(SCAN_TIME)
    for source in sources():
        for end in range(len(source.data)):
            text = source.write(source.data[:end])
            with pytest.raises(qr.QrError) as refused:
                qr.verify(text, trust=trust, audience=AUDIENCE, now=SCAN_TIME)
            assert refused.value.error == "malformed"


def test_changes_change() -> None:
    chance = random.Random(1)
    data = bytes(range(200))
    assert sum(changed(data, chance) == data for _ in range(500)) < 25
