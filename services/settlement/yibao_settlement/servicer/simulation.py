"""What a policy would have made of settled bills, as messages."""

from yibao.settlement.v1 import policy_service_pb2 as pb
from yibao_settlement.application.simulation import Simulation
from yibao_settlement.rules.simulation import Moved, Sums, Tally, age_group


def progress_message(simulation: Simulation) -> pb.SimulatePolicyResponse:
    """Returns how far a simulation is."""
    progress = pb.SimulationProgress(decided_bills=simulation.done, bills=simulation.total)
    return pb.SimulatePolicyResponse(progress=progress)


def result_message(tally: Tally) -> pb.SimulatePolicyResponse:
    """Returns the result of a simulation that is at its end."""
    levels = sorted(tally.by_level.items(), key=lambda item: (len(item[0]), item[0]))
    result = pb.SimulationResult(
        all=_sums("", tally.all),
        funds=[
            pb.SimulatedFund(fund_type=fund, before_fen=before, after_fen=after)
            for fund, (before, after) in sorted(tally.by_fund.items())
        ],
        by_institution_level=[_sums(level, sums) for level, sums in levels],
        by_age_group=[_sums(age_group(age), sums) for age, sums in sorted(tally.by_age.items())],
        winners=_persons(tally.winners),
        losers=_persons(tally.losers),
        unmoved_persons=tally.unmoved_persons,
        largest=[
            pb.SimulatedBill(
                settlement_id=each.settlement_id,
                personal_before_fen=each.personal_before_fen,
                personal_after_fen=each.personal_after_fen,
            )
            for each in tally.largest()
        ],
        undecided=[
            pb.UndecidedBills(
                reason=reason.name, bills=each.bills, settlement_id=each.settlement_id
            )
            for reason, each in tally.undecided().items()
        ],
    )
    return pb.SimulatePolicyResponse(result=result)


def _sums(group: str, sums: Sums) -> pb.SimulationSums:
    return pb.SimulationSums(
        group=group,
        bills=sums.bills,
        total_fen=sums.total_fen,
        fund_before_fen=sums.fund_before_fen,
        fund_after_fen=sums.fund_after_fen,
        personal_before_fen=sums.personal_before_fen,
        personal_after_fen=sums.personal_after_fen,
    )


def _persons(moved: Moved) -> pb.SimulatedPersons:
    return pb.SimulatedPersons(persons=moved.persons, sum_fen=moved.sum_fen)
