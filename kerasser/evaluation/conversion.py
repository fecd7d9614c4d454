"""Results as JSON and back: dataclasses by cattrs, strictly, in the flat rows that reports have.

A field that is `FLAT` has no key of its own: what it holds stands in the row itself, as `error` and `interval` do. A
field whose default is None is left out where it is None.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar, get_type_hints

from cattrs import Converter, transform_error
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn, override

from kerasser.attack.budget import CHANNEL_COLUMNS, COLUMNS, Budget
from kerasser.util.errors import InputError

T = TypeVar("T")


@dataclasses.dataclass(frozen=True)
class Key:
    """Marks a field that has another name in JSON: `Annotated[int, Key("N")]`."""

    name: str


#: Marks a field whose content stands in the row itself: a budget, a dataclass, or a mapping of all other keys.
FLAT = "flat"


def to_json(result: Any) -> Any:
    """Returns a result, or a list or mapping of such, as JSON holds it."""
    return _CONVERTER.unstructure(result)


def from_json(kind: type[T], data: Any, what: str) -> T:
    """Returns a result from what JSON holds.

    Args:
        kind: What it is, such as `Figure1Row` or `list[Figure1Row]`.
        data: What `json.loads` returned.
        what: What an error calls it: the file.

    Raises:
        InputError: If a field is missing, unknown or of another type.
    """
    try:
        return _CONVERTER.structure(data, kind)
    except Exception as error:
        # cattrs says "what is wrong @ its place".
        parts = (each.rpartition(" @ ") for each in transform_error(error, what, _explained))
        raise InputError("; ".join(f"{place}: {wrong}" for wrong, _, place in parts)) from None


def _explained(error: BaseException, kind: type | None) -> str:
    """Says what is wrong with a field; its place is added by cattrs."""
    if isinstance(error, KeyError):
        return f"expected a field {error.args[0]!r}. Received: none"
    if extra := getattr(error, "extra_fields", None):
        return f"expected no field {', '.join(sorted(map(repr, extra)))}. Received: it"
    return str(error)


def _primitive(kind: type) -> Callable[[Any, Any], Any]:
    """Returns a hook that takes a value of one type and converts none, but for a float that JSON wrote as a whole."""
    kinds = (int, float) if kind is float else (kind,)

    def structure(value: Any, _: Any) -> Any:
        if not isinstance(value, kinds) or (isinstance(value, bool) and kind is not bool):
            raise ValueError(f"expected {kind.__name__}. Received: {value!r}")
        return kind(value)

    return structure


def _marks(kind: Any) -> dict[str, tuple[Any, ...]]:
    """Returns how the fields of a dataclass are marked."""
    hints = get_type_hints(kind, include_extras=True)
    return {each.name: getattr(hints[each.name], "__metadata__", ()) for each in dataclasses.fields(kind)}


def _flat_fields(kind: Any) -> dict[str, Any]:
    """Returns the flat fields of a dataclass, with their types."""
    hints = get_type_hints(kind)
    return {name: hints[name] for name, marks in _marks(kind).items() if FLAT in marks}


def _names(kind: Any) -> dict[str, str]:
    """Returns what JSON calls the fields of a dataclass."""
    return {
        field: next((mark.name for mark in marks if isinstance(mark, Key)), field)
        for field, marks in _marks(kind).items()
    }


def _keys(kind: Any) -> set[str] | None:
    """Returns which keys of a row a flat field takes; None for all that are left."""
    for each in (kind, *getattr(kind, "__args__", ())):
        if each is Budget:
            return {*COLUMNS.values(), *CHANNEL_COLUMNS}
        if dataclasses.is_dataclass(each):
            return {field.name for field in dataclasses.fields(each)}
    return None


def _overrides(kind: Any) -> dict[str, Any]:
    names = _names(kind)
    return {
        each.name: override(rename=names[each.name], omit_if_default=each.default is None)
        for each in dataclasses.fields(kind)
    }


def _unstructure(kind: Any) -> Callable[[Any], dict[str, Any]]:
    plain, lifted = make_dict_unstructure_fn(kind, _CONVERTER, **_overrides(kind)), _flat_fields(kind)
    # In the order of the class: cattrs puts last what may be left out.
    keys = list(_names(kind).values())

    def unstructure(result: Any) -> dict[str, Any]:
        known = plain(result)
        found: dict[str, Any] = {}
        for key in keys:
            if key in known:
                found |= known[key] if key in lifted else {key: known[key]}
        return found

    return unstructure


def _structure(kind: Any) -> Callable[[Any, Any], Any]:
    plain = make_dict_structure_fn(kind, _CONVERTER, _cattrs_forbid_extra_keys=True, **_overrides(kind))
    lifted = {name: _keys(each) for name, each in _flat_fields(kind).items()}
    own = set(_names(kind).values()) - set(lifted)

    def structure(row: Any, _: Any) -> Any:
        if not isinstance(row, Mapping):
            raise ValueError(f"expected an object. Received: {row!r}")
        left, parts = dict(row), {}
        for name, keys in lifted.items():
            taken = keys if keys is not None else left.keys() - own
            part = {key: left.pop(key) for key in row if key in taken}
            if part or keys is None:
                parts[name] = part
        return plain(left | parts, kind)

    return structure


def _budget(row: Mapping[str, Any], _: Any) -> Budget:
    if set(row) == set(CHANNEL_COLUMNS):
        if not isinstance(row["channel"], str) or not isinstance(row["level"], int | float):
            raise ValueError(f"expected the name of a channel and its level. Received: {dict(row)}")
        return Budget.of(row)
    if len(row) != 1:
        raise ValueError(f"expected one budget. Received: {dict(row)}")
    if any(not isinstance(value, int | float) for value in row.values()):
        raise ValueError(f"expected a number. Received: {next(iter(row.values()))!r}")
    return Budget.of(row)


_CONVERTER = Converter(unstruct_collection_overrides={Sequence: list, tuple: list})
for _kind in (str, int, float, bool):
    _CONVERTER.register_structure_hook(_kind, _primitive(_kind))
_CONVERTER.register_unstructure_hook_factory(dataclasses.is_dataclass, _unstructure)
_CONVERTER.register_structure_hook_factory(dataclasses.is_dataclass, _structure)
_CONVERTER.register_structure_hook(Budget, _budget)
_CONVERTER.register_unstructure_hook(Budget, Budget.row)
