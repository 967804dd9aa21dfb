"""
What a stored field is, why it is held and for how long (P08; S07, S08, S10).

Every column of every service carries these three facts. A column without them
does not import, so nothing can be stored that the inventory does not know.
"""

from typing import Any

from sqlalchemy import MetaData

CLASSES = {
    "public": "may be shown to anybody",
    "corporate": "about the company or its account, not about a person",
    "personal": "about a person, or linked to one (S10)",
    "secret": "lets its holder in, or opens what is sealed",
}

RETENTIONS = {
    "membership": "as long as the company's membership lasts (S65)",
    "session": "until the session ends, at most 12 hours, then purged",
    "short": "until it is used or a few days old, then purged",
    "30 days": "30 days",
    "90 days": "90 days",
    "invoice": "as long as tax law asks for invoices, 10 years (S67)",
    "acceptance": "as long as the agreement can be disputed, 6 years (S67)",
    "suppression": "as long as the person does not want mail (S55)",
}


def tag(data_class: str, purpose: str, retention: str) -> dict[str, str]:
    """
    The facts about one column, for its ``info``.

    Raises:
        ValueError: a class or retention that the inventory does not define.
    """
    if data_class not in CLASSES:
        raise ValueError(f"{data_class!r} is not a data class; choose one of {sorted(CLASSES)}")
    if retention not in RETENTIONS:
        raise ValueError(f"{retention!r} is not a retention; choose one of {sorted(RETENTIONS)}")
    if not purpose.strip():
        raise ValueError("say why the field is held")
    return {"class": data_class, "purpose": purpose, "retention": retention}


def untagged(metadata: MetaData) -> list[str]:
    """``table.column`` of every column that the inventory does not know."""
    return [
        f"{table.name}.{column.name}"
        for table in metadata.tables.values()
        for column in table.columns
        if not {"class", "purpose", "retention"} <= column.info.keys()
    ]


def listing(service: str, metadata: MetaData) -> list[dict[str, Any]]:
    """One row for every stored field of a service, as the public page shows it."""
    return [
        {"service": service, "table": table.name, "field": column.name, **column.info}
        for table in metadata.sorted_tables
        for column in table.columns
    ]
