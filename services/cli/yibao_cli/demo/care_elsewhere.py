"""A registration for care in another region (异地就医备案), made and read at offsite."""

import contextlib
import datetime as dt
from collections.abc import Callable

from yibao.offsite.v1 import registration_pb2
from yibao.offsite.v1 import registration_service_pb2 as pb
from yibao.offsite.v1.registration_service_pb2_grpc import RegistrationServiceStub
from yibao_cli.demo.steps import CALL_SECONDS, Step, StepFailedError, StepLog
from yibao_cli.loading import new_request_id
from yibao_cli.parties import CHANNEL
from yibao_cli.stack import Stack
from yibao_common.rpc.wire import from_date, to_date

_SHANGHAI = "310000"


def register_care_elsewhere(
    stack: Stack, *, region: str, person_id: str, today: dt.date, on_step: Callable[[str], None]
) -> tuple[Step, ...]:
    """Registers a temporary stay in Shanghai from today and reads it back."""
    log = StepLog(on_step)
    stub = RegistrationServiceStub(stack.channel("offsite", CHANNEL))
    create = pb.CreateRegistrationRequest(
        request_id=new_request_id(),
        region=region,
        person_id=person_id,
        category=registration_pb2.REGISTRATION_CATEGORY_OTHER_TEMPORARY,
        treatment_region=_SHANGHAI,
        start_date=from_date(today),
    )
    with contextlib.suppress(StepFailedError):
        with log.step("Register care in Shanghai", "offsite") as note:
            made = stub.CreateRegistration(create, timeout=CALL_SECONDS).registration
            note(f"{to_date(made.start_date)} to {to_date(made.end_date)}")
        with log.step("Read the registration", "offsite") as note:
            read = pb.GetRegistrationRequest(region=region, registration_id=made.registration_id)
            if stub.GetRegistration(read, timeout=CALL_SECONDS).registration != made:
                raise StepFailedError("it is not the one that was answered")
            note("equal to the answer")
    return tuple(log.steps)
