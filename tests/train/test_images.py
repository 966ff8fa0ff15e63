"""Images from every layout that CIFAR-10 comes in, written small by the tests themselves."""

import io
import pickle

import numpy as np
import pytest
import torch

import gausscheck
from gausscheck.train import augment, data, images
from gausscheck.train.dataset import generator
from gausscheck.train.encoders import as_floats
from gausscheck.train.settings import Settings

FEWER = pytest.mark.filterwarnings("ignore:.*expected five training batches")


@pytest.fixture
def tiny():
    rng = np.random.default_rng(0)
    smooth = np.kron(rng.integers(0, 255, (30, 3, 4, 4)), np.ones((8, 8))).astype(np.uint8)
    return smooth, rng.integers(0, 10, 30)


def write_binary(folder, x, y):
    rows = np.hstack([y[:, None].astype(np.uint8), x.reshape(len(x), -1)])
    rows[:20].tofile(folder / "data_batch_1.bin")
    rows[20:25].tofile(folder / "data_batch_2.bin")
    rows[25:].tofile(folder / "test_batch.bin")


def write_python(folder, x, y):
    for name, part in (("data_batch_1", slice(0, 20)), ("data_batch_2", slice(20, 25)),
                       ("test_batch", slice(25, 30))):  # fmt: skip
        batch = {
            b"batch_label": b"batch",
            b"labels": [int(v) for v in y[part]],
            b"data": x[part].reshape(-1, 3072),
            b"filenames": [b"image.png"] * len(x[part]),
        }
        (folder / name).write_bytes(pickle.dumps(batch, protocol=3))


def write_parquet(folder, x, y):
    import pyarrow as pa
    import pyarrow.parquet as pq
    from PIL import Image

    def encoded(image):
        handle = io.BytesIO()
        Image.fromarray(image.transpose(1, 2, 0)).save(handle, "PNG")
        return {"bytes": handle.getvalue(), "path": "image.png"}

    (folder / "data").mkdir()
    for name, part in (("train", slice(0, 25)), ("test", slice(25, 30))):
        table = pa.table({"img": [encoded(i) for i in x[part]], "label": y[part]})
        pq.write_table(table, folder / "data" / f"{name}-00000-of-00001.parquet")


@FEWER
@pytest.mark.parametrize("write", [write_binary, write_python, write_parquet])
def test_every_layout_gives_the_same_images(tmp_path, tiny, write):
    x, y = tiny
    write(tmp_path, x, y)
    (train, labels), (test, test_labels) = images.read_cifar10(tmp_path)
    np.testing.assert_array_equal(train, x[:25])
    np.testing.assert_array_equal(test, x[25:])
    np.testing.assert_array_equal(labels, y[:25])
    np.testing.assert_array_equal(test_labels, y[25:])


@FEWER
def test_a_pickle_is_read_as_data_and_never_carried_out(tmp_path, tiny):
    class Trap:
        def __reduce__(self):
            return (open, (str(tmp_path / "sprung"), "w"))

    x, y = tiny
    write_python(tmp_path, x, y)
    trapped = {b"trap": Trap(), b"labels": [1, 2], b"data": x[:2].reshape(-1, 3072)}
    (tmp_path / "data_batch_1").write_bytes(pickle.dumps(trapped, protocol=3))
    (train, _), _ = images.read_cifar10(tmp_path)
    np.testing.assert_array_equal(train[:2], x[:2])
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize("protocol", range(6))
def test_columns_of_a_pickled_array_may_come_first(tmp_path, tiny, protocol):
    x, y = tiny
    batch = {b"batch_label": b"training batch 1 of 5", b"labels": [int(v) for v in y]}
    for order in ("C", "F"):
        batch[b"data"] = np.array(x.reshape(30, -1), order=order)
        (tmp_path / "batch").write_bytes(pickle.dumps(batch, protocol=protocol))
        try:
            images_read, labels = images._python(tmp_path / "batch")
        except gausscheck.GausscheckError:
            assert protocol == 0  # which writes labels as it writes no file of the data set
            continue
        np.testing.assert_array_equal(images_read, x)
        np.testing.assert_array_equal(labels, y)


def test_batches_that_are_missing_are_noted_and_images_that_are_missing_refused(tmp_path, tiny):
    write_binary(tmp_path, *tiny)
    with pytest.warns(UserWarning, match=r"expected five training batches, got 2 \(data_batch_1"):
        data.build(Settings(data="cifar10", folder=str(tmp_path)))
    settings = Settings(data="cifar10", folder=str(tmp_path), rows_train=26)
    with (
        pytest.warns(UserWarning, match="five training batches"),
        pytest.raises(gausscheck.GausscheckError, match="rows_train: expected at most 25 images"),
    ):
        data.build(settings)


@FEWER
@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda f: (f / "data_batch_1.bin").write_bytes(b"x" * 5000), "records of 3,073 bytes"),
        (lambda f: (f / "test_batch.bin").unlink(), "found none"),
        (lambda f: (f / "data_batch_1.bin").write_bytes(b"\xff" * 3073), "a label from 0 to 9"),
    ],
)
def test_damaged_files_are_one_line(tmp_path, tiny, damage, words):
    write_binary(tmp_path, *tiny)
    damage(tmp_path)
    with pytest.raises(gausscheck.GausscheckError, match=words):
        images.read_cifar10(tmp_path)


@FEWER
def test_a_damaged_pickle_or_parquet_is_one_line(tmp_path, tiny):
    write_python(tmp_path, *tiny)
    content = (tmp_path / "data_batch_1").read_bytes()
    (tmp_path / "data_batch_1").write_bytes(content[: len(content) // 2])
    with pytest.raises(gausscheck.GausscheckError, match="data_batch_1"):
        images.read_cifar10(tmp_path)
    other = tmp_path / "other"
    other.mkdir()
    for name in ("train", "test"):
        (other / f"{name}.parquet").write_bytes(b"PAR1 not really")
    with pytest.raises(gausscheck.GausscheckError, match=r"train\.parquet"):
        images.read_cifar10(other)


@pytest.mark.parametrize("folder", ["", "nowhere"])
def test_a_missing_folder_says_where_to_get_it(folder):
    with pytest.raises(gausscheck.GausscheckError, match="get it from"):
        images.read_cifar10(folder)


def test_digits_and_views_are_seeded(tmp_path):
    held = data.build(Settings(data="digits"))
    assert held.train.shape == (1348, 1, 8, 8)
    assert held.train.dtype == torch.uint8
    one = held.views(held.train[:32], None, generator(0, "views"))
    two = held.views(held.train[:32], None, generator(0, "views"))
    other = held.views(held.train[:32], None, generator(1, "views"))
    assert torch.equal(one[0], two[0])
    assert not torch.equal(one[0], one[1])
    assert not torch.equal(one[0], other[0])
    assert one[0].min() >= 0
    assert one[0].max() <= 1


def test_every_image_of_a_batch_is_seen_its_own_way():
    views = augment.augmented(scale=0.2, colour=True)
    same = torch.randint(256, (1, 3, 32, 32), dtype=torch.uint8).repeat(16, 1, 1, 1)
    u, _ = views(same, None, generator(0, "views"))
    assert len(torch.unique(u.flatten(1), dim=0)) == 16


def test_standardised_images_tell_nothing_of_brightness_and_contrast():
    x = torch.randint(256, (4, 3, 8, 8), dtype=torch.uint8, generator=generator(0, "x"))
    flat = as_floats(x, standardised=True)
    assert torch.allclose(flat.mean(dim=(2, 3)), torch.zeros(4, 3), atol=1e-5)
    assert torch.allclose(flat.std(dim=(2, 3)), torch.ones(4, 3), atol=1e-5)
    assert torch.allclose(as_floats(0.3 + 0.5 * x / 255, standardised=True), flat, atol=1e-4)
    assert not as_floats(torch.full((1, 3, 8, 8), 0.5), standardised=True).any()
