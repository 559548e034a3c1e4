"""Splits a Piper model in two, so that its audio can be synthesized in pieces.

VITS first lays out a whole sentence (how long each phoneme lasts, and 192 numbers per frame of 256 samples), then a
vocoder turns that into audio, each sample from a few frames around it. The vocoder takes three quarters of the time and
can be run on a few frames at once; published models hold both in one graph. Here the graph is cut where the vocoder
begins. An ONNX file is a protobuf message; this module reads and writes only the fields that it needs.

Source: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto (ModelProto, GraphProto, NodeProto, TensorProto)
"""

from collections.abc import Iterator
from typing import NamedTuple

from orchestra.errors import EngineError

#: input of the vocoder: the layout of the sentence, (1, 192, frames)
LAYOUT = "/Mul_7_output_0"
#: number of frames of each phoneme
DURATIONS = "/Ceil_output_0"
#: output of the vocoder: samples from -1 to 1
AUDIO = "/dec/Tanh_output_0"

_MODEL_GRAPH = 7
_NODE, _GRAPH_NAME, _INITIALIZER, _INPUT, _OUTPUT = 1, 2, 5, 11, 12
_NODE_NAME, _TENSOR_NAME = 3, 8
_VOCODER = ("/dec/", "dec.")
_LAST_NODE = "/Unsqueeze_11"
_BYTE = 0x80
_BYTES, _FIXED_64, _FIXED_32 = 2, 1, 5


class _Field(NamedTuple):
    number: int
    raw: bytes  # with its tag
    value: bytes  # of a length-delimited field, else empty


def split(model: bytes) -> tuple[bytes, bytes]:
    """The model as two: phonemes → `LAYOUT` and `DURATIONS`, and `LAYOUT` → `AUDIO`.

    Raises:
        EngineError: its structure is not that of Piper's models.

    """
    head, layout, vocoder = b"", b"", b""
    for field in _fields(model):
        if field.number == _MODEL_GRAPH:
            layout, vocoder = _split_graph(field.value)
        else:
            head += field.raw
    if LAYOUT.encode() not in layout or AUDIO.encode() not in vocoder:
        msg = "the voice's model does not have the structure of Piper's models: no vocoder found to split off"
        raise EngineError(msg)
    layout += _message(_OUTPUT, _message(1, LAYOUT.encode())) + _message(_OUTPUT, _message(1, DURATIONS.encode()))
    vocoder += _message(_INPUT, _value_info(LAYOUT)) + _message(_OUTPUT, _message(1, AUDIO.encode()))
    return head + _message(_MODEL_GRAPH, layout), head + _message(_MODEL_GRAPH, vocoder)


def _split_graph(graph: bytes) -> tuple[bytes, bytes]:
    layout, vocoder = [], []
    for field in _fields(graph):
        if field.number == _GRAPH_NAME:
            layout.append(field.raw)
            vocoder.append(field.raw)
        elif field.number == _INPUT:
            layout.append(field.raw)
        elif field.number in {_NODE, _INITIALIZER}:
            name = _text(field.value, _NODE_NAME if field.number == _NODE else _TENSOR_NAME)
            if name.startswith(_VOCODER):
                vocoder.append(field.raw)
            elif name != _LAST_NODE:
                layout.append(field.raw)
    return b"".join(layout), b"".join(vocoder)


def _value_info(name: str) -> bytes:
    dimensions = b"".join(_message(1, _message(2, dimension)) for dimension in (b"batch", b"channels", b"frames"))
    tensor = b"\x08\x01" + _message(2, dimensions)  # of floats
    return _message(1, name.encode()) + _message(2, _message(1, tensor))


def _text(message: bytes, number: int) -> str:
    return next((field.value.decode() for field in _fields(message) if field.number == number), "")


def _fields(message: bytes) -> Iterator[_Field]:
    at = 0
    while at < len(message):
        start = at
        tag, at = _varint(message, at)
        kind, value = tag & 7, b""
        if kind == _BYTES:
            size, at = _varint(message, at)
            value = message[at : at + size]
            at += size
        elif kind in {_FIXED_32, _FIXED_64}:
            at += 4 if kind == _FIXED_32 else 8
        else:
            _, at = _varint(message, at)
        yield _Field(tag >> 3, message[start:at], value)


def _varint(message: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        byte = message[at]
        at += 1
        number |= (byte & (_BYTE - 1)) << shift
        shift += 7
        if byte < _BYTE:
            return number, at


def _message(number: int, value: bytes) -> bytes:
    return _varint_bytes(number << 3 | _BYTES) + _varint_bytes(len(value)) + value


def _varint_bytes(number: int) -> bytes:
    out = bytearray()
    while number >= _BYTE:
        out.append(number & (_BYTE - 1) | _BYTE)
        number >>= 7
    out.append(number)
    return bytes(out)
