"""What was presented at a counter: the code, or the token that stands for one; and its use.

Whoever takes a code asks here, so that a token is never taken where its code would not be.
"""

from dataclasses import replace

from yibao_common.values.calendar import shanghai_day
from yibao_common.values.errors import RuleError
from yibao_settlement.application.batch.changes import CodeUse
from yibao_settlement.application.batch.command import Code
from yibao_settlement.application.batch.needs import Needs
from yibao_settlement.application.batch.working_set import WorkingSet
from yibao_settlement.rules.institution.scope import scope_on
from yibao_settlement.rules.presentation import PresentedCode, check_use
from yibao_settlement.rules.token import PresentedToken, TokenUse, check_token
from yibao_settlement.rules.visit import check_takes

Keys = tuple[str, ...]


def keys_of_code(code: Code | None) -> tuple[Keys, Keys, Keys]:
    """Returns what a code needs: its subject, itself, and its token; see `Needs`."""
    if isinstance(code, PresentedCode):
        return (code.subject,), (code.code_id,), ()
    if isinstance(code, PresentedToken):
        return (), (), (code.token_hash,)
    return (), (), ()


def needs_of_holder(needs: Needs, code: Code, *, with_stays: bool = False) -> Needs:
    """Returns needs with those of a code that tells who its holder is."""
    subjects, code_ids, token_hashes = keys_of_code(code)
    return needs._replace(
        subjects=subjects,
        code_ids=code_ids,
        token_hashes=token_hashes,
        holder_subjects=subjects,
        holder_token_hashes=token_hashes,
        stay_subjects=subjects if with_stays else (),
        stay_token_hashes=token_hashes if with_stays else (),
    )


def accepted(code: Code, working_set: WorkingSet, *, institution_id: str) -> PresentedCode:
    """Returns the code that was presented, or raises its refusal.

    Of a token it is what that stands for; raises RuleError as `rules.token.check_token`.
    """
    if isinstance(code, RuleError):
        raise code
    if isinstance(code, PresentedCode):
        return code
    tokens = working_set.tokens
    resolved = check_token(
        code,
        tokens.found.get(code.token_hash),
        institution_id=institution_id,
        used=tokens.used,
        now=working_set.now,
    )
    # What it is used at tells where, and not where the code was scanned.
    return resolved.code._replace(terminal_id=code.terminal_id)


def check_code(
    working_set: WorkingSet, code: PresentedCode, person_id: str, *, institution_id: str
) -> None:
    """Raises RuleError where the code may not be used for the person there and now."""
    credential = working_set.credentials.get(code.subject)
    reference = working_set.elsewhere.reference_of(institution_id) or working_set.reference
    institution = reference.institution(institution_id)
    if institution is not None and credential is not None:
        # Of most institutions nothing is said, and no day is asked for.
        if scopes := reference.scopes.get(institution_id):
            scope = scope_on(scopes, shanghai_day(working_set.now))
            if scope is not None:
                institution = replace(institution, ecert_supported=scope.ecert_supported)
        check_takes(institution, credential)
    check_use(
        code,
        person_id=person_id,
        credential=credential,
        newest_codes=working_set.standing(person_id).newest_codes,
        used_codes=working_set.used_codes,
    )


def use_code(working_set: WorkingSet, person_id: str, use: CodeUse) -> None:
    """Marks a code as used, or its token; older codes of its signer are superseded from now on."""
    code = use.code
    if code.resolution_id:
        # The code itself was used up, and noted as the newest, when it was resolved.
        working_set.tokens.use(
            TokenUse(
                code.resolution_id,
                use.request_id,
                use.institution_id,
                code.terminal_id,
                working_set.now,
                use.used_for_id,
            )
        )
        return
    working_set.used_codes.add((code.signer, code.code_id))
    working_set.changes.code_uses.append(use)
    working_set.note_code(person_id, code)
