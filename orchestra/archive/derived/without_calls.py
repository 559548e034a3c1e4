"""Writes derived tables again without some calls; see `orchestra.archive.forgotten`."""
# ruff: noqa: S608 - names and conditions of our own

from collections.abc import Callable, Collection, Iterable

import duckdb
import pyarrow as pa  # type: ignore[import-untyped]

from orchestra.archive.abandoned import is_abandoned
from orchestra.archive.archive import Archive, ArchiveFile
from orchestra.archive.derived.encoding import parquet_of
from orchestra.archive.derived.files import LAST, derived_archive, derived_files, derived_path, paths_of
from orchestra.archive.derived.sources import allow_files
from orchestra.archive.derived.summing import summed
from orchestra.archive.derived.sums import SUMS
from orchestra.archive.derived.tables import TABLES


def derived_ranges(archive: Archive, partitions: Collection[int]) -> list[ArchiveFile]:
    """The ranges for which there are derived tables, whether queries read them or not."""
    return derived_files(archive, partitions=partitions)


def derived_calls(archive: Archive, file: ArchiveFile) -> list[str]:
    """The calls in the derived tables of a range; none if these cannot be read."""
    database = _database()
    try:
        return _calls(database, archive, file)
    except (duckdb.Error, OSError):
        return []
    finally:
        database.close()


def write_without(archive: Archive, file: ArchiveFile, gone: Callable[[Iterable[str]], Collection[str]]) -> bool:
    """Write the derived tables of a range again without some calls; whether it had any. Blocks.

    ``gone`` says which of the calls of the range. The table that is written last says that this is done: a run that is
    killed before it is repeated. Tables that cannot be read are removed: queries read the events until the next
    `derive`.

    Raises:
        OSError: they cannot be written.

    """
    database = _database()
    try:
        chosen = gone(_calls(database, archive, file))
        tables = _without(database, archive, file, chosen) if chosen else None
    except (duckdb.Error, pa.ArrowException, FileNotFoundError):
        for path in reversed(paths_of(file).values()):
            archive.root.remove(path)
        return True
    finally:
        database.close()
    if tables is None:
        return False
    for table, path in paths_of(file).items():
        archive.root.write(path, parquet_of(tables[table]))
    return True


def _database() -> duckdb.DuckDBPyConnection:
    return duckdb.connect(":memory:", config={"temp_directory": "", "threads": 1})


def _calls(database: duckdb.DuckDBPyConnection, archive: Archive, file: ArchiveFile) -> list[str]:
    path = derived_path(LAST, file)
    name = allow_files(database, archive, [path])[path]
    return [call for (call,) in database.execute(f"SELECT call FROM read_parquet({name})").fetchall()]


def _without(
    database: duckdb.DuckDBPyConnection, archive: Archive, file: ArchiveFile, calls: Collection[str]
) -> dict[str, pa.Table]:
    """The tables of the range and their sums without these calls, by name."""
    database.execute("CREATE TABLE gone AS SELECT unnest(?) AS call", [list(calls)])
    paths = [derived_path(table, file) for table in TABLES]
    names = allow_files(database, archive, paths)
    made: dict[str, pa.Table] = {}
    for table in TABLES.values():
        rows = f"SELECT * FROM read_parquet({names[derived_path(table.name, file)]}) ANTI JOIN gone USING (call)"
        made[table.name] = database.sql(f"{rows} ORDER BY {table.order}").to_arrow_table()
        database.register(f"made_{table.name}", made[table.name])
    return {**made, SUMS: summed(database, {table: f"made_{table}" for table in made})}


def remove_halves(archive: Archive, partitions: Collection[int], since_ms: int) -> None:
    """Remove tables of ranges that a dead process has left half written.

    A living one looks for marks when it has written them all.

    Raises:
        OSError: they cannot be removed.

    """
    complete = set(derived_files(archive, partitions=partitions))
    for table in (SUMS, *TABLES):
        files = derived_archive(archive, table)
        for file in files.files(partitions=partitions):
            if file not in complete and file.last.ms >= since_ms and is_abandoned(files.root, file.path):
                files.root.remove(file.path)
