"""The view ``analyses`` with a column for each value that apps have had extracted.

What the columns are follows from the rows: an app's struct names them, and another app's struct others. A name comes
from outside (an archive may be of a foreign journal), so it is quoted, and one that is no name stays in ``extracted``.
"""
# ruff: noqa: S608 - made of constants and quoted names

from typing import TYPE_CHECKING, Final

from orchestra.archive.derived.facts import quoted

if TYPE_CHECKING:
    import duckdb

#: more columns make no table: the other values are in ``extracted``
_MOST: Final = 200
_LONGEST: Final = 100
_WHOLE: Final = frozenset({"BIGINT", "UBIGINT"})
_NUMBERS: Final = _WHOLE | {"DOUBLE"}
_NESTED: Final = frozenset({"ARRAY", "OBJECT"})

#: the names that are most frequent, with the JSON types of their values
_FIELDS: Final = f"""
SELECT key, list(DISTINCT type) AS types
FROM (SELECT extracted FROM plain_analyses WHERE extracted IS NOT NULL) a, json_each(a.extracted) e
WHERE type <> 'NULL' AND key <> '' AND len(key) <= {_LONGEST}
GROUP BY key ORDER BY count(*) DESC, key LIMIT {_MOST}
"""


def create_analyses(database: "duckdb.DuckDBPyConnection") -> None:
    """Put the view ``analyses`` with the columns of now in the place of the one without. Blocks."""
    known = {name.lower() for (name, *_) in database.execute("DESCRIBE plain_analyses").fetchall()}
    columns = []
    for key, types in sorted(database.execute(_FIELDS).fetchall()):
        if key.isprintable():
            name = _new_name(key, known)
            known.add(name.lower())
            columns.append(f"{_value(key, frozenset(types))} AS {_identifier(name)}")
    database.execute(f"CREATE OR REPLACE VIEW analyses AS SELECT {', '.join(['*', *columns])} FROM plain_analyses")


def _new_name(key: str, known: set[str]) -> str:
    """The key, or a name like it: SQL knows no difference between upper and lower case."""
    name, number = key, 1
    while name.lower() in known:
        name = f"extracted_{key}" if number == 1 else f"extracted_{key}_{number}"
        number += 1
    return name


def _value(key: str, types: frozenset[str]) -> str:
    """SQL: the value of a key, of the narrowest type that all its values have."""
    path = quoted("/" + key.replace("~", "~0").replace("/", "~1"))
    if types & _NESTED:
        return f"json_extract(extracted, {path})"
    text = f"json_extract_string(extracted, {path})"
    if types <= _WHOLE:
        return f"TRY_CAST({text} AS BIGINT)"
    if types <= _NUMBERS:
        return f"TRY_CAST({text} AS DOUBLE)"
    return f"TRY_CAST({text} AS BOOLEAN)" if types == {"BOOLEAN"} else text


def _identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
