"""leat.Loader: every sample once, in an order that can be had again, whatever fails."""

import collections
import json
import pathlib
import tempfile
import threading
import unittest

import leat
import numpy as np

SIDE = 8


def png(level):
    return leat.image.encode(np.full((20, 30, 3), level, np.uint8), format="PNG")


def pipeline(seeded=False):
    made = leat.Pipeline()
    if seeded:
        seed = made.input("seed", "INT64")  # first: it is not what files are read for
    view = made.image.to_tensor(made.image.decode(made.input("photo")).image, width=SIDE, height=SIDE,
                                mean=0, std=1)
    made.output(tensor=view.tensor)
    if seeded:
        made.output(seed=seed)
    return made


class LoaderTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.files = [pathlib.Path(folder.name) / f"{i}.png" for i in range(23)]
        for i, file in enumerate(cls.files):
            file.write_bytes(png(10 * i))
        cls.pipeline = pipeline()

    def check(self, batch):
        """Rows are those of the samples that the batch names."""
        self.assertEqual(batch.tensor.shape, (len(batch), 3, SIDE, SIDE))
        wanted = np.broadcast_to(10.0 * batch.index[:, None, None, None], batch.tensor.shape)
        np.testing.assert_array_equal(batch.tensor, wanted)

    def indices(self, **options):
        """Of each batch."""
        loader = leat.Loader(self.pipeline, self.files, **options)
        batches = list(loader)
        for batch in batches:
            self.check(batch)
        return [batch.index.tolist() for batch in batches]

    def test_in_order(self):
        given = self.indices(batch=5)
        self.assertEqual(sum(given, []), list(range(23)))
        self.assertEqual([len(batch) for batch in given], [5, 5, 5, 5, 3])

    def test_shuffled(self):
        once = self.indices(batch=4, shuffle=True, seed=7)
        self.assertEqual(sorted(sum(once, [])), list(range(23)))
        self.assertNotEqual(sum(once, []), list(range(23)))
        self.assertEqual(once, self.indices(batch=4, shuffle=True, seed=7, prefetch=5, readers=1))
        self.assertNotEqual(once, self.indices(batch=4, shuffle=True, seed=8))

    def test_epochs(self):
        loader = leat.Loader(self.pipeline, self.files, batch=10, shuffle=True, epochs=3)
        batches = list(loader)
        self.assertEqual([batch.epoch for batch in batches], [0] * 3 + [1] * 3 + [2] * 3)
        orders = [tuple(i for batch in batches[at:at + 3] for i in batch.index) for at in (0, 3, 6)]
        self.assertEqual(len(set(orders)), 3)
        for order in orders:
            self.assertEqual(sorted(order), list(range(23)))
        self.assertEqual(loader.epoch, 3)
        self.assertEqual({batch.epoch for batch in loader}, {3, 4, 5})

    def test_without_end(self):
        loader = leat.Loader(self.pipeline, self.files, batch=20, epochs=None)
        batches = iter(loader)
        self.assertEqual([next(batches).epoch for _ in range(7)], [0, 0, 1, 1, 2, 2, 3])
        loader.close()
        self.assertEqual(list(batches), [])

    def test_shards(self):
        for drop_last in (False, True):
            with self.subTest(drop_last=drop_last):
                shards = [self.indices(batch=3, shuffle=True, shard=(i, 3), drop_last=drop_last)
                          for i in range(3)]
                seen = [i for shard in shards for batch in shard for i in batch]
                self.assertEqual(len(seen), len(set(seen)))
                lengths = [sum(map(len, shard)) for shard in shards]
                self.assertEqual(lengths, [6] * 3 if drop_last else [8, 8, 7])

    def test_state(self):
        options = {"batch": 4, "shuffle": True, "seed": 5, "epochs": 2}
        whole = self.indices(**options)
        for stop in range(len(whole) + 1):
            loader = leat.Loader(self.pipeline, self.files, **options)
            batches = iter(loader)
            for _ in range(stop):
                next(batches)
            state = json.loads(json.dumps(loader.state()))
            loader.close()
            # An iteration is of two epochs from where it begins.
            rest = leat.Loader(self.pipeline, self.files, state=state, **options)
            self.assertEqual([batch.index.tolist() for batch in rest][:len(whole) - stop], whole[stop:])
        with self.assertRaisesRegex(ValueError, "seed=5, this one has 6"):
            leat.Loader(self.pipeline, self.files, state=state, **{**options, "seed": 6})

    def test_labels(self):
        samples = [(file, i % 3) for i, file in enumerate(self.files)]
        for batch in leat.Loader(self.pipeline, samples, batch=6, shuffle=True):
            np.testing.assert_array_equal(batch.labels, batch.index % 3)
        samples = [(file, f"class {i}") for i, file in enumerate(self.files)]
        for batch in leat.Loader(self.pipeline, samples, batch=6):
            self.assertEqual(batch.labels, [f"class {i}" for i in batch.index])

    def test_other_samples(self):
        for samples, read in [
            ([{"photo": file} for file in self.files], None),
            ([{"photo": file.read_bytes()} for file in self.files], None),
            (range(23), lambda i: png(10 * i)),
            (range(23), lambda i: {"photo": self.files[i]}),
        ]:
            for batch in leat.Loader(self.pipeline, samples, batch=9, read=read):
                self.check(batch)

    def test_seeds(self):
        seeds = collections.defaultdict(set)
        for _ in range(2):  # the same again
            for batch in leat.Loader(pipeline(True), self.files, batch=6, shuffle=True, epochs=2):
                for index, seed in zip(batch.index, batch.seed):
                    seeds[index, batch.epoch].add(int(seed))
        self.assertEqual({len(of_sample) for of_sample in seeds.values()}, {1})
        self.assertEqual(len(set.union(*seeds.values())), 46)

    def test_what_fails(self):
        bad = list(self.files)
        bad[2] = bad[2].with_name("nowhere.png")
        bad[9] = self.files[0].with_name("bad.png")
        bad[9].write_bytes(b"no picture")
        loader = leat.Loader(self.pipeline, bad, batch=5)
        batches, errors, given = iter(loader), [], []
        for _ in range(5):
            try:
                given.append(next(batches).index.tolist())
            except (FileNotFoundError, leat.BadMedia) as error:
                errors.append(type(error))
        self.assertEqual(errors, [FileNotFoundError, leat.BadMedia])
        self.assertEqual(given, [list(range(10, 15)), list(range(15, 20)), [20, 21, 22]])
        batches = list(leat.Loader(self.pipeline, bad, batch=5, errors="skip"))
        for batch in batches:
            self.check(batch)
        self.assertEqual([len(batch) for batch in batches], [4, 4, 5, 5, 3])
        self.assertEqual([i for batch in batches for i, _ in batch.failed], [2, 9])

    def test_all_of_a_batch_fail(self):
        samples = [b"no picture"] * 3 + [file.read_bytes() for file in self.files[:2]]
        batches = list(leat.Loader(self.pipeline, samples, batch=3, errors="skip", read=bytes))
        self.assertEqual([len(batch) for batch in batches], [0, 2])

    def test_outputs_that_differ(self):
        made = leat.Pipeline()
        made.output(image=made.image.decode(made.input("photo")).image, name=made.input("name"))
        samples = [{"photo": leat.image.encode(np.zeros((4 + i % 3, 5, 3), np.uint8), format="PNG"),
                    "name": f"{i}"} for i in range(7)]
        for batch in leat.Loader(made, samples, batch=4):
            self.assertEqual([image.shape for image in batch.image],
                             [(4 + i % 3, 5, 3) for i in batch.index])
            self.assertEqual(batch.name, [b"%d" % i for i in batch.index])

    def test_batches_are_ones_own(self):
        batches = list(leat.Loader(self.pipeline, self.files, batch=8))
        batches[0].tensor[:] = -1
        self.check(batches[1])

    def test_bounded(self):
        """No more is made ahead than was asked for."""
        read, lock = [], threading.Lock()

        def reading(i):
            with lock:
                read.append(i)
            return png(0)

        batches = iter(leat.Loader(self.pipeline, range(100_000), batch=4, prefetch=2, read=reading))
        for _ in range(3):
            next(batches)
        self.assertLessEqual(len(read), 5 * 4)

    def test_left_early(self):
        for _ in range(20):
            for _ in leat.Loader(self.pipeline, self.files, batch=2, prefetch=8):
                break

    def test_empty(self):
        self.assertEqual(list(leat.Loader(self.pipeline, [], epochs=None)), [])
        self.assertEqual(list(leat.Loader(self.pipeline, self.files, batch=64, drop_last=True)), [])

    def test_refused(self):
        for options, text in [({"batch": 0}, "batch is 0"), ({"shard": (2, 2)}, "shard is"),
                              ({"errors": "ignore"}, "errors is 'ignore'"), ({"epochs": 0}, "epochs")]:
            with self.assertRaisesRegex(ValueError, text):
                leat.Loader(self.pipeline, self.files, **options)
        with self.assertRaises(leat.BadInput):
            leat.Loader({"leat": 1, "inputs": {}, "steps": {}, "outputs": {}}, self.files)


if __name__ == "__main__":
    unittest.main()
