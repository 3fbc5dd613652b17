"""What functions take and give, for type checkers."""

from typing import Any, List, Optional, Protocol, Sequence, Tuple, Union

import numpy as np
import numpy.typing as npt

class SupportsDLPack(Protocol):
    def __dlpack__(self, *args: Any, **kwargs: Any) -> Any: ...
    def __dlpack_device__(self) -> Tuple[Any, int]: ...

# Arrays, tensors of other packages, numbers and nested lists of them.
Array = Union[npt.ArrayLike, SupportsDLPack, memoryview]
# One text: bytes as they are, str as UTF-8, or a buffer.
Text = Union[bytes, str, bytearray, memoryview, npt.NDArray[np.uint8]]
# Many texts.
Texts = Union[Sequence[Union[bytes, str]], npt.NDArray[Any]]
# Numbers, one or one a channel.
Numbers = Union[float, Sequence[float], npt.NDArray[Any]]
