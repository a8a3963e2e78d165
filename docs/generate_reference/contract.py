"""The contract as buf reads it: its parts and their comments, by full name."""

import re

from google.protobuf import descriptor_pb2 as d

# The parts of a file, their number in the path of a comment, and what they are made of.
_PARTS = (("message_type", 4, "field"), ("enum_type", 5, "value"), ("service", 6, "method"))
_INNER = 2


class Contract:
    """The messages, enums, services and methods of yibao.

    `inputs` are the messages that callers write, `exchanged` maps each message that is the
    request or response of a method to that method.
    """

    def __init__(self, files: d.FileDescriptorSet) -> None:
        """Indexes the files, which must have source info."""
        self._comments: dict[str, str] = {}
        self.messages: dict[str, d.DescriptorProto] = {}
        self.enums: dict[str, d.EnumDescriptorProto] = {}
        self.services: dict[str, d.ServiceDescriptorProto] = {}
        for file in files.file:
            if file.package.startswith("yibao."):
                self._index(file)
        self.methods = {
            f"{name}.{method.name}": method
            for name, service in sorted(self.services.items())
            for method in service.method
        }
        self.exchanged = {
            type_name[1:]: name
            for name, method in self.methods.items()
            for type_name in (method.input_type, method.output_type)
        }
        self.inputs: set[str] = set()
        for method in self.methods.values():
            self._mark_input(method.input_type[1:])

    def _index(self, file: d.FileDescriptorProto) -> None:
        comments = {
            tuple(place.path): place.leading_comments for place in file.source_code_info.location
        }
        self.messages |= {f"{file.package}.{each.name}": each for each in file.message_type}
        self.enums |= {f"{file.package}.{each.name}": each for each in file.enum_type}
        self.services |= {f"{file.package}.{each.name}": each for each in file.service}
        for parts, number, inner in _PARTS:
            for i, part in enumerate(getattr(file, parts)):
                name = f"{file.package}.{part.name}"
                self._comments[name] = comments.get((number, i), "")
                for j, each in enumerate(getattr(part, inner)):
                    path = (number, i, _INNER, j)
                    self._comments[f"{name}.{each.name}"] = comments.get(path, "")

    def _mark_input(self, name: str) -> None:
        if name in self.messages and name not in self.inputs:
            self.inputs.add(name)
            for field in self.messages[name].field:
                self._mark_input(field.type_name[1:])

    def methods_of(self, service: str) -> dict[str, d.MethodDescriptorProto]:
        """Returns the methods of a service by full name, in the order of the proto."""
        return {
            name: method
            for name, method in self.methods.items()
            if name.rpartition(".")[0] == service
        }

    def line(self, name: str) -> str:
        """Returns a comment as one line, also for a cell of a table."""
        return " ".join(self._comments[name].split()).replace("|", "\\|")

    def text(self, name: str) -> str:
        """Returns a comment as Markdown, in which indented lines stay as they are."""
        blocks = re.split(r"(?m)^((?:   .*\n)+)", self._comments[name])
        code = [re.sub(r"(?m)^   ", "", block).rstrip() for block in blocks[1::2]]
        blocks[::2] = [" ".join(block.split()) for block in blocks[::2]]
        blocks[1::2] = [f"\n\n```text\n{block}\n```\n\n" for block in code]
        return "".join(blocks).strip()


def take_sentence(text: str, opening: str) -> tuple[str, str]:
    """Returns what follows `opening` in its sentence, or "", and the text without it."""
    found = re.search(rf"(?:^|(?<=\. )){opening}(.*?\.)(?= |$)", text)
    if found is None:
        return "", text
    rest = f"{text[: found.start()]}{text[found.end() :]}"
    return found[1], " ".join(rest.split())
