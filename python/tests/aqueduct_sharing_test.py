"""What travels with a task: fields, arrays, shared ones, what handlers write to them."""

import asyncio
import os
import unittest
import warnings

import numpy as np

from aqueduct_package import Started, better, module, quiet

aqueduct = module()
LARGE = 300_000


class Task(aqueduct.BaseTask):
    def __init__(self, x=None):
        super().__init__()
        self.x = x
        self.result = None


class Sum(aqueduct.BaseTaskHandler):
    def handle(self, *tasks):
        for task in tasks:
            task.result = float(np.sum(np.frombuffer(task.x, np.uint8), dtype=float)
                                if isinstance(task.x, (bytes, bytearray)) else np.sum(task.x))


class AddOne(aqueduct.BaseTaskHandler):
    """In place."""

    def handle(self, *tasks):
        for task in tasks:
            np.add(task.x, 1, out=task.x)


class Nothing(aqueduct.BaseTaskHandler):
    def handle(self, *tasks):
        pass


class Call(aqueduct.BaseTaskHandler):
    """What the task says."""

    def handle(self, *tasks):
        for task in tasks:
            task.work(task)


class Work(Task):
    def __init__(self, x, work):
        super().__init__(x)
        self.work = work


class Double(aqueduct.BaseTaskHandler):
    """Makes a new array, and shares it."""

    def handle(self, *tasks):
        for task in tasks:
            task.result = task.x * 2
            task.share_value("result")


class Keep(aqueduct.BaseTaskHandler):
    """Keeps every array, and gives the sums of all that it has."""

    def __init__(self):
        self.kept = []

    def handle(self, *tasks):
        for task in tasks:
            self.kept.append(task.x)
            task.result = [int(array[0]) for array in self.kept]
            self.whole = all((array == array[0]).all() for array in self.kept)
            task.whole = self.whole


def new_fields(task):
    task.fresh = {"a": [1, 2], "b": np.arange(LARGE)}
    task.result = "text" * 1000
    task.x = None


def cut(task):
    task.x = task.x[10:20]
    task.work = add


def add(task):
    task.result = int(task.x.sum())


def add_one(task):
    task.x += 1  # which also assigns task.x


def forget(task):
    task.result = int(task.x.sum())
    task.x = None


def where(task):
    """The file that the array lies in, by the map of this process."""
    at = task.x.__array_interface__["data"][0]
    with open("/proc/self/maps") as lines:
        for line in lines:
            low, high = (int(end, 16) for end in line.split()[0].split("-"))
            if low <= at < high:
                task.places.append((line.split()[4], at - low + int(line.split()[2], 16)))


class Blocks:
    """As aiohttp's StreamReader."""

    def __init__(self, *blocks):
        self.blocks = list(blocks)

    async def readany(self):
        return self.blocks.pop(0) if self.blocks else b""


class Sharing(unittest.IsolatedAsyncioTestCase):
    def setUp(self):
        quiet()

    async def after(self, task, *steps):
        async with Started(*steps) as flow:
            await flow.process(task, timeout_sec=60)
        return task

    # --- share_value().

    async def test_shared_arrays_come_to_every_step(self):
        for x in (np.arange(5, dtype=np.int16), np.full(LARGE, 3, np.float32)):
            task = Task(x)
            task.share_value("x")
            await self.after(task, Nothing(), Sum())
            self.assertEqual(task.result, x.sum())
            np.testing.assert_array_equal(task.x, x)

    async def test_shared_bytes(self):
        for kind in (bytes, bytearray):
            task = Task(kind(b"\1\2" * LARGE))
            task.share_value("x")
            await self.after(task, Nothing(), Sum())
            self.assertEqual(task.result, 3 * LARGE)
            self.assertIs(type(task.x), kind)

    async def test_what_a_handler_writes_to_a_shared_array_the_owner_sees(self):
        for size in (10, LARGE):
            task = Task(np.zeros(size, np.int32))
            task.share_value("x")
            mine = task.x
            await self.after(task, AddOne(), AddOne())
            self.assertEqual((task.x.min(), task.x.max()), (2, 2))
            self.assertEqual((mine.min(), mine.max()), (2, 2))

    async def test_what_a_handler_puts_in_the_place_of_a_shared_value_the_owner_does_not_see(self):
        task = Work(np.full(LARGE, 3, np.uint8), forget)
        task.share_value("x")
        await self.after(task, Call(), Nothing())
        self.assertEqual(task.result, 3 * LARGE)
        self.assertEqual((task.x.min(), task.x.max()), (3, 3))

    async def test_sharing_is_a_copy(self):
        given = np.zeros(LARGE, np.uint8)
        task = Task(given)
        task.share_value("x")
        given[:] = 9
        await self.after(task, Sum())
        self.assertEqual(task.result, 0)

    async def test_a_handler_shares(self):
        task = await self.after(Task(np.full(LARGE, 7, np.int64)), Double(), Nothing())
        self.assertTrue((task.result == 14).all())
        task.result[0] = 1  # it is the caller's

    def test_what_cannot_be_shared(self):
        task = Task([1, 2])
        for name in ("x", "nothing"):
            with self.assertRaises(ValueError):
                task.share_value(name)
        task.x = b"12"
        task.share_value("x")
        with self.assertRaises(ValueError):
            task.share_value("x")

    async def test_another_value_is_no_longer_shared(self):
        task = Task(np.zeros(LARGE, np.uint8))
        task.share_value("x")
        with self.assertWarns(UserWarning):
            task.x = np.ones(5)
        await self.after(task, Sum())
        self.assertEqual(task.result, 5)
        task.share_value("x")

    async def test_share_value_with_data(self):
        task = Task()
        await task.share_value_with_data("x", Blocks(b"\1" * 1000, b"\2" * LARGE), 1000 + LARGE)
        self.assertEqual(task.x, b"\1" * 1000 + b"\2" * LARGE)
        await self.after(task, Sum())
        self.assertEqual(task.result, 1000 + 2 * LARGE)

    # --- Fields that are not shared.

    async def test_what_a_handler_writes_to_any_array_comes_back(self):
        for size in (10, LARGE):
            task = await self.after(Task(np.zeros(size, np.int32)), AddOne(), Nothing(), AddOne())
            self.assertEqual((task.x.min(), task.x.max()), (2, 2))

    async def test_arrays_that_were_read_only_can_be_written_by_handlers(self):
        x = np.frombuffer(bytes(4 * LARGE), np.int32)
        task = await self.after(Task(x), AddOne())
        self.assertEqual((task.x.min(), task.x.max()), (1, 1))
        self.assertEqual(x.max(), 0)

    async def test_any_array(self):
        base = np.arange(2 * 300 * 500, dtype=np.int32).reshape(2, 300, 500)
        names = np.array([("a", 1.5)] * 2000, dtype=[("name", "U4"), ("value", "f8")])
        for x in (base, base.transpose(2, 0, 1), base[:, ::-1, ::3], np.asfortranarray(base[0]),
                  base[1, 10:20], base.astype(np.float16), base > 5, base.astype(complex),
                  np.array(3.5), np.empty((0, 4)), names,
                  np.array(["text", None, 3], object), base.astype("M8[s]")):
            task = await self.after(Task(x), Nothing(), Nothing())
            self.assertEqual((task.x.dtype, task.x.shape), (x.dtype, x.shape))
            np.testing.assert_array_equal(task.x, x)

    async def test_several_and_nested_ones(self):
        async with Started(Nothing(), Nothing()) as flow:
            arrays = [np.full((100, 100 + i), i, np.uint8) for i in range(20)]
            task = Task({"arrays": arrays, "first": (arrays[0], b"z" * LARGE)})
            await flow.process(task, timeout_sec=60)
            for given, back in zip(arrays, task.x["arrays"]):
                np.testing.assert_array_equal(back, given)
            self.assertEqual(task.x["first"][1], b"z" * LARGE)

    async def test_very_large_ones(self):
        x = np.arange(3_000_000, dtype=np.int64)
        task = Task(x.copy())
        task.more = b"z" * (9 << 20)
        await self.after(task, AddOne())
        np.testing.assert_array_equal(task.x, x + 1)
        self.assertEqual(task.more, b"z" * (9 << 20))

    async def test_new_fields_and_types(self):
        task = await self.after(Work(np.zeros(LARGE), new_fields), Call())
        self.assertEqual(task.fresh["a"], [1, 2])
        np.testing.assert_array_equal(task.fresh["b"], np.arange(LARGE))
        self.assertEqual((task.result, task.x), ("text" * 1000, None))

    async def test_a_part_of_an_array_goes_on(self):
        x = np.arange(100 * 10_000).reshape(100, 10_000)
        task = await self.after(Work(x, cut), Call(), Call())
        self.assertEqual(task.result, x[10:20].sum())
        np.testing.assert_array_equal(task.x, x[10:20])

    async def test_what_a_handler_keeps_stays_as_it_is(self):
        async with Started(Keep()) as flow:
            for number in range(8):
                task = Task(np.full(LARGE, number, np.uint8))
                await flow.process(task, timeout_sec=60)
                self.assertEqual(task.result, list(range(number + 1)))
                self.assertTrue(task.whole)

    async def test_results_stay_when_others_come(self):
        async with Started(Double()) as flow:
            tasks = []
            for number in range(20):
                task = Task(np.full(LARGE, number, np.uint8))
                await flow.process(task, timeout_sec=60)
                tasks.append(task)
            for number, task in enumerate(tasks):
                self.assertTrue((task.result == 2 * number).all())

    def test_update(self):
        task, other = Task(1), Task(2)
        other.more, other.priority = 5, 3
        task.update(other, {"result"})
        self.assertEqual((task.x, task.more, task.priority), (2, 5, 0))
        self.assertNotEqual(task.task_id, other.task_id)

    # --- Better.

    @better
    async def test_more_data_than_was_announced(self):
        with self.assertRaisesRegex(ValueError, "100"):
            await Task().share_value_with_data("x", Blocks(b"1" * 60, b"2" * 60), 100)

    @better
    async def test_less_data_than_was_announced(self):
        task = Task()
        await task.share_value_with_data("x", Blocks(b"1" * 60), 100)
        self.assertEqual(task.x, b"1" * 60 + bytes(40))

    @better
    async def test_assigning_a_shared_array_to_itself(self):
        task = Work(np.zeros(LARGE, np.int32), add_one)
        task.share_value("x")
        await self.after(task, Call(), Call())
        self.assertEqual((task.x.min(), task.x.max()), (2, 2))

    @better
    async def test_what_nobody_changed_is_the_same_object(self):
        array, text = np.zeros(LARGE), b"1" * LARGE
        task = Task(array)
        task.text = text
        await self.after(task, Nothing(), Nothing())
        self.assertIs(task.x, array)
        self.assertIs(task.text, text)

    @better
    async def test_a_step_that_changes_nothing_copies_nothing(self):
        task = Work(np.ones(LARGE), where)
        task.places = []
        await self.after(task, Call(), Call(), Call())
        self.assertEqual(len(task.places), 3)
        self.assertEqual(len(set(task.places)), 1, task.places)
        self.assertNotEqual(task.places[0][0], "0")


if __name__ == "__main__":
    unittest.main()
