"""Flatbuffers of a schema for which there is no generated code."""

import flatbuffers
import numpy as np

_NUMBERS = {
    np.uint8: flatbuffers.Builder.PrependUint8Slot,
    np.int32: flatbuffers.Builder.PrependInt32Slot,
    np.uint32: flatbuffers.Builder.PrependUint32Slot,
}


def flatbuffer(root: tuple, identifier: bytes) -> bytes:
    """Writes a table, with everything that it holds.

    A table is a tuple of its fields in the order of the schema; the last ones may be left out. A
    field is

    * None: not set;
    * a number as NumPy's `uint8` (also of enumerations), `int32` or `uint32`;
    * a string;
    * another table. A union takes two fields, of which the first, `uint8`, says what it is;
    * a vector: a list of tables or strings, or an array of numbers.

    Args:
        root: The table.
        identifier: The four bytes by which files of the schema are known.

    Returns:
        The flatbuffer.
    """
    builder = flatbuffers.Builder()
    builder.Finish(_written(builder, root), identifier)
    return bytes(builder.Output())


def _written(builder: flatbuffers.Builder, value: str | np.ndarray | list | tuple) -> int:
    """Writes what others refer to, and returns its place."""
    if isinstance(value, str):
        return builder.CreateString(value)
    if isinstance(value, np.ndarray):
        return builder.CreateNumpyVector(value)
    # What something refers to must be finished before it begins.
    places = [
        None if part is None or isinstance(part, np.generic) else _written(builder, part)
        for part in value
    ]
    if isinstance(value, list):
        builder.StartVector(4, len(places), 4)
        for place in reversed(places):
            builder.PrependUOffsetTRelative(place)
        return builder.EndVector()
    builder.StartObject(len(value))
    for slot, (field, place) in enumerate(zip(value, places)):
        if place is not None:
            builder.PrependUOffsetTRelativeSlot(slot, place, 0)
        elif field is not None:
            _NUMBERS[type(field)](builder, slot, field.item(), 0)
    return builder.EndObject()
