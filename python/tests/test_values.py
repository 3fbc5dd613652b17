"""Values both ways: what is copied and what is not, who keeps what alive, what may be written to."""

import array
import mmap
import sys
import unittest
import weakref

import numpy as np

import leat
from samples import JPEG, PICTURE, TOY, address, passing, picture, settle


class Foreign:
    """Another package's tensor: it has DLPack and nothing else."""

    def __init__(self, array):
        self.array = array

    def __dlpack__(self, **options):
        return self.array.__dlpack__(**options)

    def __dlpack_device__(self):
        return self.array.__dlpack_device__()


class ArraysTest(unittest.TestCase):
    def test_every_element_type_passes_without_a_copy(self):
        through = passing()
        for code in "? u1 u2 u4 u8 i1 i2 i4 i8 f2 f4 f8".split():
            for shape in ((), (3,), (2, 0, 3), (1, 2, 3, 1, 1, 1, 1, 2)):
                x = np.arange(np.prod(shape, dtype=int)).astype(code).reshape(shape)
                y = through(x)
                self.assertEqual((y.dtype, y.shape), (x.dtype, x.shape))
                self.assertEqual(y.tobytes(), x.tobytes())
                if x.size:
                    self.assertEqual(address(y), address(x))
                self.assertFalse(y.flags.writeable)

    def test_an_input_lives_as_long_as_what_lies_on_it(self):
        class Watched(np.ndarray):
            pass

        x = np.arange(6, dtype=np.float32).view(Watched)
        gone = weakref.ref(x)
        y = passing()(x)
        del x
        settle()
        self.assertIsNotNone(gone())
        self.assertEqual(y.tolist(), [0, 1, 2, 3, 4, 5])
        del y
        settle()
        self.assertIsNone(gone())

    def test_a_result_lives_as_long_as_a_view_of_it(self):
        y = leat.image.flip(PICTURE)
        view = y[2:5].T
        copy = view.copy()
        del y
        for _ in range(50):
            leat.image.flip(picture(seed=_))  # would lie on the same memory
        self.assertTrue((view == copy).all())

    def test_buffers_and_other_packages(self):
        through = passing()
        numbers = array.array("f", [1, 2, 3])
        for value in (numbers, memoryview(numbers), Foreign(np.frombuffer(numbers, np.float32))):
            y = through(value)
            self.assertEqual(address(y), numbers.buffer_info()[0])
            self.assertEqual(y.dtype, np.float32)
            self.assertEqual(y.tolist(), [1, 2, 3])
        whole = np.zeros((4, 4, 3), np.uint8)
        self.assertEqual(address(np.from_dlpack(leat.image.flip(whole))) % 64, 0)  # and outwards
        made = leat.image.flip(whole)
        self.assertEqual(address(np.asarray(memoryview(made))), address(made))

    def test_what_does_not_lie_in_one_piece_is_copied_once(self):
        x = np.arange(24, dtype=np.float32).reshape(4, 6)
        for one in (x.T, x[:, ::2], x[::-1], np.asfortranarray(x), x.astype(">f4")):
            self.assertTrue((passing()(one) == one).all())
        odd = np.frombuffer(b"x" + x.tobytes(), np.uint8)[1:].view(np.float32)
        self.assertFalse(odd.flags.aligned)
        self.assertTrue((passing()(odd) == x.ravel()).all())
        self.assertTrue((leat.image.flip(PICTURE[:, ::-1]) == PICTURE).all())

    def test_numbers_and_lists_become_what_the_port_takes(self):
        self.assertTrue(np.allclose(leat.tensor.softmax([1, 1]), [0.5, 0.5]))
        self.assertEqual(leat.tensor.softmax([1.0, 2.0]).dtype, np.float32)
        through = passing()
        for value, dtype in ((3, "i8"), (2.5, "f4"), (True, "?"), ([[1, 2], [3, 4]], "i8"), (1 << 63, "u8")):
            y = through(value)
            self.assertEqual((y.dtype, y.tolist()), (np.dtype(dtype), value))
        with self.assertRaisesRegex(leat.BadInput, r"boxes.*lists of different lengths"):
            leat.detect.nms([[1, 2, 3, 4], [1]], [1.0])
        with self.assertRaisesRegex(leat.BadInput, r"classes: list given, \[1.5\], INT64\[n\] wanted"):
            leat.detect.nms([[0, 0, 1, 1]], [1.0], [1.5])

    def test_arrays_are_never_converted(self):
        with self.assertRaisesRegex(leat.BadInput, r"FP64\[1\] given, FP32\[n\] wanted"):
            leat.detect.nms(np.zeros((1, 4), np.float32), np.zeros(1))
        for wrong in (np.zeros(3, complex), np.zeros(3, "M8[s]"), object(), {}, Foreign(np.zeros(2, complex))):
            with self.assertRaises(leat.BadInput):
                leat.tensor.softmax(wrong)
        with self.assertRaisesRegex(leat.BadInput, "9 dimensions"):
            passing()(np.zeros((1,) * 9))

    def test_bf16(self):
        import ml_dtypes

        x = np.arange(5).astype(ml_dtypes.bfloat16)
        y = passing()(x)
        self.assertEqual((y.dtype, y.tolist(), address(y)), (x.dtype, x.tolist(), address(x)))

    def test_what_may_be_written_to(self):
        self.assertTrue(leat.image.flip(PICTURE).flags.writeable)
        self.assertFalse(leat.Pipeline(TOY)([1.0]).flags.writeable)
        read_only = PICTURE.copy()
        read_only.flags.writeable = False
        whole = leat.image.crop(read_only, box=[0, 0, 10, 12])
        if np.shares_memory(whole, read_only):
            self.assertFalse(whole.flags.writeable)

    def test_results_go_in_again_without_a_new_loan(self):
        x = leat.image.flip(PICTURE)
        y = passing()(x)
        self.assertEqual(address(x), address(y))


class TextsTest(unittest.TestCase):
    def setUp(self):
        self.one, self.many = passing("BYTES"), passing("BYTES[?,...]")

    def test_one(self):
        with mmap.mmap(-1, 4) as mapped:
            mapped[:] = b"text"
            for value in (b"text", "text", bytearray(b"text"), memoryview(b"text"), mapped,
                          np.frombuffer(b"text", np.uint8), memoryview(b"xtext")[1:], np.bytes_(b"text")):
                self.assertEqual(self.one(value), b"text")
            settle()
        self.assertEqual(self.one("ä€"), "ä€".encode())
        self.assertEqual(self.one(b""), b"")
        for wrong in (3, [b"a"], np.zeros(3, np.float32), memoryview(b"abcd")[::2], None):
            with self.assertRaises(leat.BadInput):
                self.one(wrong)

    def test_a_buffer_is_held_while_it_is_read(self):
        data = bytearray(JPEG)
        self.assertEqual(leat.image.decode(data).image.shape, (12, 10, 3))
        data.append(0)  # it has been let go

    def test_many(self):
        for value in ([b"a", "bc", b""], ("a", b"bc", ""), np.array(["a", "bc", ""]),
                      np.array([b"a", b"bc", b""], object)):
            self.assertEqual(self.many(value), [b"a", b"bc", b""])
        self.assertEqual(self.many([["a", "b"], ["c", "d"]]), [[b"a", b"b"], [b"c", b"d"]])
        for wrong in (["a", 3], [["a"], ["b", "c"]], [["a"], "b"], [1, 2]):
            with self.assertRaises(leat.BadInput):
                self.many(wrong)

    def test_references(self):
        text, data, x = b"text" * 100, bytearray(b"text"), np.zeros(8, np.float32)
        soft = leat.Pipeline(TOY)
        before = [sys.getrefcount(one) for one in (text, data, x)]
        for _ in range(1000):
            self.one(text)
            self.one(data)
            soft(x)
            leat.tensor.softmax(x)
        settle()
        self.assertEqual([sys.getrefcount(one) for one in (text, data, x)], before)

    def test_ragged_and_absent(self):
        rows = leat.Pipeline("""leat: 1
inputs: { scores: "FP32[n,m]", more: { type: "FP32[...]", optional: true } }
steps:
  row: { op: tensor.top_k, for_each: scores, inputs: { scores: scores }, params: { k: 1 } }
outputs: { best: row.values, more: more }
""")
        answer = rows(np.eye(3, dtype=np.float32))
        self.assertEqual(np.asarray(answer.best).shape, (3, 1))
        self.assertIsNone(answer.more)
        self.assertIsNone(answer["more"])


if __name__ == "__main__":
    unittest.main()
