"""leat runs a whole machine-learning pipeline as one declared graph."""

import concurrent.futures
import os
from types import TracebackType
from typing import (
    Any,
    Callable,
    Dict,
    Iterable,
    Iterator,
    List,
    Literal,
    Mapping,
    NamedTuple,
    Optional,
    Sequence,
    Tuple,
    Type,
    TypeVar,
    Union,
    overload,
)

import numpy as np
import numpy.typing as npt

from leat import detect as detect
from leat import image as image
from leat import tensor as tensor
from leat import text as text

__version__: str

_Path = Union[str, "os.PathLike[str]"]
_Step = TypeVar("_Step", bound=Callable[..., Any])

class Error(Exception):
    """Of anything in leat."""

    code: str
    retry_after: int  # of a client's Overloaded: seconds

    def __init__(self, message: str = ..., code: Optional[str] = ...) -> None: ...

class BadInput(Error, ValueError): ...
class NotFound(Error, LookupError): ...
class TooLarge(Error, ValueError): ...
class BadMedia(Error, ValueError): ...
class Overloaded(Error): ...
class Deadline(Error, TimeoutError): ...
class Cancelled(Error): ...
class StepFailed(Error, RuntimeError): ...
class Unavailable(Error, RuntimeError): ...
class Unsupported(Error, NotImplementedError): ...
class Internal(Error, RuntimeError): ...

class StepTime(NamedTuple):
    """One execution of one step. Times in seconds from the call's start."""

    step: str
    ready: float
    begin: float
    end: float
    row: int
    batch: int

class Answer(Tuple[Any, ...]):
    """The outputs of one call: by attribute, by name, by position."""

    trace: Optional[List[StepTime]]

    def __getattr__(self, name: str) -> Any: ...
    def __getitem__(self, key: Any) -> Any: ...
    def keys(self) -> Tuple[str, ...]: ...
    def _asdict(self) -> Dict[str, Any]: ...

class Engine:
    """Threads, memory and loaded models."""

    def __init__(
        self,
        *,
        threads: int = ...,
        max_in_flight: int = ...,
        warm_up: bool = ...,
        python: Optional[_Path] = ...,
        worker_program: Optional[_Path] = ...,
    ) -> None: ...
    def metrics(self) -> str: ...
    def drain(self, timeout: float = ...) -> bool: ...

def default_engine() -> Engine: ...

class Future(concurrent.futures.Future[Any]): ...

class _Map(Iterator[Any]):
    def __iter__(self) -> _Map: ...
    def __next__(self) -> Any: ...
    def close(self) -> None: ...

class _Value:
    """What flows along an edge of a pipeline that is being built."""

class _Outputs:
    def __getattr__(self, port: str) -> _Value: ...
    def __getitem__(self, port: str) -> _Value: ...

class _Family:
    """The operators of a family: each adds a step."""

    def __getattr__(self, name: str) -> Callable[..., Any]: ...

class Pipeline:
    """Of a file, of a text or a dict, or built in code."""

    def __init__(
        self,
        source: Union[_Path, Mapping[str, Any], None] = ...,
        *,
        engine: Optional[Engine] = ...,
        folder: Optional[_Path] = ...,
        name: Optional[str] = ...,
    ) -> None: ...

    # Calls.
    def __call__(
        self,
        /,
        *values: Any,
        timeout: Optional[float] = ...,
        priority: int = ...,
        trace: bool = ...,
        **inputs: Any,
    ) -> Any: ...
    def submit(
        self,
        /,
        *values: Any,
        timeout: Optional[float] = ...,
        priority: int = ...,
        trace: bool = ...,
        **inputs: Any,
    ) -> Future: ...
    async def infer(
        self,
        /,
        *values: Any,
        timeout: Optional[float] = ...,
        priority: int = ...,
        trace: bool = ...,
        **inputs: Any,
    ) -> Any: ...
    def map(
        self,
        items: Iterable[Any],
        *,
        in_flight: int = ...,
        ordered: bool = ...,
        errors: Literal["raise", "return"] = ...,
        timeout: Optional[float] = ...,
        priority: int = ...,
        trace: bool = ...,
    ) -> _Map: ...

    # What it is.
    def load(self) -> Pipeline: ...
    @property
    def name(self) -> str: ...
    @property
    def description(self) -> str: ...
    @property
    def batched(self) -> bool: ...
    @property
    def inputs(self) -> List[Tuple[str, str, bool]]: ...
    @property
    def outputs(self) -> List[Tuple[str, str, bool]]: ...
    def graph(self, format: Literal["mermaid", "dot", "svg"] = ...) -> str: ...

    # Building.
    def input(
        self,
        name: str,
        type: str = ...,
        *,
        shape: Optional[Sequence[Union[int, str]]] = ...,
        optional: bool = ...,
        default: Any = ...,
    ) -> _Value: ...
    def output(self, **values: Any) -> None: ...
    def set(self, **options: Any) -> None: ...
    def gather(self, value: Any, absent: Any = ...) -> _Value: ...
    def first_of(self, *values: Any) -> _Value: ...
    def optional(self, value: Any) -> _Value: ...
    def rows(self, value: _Value) -> _Value: ...
    def index(self) -> _Value: ...
    def model(
        self,
        path: _Path,
        inputs: Optional[Mapping[str, Any]] = ...,
        *,
        options: Optional[Mapping[str, Any]] = ...,
        **named: Any,
    ) -> _Outputs: ...
    def pipeline(
        self,
        path: _Path,
        inputs: Optional[Mapping[str, Any]] = ...,
        *,
        options: Optional[Mapping[str, Any]] = ...,
        **named: Any,
    ) -> _Outputs: ...
    def python(
        self,
        step: Union[str, Callable[..., Any]],
        inputs: Optional[Mapping[str, Any]] = ...,
        *,
        params: Optional[Mapping[str, Any]] = ...,
        options: Optional[Mapping[str, Any]] = ...,
        **named: Any,
    ) -> _Outputs: ...
    def dict(self) -> Dict[str, Any]: ...
    def text(self) -> str: ...
    def __getattr__(self, family: str) -> _Family: ...

class Server:
    """A server in this process."""

    @property
    def url(self) -> str: ...
    @property
    def metrics_url(self) -> Optional[str]: ...
    def load(self, *paths: _Path) -> None: ...
    def stop(self, timeout: float = ...) -> bool: ...
    def __enter__(self) -> Server: ...
    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None: ...

def serve(
    *what: Union[_Path, Mapping[str, Any], Pipeline],
    host: str = ...,
    http: int = ...,
    metrics: Optional[int] = ...,
    engine: Optional[Engine] = ...,
    **limits: Any,
) -> Server: ...

class Client:
    """A client of leat's servers."""

    def __init__(self, url: str, *, timeout: Optional[float] = ...) -> None: ...
    def ready(self) -> bool: ...
    def models(self) -> List[Dict[str, Any]]: ...
    def metadata(self, name: str) -> Dict[str, Any]: ...
    def run(self, name: str, /, *, timeout: Optional[float] = ..., **inputs: Any) -> Dict[str, Any]: ...
    def infer(self, name: str, /, *, timeout: Optional[float] = ..., **inputs: Any) -> Any: ...
    def close(self) -> None: ...
    def __enter__(self) -> Client: ...
    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None: ...

@overload
def step(made: _Step) -> _Step: ...
@overload
def step(
    *,
    batch: bool = ...,
    side_effects: bool = ...,
    inputs: Optional[Mapping[str, str]] = ...,
    outputs: Optional[Mapping[str, str]] = ...,
) -> Callable[[_Step], _Step]: ...

class Batch:
    """A row for every sample in each output."""

    outputs: Dict[str, Any]
    index: npt.NDArray[np.int64]
    labels: Any
    failed: List[Tuple[int, BaseException]]
    epoch: int

    def __len__(self) -> int: ...
    def __getitem__(self, name: str) -> Any: ...
    def __getattr__(self, name: str) -> Any: ...
    def keys(self) -> Iterable[str]: ...

class Loader:
    """Batches for training, made ahead by the pipeline."""

    def __init__(
        self,
        pipeline: Union[Pipeline, _Path, Mapping[str, Any]],
        files: Sequence[Any],
        *,
        batch: int = ...,
        shuffle: bool = ...,
        seed: int = ...,
        epochs: Optional[int] = ...,
        shard: Tuple[int, int] = ...,
        drop_last: bool = ...,
        prefetch: int = ...,
        in_flight: Optional[int] = ...,
        readers: int = ...,
        read: Optional[Callable[[Any], Any]] = ...,
        errors: Literal["raise", "skip"] = ...,
        state: Optional[Mapping[str, Any]] = ...,
    ) -> None: ...
    @property
    def epoch(self) -> int: ...
    def state(self) -> Dict[str, Any]: ...
    def close(self) -> None: ...
    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[Batch]: ...
