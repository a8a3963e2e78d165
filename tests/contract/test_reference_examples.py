"""Each method of the contract has an example request, which the service would take."""

import importlib

import pytest
from google.protobuf import json_format, message_factory
from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.descriptor_pool import Default
from support.contracts import ROOT, files

from docs.generate_reference.examples import examples_of
from yibao_common.rpc.validation import Validator

SERVICES = sorted(f"{file.package}.{each.name}" for file in files() for each in file.service)


def descriptor_of(service: str) -> ServiceDescriptor:
    for file in files():
        if any(f"{file.package}.{each.name}" == service for each in file.service):
            importlib.import_module(file.name.replace("/", ".").replace(".proto", "_pb2"))
    return Default().FindServiceByName(service)


@pytest.mark.parametrize("service", SERVICES)
def test_each_method_has_an_example_that_is_well_formed(service: str) -> None:
    methods = {each.name: each for each in descriptor_of(service).methods}
    examples = examples_of(service)
    assert sorted(methods) == sorted(examples), "one for each method"
    faults = {}
    for name, method in methods.items():
        message = message_factory.GetMessageClass(method.input_type)()
        json_format.ParseDict(dict(examples[name]), message)
        found = Validator(method.input_type).faults(message)
        if found.total:
            faults[name] = [str(each) for each in found.first]
    assert faults == {}


def test_examples_are_of_services_that_exist() -> None:
    folder = ROOT / "docs" / "generate_reference" / "examples"
    assert sorted(each.stem for each in folder.iterdir()) == sorted(
        service.rpartition(".")[2] for service in SERVICES
    )
