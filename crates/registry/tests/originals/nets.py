"""Makes nets in ONNX and writes them with what onnxruntime answers, into the folder that is named.

    python nets.py OUT

Beside NAME.onnx of a net that is read stands NAME.f64, little-endian 64-bit floats: steps, features, outputs, the inputs of
every step, the answers after every step. Beside NAME.onnx of one that is refused stands NAME.txt, what the refusal says.
"""
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

out = Path(sys.argv[1])
rng = np.random.default_rng(20260)
FLOAT, DOUBLE, INT64 = TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.INT64


def weights(name, *dims, kind=np.float32, typed=False):
    values = (rng.normal(size=dims) / np.sqrt(dims[-1])).astype(kind)
    if typed:
        return helper.make_tensor(name, FLOAT if kind == np.float32 else DOUBLE, dims, values.ravel())
    return numpy_helper.from_array(values, name)


def ints(name, *values, single=False):
    return numpy_helper.from_array(np.array(values[0] if single else values, np.int64), name)


def gru(features, hidden, typed=False):
    return [
        weights("W", 1, 3 * hidden, features, typed=typed),
        weights("R", 1, 3 * hidden, hidden, typed=typed),
        weights("B", 1, 6 * hidden, typed=typed),
    ]


def node(kind, given, made, **attributes):
    return helper.make_node(kind, given.split(), made.split(), name=f"{kind.lower()}_{made}", **attributes)


def model(nodes, known, shape, answer, kind=FLOAT, opset=17, metadata=None, inputs=("x",), outputs=("y",)):
    given = [helper.make_tensor_value_info(name, kind, shape) for name in inputs]
    made = [helper.make_tensor_value_info(name, kind, answer) for name in outputs]
    graph = helper.make_graph(nodes, "net", given, made, known)
    net = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9)
    if metadata:
        helper.set_model_props(net, metadata)
    return net


def read(name, net, steps, features, to_input, sequence=True):
    """Writes a net and its answers: of a sequence, those after each step are those of each beginning."""
    onnx.checker.check_model(net, full_check=True)
    onnx.save(net, out / f"{name}.onnx")
    session = ort.InferenceSession(str(out / f"{name}.onnx"), providers=["CPUExecutionProvider"])
    kind = np.float64 if "double" in session.get_inputs()[0].type else np.float32
    x = rng.normal(size=(steps, features)).astype(kind)
    ask = lambda rows: session.run(None, {"x": to_input(rows)})[0]
    if sequence:
        answers = [np.asarray(ask(x[: n + 1])) for n in range(steps)]
        answers = [answer.reshape(-1)[-outputs_of(net):] for answer in answers]
    else:
        answers = list(ask(x).reshape(steps, -1))
    parts = [[steps, features, len(answers[0])], x, np.concatenate(answers)]
    with open(out / f"{name}.f64", "wb") as file:
        for part in parts:
            file.write(np.asarray(part, "<f8").tobytes())


def outputs_of(net):
    return int(dict((p.key, p.value) for p in net.metadata_props)["outputs"])


def refused(name, net, says):
    (out / f"{name}.onnx").write_bytes(net.SerializeToString())
    (out / f"{name}.txt").write_text(says)


def same(rows):
    return rows


# Dense layers alone: both ways of a Gemm, MatMul with Add on either side, activations twice and on nothing, 32 and 64 bits.
for name, kind, code in [("mlp", np.float32, FLOAT), ("double", np.float64, DOUBLE)]:
    known = [
        weights("w1", 24, 12, kind=kind), weights("b1", 24, kind=kind), weights("w2", 24, 16, kind=kind, typed=True),
        weights("b2", 1, 16, kind=kind), weights("w3", 16, 3, kind=kind), weights("b3", 1, kind=kind, typed=True),
    ]
    nodes = [
        node("Gemm", "x w1 b1", "g1", transB=1, alpha=0.5, beta=2.0), node("Relu", "g1", "a1"),
        node("MatMul", "a1 w2", "m2"), node("Add", "b2 m2", "s2"), node("Tanh", "s2", "a2"), node("Sigmoid", "a2", "a3"),
        node("Gemm", "a3 w3", "g3"), node("Add", "g3 b3", "s3"), node("Identity", "s3", "y"),
    ]
    names = {"feature_names": ",".join(f"f{n}" for n in range(12))}
    read(name, model(nodes, known, ["rows", 12], ["rows", 3], code, metadata=names), 500, 12, same, sequence=False)

# A GRU whose every step is answered, the reset gate behind the recurrent matrix as PyTorch and Keras have it.
nodes = [
    node("GRU", "x W R B", "Y", hidden_size=20, linear_before_reset=1, direction="forward"), node("Squeeze", "Y one", "s"),
    node("MatMul", "s w", "m"), node("Add", "m b", "y"),
]
known = [*gru(7, 20), weights("w", 20, 2), weights("b", 2), ints("one", 1)]
read("steps", model(nodes, known, ["steps", 1, 7], ["steps", 1, 2], metadata={"outputs": "2"}), 120, 7, lambda rows: rows[:, None])

# The reset gate before it as in the paper, the last state alone, an explicit rest, opset 11 with axes as attributes, no bias.
nodes = [
    helper.make_node("GRU", ["x", "W", "R", "", "", "rest"], ["Y", "last"], name="gru", hidden_size=16),
    node("Squeeze", "last", "s", axes=[0]), node("Tanh", "s", "t"), node("Gemm", "t w b", "g", transB=1), node("Sigmoid", "g", "y"),
]
rest = numpy_helper.from_array(np.zeros((1, 1, 16), np.float32), "rest")
known = [*gru(5, 16)[:2], weights("w", 1, 16), weights("b", 1), rest]
read("last", model(nodes, known, ["steps", 1, 5], [1, 1], opset=11, metadata={"outputs": "1"}), 80, 5, lambda rows: rows[:, None])

# Rows first, as torch.nn.GRU(batch_first=True) is exported: Transpose, GRU, Transpose, the last step, two layers.
nodes = [
    node("Transpose", "x", "t", perm=[1, 0, 2]), node("GRU", "t W R B", "Y h", hidden_size=24, linear_before_reset=1),
    node("Squeeze", "Y one", "s"), node("Transpose", "s", "u", perm=[1, 0, 2]),
    node("Constant", "", "end", value=ints("end", -1, single=True)), node("Gather", "u end", "e", axis=1),
    node("Gemm", "e w1 b1", "g1", transB=1), node("Relu", "g1", "r"), node("Gemm", "r w2 b2", "g2", transB=1),
    node("Reshape", "g2 flat", "y"),
]
known = [*gru(9, 24, typed=True), weights("w1", 8, 24), weights("b1", 8), weights("w2", 1, 8), weights("b2", 1), ints("one", 1), ints("flat", -1)]
read("first", model(nodes, known, [1, "steps", 9], [1], metadata={"outputs": "1"}), 60, 9, lambda rows: rows[None])

# What is refused.
dense = lambda *more, **other: model([*more], [weights("w", 4, 4), weights("b", 4), *other.pop("known", [])], *other.pop("shape", [["n", 4], ["n", 4]]), **other)
refused("conv", dense(node("Conv", "x w", "y")), "node 0 'conv_y': Conv is not supported: supported are GRU, Gemm")
refused("softmax", dense(node("MatMul", "x w", "m"), node("Softmax", "m", "y")), "node 1 'softmax_y': Softmax is not supported")
refused("residual", dense(node("MatMul", "x w", "m"), node("Add", "m x", "y")), "node 1 'add_y': Add: ")
refused("branch", dense(node("MatMul", "x w", "m"), node("MatMul", "x w", "y")), "node 1 'matmul_y': MatMul: a branch")
refused("early", dense(node("MatMul", "x w", "y"), node("Relu", "y", "z")), "an output that is not the end of the net")
refused("two", dense(node("MatMul", "x w", "y"), inputs=("x", "z")), "one input and one output")
refused("bare", dense(node("Add", "x b", "y")), "node 0 'add_y': Add: an Add that is not behind MatMul or Gemm")
refused("narrow", dense(node("MatMul", "x w", "y"), shape=[["n", 5], ["n", 4]]), "weights for another number of inputs")
refused("open", dense(node("MatMul", "x w", "y"), shape=[["n", "f"], ["n", 4]]), "input 'x': an input that is not float")
refused("half", dense(node("MatMul", "x w", "y"), kind=TensorProto.FLOAT16), "input 'x': an input that is not float")
refused("opset", dense(node("MatMul", "x w", "y"), opset=6), "version 6 of the operators")
refused("domain", dense(helper.make_node("MatMul", ["x", "w"], ["y"], domain="com.microsoft")), "the operator 'com.microsoft MatMul'")
refused("column", dense(node("MatMul", "w x", "y")), "a known tensor where the stream is due")
refused("turned", dense(node("Transpose", "x", "t"), node("MatMul", "t w", "y")), "do not lie in its last axis")
refused("unnamed", dense(node("Squeeze", "x", "y")), "does not name its axes")
inner = helper.make_graph([], "inner", [], [])
refused("loop", dense(helper.make_node("If", ["x"], ["y"], name="if", then_branch=inner, else_branch=inner)), "node 0 'if': If: ")
outside = dense(node("MatMul", "x w", "y"))
outside.graph.initializer[0].data_location = TensorProto.EXTERNAL
refused("outside", outside, "tensor 'w': a weight in another file")
names = dense(node("MatMul", "x w", "y"), metadata={"feature_names": "a,b,c"})
refused("names", names, "3 values where 4 are due")
huge = dense(node("MatMul", "x w", "y"))
huge.graph.initializer[0].dims[:] = [4, 1 << 40]
refused("huge", huge, "a layer of no or more than 1024 outputs")
short = dense(node("MatMul", "x w", "y"))
short.graph.initializer[0].raw_data = b"\0" * 60
refused("short", short, "not as many as its axes say")
bad = dense(node("MatMul", "x w", "y"))
bad.graph.initializer[0].raw_data = np.full(16, np.nan, np.float32).tobytes()
refused("nan", bad, "is not finite")
for name, says, attributes in [
    ("backwards", "a direction other than forward", {"direction": "reverse"}),
    ("both", "a direction other than forward", {"direction": "bidirectional"}),
    ("relu", "activations other than Sigmoid and Tanh", {"activations": ["Sigmoid", "Relu"]}),
    ("clip", "clip or layout", {"clip": 3.0}),
    ("alpha", "an attribute that holds", {"activation_alpha": [0.1]}),
    ("size", "weights that do not fit each other", {"hidden_size": 7}),
]:
    nodes = [helper.make_node("GRU", ["x", "W", "R", "B"], ["", "y"], name="gru", **{"hidden_size": 6, **attributes})]
    refused(f"gru-{name}", model(nodes, gru(4, 6), ["t", 1, 4], [1, 1, 6]), f"node 0 'gru': GRU: {says}")
for name, says, nodes, more in [
    ("start", "an initial_h other than zero", [("GRU", "x W R B  h", " y", {})], [weights("h", 1, 1, 6)]),
    ("gather", "anything but the last step", [("GRU", "x W R B", "Y", {}), ("Gather", "Y zero", "y", {"axis": 0})], [ints("zero", 0, single=True)]),
    ("twice", "a second recurrent unit", [("GRU", "x W R B", "Y", {}), ("GRU", "Y W R B", "y", {})], []),
    ("mixed", "mixes the numbers", [("GRU", "x W R B", "Y", {}), ("Reshape", "Y flat", "y", {})], [ints("flat", -1, 12)]),
]:
    nodes = [helper.make_node(kind, given.split(" "), made.split(" "), name="n", **other) for kind, given, made, other in nodes]
    refused(f"gru-{name}", model(nodes, [*gru(4, 6), *more], ["t", 1, 4], None), says)
