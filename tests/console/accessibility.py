"""What keeps people from using a page: by keyboard, by ear, in the dark, on a telephone."""

from pathlib import Path
from typing import Any

from playwright.async_api import Page, ViewportSize

#: roles that somebody uses or steers by, whose names a screen reader says
NAMED = {
    "button", "checkbox", "combobox", "dialog", "grid", "heading", "image", "link", "listbox", "menuitem", "meter",
    "navigation", "progressbar", "radio", "region", "searchbox", "slider", "spinbutton", "switch", "tab", "table",
    "textbox",
}  # fmt: skip
NARROW: ViewportSize = {"width": 360, "height": 740}
#: a page has fewer controls; a focus that is caught is found before that
MOST_TABS = 300
_SCRIPT = Path(__file__).with_suffix(".js").read_text(encoding="utf-8").partition("\n")[2]


async def _ask(page: Page, method: str) -> Any:
    return await page.evaluate(f"{_SCRIPT.rstrip()}.{method}()")


async def problems(page: Page) -> list[str]:
    """What is wrong with the page as it is now, in words."""
    return [*await _nameless(page), *await _ask(page, "structure"), *await _ask(page, "contrast")]


async def keyboard_problems(page: Page) -> list[str]:
    """Controls that the Tab key does not reach, or on which one does not see where one is."""
    found: list[str] = []
    await _ask(page, "beginTabbing")
    for _ in range(MOST_TABS):
        await page.keyboard.press("Tab")
        focused = await _ask(page, "focused")
        if focused is None or "again" in focused:
            break
        if not focused["shown"]:
            found.append(f"the focus is not seen on {focused['what']}")
    return [*found, *await _ask(page, "notReached")]


async def narrow_problems(page: Page) -> list[str]:
    """Whether the page must be moved sideways on a telephone."""
    before = page.viewport_size
    await page.set_viewport_size(NARROW)
    found: list[str] = await _ask(page, "tooWide")
    if before is not None:
        await page.set_viewport_size(before)
    return found


async def _nameless(page: Page) -> list[str]:
    session = await page.context.new_cdp_session(page)
    nodes: list[dict[str, Any]] = (await session.send("Accessibility.getFullAXTree"))["nodes"]
    await session.detach()
    found = []
    for node in nodes:
        role, name = node.get("role", {}).get("value", ""), node.get("name", {}).get("value", "")
        if not node.get("ignored") and role in NAMED and not name.strip():
            found.append(f"a {role} without a name, {_below(nodes, node)}")
    return found


def _below(nodes: list[dict[str, Any]], node: dict[str, Any]) -> str:
    """Where it is: the nearest thing above it that has a name."""
    above = {each["nodeId"]: each for each in nodes}
    while node := above.get(node.get("parentId", ""), {}):
        if name := node.get("name", {}).get("value", ""):
            return f"below {node['role']['value']} {name[:60]!r}"
    return "below nothing that has a name"
