"""Why care elsewhere is paid as it is, as a message."""

from yibao.offsite.v1.registration_pb2 import OFFSITE_TERMS_UNSPECIFIED
from yibao.settlement.v1 import explanation_pb2, statement_pb2
from yibao_settlement.application.elsewhere.explain import ElsewhereExplained
from yibao_settlement.servicer.elsewhere.messages import TERMS, care_message


def elsewhere_message(found: ElsewhereExplained) -> explanation_pb2.ElsewhereExplanation:
    """Returns the terms, what others would bring, and the sentences."""
    return explanation_pb2.ElsewhereExplanation(
        care=care_message(found.care),
        at_home_difference_fen=found.at_home_difference_fen,
        registered_terms=TERMS.get(found.registered_terms or "", OFFSITE_TERMS_UNSPECIFIED),
        registered_difference_fen=found.registered_difference_fen,
        sentences=[
            statement_pb2.StatementSentence(
                sentence_id=each.sentence_id, text_zh=each.zh, text=each.en
            )
            for each in found.sentences
        ],
    )
