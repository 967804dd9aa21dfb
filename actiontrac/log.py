"""
JSON logs: a snake_case fact plus keys, one request id on every line, nobody's data.

What a log line may hold is ids, figures and names of things. Text of exceptions is
kept out as well, because it tends to quote what a person typed: the type and the
place are logged instead.
"""

import logging
import logging.config
import sys
import traceback
from typing import Any, TextIO

import structlog

from actiontrac import clock, context

#: Libraries that log what they carry. stripe logs URLs at INFO and bodies at DEBUG,
#: paypalrestsdk prints tokens at DEBUG, nameko the text of exceptions.
_QUIET = {
    "stripe": "WARNING",
    "paypalrestsdk": "ERROR",
    "nameko": "CRITICAL",
    "amqp": "WARNING",
    "kombu": "WARNING",
    "alembic": "WARNING",
    "urllib3": "WARNING",
    "sqlalchemy": "WARNING",
}


def _stamp(_: Any, __: str, line: dict[str, Any]) -> dict[str, Any]:
    line["at"] = clock.iso(clock.now())
    found = context._current.get()
    if found is not None:
        line.setdefault("request_id", found.request_id)
    return line


def _named(process: str) -> Any:
    """Say on every line which process wrote it; a context variable would be lost in the first green thread."""

    def name(_: Any, __: str, line: dict[str, Any]) -> dict[str, Any]:
        line["process"] = process
        return line

    return name


def _where_it_failed(_: Any, __: str, line: dict[str, Any]) -> dict[str, Any]:
    error = line.pop("exc_info", None)
    if error is True:
        error = sys.exc_info()[1]
    elif isinstance(error, tuple):
        error = error[1]
    if isinstance(error, BaseException):
        line["error"] = type(error).__name__
        line["trace"] = trace_of(error)
    return line


def trace_of(error: BaseException, frames: int = 8) -> list[str]:
    """Where an exception came from, without its text."""
    return [
        f"{frame.filename.rsplit('/', 3)[-1]}:{frame.lineno} {frame.name}"
        for frame in traceback.extract_tb(error.__traceback__)[-frames:]
    ]


def configure(*, service: str, level: str = "info", stream: TextIO | None = None) -> None:
    """Send every logger of the process, the libraries' included, to one stream as JSON lines."""
    stream = stream or sys.stderr
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        _named(service),
        structlog.processors.add_log_level,
        _stamp,
        _where_it_failed,
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.JSONRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.WriteLoggerFactory(file=stream),
        cache_logger_on_first_use=True,
    )
    logging.config.dictConfig(
        {
            "version": 1,
            # nameko's own CRITICAL lines vanish otherwise (bus.md, fact 19).
            "disable_existing_loggers": False,
            "formatters": {
                "json": {
                    "()": structlog.stdlib.ProcessorFormatter,
                    "processors": [
                        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                        structlog.processors.JSONRenderer(),
                    ],
                    "foreign_pre_chain": [*shared, structlog.stdlib.ExtraAdder()],
                }
            },
            "handlers": {
                "stream": {
                    "class": "logging.StreamHandler",
                    "stream": stream,
                    "formatter": "json",
                }
            },
            "root": {"handlers": ["stream"], "level": "WARNING"},
            "loggers": {name: {"level": quiet} for name, quiet in _QUIET.items()},
        }
    )


def get(name: str = "actiontrac") -> Any:
    """A logger; its methods take a snake_case fact and keys: ``log.info("fact", company_id=…)``."""
    return structlog.get_logger(name)
