"""After a fork: operators go on, what has threads refuses, and a new engine works."""

import asyncio
import multiprocessing
import os
import threading
import traceback
import unittest

import numpy as np

import leat
from samples import JPEG, PICTURE, TOY


def in_child(run):
    """The text that run() gives, in a forked child."""
    reads, writes = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            text = str(run())
        except BaseException:
            text = traceback.format_exc()
        os.write(writes, text.encode())
        os._exit(0)
    os.close(writes)
    with os.fdopen(reads) as file:
        text = file.read()
    os.waitpid(child, 0)
    return text


class ForkTest(unittest.TestCase):
    def test_operators_go_on(self):
        leat.image.decode(JPEG)
        self.assertEqual(in_child(lambda: leat.image.decode(JPEG).image.shape), "(12, 10, 3)")
        with multiprocessing.get_context("fork").Pool(2) as pool:
            for image in pool.map(leat.image.flip, [PICTURE] * 4):
                np.testing.assert_array_equal(image, PICTURE[:, ::-1])

    def test_operators_go_on_when_others_were_in_the_middle_of_one(self):
        stop = threading.Event()

        def busy():
            while not stop.is_set():
                leat.image.to_tensor(PICTURE, width=900, height=900)

        threads = [threading.Thread(target=busy) for _ in range(3)]
        for thread in threads:
            thread.start()
        try:
            for _ in range(20):
                self.assertEqual(in_child(lambda: leat.image.to_tensor(PICTURE, width=900, height=900).tensor.shape),
                                 "(3, 900, 900)")
        finally:
            stop.set()
            for thread in threads:
                thread.join()

    def test_what_was_made_before_refuses(self):
        toy = leat.Pipeline(TOY)
        toy([1.0])
        engine = leat.Engine(threads=1)
        server = leat.serve(toy, http=0)
        ticket = toy.submit([1.0])
        ticket.result()

        def refuses():
            for use in (lambda: toy([1.0]), lambda: toy.submit([1.0]), lambda: asyncio.run(toy.infer([1.0])),
                        lambda: list(toy.map([[1.0]])), engine.metrics, server.stop, lambda: server.url,
                        lambda: toy.inputs, lambda: leat.Pipeline(TOY, engine=engine)):
                try:
                    use()
                except leat.Unavailable as error:
                    assert "before the process forked" in str(error)
                else:
                    return "was not refused"
            ticket.cancel()
            return "refused"

        self.assertEqual(in_child(refuses), "refused")
        self.assertEqual(toy([1.0]).tolist(), [1])  # the parent goes on
        server.stop()

    def test_a_new_engine_in_the_child(self):
        toy = leat.Pipeline(TOY)
        toy.submit([1.0]).result()

        def anew():
            child = leat.Pipeline(TOY)
            assert asyncio.run(child.infer([1.0])).tolist() == [1]
            with leat.serve(child, http=0) as server:
                with leat.Client(server.url) as client:
                    assert client.run("toy", x=[1.0]) == {"y": [1]}
            return child.submit([1.0, 1.0]).result().tolist()

        self.assertEqual(in_child(anew), "[0.5, 0.5]")
        self.assertEqual(in_child(lambda: in_child(anew)), "[0.5, 0.5]")

    def test_objects_of_the_parent_may_go_in_the_child(self):
        def let_go():
            nonlocal toy, kept
            kept = toy = None
            import gc

            gc.collect()
            return "gone"

        toy = leat.Pipeline(TOY, engine=leat.Engine())
        kept = [toy.submit([1.0]), toy([1.0])]
        self.assertEqual(in_child(let_go), "gone")

    def test_a_child_that_ends_as_programs_do(self):
        toy = leat.Pipeline(TOY)
        toy([1.0])
        child = multiprocessing.get_context("fork").Process(target=lambda: leat.Pipeline(TOY)([1.0]))
        child.start()
        child.join()
        self.assertEqual(child.exitcode, 0)


if __name__ == "__main__":
    unittest.main()
