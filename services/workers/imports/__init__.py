"""Files of workers (W09): read as a table, then row by row, then compared and written."""

from services.workers.imports.plan import kept, run
from services.workers.imports.rows import read_rows
from services.workers.imports.table import read_table

__all__ = ["kept", "read_rows", "read_table", "run"]
