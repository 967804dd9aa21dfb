"""Examples of the views about workers, beside those of ``examples.py``."""

from typing import Any

from actiontrac.contracts import worker_actions, worker_chart, worker_history, workers

MEMBER_ID = "usr_01jd8kz0a4t6b8d2f4h6k8m0pq"
WORKER_ID = "wrk_01jd8m3x2kq7v0c4n5r9t1w8ey"

ACTION = {
    "id": "act_01jd8m3x2kq7v0c4n5r9t1w8ey",
    "worker_id": WORKER_ID,
    "kind": "task",
    "text": "Hand over the keys of the workshop.",
    "happened_on": "2026-11-23",
    "author_id": MEMBER_ID,
    "owner_id": MEMBER_ID,
    "due_on": "2026-12-01",
    "remind_on": None,
    "reminded_at": None,
    "overdue": False,
    "state": "open",
    "visibility": "managers",
    "created_at": "2026-11-23T13:00:00Z",
    "updated_at": "2026-11-23T13:00:00Z",
}
TEMPLATE = {
    "id": "tpl_01jd8m3x2kq7v0c4n5r9t1w8ey",
    "name": "First week",
    "kind": "task",
    "text": "Show the fire exits.",
    "due_in_days": 5,
    "visibility": "everybody",
    "created_at": "2026-11-23T13:00:00Z",
}
VACANCY = {
    "id": "vac_01jd8m3x2kq7v0c4n5r9t1w8ey",
    "title": "Fitter",
    "department": "Assembly",
    "site": "Portland",
    "manager_id": WORKER_ID,
    "created_at": "2026-11-23T13:00:00Z",
}

VIEWS: dict[Any, Any] = {
    worker_actions.ActionView: ACTION,
    worker_actions.ActionList: {"items": [ACTION], "next_cursor": None},
    worker_actions.TemplateView: TEMPLATE,
    worker_actions.TemplateList: {"items": [TEMPLATE]},
    worker_chart.ChartView: {
        "on": "2026-11-23",
        "nodes": [
            {
                "id": WORKER_ID,
                "parent_id": None,
                "level": 0,
                "name": "Wanda Rivers",
                "worker_number": "W-0007",
                "title": "Head of Assembly",
                "department": "Assembly",
                "site": "Portland",
                "vacant": False,
                "orphan": False,
                "reports": 1,
            },
            {
                "id": VACANCY["id"],
                "parent_id": WORKER_ID,
                "level": 1,
                "name": "Vacant",
                "worker_number": None,
                "title": "Fitter",
                "department": "Assembly",
                "site": "Portland",
                "vacant": True,
                "orphan": False,
                "reports": 0,
            },
        ],
        "departments": [{"name": "Assembly", "workers": 1}],
    },
    worker_chart.PositionList: {
        "items": [
            {
                "effective_on": "2026-03-02",
                "until": None,
                "title": "Head of Assembly",
                "department": "Assembly",
                "site": "Portland",
                "manager_id": None,
                "kind": "employee",
                "status": "active",
            }
        ]
    },
    worker_chart.VacancyView: VACANCY,
    worker_chart.VacancyList: {"items": [VACANCY]},
    worker_history.History: {
        "items": [
            {
                "version": 2,
                "at": "2026-11-23T13:05:00Z",
                "author_id": MEMBER_ID,
                "restored_from": None,
                "changes": [{"field": "title", "before": "Fitter", "after": "Head of Assembly"}],
            }
        ],
        "next_cursor": "2",
    },
    workers.SweepView: {"checked": 1204, "quarantined": 0, "at": "2026-11-23T02:00:09Z"},
}
