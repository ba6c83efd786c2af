"""LightGBM and ONNX Runtime on the models and rows that inference.rs wrote: first they must say the same, then they are timed.

    python peers.py FOLDER

Percentiles are those of single calls on one thread, less the median of an empty call of the same kind, of the best of several
rounds, as in inference.rs. The call through ctypes costs what it costs: an empty one of the same number of arguments is taken off.
"""
import ctypes
import os
import sys
import time

os.environ["OMP_NUM_THREADS"] = "1"
import lightgbm
import numpy
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

folder = sys.argv[1]
clock = time.perf_counter_ns


def numbers(name):
    return numpy.fromfile(os.path.join(folder, name), numpy.float64)


def once(call, calls):
    nanos = []
    for nth in range(calls):
        begin = clock()
        call(nth)
        nanos.append(clock() - begin)
    nanos.sort()
    return nanos[calls // 2], nanos[calls // 100 * 99]


def tell(name, note, call, empty, calls=10_000, rounds=7):
    nothing = once(empty, calls)[0]
    for percentile, nanos in zip(("p50", "p99"), min(once(call, calls) for _ in range(rounds))):
        print(f"{name}, {percentile}\t{max(0, nanos - nothing) / 1e3:.2f}\tus\t{note}", flush=True)


def forests():
    rows = numbers("rows.f64").reshape(-1, 32)
    said = numbers("said.f64")
    model = lightgbm.Booster(model_file=os.path.join(folder, "forest.txt"))
    off = numpy.abs(model.predict(rows, raw_score=True, num_threads=1) - said).max()
    assert off <= 1e-12, f"LightGBM says otherwise, by {off}"
    library = lightgbm.basic._LIB
    handle = model._handle
    fast, out, length = ctypes.c_void_p(), numpy.zeros(1), ctypes.c_int64()
    where, count = out.ctypes.data_as(ctypes.POINTER(ctypes.c_double)), ctypes.byref(length)
    raw, double = 1, 1
    made = library.LGBM_BoosterPredictForMatSingleRowFastInit(
        handle, raw, 0, -1, double, 32, ctypes.c_char_p(b"num_threads=1"), ctypes.byref(fast)
    )
    assert made == 0, "no single row of LightGBM"
    places = [ctypes.c_void_p(row.ctypes.data) for row in rows]
    ask = library.LGBM_BoosterPredictForMatSingleRowFast
    for nth, place in enumerate(places):
        assert ask(fast, place, count, where) == 0 and abs(out[0] - said[nth]) <= 1e-12
    version = lightgbm.__version__
    # A call of the same library with four arguments that only writes a number.
    least = library.LGBM_BoosterGetNumClasses
    classes = ctypes.byref(ctypes.c_int())
    tell(
        "forest, LightGBM C API, single row fast",
        f"LightGBM {version}, less an empty call through ctypes",
        lambda nth: ask(fast, places[nth % len(places)], count, where),
        lambda nth: least(handle, classes, places[nth % len(places)], where),
    )
    tell(
        "forest, LightGBM Python predict",
        f"LightGBM {version}",
        lambda nth: model.predict(rows[nth % len(rows)].reshape(1, -1), raw_score=True, num_threads=1),
        lambda nth: rows[nth % len(rows)].reshape(1, -1),
        calls=2_000,
    )


def onnx_net(inputs, hidden):
    cuts = numpy.cumsum([3 * hidden * inputs, 3 * hidden * hidden, 3 * hidden, 3 * hidden, 2 * hidden])
    weights = numbers(f"gru_{inputs}_{hidden}.weights.f64").astype(numpy.float32)
    w, r, wb, rb, head, bias = numpy.split(weights, cuts)
    constants = {
        "w": w.reshape(1, 3 * hidden, inputs),
        "r": r.reshape(1, 3 * hidden, hidden),
        "b": numpy.concatenate([wb, rb]).reshape(1, 6 * hidden),
        "head": head.reshape(2, hidden),
        "bias": bias,
        "flat": numpy.array([1, hidden], numpy.int64),
    }
    nodes = [
        helper.make_node("GRU", ["x", "w", "r", "b", "", "h"], ["", "next"], hidden_size=hidden, linear_before_reset=1),
        helper.make_node("Reshape", ["next", "flat"], ["row"]),
        helper.make_node("Gemm", ["row", "head", "bias"], ["out"], transB=1),
    ]
    value = lambda name, shape: helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
    graph = helper.make_graph(
        nodes,
        "step",
        [value("x", [1, 1, inputs]), value("h", [1, 1, hidden])],
        [value("out", [1, 2]), value("next", [1, 1, hidden])],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def nets(inputs, hidden):
    session = onnx_net(inputs, hidden)
    rows = numbers(f"gru_{inputs}_{hidden}.rows.f64").astype(numpy.float32).reshape(-1, 1, 1, inputs)
    said = numbers(f"gru_{inputs}_{hidden}.said.f64").reshape(-1, 2)
    state = numpy.zeros((1, 1, hidden), numpy.float32)
    for row, expected in zip(rows, said):
        out, state = session.run(["out", "next"], {"x": row, "h": state})
        assert numpy.abs(out[0] - expected).max() < 1e-4, "ONNX Runtime says otherwise"
    # Two states in turn, each the output of one step and the input of the next, with all buffers bound before.
    ours = lambda shape: onnxruntime.OrtValue.ortvalue_from_numpy(numpy.zeros(shape, numpy.float32))
    states, out = [ours((1, 1, hidden)), ours((1, 1, hidden))], ours((1, 2))
    seen = [onnxruntime.OrtValue.ortvalue_from_numpy(row) for row in rows]
    steps = []
    for nth, row in enumerate(seen):
        binding = session.io_binding()
        binding.bind_ortvalue_input("x", row)
        binding.bind_ortvalue_input("h", states[nth % 2])
        binding.bind_ortvalue_output("out", out)
        binding.bind_ortvalue_output("next", states[1 - nth % 2])
        steps.append(binding)
    tell(
        f"GRU step {inputs}->{hidden}, ONNX Runtime",
        f"ONNX Runtime {onnxruntime.__version__} from Python, buffers bound, one thread, 32-bit floats",
        lambda nth: session.run_with_iobinding(steps[nth % len(steps)]),
        lambda nth: steps[nth % len(steps)],
    )


forests()
nets(16, 32)
nets(48, 64)
