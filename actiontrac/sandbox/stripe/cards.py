"""
The card numbers that Stripe publishes for tests, and nothing else.

Any other number is refused without being looked at twice: it might be real, so it
is not stored, not logged and not shown again.
"""

import enum
from dataclasses import dataclass


class Outcome(enum.StrEnum):
    """What the card does when it is used."""

    PAID = "paid"
    DECLINED = "declined"
    CHALLENGE = "challenge"
    CHALLENGE_THEN_DECLINED = "challenge_then_declined"
    INVALID = "invalid"


@dataclass(frozen=True)
class Card:
    """``code`` and ``decline_code`` are Stripe's words; ``explains`` is for the page."""

    slug: str
    number: str
    brand: str
    explains: str
    outcome: Outcome = Outcome.PAID
    code: str | None = None
    decline_code: str | None = None
    #: What 3-D Secure says when nobody has to do anything: None where the card cannot do it.
    silent_result: str | None = "attempt_acknowledged"
    disputed: bool = False
    #: How a later refund goes: at once, ``later`` (pending first) or ``fails``.
    refund: str = "at once"

    @property
    def last4(self) -> str:
        return self.number[-4:]

    @property
    def spaced(self) -> str:
        return " ".join(self.number[start : start + 4] for start in range(0, len(self.number), 4))


def _declined(slug: str, number: str, explains: str, code: str, decline_code: str) -> Card:
    return Card(slug, number, "visa", explains, Outcome.DECLINED, code, decline_code)


CARDS = (
    Card("challenge", "4000002760003184", "visa", "3-D Secure asks first: you choose how it ends", Outcome.CHALLENGE),
    Card("visa", "4242424242424242", "visa", "Paid without a question of the bank: by default that goes back"),
    _declined("declined", "4000000000000002", "Declined by the bank", "card_declined", "generic_decline"),
    _declined("no_funds", "4000000000009995", "Declined: insufficient funds", "card_declined", "insufficient_funds"),
    Card("mastercard", "5555555555554444", "mastercard", "As 4242: paid without a question"),
    Card("amex", "378282246310005", "amex", "Paid; this card cannot do 3-D Secure", silent_result=None),
    Card("challenge_required", "4000000000003220", "visa", "3-D Secure asks first", Outcome.CHALLENGE),
    Card(
        "challenge_declined",
        "4000008400001629",
        "visa",
        "3-D Secure passes, then the bank declines",
        Outcome.CHALLENGE_THEN_DECLINED,
        "card_declined",
        "generic_decline",
    ),
    Card(
        "challenge_no_funds",
        "4000008260003178",
        "visa",
        "3-D Secure passes, then insufficient funds",
        Outcome.CHALLENGE_THEN_DECLINED,
        "card_declined",
        "insufficient_funds",
    ),
    _declined("lost", "4000000000009987", "Declined: lost card", "card_declined", "lost_card"),
    _declined("stolen", "4000000000009979", "Declined: stolen card", "card_declined", "stolen_card"),
    _declined("expired", "4000000000000069", "Declined: expired card", "expired_card", "expired_card"),
    _declined("wrong_cvc", "4000000000000127", "Declined: wrong security code", "incorrect_cvc", "incorrect_cvc"),
    _declined("trouble", "4000000000000119", "Declined: processing error", "processing_error", "processing_error"),
    Card(
        "mistyped", "4242424242424241", "visa", "Refused: the number is mistyped", Outcome.INVALID, "incorrect_number"
    ),
    Card("disputed", "4000000000000259", "visa", "Paid, then disputed as fraud", disputed=True),
    Card("refund_later", "4000000000007726", "visa", "Paid; a refund is pending first", refund="later"),
    Card("refund_fails", "4000000000005126", "visa", "Paid; a refund fails afterwards", refund="fails"),
)


def find(text: str) -> Card | None:
    """A published card by its slug or its number; None for everything else."""
    digits = "".join(text.split()).replace("-", "")
    return next((card for card in CARDS if text == card.slug or digits == card.number), None)
