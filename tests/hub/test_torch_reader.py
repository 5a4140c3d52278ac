"""The reader of PyTorch's files against torch.save, and against pickles that it must refuse."""

from __future__ import annotations

import encodings.cp437  # noqa: F401  zipfile loads it when it opens its first file
import io
import pickle
import struct
import sys
import zipfile
from collections import OrderedDict

import numpy as np
import pytest

from isozoo.hub.errors import ReaderError
from isozoo.hub.readers import TorchPickleReader, open_reader
from isozoo.hub.readers.pickle_machine import MAX_STEPS, PickleMachine
from isozoo.hub.readers.torch_pickle import LEGACY_MAGIC, LEGACY_PREFIX

from ..patience import DEADLINE

torch = pytest.importorskip("torch")


def save(path, value, new: bool):
    torch.save(value, path, _use_new_zipfile_serialization=new)
    return path


FORMS = pytest.mark.parametrize("new", [False, True], ids=["legacy", "zip"])


def tensors():
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(4, 3, 2, 2, generator=generator)
    state = OrderedDict(
        weight=values,
        channels_last=values.to(memory_format=torch.channels_last),
        transposed=torch.arange(6.0).reshape(2, 3).t(),
        window=torch.arange(10.0)[3:7],
        shared=values[1:2],
        scalar=torch.tensor(3.5),
        none=torch.zeros(0, 3),
        parameter=torch.nn.Parameter(torch.ones(3)),
    )
    kinds = "float16 float64 int64 int32 int16 int8 uint8 bool complex64"
    for kind in kinds.split():
        state[kind] = torch.tensor([0, 1, 1]).to(getattr(torch, kind))
    return state


@FORMS
def test_reads_what_torch_saves(tmp_path, new):
    state = tensors()
    with open_reader(save(tmp_path / "x.pth", state, new)) as reader:
        assert isinstance(reader, TorchPickleReader)
        assert list(reader) == list(state)
        for key, tensor in state.items():
            assert reader.info(key).shape == tuple(tensor.shape)
            assert reader.info(key).dtype == str(tensor.dtype).removeprefix("torch.")
            np.testing.assert_array_equal(reader.read(key), tensor.detach().numpy())
            reader.release(key)
        assert reader.identity("weight") != reader.identity("shared")


@FORMS
def test_reads_bfloat16(tmp_path, new):
    path = save(tmp_path / "x", {"a": torch.tensor([1.5, -2.0], dtype=torch.bfloat16)}, new)
    reader = open_reader(path)
    assert reader.info("a").dtype == "bfloat16"
    np.testing.assert_array_equal(reader.read("a").astype(np.float32), [1.5, -2.0])


@FORMS
def test_reads_a_state_dict_with_its_metadata_inside_a_checkpoint(tmp_path, new):
    module = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.BatchNorm1d(3))
    checkpoint = {"epoch": 3, "lr": 0.1, "note": None, "model": module.state_dict(), "list": [1]}
    reader = open_reader(save(tmp_path / "x", checkpoint, new))
    assert list(reader) == list(module.state_dict())
    np.testing.assert_array_equal(reader.read("0.weight"), module[0].weight.detach().numpy())


@FORMS
def test_equal_identities_are_the_same_bytes(tmp_path, new):
    a = torch.arange(3.0)
    reader = open_reader(save(tmp_path / "x", {"a": a, "b": a, "c": a.clone()}, new))
    assert reader.identity("a") == reader.identity("b") != reader.identity("c")


@FORMS
@pytest.mark.parametrize("keep", [0.02, 0.3, 0.6, 0.9, 0.999])
def test_refuses_a_file_cut_short(tmp_path, new, keep):
    path = save(tmp_path / "x", tensors(), new)
    raw = path.read_bytes()
    path.write_bytes(raw[: int(len(raw) * keep)])
    with pytest.raises(ReaderError):
        open_reader(path)


def test_refuses_bytes_left_over_in_the_legacy_form(tmp_path):
    path = save(tmp_path / "x", tensors(), False)
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(ReaderError, match="left over"):
        open_reader(path)


# -- pickles that were not written by torch

FLOATS = b"ctorch\nFloatStorage\n"
REBUILD = b"ctorch._utils\n_rebuild_tensor_v2\n"
ORDERED = b"ccollections\nOrderedDict\n"


def text(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value)) + value.encode()


def number(value: int) -> bytes:
    if -(2**31) <= value < 2**31:
        return b"J" + struct.pack("<i", value)
    raw = value.to_bytes(9, "little", signed=True)
    return b"\x8a" + bytes([len(raw)]) + raw


def numbers(values) -> bytes:
    return b"(" + b"".join(map(number, values)) + b"t"


def storage(key="0", numel=4, kind=FLOATS) -> bytes:
    return b"(" + text("storage") + kind + text(key) + text("cpu") + number(numel) + b"tQ"


def tensor(offset=0, shape=(4,), strides=(1,), hooks=ORDERED + b")R", held=None) -> bytes:
    inside = held if held is not None else storage()
    return (
        REBUILD + b"(" + inside + number(offset) + numbers(shape) + numbers(strides)
        + b"\x89" + hooks + b"tR"
    )  # fmt: skip


def state_dict(value: bytes) -> bytes:
    return b"\x80\x02}(" + text("a") + value + b"u."


FOUR_FLOATS = struct.pack("<q4f", 4, 1, 2, 3, 4)


def legacy(path, pickled: bytes, keys=("0",), data=FOUR_FLOATS):
    start = LEGACY_PREFIX + b".\x80\x02M\xe9\x03."
    system = pickle.dumps({"little_endian": True}, 2)
    path.write_bytes(start + system + pickled + pickle.dumps(list(keys), 2) + data)
    return path


def zipped(path, pickled: bytes, members=None, compression=zipfile.ZIP_STORED, root="x"):
    content = {"data.pkl": pickled, "data/0": struct.pack("<4f", 1, 2, 3, 4), "version": b"3\n"}
    content |= members or {}
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, raw in content.items():
            archive.writestr(name if name.startswith("/") else f"{root}/{name}", raw)
    return path


def test_the_hand_made_file_is_good(tmp_path):
    """The same bytes, with nothing hostile in them, are read: the refusals below mean something."""
    for make in (legacy, zipped):
        reader = open_reader(make(tmp_path / make.__name__, state_dict(tensor())))
        np.testing.assert_array_equal(reader.read("a"), [1, 2, 3, 4])
    twice = state_dict(tensor(1, (2, 2), (1, 1)))
    reader = open_reader(legacy(tmp_path / "twice", twice))
    np.testing.assert_array_equal(reader.read("a"), [[2, 3], [3, 4]])


OLD_REBUILD = b"ctorch._utils\n_rebuild_tensor\n"
PARAMETER = b"ctorch.nn.parameter\nParameter\n"
FLAGS = b"\x88\x89" + ORDERED + b")R\x87"  # requires_grad, volatile, hooks


def old_tensor() -> bytes:
    """As PyTorch wrote a tensor before 0.4."""
    inside = b"(" + storage() + number(1) + numbers((3,)) + numbers((1,)) + b"t"
    return OLD_REBUILD + inside + b"R"


def short(value: str) -> bytes:
    return b"U" + bytes([len(value)]) + value.encode()


OLD = {
    "tensor without hooks": state_dict(old_tensor()),
    "parameter by NEWOBJ": state_dict(PARAMETER + old_tensor() + b"\x85\x81"),
    "parameter by NEWOBJ and its flags": state_dict(
        PARAMETER + old_tensor() + b"\x85\x81" + FLAGS + b"b"
    ),
    "parameter by REDUCE": state_dict(PARAMETER + old_tensor() + b"\x88\x86R"),
    "OrderedDict of Python 2": b"\x80\x02"
    + ORDERED + b"](]("  + short("a") + old_tensor() + b"ee\x85R}" + short("_metadata")
    + ORDERED + b"](](" + short("") + b"}" + short("version") + b"K\x01see\x85Rsb.",
}  # fmt: skip


@pytest.mark.parametrize("case", OLD)
def test_reads_what_old_versions_wrote_as_torch_reads_it(tmp_path, case):
    for make, end in ((legacy, b"NtQ"), (zipped, b"tQ")):  # the legacy form names a view: none
        path = make(tmp_path / make.__name__, OLD[case].replace(b"tQ", end))
        expected = torch.load(path, weights_only=True)
        with open_reader(path) as reader:
            assert list(reader) == list(expected) == ["a"]
            np.testing.assert_array_equal(reader.read("a"), expected["a"].detach().numpy())


def test_reads_storages_that_are_called_by_their_address(tmp_path):
    """PyTorch 1.4 to 1.6 wrote them so."""
    key = "18446744073709551615"
    content = {f"data/{key}": struct.pack("<4f", 5, 6, 7, 8)}
    path = zipped(tmp_path / "x", state_dict(tensor(held=storage(key=key))), content)
    with open_reader(path) as reader:
        np.testing.assert_array_equal(reader.read("a"), torch.load(path)["a"].numpy())


def test_a_script_is_refused_with_the_way_to_its_weights(tmp_path):
    module = torch.jit.trace(torch.nn.Linear(2, 2), torch.zeros(1, 2))
    torch.jit.save(module, tmp_path / "x.pt")
    with pytest.raises(ReaderError, match=r"TorchScript.*torch\.jit\.load.*state_dict"):
        open_reader(tmp_path / "x.pt")
    torch.save(torch.jit.load(tmp_path / "x.pt").state_dict(), tmp_path / "y.pt")
    with open_reader(tmp_path / "y.pt") as reader:
        np.testing.assert_array_equal(reader.read("bias"), module.bias.detach().numpy())


class Runs:
    """Pickles to a call of a function with arguments."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def dumped(value, protocol=2) -> bytes:
    return pickle.dumps({"a": value}, protocol)


HOSTILE = {
    "os.system": dumped(Runs(__import__("os").system, "touch PWNED")),
    "eval": dumped(Runs(eval, "1")),
    "torch.load": dumped(Runs(torch.load, "x")),
    "builtins alias": b"\x80\x02c__builtin__\neval\n(" + text("1") + b"tR.",
    "global beside a tensor": b"\x80\x02}("
    + text("a") + tensor() + text("b") + b"cos\nsystem\nu.",
    "unused global": b"\x80\x02cos\nsystem\n0}.",
    "getattr chain": b"\x80\x02ctorch\nserialization.os.system\n(" + text("x") + b"tR.",
    "stack global": b"\x80\x04\x8c\x02os\x8c\x06system\x93.",
    "INST": b"\x80\x02(" + text("x") + b"ios\nsystem\n.",
    "OBJ": b"\x80\x02(cos\nsystem\no.",
    "NEWOBJ": b"\x80\x02" + ORDERED + b")\x81.",
    "EXT1": b"\x80\x02\x82\x01.",
    "PERSID": b"\x80\x02Px\n.",
    "protocol 4": pickle.dumps({"a": 1}, 4),
    "OrderedDict of arguments": b"\x80\x02" + ORDERED + b"(]tR.",
    "OrderedDict of one name": b"\x80\x02" + ORDERED + b"](](" + text("a") + b"ee\x85R.",
    "OrderedDict of text": b"\x80\x02" + ORDERED + text("ab") + b"\x85R.",
    "OrderedDict of tuples as keys": b"\x80\x02" + ORDERED + b"](](()K\x01ee\x85R.",
    "parameter of a storage": state_dict(PARAMETER + storage() + b"\x85\x81"),
    "parameter of three": state_dict(PARAMETER + old_tensor() + b"\x88\x88\x87R"),
    "parameter with hooks": state_dict(
        PARAMETER + old_tensor() + b"\x85\x81\x88\x89}" + text("x") + b"K\x01s\x87b"
    ),
    "old tensor past the end": state_dict(old_tensor()).replace(number(3), number(4)),
    "NEWOBJ of a storage type": b"\x80\x02" + FLOATS + b")\x81.",
    "storage key of 21 digits": state_dict(tensor(held=storage(key="1" * 21))),
    "REDUCE of a storage type": b"\x80\x02" + FLOATS + b"(J\x04\0\0\0tR.",
    "REDUCE of text": b"\x80\x02" + text("os.system") + b")R.",
    "BUILD on a tensor": state_dict(tensor() + b"}(" + text("__class__") + b"K\x01ub"),
    "BUILD on a dict": b"\x80\x02" + ORDERED + b")R}(" + text("x") + b"K\x01ub.",
    "offset past the end": state_dict(tensor(offset=1)),
    "negative offset": state_dict(tensor(offset=-1)),
    "negative stride": state_dict(tensor(offset=3, strides=(-1,))),
    "stride past the end": state_dict(tensor(strides=(2,))),
    "zero stride, huge shape": state_dict(tensor(shape=(2**40,), strides=(0,))),
    "negative size": state_dict(tensor(shape=(-4,))),
    "sizes without strides": state_dict(tensor(shape=(2, 2), strides=(1,))),
    "40 axes": state_dict(tensor(shape=(1,) * 40, strides=(1,) * 40)),
    "huge storage": state_dict(tensor(held=storage(numel=2**40), shape=(2**40,))),
    "storage of no size": state_dict(tensor(held=storage(numel=-1))),
    "storage key is a path": state_dict(tensor(held=storage(key="../0"))),
    "storage described twice": state_dict(tensor()).replace(b"u.", b"")
    + text("b") + tensor(held=storage(numel=2), shape=(2,)) + b"u.",
    "storage type is OrderedDict": state_dict(tensor(held=storage(kind=ORDERED))),
    "hooks": state_dict(tensor(hooks=b"}(" + text("x") + b"K\x01u")),
    "hostile persistent id": b"\x80\x02" + text("x") + b"Q.",
    "memo never set": b"\x80\x02h\x05.",
    "stack underflow": b"\x80\x02u.",
    "no mark": b"\x80\x02}u.",
    "values left": b"\x80\x02K\x01}.",
    "setting items of a list": b"\x80\x02](K\x01K\x02u.",
    "tuple as a key": b"\x80\x02}()K\x01u.",
    "huge text": b"\x80\x02X\xff\xff\xff\xff.",
    "huge integer": b"\x80\x02\x8a\xff" + bytes(255) + b".",
    "no tensor": b"\x80\x02}.",
    "name of a tensor is a path": state_dict(tensor()).replace(text("a"), text("../a")),
}  # fmt: skip


@pytest.mark.parametrize("make", [legacy, zipped])
@pytest.mark.parametrize("case", HOSTILE)
def test_refuses(tmp_path, monkeypatch, make, case):
    monkeypatch.chdir(tmp_path)
    path = make(tmp_path / "x", HOSTILE[case])
    loaded = set(sys.modules)
    with pytest.raises(ReaderError):
        open_reader(path)
    assert set(sys.modules) == loaded and not (tmp_path / "PWNED").exists()


def test_the_refused_global_is_named(tmp_path):
    with pytest.raises(ReaderError, match="system"):
        open_reader(legacy(tmp_path / "x", HOSTILE["os.system"]))


def test_memo_bomb_is_harmless(tmp_path):
    """Dicts that hold each other 10 deep, 10 wide: 10**10 leaves if one walked them all."""
    inside = text("0") + b"}q\x00(" + text("t") + tensor() + b"u"
    for level in range(1, 11):
        held = b"".join(text(str(i)) + b"h" + bytes([level - 1]) for i in range(10))
        inside += text(str(level)) + b"}q" + bytes([level]) + b"(" + held + b"u"
    reader = open_reader(legacy(tmp_path / "x", b"\x80\x02}(" + inside + b"u."))
    assert list(reader) == ["0.t"]


@pytest.mark.parametrize("make", [legacy, zipped])
@pytest.mark.parametrize("opcodes", [b"(t" * 2_500_000, b"]" * 5_000_000])
def test_five_million_opcodes_are_refused_after_a_few(tmp_path, make, opcodes):
    """By count and not by the clock: no more is interpreted than 13,000 tensors need."""
    path = make(tmp_path / "x", b"\x80\x02" + opcodes + b".")
    steps = []
    with pytest.MonkeyPatch.context() as patch:
        take = PickleMachine._take
        patch.setattr(PickleMachine, "_take", lambda self, n: steps.append(n) or take(self, n))
        with pytest.raises(ReaderError, match="opcodes.*save its state dict alone"):
            open_reader(path)
    assert len(steps) <= MAX_STEPS + 100


def test_a_dict_that_holds_itself_is_harmless(tmp_path):
    out = b"\x80\x02}q\x00(" + text("self") + b"h\x00" + text("a") + tensor() + b"u."
    assert list(open_reader(legacy(tmp_path / "x", out))) == ["a"]


@pytest.mark.parametrize(
    ("keys", "data"),
    [
        (("0", "1"), struct.pack("<q4f", 4, 1, 2, 3, 4)),
        ((), b""),
        (("0",), struct.pack("<q4f", 5, 1, 2, 3, 4)),
        (("0",), struct.pack("<q4f", -1, 1, 2, 3, 4)),
        (("0",), struct.pack("<q3f", 4, 1, 2, 3)),
    ],
    ids=["key too many", "no key", "another size", "negative size", "cut short"],
)
def test_refuses_storages_that_disagree(tmp_path, keys, data):
    with pytest.raises(ReaderError):
        open_reader(legacy(tmp_path / "x", state_dict(tensor()), keys, data))


def test_refuses_another_protocol_or_byte_order(tmp_path):
    path = legacy(tmp_path / "x", state_dict(tensor()))
    raw = path.read_bytes()
    path.write_bytes(raw.replace(b"M\xe9\x03", b"M\xea\x03"))
    with pytest.raises(ReaderError, match="protocol 1002"):
        open_reader(path)
    path.write_bytes(raw.replace(b"little_endianq\x01\x88", b"little_endianq\x01\x89"))
    with pytest.raises(ReaderError, match="little-endian"):
        open_reader(path)
    assert LEGACY_MAGIC == torch.serialization.MAGIC_NUMBER
    big = zipped(tmp_path / "y", state_dict(tensor()), {"byteorder": b"big"})
    with pytest.raises(ReaderError, match="little-endian"):
        open_reader(big)


@pytest.mark.parametrize(
    "members",
    [
        {"code/__torch__.py": b"x"},
        {"constants.pkl": b"x"},
        {"data/../../x": b"x"},
        {"/etc/passwd": b"x"},
        {"data/0": b"123"},
    ],
    ids=["code", "constants", "path", "absolute", "short storage"],
)
def test_refuses_odd_members(tmp_path, members):
    with pytest.raises(ReaderError):
        open_reader(zipped(tmp_path / "x", state_dict(tensor()), members))


def test_refuses_compression_two_roots_duplicates_and_missing_storage(tmp_path):
    good = state_dict(tensor())
    with pytest.raises(ReaderError, match="compressed"):
        open_reader(zipped(tmp_path / "a", good, compression=zipfile.ZIP_DEFLATED))
    path = zipped(tmp_path / "b", good)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("y/data.pkl", good)
    with pytest.raises(ReaderError, match="without one data.pkl"):
        open_reader(path)
    path = zipped(tmp_path / "c", good)
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("x/data.pkl", good)
    with pytest.raises(ReaderError, match="twice"):
        open_reader(path)
    missing = good.replace(text("0"), text("7"))
    with pytest.raises(ReaderError, match="storage 7 is missing"):
        open_reader(zipped(tmp_path / "d", missing))


def test_refuses_a_local_header_that_disagrees(tmp_path):
    path = zipped(tmp_path / "x", state_dict(tensor()))
    raw = path.read_bytes()
    at = raw.index(b"x/data/0")
    path.write_bytes(raw[:at] + b"x/data/9" + raw[at + 8 :])
    with pytest.raises(ReaderError, match="local header"):
        open_reader(path)


def test_refuses_changed_bytes_by_crc(tmp_path):
    path = zipped(tmp_path / "x", state_dict(tensor()))
    raw = path.read_bytes()
    floats = struct.pack("<4f", 1, 2, 3, 4)
    path.write_bytes(raw.replace(floats, struct.pack("<4f", 1, 2, 3, 5)))
    with pytest.raises(ReaderError, match="CRC"):
        open_reader(path).read("a")


def test_reading_imports_no_torch(tmp_path):
    """In a process of its own: here torch is loaded."""
    import subprocess

    path = save(tmp_path / "x.pth", {"a": torch.ones(2)}, True)
    code = (
        "import sys; from isozoo.hub.readers import open_reader; "
        f"assert open_reader({str(path)!r}).read('a').sum() == 2; assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=DEADLINE)


def test_saved_to_a_buffer_is_the_same(tmp_path):
    buffer = io.BytesIO()
    torch.save({"a": torch.arange(3)}, buffer)  # its root folder is called "archive"
    (tmp_path / "x").write_bytes(buffer.getvalue())
    np.testing.assert_array_equal(open_reader(tmp_path / "x").read("a"), [0, 1, 2])
