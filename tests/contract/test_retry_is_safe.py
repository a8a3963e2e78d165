"""What a channel repeats by itself is safe to repeat, and other languages are told the same."""

import json
import re
from typing import Any

from support.contracts import ROOT, messages, rpcs

from yibao.client import service_config


def _sent_once() -> set[str]:
    methods: list[dict[str, Any]] = json.loads(service_config(retry=True))["methodConfig"]
    return {
        f"/{name['service']}/{name['method']}"
        for method in methods
        if "retryPolicy" not in method
        for name in method["name"]
    }


def test_whatever_changes_something_without_a_request_id_is_sent_once() -> None:
    without = set()
    for rpc in rpcs():
        fields = messages()[rpc.input_type].field
        of_items = {
            each.name
            for field in fields
            if field.type_name[1:] in messages()
            for each in messages()[field.type_name[1:]].field
        }
        if rpc.changes and "request_id" not in {field.name for field in fields} | of_items:
            without.add(rpc.path)
    assert _sent_once() == without


def test_only_unavailable_is_repeated() -> None:
    methods: list[dict[str, Any]] = json.loads(service_config(retry=True))["methodConfig"]
    codes = [each["retryPolicy"]["retryableStatusCodes"] for each in methods[:1]]
    assert codes == [["UNAVAILABLE"]]


def test_other_languages_are_told_the_service_config_of_the_sdk() -> None:
    page = (ROOT / "docs/coding/other-languages.md").read_text(encoding="utf-8")
    (told,) = re.findall(r"```json\n(.*?)```", page, flags=re.DOTALL)
    assert json.loads(told) == json.loads(service_config(retry=True, wait_for_ready=True))
