"""
A chart as a picture (SVG), laid out so that it can be read.

Managers stand above those who report to them; those who have no reports of their own
stand below one another instead of side by side, so that a team is as narrow as one box.
Only attributes are used: the picture shows alike where style sheets are not allowed.
"""

import re
from collections import defaultdict
from dataclasses import dataclass, field
from html import escape
from typing import NamedTuple

from actiontrac.contracts.worker_chart import ChartNode

BOX_WIDTH = 200
BOX_HEIGHT = 46
#: Between boxes side by side, below one another, and between levels.
_ASIDE, _BELOW, _LEVEL = 24, 10, 34
#: How far a team stands to the right of its manager's left edge.
_INDENT = 22
_MARGIN = 24
_LEGEND = 22
#: About how many characters fit into a box.
_NAME_LENGTH, _TEXT_LENGTH = 24, 29
#: Columns of those who stand alone at the top.
_ALONE_IN_A_ROW = 6

#: Dark enough for a bar of four pixels to be told apart, also by who sees no red or green.
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7a5195", "#666666")
_NO_COLOUR = "#c4c9d0"

_EMPTY = f'<text x="{_MARGIN}" y="{_MARGIN + 14}" font-size="13" fill="#454c55">Nobody is here.</text>'

_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Spot(NamedTuple):
    x: int
    y: int


@dataclass
class _Part:
    """A node with everybody below it: how much room they take, and where its own box is in it."""

    node: ChartNode
    width: int = BOX_WIDTH
    height: int = BOX_HEIGHT
    box_x: int = 0
    #: Those who stand side by side below, and those who stand below one another.
    branches: list["_Part"] = field(default_factory=list)
    team: list["_Part"] = field(default_factory=list)


def drawn(nodes: list[ChartNode], *, title: str, show: str) -> str:
    """The picture of a chart; ``show`` names the field that stands below each name."""
    parts = {node["id"]: _Part(node) for node in nodes}
    top, alone = _joined(parts)
    spots, width, height = _placed(top, alone)
    colours = _colours(nodes)
    lines = [_line(part, child, spots) for part in parts.values() for child in (*part.branches, *part.team)]
    boxes = [_box(node, spots[node["id"]], colours, show) for node in nodes]
    legend, legend_height = _legend(colours, width)
    height += legend_height
    shown = _text(title)
    return "".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
            f'viewBox="0 0 {width} {height}" role="img" font-family="Segoe UI, Roboto, Helvetica, Arial, sans-serif">',
            f'<title>{shown}</title><rect width="{width}" height="{height}" fill="#ffffff"/>',
            *legend,
            f'<g transform="translate(0 {legend_height})">',
            '<g fill="none" stroke="#8a929c" stroke-width="1.2">',
            *lines,
            "</g>",
            *boxes,
            "" if nodes else _EMPTY,
            "</g></svg>",
        )
    )


def _joined(parts: dict[str, _Part]) -> tuple[list[_Part], list[_Part]]:
    """Measure everybody with those below; who stands at the top with others below, and who stands there alone."""
    below: dict[str | None, list[_Part]] = defaultdict(list)
    for part in parts.values():
        below[part.node["parent_id"]].append(part)
    # From the last to the first: whoever stands below is measured before whoever stands above.
    for part in reversed(parts.values()):
        children = below.get(part.node["id"], [])
        part.branches = [child for child in children if child.branches or child.team]
        part.team = [child for child in children if not (child.branches or child.team)]
        _measure(part)
    top = [part for part in below[None] if part.branches or part.team]
    return top, [part for part in below[None] if not (part.branches or part.team)]


def _measure(part: _Part) -> None:
    team_height = len(part.team) * (BOX_HEIGHT + _BELOW) - _BELOW if part.team else 0
    if not part.branches:
        if part.team:
            part.width = BOX_WIDTH + _INDENT
            part.height = BOX_HEIGHT + _BELOW + team_height
        return
    widths = [branch.width for branch in part.branches]
    heights = [branch.height for branch in part.branches]
    if part.team:
        # The team hangs from a box's left edge, between the line from above and the branches.
        widths.insert(0, BOX_WIDTH + _INDENT)
        heights.append(team_height)
    part.width = sum(widths) + _ASIDE * (len(widths) - 1)
    part.height = BOX_HEIGHT + _LEVEL + max(heights)
    first = 0 if part.team else part.branches[0].box_x
    last = part.width - part.branches[-1].width + part.branches[-1].box_x
    part.box_x = (first + last) // 2


def _placed(top: list[_Part], alone: list[_Part]) -> tuple[dict[str, Spot], int, int]:
    spots: dict[str, Spot] = {}
    x, lowest, widest = _MARGIN, _MARGIN, _MARGIN + BOX_WIDTH
    for part in top:
        _place(part, Spot(x, _MARGIN), spots)
        x += part.width + 2 * _ASIDE
        lowest = max(lowest, _MARGIN + part.height)
        widest = x - 2 * _ASIDE
    start = lowest + _LEVEL if top else _MARGIN
    for position, part in enumerate(alone):
        row, column = divmod(position, _ALONE_IN_A_ROW)
        spot = Spot(_MARGIN + column * (BOX_WIDTH + _ASIDE), start + row * (BOX_HEIGHT + _BELOW))
        spots[part.node["id"]] = spot
        lowest = max(lowest, spot.y + BOX_HEIGHT)
        widest = max(widest, spot.x + BOX_WIDTH)
    return spots, widest + _MARGIN, max(lowest, _MARGIN + BOX_HEIGHT) + _MARGIN


def _place(whole: _Part, where: Spot, spots: dict[str, Spot]) -> None:
    waiting = [(whole, where)]
    while waiting:
        part, at = waiting.pop()
        spots[part.node["id"]] = Spot(at.x + part.box_x, at.y)
        x, level = at.x, at.y + BOX_HEIGHT + (_LEVEL if part.branches else _BELOW)
        for row, member in enumerate(part.team):
            spots[member.node["id"]] = Spot(at.x + _INDENT, level + row * (BOX_HEIGHT + _BELOW))
        if part.team:
            x += BOX_WIDTH + _INDENT + _ASIDE
        for branch in part.branches:
            waiting.append((branch, Spot(x, level)))
            x += branch.width + _ASIDE


def _line(part: _Part, child: _Part, spots: dict[str, Spot]) -> str:
    """From a box to one below it: to its side in a team, to its top in a branch."""
    above, here = spots[part.node["id"]], spots[child.node["id"]]
    middle = above.y + BOX_HEIGHT
    bend, centre = middle + _LEVEL // 2, above.x + BOX_WIDTH // 2
    if child.branches or child.team:
        return f'<path d="M{centre} {middle}V{bend}H{here.x + BOX_WIDTH // 2}V{here.y}"/>'
    spine = here.x - _INDENT + 10
    start = f"M{centre} {middle}V{bend}H{spine}" if part.branches else f"M{spine} {middle}"
    return f'<path d="{start}V{here.y + BOX_HEIGHT // 2}H{here.x}"/>'


def _box(node: ChartNode, spot: Spot, colours: dict[str | None, str], show: str) -> str:
    below: str = node[show] or ""  # type: ignore[literal-required]
    if node["orphan"]:
        below = f"Manager left · {below}" if below else "Manager left"
    name = node["name"]
    full = " · ".join(part for part in (name, node["title"], node["department"], node["site"]) if part)
    frame = ' stroke-dasharray="4 3" fill="#fafbfc"' if node["vacant"] else ' fill="#ffffff"'
    # What stands alone in its box stands in the middle of it.
    name_y = spot.y + (20 if below else 28)
    return "".join(
        (
            f"<g><title>{_text(full)}</title>",
            f'<rect x="{spot.x}" y="{spot.y}" width="{BOX_WIDTH}" height="{BOX_HEIGHT}" rx="5" '
            f'stroke="#8a929c"{frame}/>',
            f'<rect x="{spot.x + 1}" y="{spot.y + 5}" width="4" height="{BOX_HEIGHT - 10}" rx="2" '
            f'fill="{colours.get(node["department"], _NO_COLOUR)}"/>',
            f'<text x="{spot.x + 14}" y="{name_y}" font-size="13" font-weight="600" '
            f'fill="#1a1f26">{_text(_cut(name, _NAME_LENGTH))}</text>',
            f'<text x="{spot.x + 14}" y="{spot.y + 36}" font-size="11" '
            f'fill="#454c55">{_text(_cut(below, _TEXT_LENGTH))}</text>'
            if below
            else "",
            "</g>",
        )
    )


def _colours(nodes: list[ChartNode]) -> dict[str | None, str]:
    """A colour for each of the largest departments; all others have none."""
    members: dict[str, int] = defaultdict(int)
    for node in nodes:
        if node["department"]:
            members[node["department"]] += 1
    largest = sorted(members, key=lambda name: (-members[name], name.casefold()))[: len(_COLOURS)]
    return dict(zip(largest, _COLOURS, strict=False))


def _legend(colours: dict[str | None, str], width: int) -> tuple[list[str], int]:
    if not colours:
        return [], 0
    found: list[str] = []
    x, y = _MARGIN, _MARGIN
    for name, colour in colours.items():
        shown = _cut(name or "", _TEXT_LENGTH)
        room = 22 + 7 * len(shown)
        if x + room > width - _MARGIN and x > _MARGIN:
            x, y = _MARGIN, y + _LEGEND
        found.append(f'<rect x="{x}" y="{y - 10}" width="12" height="12" rx="2" fill="{colour}"/>')
        found.append(f'<text x="{x + 18}" y="{y}" font-size="12" fill="#1a1f26">{_text(shown)}</text>')
        x += room + 14
    return found, y


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1].rstrip()}…"


def _text(text: str) -> str:
    return escape(_NO_XML.sub("", text))
