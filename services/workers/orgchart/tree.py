"""From positions to a chart in which everybody stands exactly once, below whoever they report to."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from actiontrac.contracts.worker_chart import ChartNode, DepartmentView


class Place(NamedTuple):
    """Somebody, or nobody, in a position."""

    id: str
    name: str
    manager_id: str | None
    worker_number: str | None = None
    title: str | None = None
    department: str | None = None
    site: str | None = None
    vacant: bool = False
    #: What the order among those who report to one manager follows.
    key: str = ""


def chart_of(
    places: Iterable[Place], *, everybody: frozenset[str], root_id: str | None = None, depth: int | None = None
) -> list[ChartNode]:
    """
    All places, each after the one it stands below.

    Who has no manager stands at the top, and so does who has one that is not in this
    chart; it is an orphan if the manager is not among ``everybody`` either. Of a ring,
    which effective dates can make in the past, one stands at the top as an orphan.
    """
    known = {place.id: place for place in sorted(places, key=lambda one: (one.vacant, one.key, one.id))}
    below: dict[str | None, list[Place]] = defaultdict(list)
    for place in known.values():
        below[place.manager_id if place.manager_id in known else None].append(place)
    if root_id is not None:
        root = known.get(root_id)
        return _walk([(root, False)] if root else [], below, depth, set())
    seen: set[str] = set()
    orphaned = [(place, place.manager_id is not None and place.manager_id not in everybody) for place in below[None]]
    nodes = _walk(orphaned, below, depth, seen)
    return nodes + _walk([(place, True) for place in _in_rings(known)], below, depth, seen)


def _walk(
    top: Sequence[tuple[Place, bool]], below: dict[str | None, list[Place]], depth: int | None, seen: set[str]
) -> list[ChartNode]:
    nodes: list[ChartNode] = []
    waiting: list[tuple[Place, str | None, int, bool]] = [(place, None, 0, lost) for place, lost in reversed(top)]
    while waiting:
        place, parent_id, level, lost = waiting.pop()
        if place.id in seen:
            continue
        seen.add(place.id)
        reports = below.get(place.id, [])
        nodes.append(
            {
                "id": place.id,
                "parent_id": parent_id,
                "level": level,
                "name": place.name,
                "worker_number": place.worker_number,
                "title": place.title,
                "department": place.department,
                "site": place.site,
                "vacant": place.vacant,
                "orphan": lost,
                "reports": len(reports),
            }
        )
        if depth is None or level + 1 < depth:
            waiting += [(one, place.id, level + 1, False) for one in reversed(reports)]
    return nodes


def _in_rings(known: dict[str, Place]) -> list[Place]:
    """One of every ring of managers: the first in the order of the chart."""
    order = {identifier: position for position, identifier in enumerate(known)}
    found: list[Place] = []
    settled: set[str] = set()
    for start in known:
        path: dict[str, None] = {}
        at: str | None = start
        while at is not None and at in known and at not in settled and at not in path:
            path[at] = None
            at = known[at].manager_id
        if at in path:
            steps = list(path)
            found.append(known[min(steps[steps.index(at or "") :], key=order.__getitem__)])
        settled.update(path)
    return found


def departments_of(nodes: Sequence[ChartNode]) -> list[DepartmentView]:
    """How many workers belong where; those without a department last."""
    counted = Counter(node["department"] for node in nodes if not node["vacant"])
    names = sorted(counted, key=lambda name: (name is None, (name or "").casefold()))
    return [{"name": name, "workers": counted[name]} for name in names]
