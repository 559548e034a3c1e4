"""YAML for people: comments, named anchors and merges, texts of several lines as they are."""

import re
import textwrap
from collections.abc import Mapping
from typing import Any

import yaml  # type: ignore[import-untyped]

#: a mapping as it is written: its keys are strings, a `Comment` or `MERGE`
Content = Mapping[Any, Any]

_WIDTH = 110
_LONGEST_IN_A_LINE = 40
_COMMENT = re.compile(r"^( *)__comment__: '?([0-9a-f]+)'?$", re.MULTILINE)


class Shared(dict[Any, Any]):
    """A mapping that is written once, with an anchor, and named wherever it occurs again."""

    def __init__(self, anchor: str, content: Content) -> None:
        super().__init__(content)
        self.anchor = anchor


class Comment:
    """A key that is written as a comment on the next one; its value means nothing. See `comment` for its text."""

    def __init__(self, text: str) -> None:
        self.text = text


class _Merge:
    pass


#: the key of what a mapping has besides its own: a `Shared` one
MERGE = _Merge()


class _Dumper(yaml.SafeDumper):  # type: ignore[misc] # it has no types
    def ignore_aliases(self, data: Any) -> bool:
        return not isinstance(data, Shared)

    def generate_anchor(self, node: yaml.Node) -> str:
        anchor: str = node.shared_as
        return anchor

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002
        super().increase_indent(flow, False)  # lists are indented


def _write_mapping(dumper: _Dumper, content: Content) -> yaml.MappingNode:
    items = [
        ("__comment__", key.text.encode().hex()) if isinstance(key, Comment) else (key, value)
        for key, value in content.items()
    ]
    node = dumper.represent_mapping("tag:yaml.org,2002:map", items)
    if isinstance(content, Shared):
        node.shared_as = content.anchor
    return node


def _write_text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


def _write_list(dumper: _Dumper, items: list[Any]) -> yaml.SequenceNode:
    on_one_line = all(isinstance(each, str) and len(each) <= _LONGEST_IN_A_LINE for each in items)
    return dumper.represent_sequence("tag:yaml.org,2002:seq", items, flow_style=on_one_line)


_Dumper.add_representer(dict, _write_mapping)
_Dumper.add_representer(list, _write_list)
_Dumper.add_representer(type(None), lambda dumper, _: dumper.represent_scalar("tag:yaml.org,2002:null", ""))
_Dumper.add_representer(Shared, _write_mapping)
_Dumper.add_representer(str, _write_text)
_Dumper.add_representer(_Merge, lambda dumper, _: dumper.represent_scalar("tag:yaml.org,2002:merge", "<<"))


def dump(content: Content, *, apart: str = "") -> str:
    """One document. What stands directly below the key ``apart`` is separated by blank lines, as are all first keys."""
    text: str = yaml.dump(dict(content), Dumper=_Dumper, sort_keys=False, width=_WIDTH, allow_unicode=True)
    lines: list[str] = []
    below = ""
    for line in text.splitlines():
        is_first = re.match(r"\S", line) is not None
        below = line.partition(":")[0] if is_first else below
        starts = is_first or (below == apart and re.match(r"  \S", line) is not None)
        if apart and starts and lines and not lines[-1].endswith(f"{apart}:") and "__comment__" not in lines[-1]:
            lines.append("")
        lines.append(line)
    return _COMMENT.sub(lambda found: comment(bytes.fromhex(found[2]).decode(), found[1]), "\n".join(lines) + "\n")


def comment(text: str, indent: str = "") -> str:
    """The lines of a comment: each paragraph wrapped, lines that begin with a space as they are."""
    lines: list[str] = []
    for paragraph in text.split("\n"):
        whole = paragraph.startswith(" ") or not paragraph
        lines += [paragraph] if whole else textwrap.wrap(paragraph, _WIDTH - len(indent) - 2)
    return "\n".join(f"{indent}# {line}".rstrip() for line in lines)
