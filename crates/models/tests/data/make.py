"""Makes gru.txt: the hidden states of ONNX Runtime's GRU on the weights and inputs of the tests in src/gru.rs.

    python make.py        # numpy, onnx, onnxruntime
"""
import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper

INPUTS, HIDDEN, STEPS = 5, 11, 20


class Lcg:
    def __init__(self, seed):
        self.x = seed

    def uniform(self):
        self.x = (self.x * 6364136223846793005 + 1442695040888963407) % 2**64
        return (self.x >> 11) / 2**53

    def normal(self):
        total = 0.0
        for _ in range(12):
            total += self.uniform()
        return np.float32(total - 6.0)


def tensor(name, noise, *dims):
    values = np.array([noise.normal() for _ in range(int(np.prod(dims)))], np.float32) / np.float32(4)
    return helper.make_tensor(name, TensorProto.FLOAT, dims, values)


lines = [f"# Hidden states, a line a step: linear_before_reset 0, then 1. onnxruntime {ort.__version__}, onnx {onnx.__version__}."]
for flag in (0, 1):
    noise = Lcg(2026)
    weights = [tensor("W", noise, 1, 3 * HIDDEN, INPUTS), tensor("R", noise, 1, 3 * HIDDEN, HIDDEN)]
    weights.append(tensor("B", noise, 1, 6 * HIDDEN))
    node = helper.make_node("GRU", ["X", "W", "R", "B"], ["Y"], hidden_size=HIDDEN, linear_before_reset=flag)
    x = helper.make_tensor_value_info("X", TensorProto.FLOAT, [STEPS, 1, INPUTS])
    y = helper.make_tensor_value_info("Y", TensorProto.FLOAT, [STEPS, 1, 1, HIDDEN])
    graph = helper.make_graph([node], "gru", [x], [y], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    noise = Lcg(31)
    rows = np.array([noise.normal() for _ in range(STEPS * INPUTS)], np.float32).reshape(STEPS, 1, INPUTS)
    for states in session.run(None, {"X": rows})[0].reshape(STEPS, HIDDEN):
        lines.append(" ".join(repr(float(h)) for h in states))
open("gru.txt", "w").write("\n".join(lines) + "\n")
