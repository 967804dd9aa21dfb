"""A campaign to everybody who asked for promotions, cut off in the middle."""

import secrets
from collections import Counter

from tests.chaos.actors import staff
from tests.chaos.scene import JOINED, Scene
from tests.chaos.truth import Books


def campaign(scene: Scene) -> None:
    """Each of two who agreed gets it once; nobody gets a promotion twice, whatever happens."""
    readers = [scene.actor(), scene.actor()]
    for reader in readers:
        reader.send("PATCH", "/v1/me/email-preferences", json={"categories": {"promotions": True}})
    scene.arm()
    subject = f"Webinar {secrets.token_hex(4)}"
    asked = {
        "name": subject,
        "category": "promotions",
        "subject": subject,
        "heading": subject,
        "body": "An hour about onboarding well.\n\nNo slides, only practice.",
    }
    made = readers[0].send("POST", "/v1/campaigns", wanted=(201,), http=staff(scene.lane), json=asked).json()
    expected = Books(mails={**JOINED.mails, "campaign": 1})
    for reader in readers:
        scene.converge(reader, expected, also=lambda: _sent(scene, made["id"]))
    _nobody_twice(scene, subject)
    for reader in readers:
        # The next campaign of this run is none of theirs.
        reader.send("PATCH", "/v1/me/email-preferences", json={"categories": {"promotions": False}})


def _sent(scene: Scene, campaign_id: str) -> list[str]:
    status = scene.truth.rows("notifications", "SELECT status FROM campaigns WHERE id = :id", id=campaign_id)
    return [] if status == [{"status": "sent"}] else [f"the campaign is {status}"]


def _nobody_twice(scene: Scene, subject: str) -> None:
    arrived = Counter(entry["to"][0] for entry in scene.truth.ledger("mail") if entry["subject"] == subject)
    assert all(number == 1 for number in arrived.values()), arrived
