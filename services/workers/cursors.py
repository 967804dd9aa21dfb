"""
Where a page of a list ended. Sealed with the company's key: a cursor holds a name, and
addresses end up in logs; and it cannot be made up or carried to another company.
"""

import base64
import binascii
from datetime import datetime
from typing import NamedTuple

import orjson

from actiontrac.errors import Invalid
from actiontrac.vault import Cipher, SealBroken

_PLACE = "workers|cursor"


class Position(NamedTuple):
    """The last worker of a page: its key in the order of the list, and its id."""

    key: str | datetime
    worker_id: str


def write(cipher: Cipher, sort: str, position: Position) -> str:
    timed = isinstance(position.key, datetime)
    key = position.key.isoformat() if isinstance(position.key, datetime) else position.key
    sealed = cipher.seal(orjson.dumps([sort, timed, key, position.worker_id]).decode(), _PLACE)
    return base64.urlsafe_b64encode(sealed).decode().rstrip("=")


def read(cipher: Cipher, sort: str, cursor: str) -> Position:
    """
    Raises:
        Invalid: not a cursor of this company, or of a list in another order.
    """
    try:
        sealed = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        made_for, timed, key, worker_id = orjson.loads(cipher.open(sealed, _PLACE))
    except (binascii.Error, ValueError, SealBroken):
        raise Invalid.at("cursor", "is not a next_cursor of this list") from None
    if made_for != sort:
        raise Invalid.at("cursor", "was made for another order; begin again without it")
    return Position(datetime.fromisoformat(key) if timed else key, worker_id)
