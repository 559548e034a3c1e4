from orchestra_schemas import event_types
from orchestra_schemas.asyncapi import FILE, document, document_text


def test_the_committed_document_is_current() -> None:
    assert FILE.read_text(encoding="utf-8") == document_text(), "run `orchestra schema --write` and commit the file"


def test_the_document_describes_every_event_of_the_platform_on_one_channel() -> None:
    channels = document()["channels"]
    listed = [name for channel in channels.values() for name in channel["messages"]]
    ours = [t.__name__ for t in event_types().values() if t.__module__.startswith("orchestra_schemas.")]
    assert sorted(listed) == sorted(ours)


def test_every_reference_of_the_document_resolves() -> None:
    whole = document()

    def check(node: object) -> None:
        if isinstance(node, dict):
            if isinstance(ref := node.get("$ref"), str):
                target: object = whole
                for part in ref.removeprefix("#/").split("/"):
                    assert isinstance(target, dict), ref
                    assert part in target, ref
                    target = target[part]
            for value in node.values():
                check(value)
        elif isinstance(node, list):
            for value in node:
                check(value)

    check(whole)
