"""Filters and orders as SQL.

A list is read in its order until a page is full, which is fast where much matches.
Where little does, that would read everything; so what is asked of keys is counted
first, and the rare is looked up and not waited for.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from registry_svc import schema
from registry_svc.domain.search import orders
from registry_svc.domain.search import predicates as p
from registry_svc.domain.search.fields import WORDS_IN, Field, Kind
from registry_svc.domain.search.orders import Key, Order, Place

RARE: Final = 2_000
"""What so many rows or fewer have is looked up."""

Condition: TypeAlias = sa.ColumnElement[bool]
Column: TypeAlias = sa.ColumnElement[Any]
Leaf: TypeAlias = p.HasKey | p.Compare | p.Like | p.Contains


@dataclass(frozen=True, slots=True)
class MapTable:
    """Where the values of a map field are.

    Attributes:
        key: its column that a key is in.
        value: its column that the key's value is in.
        owner: columns that say whose the key is, as `Collection.identity`.
    """

    table: sa.Table
    key: sa.Column[Any]
    value: sa.Column[Any]
    owner: tuple[sa.Column[Any], ...]


@dataclass(frozen=True, slots=True)
class Collection:
    """A list that can be searched.

    Attributes:
        identity: columns that say which row it is.
        maps: by the name of the field.
    """

    table: sa.Table
    identity: tuple[sa.Column[Any], ...]
    maps: Mapping[str, MapTable]


_v, _m = schema.versions.c, schema.models.c
_tags, _metrics, _aliases = schema.version_tags, schema.version_metrics, schema.aliases
_datasets, _parents = schema.lineage_datasets, schema.lineage_parents

VERSIONS: Final = Collection(
    schema.versions,
    (_v.model, _v.number),
    {
        "tags": MapTable(_tags, _tags.c.key, _tags.c.value, (_tags.c.model, _tags.c.number)),
        "metrics": MapTable(
            _metrics, _metrics.c.name, _metrics.c.value, (_metrics.c.model, _metrics.c.number)
        ),
        "aliases": MapTable(
            _aliases, _aliases.c.alias, _aliases.c.version, (_aliases.c.model, _aliases.c.version)
        ),
        "datasets": MapTable(
            _datasets, _datasets.c.uri, _datasets.c.digest, (_datasets.c.model, _datasets.c.number)
        ),
        "parents": MapTable(
            _parents, _parents.c.parent, _parents.c.relation, (_parents.c.model, _parents.c.number)
        ),
    },
)
MODELS: Final = Collection(
    schema.models,
    (_m.model,),
    {"aliases": MapTable(_aliases, _aliases.c.alias, _aliases.c.version, (_aliases.c.model,))},
)


async def select(
    connection: AsyncConnection,
    collection: Collection,
    predicate: p.Predicate,
    order: Order,
    after: Place | None,
) -> sa.Select[Any]:
    """The rows that `predicate` holds of, in `order`, beyond a place."""
    is_sqlite = connection.dialect.name == "sqlite"
    needed = set(_needed(predicate))
    written = _Written(collection, collection.table, is_sqlite)
    rare = {leaf for leaf in needed if await _is_rare(connection, written, leaf)}
    if rare:
        # By itself, so that it is looked up whatever the order: an offset is a fence.
        some = [written.condition(leaf, rare) for leaf in rare]
        found = sa.select(collection.table).where(*some).offset(0).subquery()
        written = _Written(collection, found, is_sqlite)
    query = sa.select(written.rows).where(written.condition(predicate, rare))
    columns: list[Column] = []
    for key in order:
        is_there = any((leaf.field, leaf.key) == (key.field, key.key) for leaf in needed)
        column, query = written.order_column(key, query, is_there=is_there)
        columns.append(column)
        if key.key and not is_there:
            query = query.order_by(column.is_(None))
        query = query.order_by(column.desc() if key.is_descending else column.asc())
    return query if after is None else query.where(*_beyond(columns, order, after))


def _needed(predicate: p.Predicate) -> Iterator[Leaf]:
    """What is asked of keys, and nothing matches without."""
    if isinstance(predicate, p.All):
        for part in predicate.parts:
            yield from _needed(part)
    elif isinstance(predicate, Leaf) and predicate.field.is_map:
        yield predicate


async def _is_rare(connection: AsyncConnection, written: _Written, leaf: Leaf) -> bool:
    some = sa.select(sa.literal(1)).where(*written.held(leaf)).limit(RARE + 1).subquery()
    result = await connection.execute(sa.select(sa.func.count()).select_from(some))
    return result.scalar_one() <= RARE


@dataclass(frozen=True, slots=True)
class _Written:
    """Predicates on a collection in a database's words.

    Attributes:
        rows: the collection's table, or some of its rows.
    """

    collection: Collection
    rows: sa.FromClause
    is_sqlite: bool

    @property
    def _identity(self) -> list[Column]:
        return [self.rows.c[column.name] for column in self.collection.identity]

    def condition(self, predicate: p.Predicate, rare: Set[Leaf]) -> Condition:
        match predicate:
            case p.All(parts):
                return sa.and_(sa.true(), *(self.condition(part, rare) for part in parts))
            case p.Any(parts):
                return sa.or_(sa.false(), *(self.condition(part, rare) for part in parts))
            case p.Not(part):
                return sa.not_(self.condition(part, rare))
            case p.Words(text):
                columns = self.rows.c
                found = (self._contains(columns[n], text) for n in WORDS_IN if n in columns)
                return sa.or_(sa.false(), *found)
            case p.HasKey() | p.Compare() | p.Like() | p.Contains():
                if predicate.field.is_map:
                    return self._of_key(predicate, is_rare=predicate in rare)
                return self._of_value(self.rows.c[predicate.field.name], predicate)

    def held(self, leaf: Leaf) -> list[Condition]:
        """What holds of the rows of a map's table that `leaf` is about."""
        of = self.collection.maps[leaf.field.name]
        held: list[Condition] = [of.key == leaf.key]
        if not isinstance(leaf, p.HasKey):
            held.append(self._of_value(of.value, leaf))
        return held

    def order_column(
        self, key: Key, query: sa.Select[Any], *, is_there: bool
    ) -> tuple[Column, sa.Select[Any]]:
        """The column that `key` is ordered by, which `query` then has.

        Args:
            is_there: whether all that matches has the key: then its index is in order.
        """
        if not key.key:
            return self._in_code_points(self.rows.c[key.field.name], key.field), query
        of = self.collection.maps[key.field.name]
        values = of.table.alias()
        owned = zip(of.owner, self._identity, strict=True)
        mine = (values.c[column.name] == identity for column, identity in owned)
        on = sa.and_(values.c[of.key.name] == key.key, *mine)
        joined = query.join_from(self.rows, values, on, isouter=not is_there)
        return self._in_code_points(values.c[of.value.name], key.field), joined

    def _of_key(self, leaf: Leaf, *, is_rare: bool) -> Condition:
        of, held = self.collection.maps[leaf.field.name], self.held(leaf)
        if is_rare:
            return sa.tuple_(*self._identity).in_(sa.select(*of.owner).where(*held))
        owned = zip(of.owner, self._identity, strict=True)
        return sa.exists().where(*held, *(column == identity for column, identity in owned))

    def _of_value(self, column: Column, leaf: Leaf) -> Condition:
        match leaf:
            case p.Compare(of, _, comparator, value):
                ordered = comparator not in ("=", "!=")
                compared = self._in_code_points(column, of) if ordered else column
                return _COMPARE[comparator](compared, value)
            case p.Contains(_, _, text):
                return self._contains(column, text)
            case p.Like(_, _, parts, is_negated):
                like = self._like(column, parts)
                return sa.not_(like) if is_negated else like
            case p.HasKey():
                return sa.true()

    def _in_code_points(self, column: Column, of: Field) -> Column:
        """`column` in the code points' order, whatever the database's locale."""
        if of.kind not in (Kind.TEXT, Kind.WORD):
            return column
        return sa.collate(column, "BINARY" if self.is_sqlite else "C")

    def _contains(self, column: Column, text: str) -> Condition:
        if self.is_sqlite:  # whose lower() knows ASCII alone
            return sa.func.instr(sa.func.lower(column), sa.func.lower(text)) > 0
        lower = sa.func.lower(sa.collate(column, "C"))
        return sa.func.strpos(lower, sa.func.lower(sa.collate(sa.literal(text), "C"))) > 0

    def _like(self, column: Column, parts: Sequence[str]) -> Condition:
        if self.is_sqlite:  # whose LIKE is blind to case
            pattern = "*".join(_SPECIAL_IN_GLOB.sub(r"[\g<0>]", part) for part in parts)
            return column.op("GLOB", is_comparison=True)(pattern)
        pattern = "%".join(_SPECIAL_IN_LIKE.sub(r"\\\g<0>", part) for part in parts)
        return sa.collate(column, "C").like(pattern, escape="\\")


_COMPARE: Final[Mapping[str, Callable[[Column, Any], Condition]]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_SPECIAL_IN_GLOB: Final = re.compile(r"[*?\[]")
_SPECIAL_IN_LIKE: Final = re.compile(r"[%_\\]")


def _beyond(columns: Sequence[Column], order: Order, after: Place) -> tuple[Condition, Condition]:
    """What comes after a place; the first key's bound again, for an index to begin at."""
    values = [orders.of_place(value, key) for value, key in zip(after, order, strict=True)]
    chains: list[Condition] = []
    same: list[Condition] = []
    for column, value, key in zip(columns, values, order, strict=True):
        chains.append(sa.and_(*same, _is_past(column, value, key)))
        same.append(column.is_(None) if value is None else column == value)
    bound = sa.or_(same[0], _is_past(columns[0], values[0], order[0]))
    if not order[0].key:
        comparator = "<=" if order[0].is_descending else ">="
        bound = _COMPARE[comparator](columns[0], values[0])
    return bound, sa.or_(*chains)


def _is_past(column: Column, value: object, key: Key) -> Condition:
    if value is None:
        return sa.false()
    past = column < value if key.is_descending else column > value
    return sa.or_(past, column.is_(None)) if key.key else past
