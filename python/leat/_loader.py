"""Ready batches for training, through the same plan that serves."""

import collections
import concurrent.futures
import os

import numpy as np

from leat._load import _leat


class Batch:
    """What a Loader gives: the pipeline's outputs by name, each an array with a row for every sample.
    batch.tensor, batch["tensor"]; torch.from_dlpack(batch.tensor) takes it without a copy. An output
    whose rows differ in shape, or are absent or BYTES, is a list.

    index: INT64 array, the samples' numbers in `files`.
    labels: what came with the files, as an array where these are numbers, else a list; None without.
    failed: [(number, exception)] of the samples that were left out.
    epoch: from 0.
    """

    def __init__(self, outputs, index, labels, failed, epoch):
        self.outputs, self.index, self.labels = outputs, index, labels
        self.failed, self.epoch = failed, epoch

    def __len__(self):
        return len(self.index)

    def __getitem__(self, name):
        return self.outputs[name]

    def __getattr__(self, name):
        try:
            return self.__dict__["outputs"][name]
        except KeyError:
            raise AttributeError(f"the batch has no {name!r}") from None

    def keys(self):
        return self.outputs.keys()

    def __repr__(self):
        return f"<leat.Batch of {len(self)}: {', '.join(self.outputs)}>"


class Loader:
    """Iterates over batches that are ready: files are read, and the pipeline is run, ahead of time on
    threads of leat's, and each output is written into its row of the batch.

        loader = leat.Loader("train.yaml", files, batch=64, shuffle=True)
        for batch in loader:
            step(torch.from_dlpack(batch.tensor), batch.labels)

    pipeline: a Pipeline, or what Pipeline() takes.
    files: a sequence of samples. A sample is a path, whose bytes are the pipeline's first input beside
        `seed`; a tuple (path, label); or a dict of inputs by name, in which a pathlib.Path stands for
        its file's bytes. Whatever else it may be, `read` makes of it.
    batch: samples in a batch.
    shuffle, seed: the order of every epoch is another, and the same each time for one seed. It needs
        no memory, however many files there are.
    epochs: how often one iteration over the loader goes through the samples; None: without end.
    shard: (number, of): only every `of`-th sample of the order is read here. The shards' lengths differ
        by at most one, or not at all with drop_last.
    drop_last: leave out what does not fill a batch in every shard.
    prefetch: batches that are made ahead.
    in_flight: calls of the pipeline at once. Default: two for each thread of the engine, and two more.
        A pipeline whose models join batches wants more.
    readers: threads that read files.
    read: read(sample) gives the dict of inputs, or the first input alone, in place of reading a file.
        It runs on the readers' threads.
    errors: "raise" raises the exception of a sample that cannot be read, in place of its batch, and the
        iterator can be gone on with; "skip" leaves such samples out, and lists them in batch.failed.
    state: what state() gave, to go on from there.

    An input of the pipeline called `seed` that samples do not have gets an INT64 that is different for
    every sample and epoch, and the same each time: what operators that draw at random take.

    The pipeline's `timeout` counts for each sample. One thread at a time iterates.
    """

    def __init__(self, pipeline, files, *, batch=64, shuffle=False, seed=0, epochs=1, shard=(0, 1),
                 drop_last=False, prefetch=2, in_flight=None, readers=4, read=None, errors="raise",
                 state=None):
        from leat._pipeline import Pipeline

        if not isinstance(pipeline, Pipeline):
            pipeline = Pipeline(pipeline)
        for name, value in {"batch": batch, "prefetch": prefetch, "readers": readers,
                            "in_flight": 1 if in_flight is None else in_flight,
                            "epochs": 1 if epochs is None else epochs}.items():
            if value < 1:
                raise ValueError(f"{name} is {value}; at least 1 is wanted")
        if errors not in ("raise", "skip"):
            raise ValueError(f'errors is {errors!r}; "raise" or "skip" is wanted')
        number, of = shard
        if not 0 <= number < of:
            raise ValueError(f"shard is {shard!r}; (number, of) with number from 0 to of - 1 is wanted")
        self._pipeline = pipeline.load()
        if self._pipeline.batched:
            raise ValueError(f"{pipeline.name} is batched: a Loader wants a pipeline of single items")
        names = [name for name, _, _ in self._pipeline.inputs]
        others = [name for name in names if name != "seed"]
        if not others:
            raise ValueError(f"{pipeline.name} has no input for a sample")
        self._first = others[0]
        self._seeded = "seed" in names
        self._outputs = [name for name, _, _ in self._pipeline.outputs]
        self._files, self._read, self._skip = files, read, errors == "skip"
        self._batch, self._shuffle, self._seed = batch, shuffle, seed
        self._shard, self._drop_last, self._epochs = (number, of), drop_last, epochs
        self._prefetch, self._readers = prefetch, readers
        self._in_flight = in_flight or 2 * len(os.sched_getaffinity(0)) + 2
        self._count = len(files)
        if drop_last:
            self._own = self._count // (of * batch) * batch
        else:
            self._own = len(range(number, self._count, of))
        self._epoch, self._next = 0, 0
        self._iteration = None
        if state is not None:
            self._go_to(state)

    def __len__(self):
        """Batches of an epoch."""
        return -(-self._own // self._batch)

    @property
    def epoch(self):
        """Of the batch that comes next."""
        return self._epoch

    def state(self):
        """Where it is, between two batches, as a dict that json can write: Loader(..., state=state)
        goes on with the batch that follows the one given last."""
        return {**self._same(), "epoch": self._epoch, "next": self._next}

    def _same(self):
        """What must not change from one run to the next."""
        return {"files": self._count, "batch": self._batch, "shuffle": bool(self._shuffle),
                "seed": self._seed, "shard": list(self._shard), "drop_last": bool(self._drop_last)}

    def _go_to(self, state):
        for name, value in self._same().items():
            if state.get(name) != value:
                raise ValueError(f"the state is of a loader with {name}={state.get(name)!r}, "
                                 f"this one has {value!r}")
        self._epoch, self._next = int(state["epoch"]), int(state["next"])

    def __iter__(self):
        """The batches of `epochs` epochs, from where the loader is."""
        self.close()
        self._iteration = Iteration(self)
        return self._iteration

    def close(self):
        """Ends what is made ahead."""
        if self._iteration is not None:
            self._iteration.close()
            self._iteration = None

    def __del__(self):
        if getattr(self, "_iteration", None) is not None:
            self._iteration.close()

    def _indices(self, epoch, number):
        """The samples of a batch."""
        first = number * self._batch
        positions = np.arange(first, min(first + self._batch, self._own), dtype=np.uint64)
        positions = positions * np.uint64(self._shard[1]) + np.uint64(self._shard[0])
        if self._shuffle:
            positions = permute(positions, self._count, mix(self._seed, epoch))
        return positions.astype(np.int64)

    def _inputs(self, sample, index, epoch):
        """(inputs by name, label)"""
        label = None
        if self._read is not None:
            inputs = self._read(sample)
        else:
            if isinstance(sample, tuple):
                sample, label = sample
            inputs = sample if isinstance(sample, dict) else contents(sample)
        if not isinstance(inputs, dict):
            inputs = {self._first: inputs}
        inputs = {name: contents(value) if isinstance(value, os.PathLike) else value
                  for name, value in inputs.items()}
        if self._seeded and "seed" not in inputs:
            inputs["seed"] = np.int64(mix(self._seed, epoch, index) >> 1)
        return inputs, label


class Iteration:
    """One pass over a Loader's batches. `_due` are those that are made ahead, in their order."""

    def __init__(self, loader):
        self._loader = loader
        self._gate = _leat.gate(loader._in_flight)
        self._pool = concurrent.futures.ThreadPoolExecutor(loader._readers, "leat-loader")
        self._due = collections.deque()
        self._end = None if loader._epochs is None else loader._epoch + loader._epochs
        self._ahead = (loader._epoch, loader._next)

    def __iter__(self):
        return self

    def __next__(self):
        loader = self._loader
        self._make_ahead()
        if not self._due:
            self.close()
            raise StopIteration
        epoch, number, making = self._due.popleft()
        made = making.result()
        self._make_ahead()
        loader._epoch, loader._next = self._after(epoch, number)
        batch = made.batch(epoch, loader)
        if batch.failed and not loader._skip:
            index, error = batch.failed[0]
            if hasattr(error, "add_note"):
                error.add_note(f"sample {index}: {loader._files[index]!r:.200}")
            raise error
        return batch

    def _after(self, epoch, number):
        return (epoch, number + 1) if number + 1 < len(self._loader) else (epoch + 1, 0)

    def _make_ahead(self):
        loader = self._loader
        while len(self._due) < loader._prefetch and len(loader) > 0 and self._gate is not None:
            epoch, number = self._ahead
            if self._end is not None and epoch >= self._end:
                return
            self._due.append((epoch, number, Making(self, loader, epoch, number).done))
            self._ahead = self._after(epoch, number)

    def close(self):
        if self._gate is not None:
            self._gate.close()
            self._gate = None
            self._due.clear()
            self._pool.shutdown(wait=False)

    def __del__(self):
        if hasattr(self, "_pool"):
            self.close()


class Making:
    """A batch that is being made."""

    def __init__(self, iteration, loader, epoch, number):
        self.done = concurrent.futures.Future()
        self.index = loader._indices(epoch, number)
        self.labels = [None] * len(self.index)
        self.failed = {}
        self._filling = _leat.filling(loader._pipeline._loaded, iteration._gate, self._told,
                                      len(self.index))
        for row, index in enumerate(self.index.tolist()):
            iteration._pool.submit(self._start, iteration, loader, row, index, epoch)

    def _start(self, iteration, loader, row, index, epoch):
        if iteration._gate is None:
            return self._filling.leave_out(row)
        try:
            inputs, self.labels[row] = loader._inputs(loader._files[index], index, epoch)
            self._filling.start(row, inputs)
        except BaseException as error:
            self.failed[row] = error
            self._filling.leave_out(row)

    def _told(self, outputs, failed):
        self.outputs = outputs
        self.failed.update(failed)
        self.done.set_result(self)

    def batch(self, epoch, loader):
        outputs, index, labels = self.outputs, self.index, self.labels
        failed = [(int(index[row]), error) for row, error in sorted(self.failed.items())]
        if failed:
            kept = [row for row in range(len(index)) if row not in self.failed]
            outputs = [value[kept] if isinstance(value, np.ndarray) else [value[row] for row in kept]
                       for value in outputs]
            index, labels = index[kept], [labels[row] for row in kept]
        if all(label is None for label in labels):
            labels = None
        elif all(isinstance(label, (int, float, np.generic)) for label in labels):
            labels = np.asarray(labels)
        return Batch(dict(zip(loader._outputs, outputs)), index, labels, failed, epoch)


def contents(path):
    with open(path, "rb") as file:
        return file.read()


ALL = (1 << 64) - 1


def mix(*numbers):
    """64 bits that depend on all of them (the finaliser of SplitMix64, over and over)."""
    state = 0
    for number in numbers:
        state = (state + number + 0x9E3779B97F4A7C15) & ALL
        state = (state ^ state >> 30) * 0xBF58476D1CE4E5B9 & ALL
        state = (state ^ state >> 27) * 0x94D049BB133111EB & ALL
        state ^= state >> 31
    return state


def permute(positions, count, key):
    """Where a permutation of 0 ... count - 1 takes each of `positions` (UINT64): a Feistel network on
    the next even number of bits, walked on until the number is below count."""
    half = max(1, ((count - 1).bit_length() + 1) // 2)
    low, shift = np.uint64((1 << half) - 1), np.uint64(half)
    keys = [np.uint64(mix(key, turn)) for turn in range(8)]

    def turned(values):
        left, right = values >> shift, values & low
        for turn in keys:
            hashed = (right ^ turn) * np.uint64(0xBF58476D1CE4E5B9)
            hashed = (hashed ^ hashed >> np.uint64(32)) * np.uint64(0x94D049BB133111EB)
            left, right = right, left ^ ((hashed ^ hashed >> np.uint64(29)) & low)
        return left << shift | right

    values = turned(positions)
    while (outside := values >= np.uint64(count)).any():
        values[outside] = turned(values[outside])
    return values


Loader.__module__ = Batch.__module__ = "leat"
