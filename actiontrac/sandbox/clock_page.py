"""The product's calendar, to look at and to move forward (G13)."""

from collections.abc import Callable, Iterator
from datetime import timedelta

from werkzeug.wrappers import Request, Response

from actiontrac import clock
from actiontrac.sandbox import pages
from actiontrac.sandbox.pages import escape
from actiontrac.sandbox.web import Rule, as_html, as_json, json_object, see_other, wants_html

#: What the page offers; each crosses one of the plan's dates.
STEPS = (
    ("1h", "1 hour"),
    ("1d", "1 day"),
    ("7d", "7 days"),
    ("30d", "30 days"),
    ("335d", "335 days"),
    ("366d", "366 days"),
)
#: Nobody needs to see the year 10000.
LONGEST = timedelta(days=36525).total_seconds()


class ClockPages:
    """``GET`` tells the time, ``POST`` with ``advance`` moves it, as JSON or from the page's form."""

    def __init__(self, on_moved: Callable[[], None]) -> None:
        self._on_moved = on_moved

    def rules(self) -> Iterator[Rule]:
        yield Rule("/clock", self.show, "GET")
        yield Rule("/clock", self.move, "POST")

    def show(self, request: Request) -> Response:
        if wants_html(request):
            if request.path.endswith("/"):
                return see_other("../clock")
            return as_html(_page(""))
        return as_json(_told())

    def move(self, request: Request) -> Response:
        from_page = request.mimetype == "application/x-www-form-urlencoded"
        try:
            wanted = request.form.get("advance", "") if from_page else str(json_object(request).get("advance", ""))
            seconds = clock.duration(wanted.strip())
            if seconds > LONGEST:
                raise ValueError("a hundred years are the most")
            clock.advance(seconds)
        except (ValueError, OverflowError, clock.ClockNotMovable):
            problem = "Write how far to move, such as 30d, 12h, 45m or 10s."
            return as_html(_page(problem), 400) if from_page else as_json({"error": problem}, 400)
        self._on_moved()
        return see_other("clock") if from_page else as_json(_told())


def _told() -> dict[str, object]:
    return {"now": clock.iso(clock.now()), "offset_seconds": clock.offset_seconds()}


def _page(problem: str) -> str:
    offset = timedelta(seconds=round(clock.offset_seconds()))
    ahead = f"{offset} ahead of the real time." if offset else "This is the real time."
    steps = "".join(f'<button name="advance" value="{step}">+ {label}</button>' for step, label in STEPS)
    content = f"""<h1>Clock</h1><p class="soft">All of ActionTrac reads this clock. It moves forward only.</p>
<div class="card"><div class="sum moment">{clock.now():%d %B %Y, %H:%M:%S} UTC</div>
<p class="soft">{escape(ahead)}</p></div>
{pages.notice(problem)}
<form method="post" class="card"><h2>Move forward by</h2><div class="row">{steps}</div></form>
<form method="post" class="card"><label for="advance">Or by</label><div class="row">
<input type="text" id="advance" name="advance" placeholder="30d, 12h, 45m or 10s" autocomplete="off">
<button>Move</button></div></form>"""
    return pages.page(
        "Clock", content, narrow=True, ribbon="Sandbox — this clock can be moved, and all of ActionTrac follows"
    )
