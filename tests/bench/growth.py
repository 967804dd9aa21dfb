"""
``python -m tests.bench.growth``: what one more company, worker and event cost as there are more of them.

Milliseconds at one connection (median, p99) of reading, listing and adding, while one company grows from 1,000 to
100,000 workers (GROWTH_WORKERS); the last line is a second company beside it. Rows are cloned in the database.
"""

import os
import sys

import psycopg2

from actiontrac.demo.client import Customer
from tests.bench.load import Plan, Result, play, request
from tests.bench.stage import Stage
from tests.bench.writes import NUMBERS, worker_body
from tests.stack import full_product

STEPS = [int(step) for step in (os.environ.get("GROWTH_WORKERS") or "1000,10000,100000").split(",")]
SECONDS = float(os.environ.get("BENCH_SECONDS") or 4)

#: Clones keep no sealed text: it would not open in another row.
_OWN = {
    "id": "id || '_' || n", "worker_number": "'G' || n", "number_key": "'g' || n",
    "number_order": "'g' || lpad(n::text, 9, '0')",
    "first_name": "'Wanda' || n", "name_key": "'rivers wanda' || lpad(n::text, 9, '0')",
    "work_email_sealed": "NULL", "work_phone_sealed": "NULL", "notes_sealed": "NULL", "work_email_index": "NULL",
}  # fmt: skip


def _grow(url: str, worker_id: str, first: int, last: int) -> None:
    connection = psycopg2.connect(url)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("SELECT column_name FROM information_schema.columns WHERE table_name = 'workers'")
        names = [name for (name,) in cursor.fetchall()]
        values = ", ".join(_OWN.get(name, name) for name in names)
        cursor.execute(
            f"INSERT INTO workers ({', '.join(names)}) SELECT {values} FROM workers, "
            "generate_series(%s, %s) AS n WHERE id = %s",
            (first, last, worker_id),
        )
        cursor.execute(
            "UPDATE managed_counts SET managed = managed + %s, high_water = high_water + %s, last_number = %s "
            "WHERE company_id = (SELECT company_id FROM workers WHERE id = %s)",
            (last - first + 1, last - first + 1, last, worker_id),
        )
        cursor.execute("VACUUM ANALYZE workers")
    connection.close()


def _shown(found: Result) -> str:
    return f"{found.p50_ms:7.1f} {found.p99_ms:7.1f}"


def _line(stage: Stage, label: str, port: int, customer: Customer, worker_id: str) -> None:
    token = customer.http.token or ""
    key = "Idempotency-Key: growth-{n}\r\n"
    asked = {
        "read": ([request("GET", f"/v1/workers/{worker_id}", token)], 200),
        "list": ([request("GET", "/v1/workers?limit=50", token)], 200),
        "add": ([request("POST", "/v1/workers", token, worker_body(), key)], 201),
    }
    cells = []
    for requests, expect in asked.values():
        plan = Plan(port, [requests], SECONDS, expect, warm_up_seconds=0.5, first_number=stage.numbers(NUMBERS))
        found = play(plan)
        if found.wrong:
            raise RuntimeError("wrong answers")
        cells.append(_shown(found))
    print(f"  {label:>18} " + "  ".join(cells), flush=True)


def main() -> int:
    stage = Stage(SECONDS, say=lambda text: print(f"  {text} ...", flush=True))
    try:
        product = full_product(stage.home / "product", stage.servers)
        stage.on_close(product.stop)
        product.start()
        port = int(product.url.rpartition(":")[2])
        url = stage.as_superuser(product.settings.database_url_for("workers"))
        customer, other = Customer(product.url), Customer(product.url)
        for one in (customer, other):
            one.join()
        worker, others = customer.add_worker(), other.add_worker()
        print(f"  {'workers':>18} {'read p50     p99':>15}  {'list p50     p99':>15}  {'add p50     p99':>15}  (ms)")
        so_far = 1
        for step in STEPS:
            _grow(url, worker["id"], so_far, step)
            so_far = step + 1
            _line(stage, f"{step:,}", port, customer, worker["id"])
        _line(stage, "another company", port, other, others["id"])
    finally:
        stage.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
