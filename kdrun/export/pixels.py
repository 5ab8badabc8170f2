"""`kdrun export --pixels`: a graph that reads pixels of any size, and brings them to its own.

What Pillow does to a picture is a product with two matrices, one for each of its sides, whose
numbers follow from its size; so they are computed in the graph, by operators that every runtime
has. ONNX's own `Resize` with `antialias` knows no rectangle between pixels, as a centre is that
lies there, and in onnxruntime 1.32 it differs from Pillow by up to 11 of 255 levels
(docs/raw_files.md).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal

from kdrun.config.nearest import nearest
from kdrun.export.preprocess import PIXELS, Fields, words

Layout = Literal["nhwc", "nchw"]

LAYOUTS = ("nhwc", "nchw")

INPUT = "pixels"
"""What the input is called then."""

OWN = "kdrun_pixels"
"""How the names in this part of the graph begin."""

CUBIC = -0.5
"""Of Pillow's cubic filter, the slope at 1 (Keys, 1981)."""


class Steps:
    """Nodes of a graph, written down one after another."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []

    def __call__(self, operator: str, *inputs: Any, **attributes: Any) -> str:
        """The name of what an operator makes; numbers among its inputs become constants."""
        from onnx import helper

        names = [given if isinstance(given, str) else self.constant(given) for given in inputs]
        name = f"{OWN}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, names, [name], name=name, **attributes))
        return name

    def constant(self, value: Any) -> str:
        """A float, or whole numbers as int64."""
        import numpy as np
        from onnx import numpy_helper

        kind = np.float32 if isinstance(value, float) else np.int64
        tensor = numpy_helper.from_array(np.asarray(value, kind))
        return self("Constant", value=tensor)

    def number(self, whole: str) -> str:
        """An int64 as a float."""
        return self("Cast", whole, to=1)  # onnx.TensorProto.FLOAT


def steps(told: Fields, layout: Layout) -> list[Any]:
    """The nodes from `pixels`, uint8 of any size, to `input`, float32 from 0 to 1.

    Args:
        told: `fields` of an image that is brought to a size by its centre.
        layout: of the pixels.
    """
    graph = Steps()
    whole = graph("Transpose", INPUT, perm=[0, 3, 1, 2]) if layout == "nhwc" else INPUT
    shape = graph("Shape", whole)
    sides = [graph("Gather", shape, place) for place in (2, 3)]
    boxes = _boxes(graph, told, sides)
    down, across = (
        _weights(graph, side, count, box, told["filter"] == "bicubic")
        for side, count, box in zip(sides, told["size"], boxes, strict=True)
    )
    level = graph.number(whole)
    level = _rounded(graph, graph("MatMul", level, graph("Transpose", across, perm=[1, 0])))
    level = _rounded(graph, graph("MatMul", down, level))
    last = graph("Div", level, 255.0)
    graph.nodes[-1].output[0] = "input"
    assert last
    return graph.nodes


Box = tuple[str, str, str, str]
"""Of one side, as names of floats: where what is kept begins, how long it is, to how many pixels
that is brought, and the first of these that is used."""


def _boxes(graph: Steps, told: Fields, sides: list[str]) -> list[Box]:
    """What of each side is brought to what, as `kdrun.dataset.image.fit_image` does it."""
    if "shorter_side" in told["resize"]:
        return [
            _shorter(graph, own, other, told["resize"]["shorter_side"], size)
            for own, other, size in zip(sides, reversed(sides), told["size"], strict=True)
        ]
    height, width = told["size"]
    share = 1 - 2 * told["resize"]["bleed"]
    found = []
    for own, other, size, ratio in zip(
        sides, reversed(sides), told["size"], (height / width, width / height), strict=True
    ):
        kept, beside = (graph("Mul", graph.number(side), float(share)) for side in (own, other))
        long = graph("Min", kept, graph("Mul", beside, float(ratio)))
        begin = graph("Mul", graph("Sub", graph.number(own), long), 0.5)
        found.append((begin, long, graph.constant(float(size)), graph.constant(0.0)))
    return found


def _shorter(graph: Steps, own: str, other: str, to: int, size: int) -> Box:
    """A side of a picture whose shorter side becomes `to`, of which the middle `size` is used."""
    short, whole = graph("Min", own, other), graph("Mul", own, to)
    becomes = graph.number(graph("Div", whole, short))  # of whole numbers: cut, as int() does
    spare = graph("Mul", graph("Sub", becomes, float(size)), 0.5)
    return graph.constant(0.0), graph.number(own), becomes, graph("Round", spare)


def _weights(graph: Steps, side: str, count: int, box: Box, cubic: bool) -> str:
    """(count, side) shares of a side's pixels in those that are made of them, as Pillow's."""
    begin, long, full, first = box
    scale = graph("Div", long, full)
    reach = graph("Max", scale, 1.0)
    made = graph("Add", graph("Range", 0.0, float(count), 1.0), first)
    centres = graph("Add", graph("Mul", graph("Add", made, 0.5), scale), begin)
    places = graph("Add", graph.number(graph("Range", 0, side, 1)), 0.5)
    apart = graph("Sub", places, graph("Unsqueeze", centres, [1]))
    apart = graph("Div", graph("Abs", apart), reach)
    shares = _cubic(graph, apart) if cubic else graph("Relu", graph("Sub", 1.0, apart))
    return graph("Div", shares, graph("ReduceSum", shares, [1], keepdims=1))


def _cubic(graph: Steps, x: str) -> str:
    """Keys' filter of distances."""

    def polynomial(*factors: float) -> str:
        value = graph.constant(factors[0])
        for factor in factors[1:]:
            value = graph("Add", graph("Mul", value, x), factor)
        return value

    near = polynomial(CUBIC + 2, -(CUBIC + 3), 0.0, 1.0)
    far = polynomial(CUBIC, -5 * CUBIC, 8 * CUBIC, -4 * CUBIC)
    outer = graph("Where", graph("Less", x, 2.0), far, 0.0)
    return graph("Where", graph("Less", x, 1.0), near, outer)


def _rounded(graph: Steps, level: str) -> str:
    """Whole levels from 0 to 255, as Pillow has them after each side."""
    return graph("Clip", graph("Floor", graph("Add", level, 0.5)), 0.0, 255.0)


def read_pixels(model: Any, told: Fields, layout: Layout) -> Any:
    """Put the steps before a graph, which then reads `pixels` of any size.

    Args:
        model: of ONNX, that reads `input`; it is changed.
        told: `fields` of its metadata.
        layout: of the pixels.

    Returns:
        The steps alone as a model, for who wants to look at what they make.
    """
    from onnx import TensorProto, helper

    nodes = steps(told, layout)
    channels = 1 if told["colour"] == "grey" else 3
    sides = ["height", "width"]
    dims: list[str | int | None]
    dims = ["batch", channels, *sides] if layout == "nchw" else ["batch", *sides, channels]
    given = helper.make_tensor_value_info(INPUT, TensorProto.UINT8, dims)
    made = helper.make_tensor_value_info(
        "input", TensorProto.FLOAT, ["batch", channels, *told["size"]]
    )
    alone = helper.make_model(
        helper.make_graph(nodes, OWN, [given], [made]),
        opset_imports=list(model.opset_import),
        ir_version=model.ir_version,
    )
    (before,) = (one for one in model.graph.input if one.name == "input")
    model.graph.input.remove(before)
    model.graph.input.insert(0, given)
    later = list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend([*nodes, *later])
    return alone


def told_of(metadata: Mapping[str, str], layout: Layout) -> dict[str, str]:
    """The metadata of such a graph."""
    known = json.loads(metadata["preprocess"])
    told = {**known, "inside": list(PIXELS), "layout": layout.upper(), "dtype": "uint8"}
    kind, channels = told["colour"], 1 if told["colour"] == "grey" else 3
    sides = f"height, width, {channels}" if layout == "nhwc" else f"{channels}, height, width"
    given = f"{kind} images (N, {sides}), uint8 from 0 to 255, of any size"
    more = {"preprocess": json.dumps(told), "from_a_file": words(told), "input": given}
    return {**metadata, **more}


def refuse(layout: str, format: str, metadata: Mapping[str, str]) -> None:
    """Refuse what cannot read pixels.

    Raises:
        ValueError: with what can.
    """
    if layout not in LAYOUTS:
        raise ValueError(f"--pixels {layout} is not defined; {nearest(layout, LAYOUTS)}")
    if format != "onnx":
        raise ValueError(f"--pixels is of --format onnx, and not of {format}")
    if json.loads(metadata["preprocess"])["kind"] != "image":
        raise ValueError("--pixels is of students that read images")
