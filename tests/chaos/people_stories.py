"""Joining, signing in, passwords, colleagues: what accounts does, cut off in the middle."""

from datetime import timedelta

from actiontrac import clock
from tests.chaos.actors import Actor
from tests.chaos.scene import JOINED, Scene
from tests.chaos.truth import Books


def registration(scene: Scene) -> None:
    """Register, confirm, sign in; one company, one owner, one mail."""
    owner = Actor(scene.lane)
    scene.arm()
    owner.send("POST", "/v1/registrations", json=owner.customer.registration())
    owner.send("POST", "/v1/email-verifications", json={"token": owner.token("/verify-email", "confirm")})
    owner.sign_in()
    scene.converge(owner, JOINED, also=lambda: _company_problems(scene, owner))
    assert owner.send("GET", "/v1/me").json()["user_id"] == owner.customer.name


def _company_problems(scene: Scene, owner: Actor) -> list[str]:
    companies = scene.truth.rows("accounts", "SELECT status FROM companies WHERE id = :id", id=owner.company_id)
    consents = scene.truth.rows(
        "notifications", "SELECT wanted FROM consents WHERE company_id = :id", id=owner.company_id
    )
    found = ([row["status"] for row in companies], [bool(row["wanted"]) for row in consents])
    return [] if found == (["active"], [False]) else [f"company and consents are {found}"]


def signing_in(scene: Scene) -> None:
    """Nothing is left behind that would count against the next attempt."""
    owner = scene.actor()
    scene.arm()
    owner.sign_in()
    scene.converge(owner, JOINED)
    assert owner.send("GET", "/v1/me").status_code == 200


def password_change(scene: Scene) -> None:
    """Either the old password holds or the new one; one mail says so."""
    owner = scene.actor()
    scene.arm()
    changed = f"another {owner.customer.password}"
    owner.send("POST", "/v1/me/password", json={"current_password": owner.customer.password, "new_password": changed})
    _signs_in_only_with(scene, owner, changed)


def password_reset(scene: Scene) -> None:
    owner = scene.actor()
    owner.send("POST", "/v1/password-resets", json={"email": owner.customer.email})
    token = owner.token("/reset-password", "password")
    scene.arm()
    changed = f"another {owner.customer.password}"
    owner.send("POST", "/v1/password-resets/completions", json={"token": token, "new_password": changed})
    _signs_in_only_with(scene, owner, changed, reset_password=1)


def _signs_in_only_with(scene: Scene, owner: Actor, changed: str, **mails: int) -> None:
    scene.converge(owner, Books(mails={**JOINED.mails, "password_changed": 1, **mails}))
    before = {"user_id": owner.customer.name, "password": owner.customer.password, "mode": "bearer"}
    owner.send("POST", "/v1/sessions", wanted=(401,), json=before)
    owner.customer.password = changed
    owner.sign_in()


def security_mail(scene: Scene) -> None:
    """A mail that somebody waits for; its link works, whichever copy is used."""
    owner = scene.actor()
    scene.arm()
    owner.send("POST", "/v1/password-resets", json={"email": owner.customer.email})
    scene.converge(owner, Books(mails={**JOINED.mails, "reset_password": 1}))
    changed = f"another {owner.customer.password}"
    token = owner.token("/reset-password", "password")
    owner.send("POST", "/v1/password-resets/completions", json={"token": token, "new_password": changed})
    scene.converge(owner, Books(mails={**JOINED.mails, "reset_password": 1, "password_changed": 1}))


# Colleagues


def invitation(scene: Scene) -> None:
    """The invitation is used and there is a member, or neither."""
    owner = scene.actor()
    scene.arm()
    colleague = _invite(owner)
    _accept(colleague)
    colleague.sign_in()
    scene.converge(owner, _with_colleague(), also=lambda: _members(scene, owner, 2))


def removal(scene: Scene) -> None:
    """The member is gone and so are the sessions, or neither."""
    owner = scene.actor()
    colleague = _invite(owner)
    _accept(colleague)
    colleague.sign_in()
    member_id = colleague.send("GET", "/v1/me").json()["id"]
    scene.converge(owner, _with_colleague(), keep=False)
    scene.arm()
    owner.send("DELETE", f"/v1/members/{member_id}")
    scene.converge(owner, _with_colleague(), also=lambda: _members(scene, owner, 1))
    colleague.send("GET", "/v1/me", wanted=(401,))


def _invite(owner: Actor) -> Actor:
    colleague = Actor(owner.lane)
    owner.send("POST", "/v1/invitations", json={"email": colleague.customer.email, "role": "hr_manager"})
    return colleague


def _accept(colleague: Actor) -> None:
    acceptance = {
        "token": colleague.token("/accept-invitation", "invite"),
        "first_name": "Mo",
        "last_name": "Harper",
        "user_id": colleague.customer.name,
        "password": colleague.customer.password,
    }
    colleague.send("POST", "/v1/invitations/acceptances", json=acceptance)


def _with_colleague() -> Books:
    return Books(mails={**JOINED.mails, "invitation": 1})


def _members(scene: Scene, owner: Actor, wanted: int) -> list[str]:
    found = len(scene.truth.rows("accounts", "SELECT id FROM users WHERE company_id = :id", id=owner.company_id))
    return [] if found == wanted else [f"{found} members instead of {wanted}"]


def purge(scene: Scene) -> None:
    """What is due to be forgotten is forgotten in the end, in however many parts."""
    owner = scene.actor()
    owner.send("POST", "/v1/password-resets", json={"email": owner.customer.email})
    mails = Books(mails={**JOINED.mails, "reset_password": 1})
    scene.converge(owner, mails, keep=False)
    # Half a day: the session and the link are over.
    scene.lane.advance("13h")
    scene.arm()
    scene.converge(owner, mails, also=lambda: _left(scene, owner), seconds=100)


def _left(scene: Scene, owner: Actor) -> list[str]:
    tables = ("sessions", "links")
    counts = {
        table: len(scene.truth.rows("accounts", f"SELECT id FROM {table} WHERE company_id = :id", id=owner.company_id))
        for table in tables
    }
    return [f"{number} of {table} are left" for table, number in counts.items() if number]


# Workers


def hiring(scene: Scene) -> None:
    """Each worker is there once, and billing counts as many."""
    owner = scene.actor()
    scene.arm()
    for number in range(3):
        owner.send("POST", "/v1/workers", wanted=(201,), json={"first_name": f"W{number}", "last_name": "Mills"})
    scene.converge(owner, JOINED, also=lambda: _counted(scene, owner, 3))


def _counted(scene: Scene, owner: Actor, wanted: int) -> list[str]:
    workers = scene.truth.rows("workers", "SELECT id FROM workers WHERE company_id = :id", id=owner.company_id)
    meters = scene.truth.rows("billing", "SELECT managed FROM meters WHERE company_id = :id", id=owner.company_id)
    found = (len(workers), [row["managed"] for row in meters])
    return [] if found == (wanted, [wanted]) else [f"workers and meter are {found}"]


def nightly_sweep(scene: Scene) -> None:
    """What came in behind the guard's back is taken out, and the run counts it once."""
    owner = scene.actor()
    made = owner.send("POST", "/v1/workers", wanted=(201,), json={"first_name": "Wes", "last_name": "Hart"}).json()
    scene.converge(owner, JOINED, keep=False, also=lambda: _counted(scene, owner, 1))
    scene.truth.rows(
        "workers", "UPDATE workers SET title = :text WHERE id = :id", text="SSN 536-90-4399", id=made["id"]
    )
    scene.arm()
    scene.lane.advance("1d")
    scene.converge(owner, JOINED, also=lambda: _swept(scene, made["id"]))


def _swept(scene: Scene, worker_id: str) -> list[str]:
    worker = scene.truth.rows("workers", "SELECT title FROM workers WHERE id = :id", id=worker_id)
    found = scene.truth.rows("workers", "SELECT field FROM quarantined_fields WHERE worker_id = :id", id=worker_id)
    open_runs = scene.truth.rows("workers", "SELECT id FROM sweep_runs WHERE finished_at IS NULL")
    problems = ["the text is still there"] if "536" in (worker[0]["title"] or "") else []
    if [row["field"] for row in found] != ["title"]:
        problems.append(f"quarantined: {found}")
    return problems + ["a sweep is not finished"] * len(open_runs)


def reminder(scene: Scene) -> None:
    """Each of two actions that fall due is told once."""
    owner = scene.actor()
    worker = owner.send("POST", "/v1/workers", wanted=(201,), json={"first_name": "Wes", "last_name": "Hart"}).json()
    tomorrow = (clock.now() + timedelta(seconds=_ahead(scene), days=1)).date().isoformat()
    for text in ("Hand over the keys.", "Return the ladder."):
        action = {"kind": "task", "text": text, "due_on": tomorrow}
        owner.send("POST", f"/v1/workers/{worker['id']}/actions", wanted=(201,), json=action)
    scene.converge(owner, None)
    scene.arm()
    scene.lane.advance("1d")
    scene.converge(owner, None, also=lambda: _told(scene, owner, "workers", "action.due", 2))


def trial(scene: Scene) -> None:
    """It ends by itself, and that is told once."""
    owner = scene.actor()
    owner.send("POST", "/v1/trials", wanted=(201,))
    scene.converge(owner, None)
    scene.arm()
    scene.lane.advance("15d")
    scene.converge(owner, None, also=lambda: _told(scene, owner, "billing", "subscription.read_only", 1))


def _ahead(scene: Scene) -> float:
    moved = scene.lane.product.home / "clock"
    return float(moved.read_text()) if moved.exists() else 0.0


def _told(scene: Scene, owner: Actor, service: str, kind: str, wanted: int) -> list[str]:
    sql = "SELECT event_id FROM outbox WHERE company_id = :id AND type = :type"
    found = len(scene.truth.rows(service, sql, id=owner.company_id, type=kind))
    return [] if found == wanted else [f"{kind} was told {found} times"]
