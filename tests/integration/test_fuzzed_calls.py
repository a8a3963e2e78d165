"""Whatever is sent to the services is answered, and leaves nothing behind where it is refused.

Every method of settlement and identity gets messages made from the contract at random; the
newer ones of settlement most often. `make fuzz-calls` sends 50,000.
"""

import os
import random
from collections.abc import Callable

from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from support.call_fuzzing.calls import fuzz
from support.call_fuzzing.messages import Messages
from support.databases import PostgresServer

from yibao_common.rpc.access import methods_of
from yibao_common.rpc.validation import Validator
from yibao_common.values.clock import system_clock
from yibao_settlement.servicers import DESCRIPTORS as SETTLEMENT

MESSAGES = 1_500
SEED = int(os.environ.get("YIBAO_FUZZ_SEED", random.randrange(2**32)))


def test_no_message_is_answered_internal_and_no_refused_one_is_stored(
    postgres_starter: Callable[[], PostgresServer],
) -> None:
    """The second thousand goes to services on PostgreSQL."""
    print(f"YIBAO_FUZZ_SEED={SEED}")
    outcome = fuzz(MESSAGES, seed=SEED, server=postgres_starter())
    assert outcome.wrong == [], f"seed {SEED}"
    assert sum(outcome.answers.values()) == MESSAGES
    # Both ways out are tried: a fuzz that is refused at the door proves nothing.
    assert MESSAGES // 5 < outcome.answers["OK"] < MESSAGES, f"seed {SEED}"
    assert len(outcome.answers) > 20, f"seed {SEED}"
    settlements = {name for name in methods_of(SETTLEMENT) if name not in outcome.sent}
    assert settlements == set(), f"seed {SEED}"


def test_messages_are_of_every_kind() -> None:
    rng = random.Random(1)
    messages = Messages(rng, now=system_clock)
    fits = set()
    for method in methods_of(SETTLEMENT).values():
        validator = Validator(method.input_type)
        made = [messages.make(method.input_type) for _ in range(60)]
        # A request without fields is one message.
        assert len({each.SerializeToString() for each in made}) > bool(method.input_type.fields)
        fits |= {(method.name, bool(validator.faults(each).total == 0)) for each in made}
    good = {name for name, is_good in fits if is_good}
    assert len(good) > 25
    assert len({name for name, is_good in fits if not is_good}) > 20


def test_what_an_answer_tells_is_asked_for_next() -> None:
    method = methods_of(SETTLEMENT)["/yibao.settlement.v1.VisitService/GetVisit"]
    messages = Messages(random.Random(2), now=system_clock)
    messages.learn("visit_id", "first")
    answer: Message = GetMessageClass(method.output_type)()
    answer.visit.visit_id = "second"  # type: ignore[attr-defined]
    messages.learn_from(answer)
    asked = {messages.make(method.input_type).visit_id for _ in range(50)}
    assert {"first", "second"} <= asked
