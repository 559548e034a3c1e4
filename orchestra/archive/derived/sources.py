"""Files of the archive as relations of a DuckDB database, which reads them itself.

Arrow ends the process where it uses the statistics of a damaged file; DuckDB reports the damage.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pyarrow as pa  # type: ignore[import-untyped]

from orchestra.archive.archive import Archive, ArchiveFile, ArchivePart
from orchestra.archive.derived.facts import quoted
from orchestra.archive.derived.files import derived_path
from orchestra.archive.derived.sums import SUMS
from orchestra.archive.derived.tables import TABLES
from orchestra.archive.parquet import SCHEMA

if TYPE_CHECKING:
    import duckdb


def allow_files(database: "duckdb.DuckDBPyConnection", archive: Archive, paths: Sequence[str]) -> dict[str, str]:
    """Let the database read these files of the archive, and no others. Returns the name of each for SQL."""
    if archive.root.folder is not None:
        names = [str(archive.root.folder / path) for path in paths]
    else:
        files, names = archive.root.remote(paths)
        database.register_filesystem(files)
    database.execute("SET allowed_paths = ?", [names])
    return dict(zip(paths, map(quoted, names), strict=True))


def event_rows(
    database: "duckdb.DuckDBPyConnection",
    archive: Archive,
    parts: Sequence[ArchivePart],
    names: dict[str, str],
    *,
    loaded: str,
    also: Sequence[pa.Table] = (),
) -> list[str]:
    """Relations whose rows together are the events of these parts of files, and of the tables ``also``.

    Parts of files, and the tables, are held in memory under the name ``loaded``.
    """
    relations = []
    if tables := [*also, *(table for part in parts if not part.whole for table in archive.tables(part))]:
        database.register(loaded, pa.concat_tables([SCHEMA.empty_table(), *tables]))
        relations.append(loaded)
    if whole := [names[part.file.path] for part in parts if part.whole]:
        relations.append(f"read_parquet([{', '.join(whole)}], union_by_name = true)")
    return relations


def derived_rows(
    files: Sequence[ArchiveFile], names: dict[str, str], *, with_names: bool = False
) -> dict[str, str] | None:
    """By table, and of the sums, a relation with the derived rows of these ranges; None without a range.

    With ``with_names`` each row has the ``filename``.
    """
    if not files:
        return None
    also = ", filename = true" if with_names else ""
    return {
        table: f"read_parquet([{', '.join(names[derived_path(table, file)] for file in files)}]{also})"
        for table in (*TABLES, SUMS)
    }
