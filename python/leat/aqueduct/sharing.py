"""Fields that are shared. Every large array, bytes or bytearray that is a field of a task travels in
shared memory, so that sharing one is only a promise about what its owner sees: after the task has
been processed the field is the same array, with what the handlers have written to it."""

import warnings
from typing import Any, Protocol, Set


class HasReadany(Protocol):
    """As aiohttp's StreamReader."""

    async def readany(self) -> bytes: ...


class SharedFieldsMixin:
    def __init__(self, *args, **kwargs):
        self._shared_fields: Set[str] = set()
        super().__init__(*args, **kwargs)

    def share_value(self, field_name: str):
        """The field is a copy from now on, which handlers and owner have in common. Ends when
        another value is assigned. ValueError: there is no such field, it is shared already, or it
        is no array, bytes or bytearray."""
        if field_name not in self.__dict__:
            raise ValueError(f"the task has no field {field_name!r} to share")
        if field_name in self._shared_fields:
            raise ValueError(f"the field {field_name!r} is shared already")
        self.__dict__[field_name] = shareable(self.__dict__[field_name])
        self._shared_fields.add(field_name)

    async def share_value_with_data(self, field_name: str, content: HasReadany, size: int):
        """Reads `content` to its end into a shared field of bytes. ValueError: it is longer than
        `size`; if it is shorter, zeros follow."""
        blocks, came = [], 0
        while block := await content.readany():
            came += len(block)
            if came > size:
                raise ValueError(f"more than the {size} bytes that were announced came for "
                                 f"{field_name!r}")
            blocks.append(block)
        self.__dict__[field_name] = b"".join(blocks) + bytes(size - came)
        self._shared_fields.add(field_name)

    def __setattr__(self, key: str, value: Any):
        shared = self.__dict__.get("_shared_fields")
        other = self.__dict__.get(key) is not value  # `task.x += 1` assigns the array itself
        super().__setattr__(key, value)
        if shared and key in shared and other:
            shared.discard(key)
            warnings.warn(f"The {key} field value is not shared anymore", stacklevel=2)

    def _update_shared(self, source: "SharedFieldsMixin") -> Set[str]:
        """Brings what is shared here or there up to date; the names of these fields."""
        for field in source._shared_fields - self._shared_fields:
            self.__dict__[field] = source.__dict__[field]
            self._shared_fields.add(field)
        for field in source._shared_fields & self._shared_fields:
            refill(self.__dict__[field], source.__dict__[field])
        return {"_shared_fields"} | self._shared_fields


def shareable(value):
    """A copy that nobody else writes to, unless nobody can."""
    if type(value) is bytes:
        return value
    if isinstance(value, (bytes, bytearray)):
        return type(value)(value)
    try:
        import numpy
    except ImportError:
        pass
    else:
        if isinstance(value, numpy.ndarray):
            return numpy.array(value, order="C")
    raise ValueError(f"a {type(value).__name__} cannot be shared: an array, bytes or a bytearray "
                     "can")


def refill(kept, new):
    """Into the array that the owner has, what the handlers made of it."""
    if kept is not new and hasattr(kept, "shape") and kept.shape == new.shape:
        kept[...] = new
