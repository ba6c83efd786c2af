"""Makes the models of this folder and what their own libraries answer.

    python make.py        # numpy, lightgbm, xgboost, onnx, onnxruntime

Beside NAME.txt, NAME.json or NAME.onnx stands NAME.f64, little-endian 64-bit floats in this order:
  edges   FEATURES x EDGES thresholds of the model, the first of each feature, repeated (not for ONNX)
  raw     the raw score of each row of `rows`
  each    for the first EXPLAINED rows: FEATURES contributions and their base (not for ONNX and the random forest)
The rows are made again by the tests, from the noise "LCG-12" and the edges.
"""
import json
import lightgbm as lgb
import numpy as np
import onnx
import onnxruntime as ort
import xgboost as xgb
from onnx import TensorProto, helper

FEATURES, EDGES, EXPLAINED = 8, 16, 40


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
        return total - 6.0


def value(noise, edges):
    kind = noise.uniform()
    if kind < 0.05:
        return np.nan
    if kind < 0.10:
        return 0.0
    if kind < 0.25:
        return edges[int(noise.uniform() * EDGES)]
    if kind < 0.26:
        return 1e-36
    if kind < 0.30:
        return noise.uniform() * 60.0 - 5.0
    return noise.normal()


def rows(count, edges):
    """The last feature is a category: an integer, or now and then any number."""
    noise, made = Lcg(12345), np.empty((count, FEATURES))
    for row in made:
        for j in range(FEATURES - 1):
            row[j] = value(noise, edges[j])
        kind, category = noise.uniform(), noise.uniform() * 60.0 - 5.0
        row[FEATURES - 1] = np.nan if kind < 0.05 else category if kind < 0.1 else np.floor(category)
    return made


def edges_of(pairs):
    """EDGES thresholds of each feature, out of (feature, threshold)."""
    edges = np.zeros((FEATURES, EDGES))
    for j in range(FEATURES):
        own = [threshold for feature, threshold in pairs if feature == j] or [0.0]
        edges[j] = [own[k % len(own)] for k in range(EDGES)]
    return edges


def write(name, *parts):
    with open(name + ".f64", "wb") as file:
        for part in parts:
            file.write(np.ascontiguousarray(part, "<f8").tobytes())


def training(seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(4000, FEATURES))
    x[:, 1:7][rng.random((4000, 6)) < 0.08] = np.nan
    x[:, 2:7][rng.random((4000, 5)) < 0.08] = 0.0
    x[:, 7] = rng.integers(0, 45, 4000)
    clean = np.nan_to_num(x)
    signal = clean[:, 0] + clean[:, 1] * clean[:, 2] - (np.isnan(x[:, 3])) + np.sin(x[:, 7] * 2.3)
    return x, signal + 0.5 * clean[:, 4] + rng.normal(size=4000)


def light(name, seed, count, rounds, **params):
    x, y = training(seed)
    if params["objective"] == "binary":
        y = (y > 0).astype(int)
    params.update(num_leaves=15, verbose=-1, seed=1, num_threads=1, deterministic=True, min_data_in_leaf=5)
    model = lgb.train(params, lgb.Dataset(x, y, categorical_feature=[7]), rounds)
    model.save_model(name + ".txt")
    pairs = []
    for tree in model.dump_model()["tree_info"]:
        ahead = [tree["tree_structure"]]
        while ahead:
            node = ahead.pop(0)
            if "split_feature" in node:
                if node["decision_type"] == "<=":
                    pairs.append((node["split_feature"], node["threshold"]))
                ahead += [node["left_child"], node["right_child"]]
    edges = edges_of(pairs)
    asked = rows(count, edges)
    raw = model.predict(asked, raw_score=True)
    if params.get("boosting") == "rf":  # the raw score is a sum, the prediction is made of its mean
        write(name, edges, raw / rounds)
        p = model.predict(asked)
        assert np.allclose(1 / (1 + np.exp(-raw / rounds)), p, atol=1e-12)
    else:
        write(name, edges, raw, model.predict(asked[:EXPLAINED], pred_contrib=True))


def boost(name, seed, count, **params):
    x, y = training(seed)
    if params["objective"] == "binary:logistic":
        y = (y > 0).astype(int)
    model = xgb.train(dict(params, seed=1, nthread=1), xgb.DMatrix(x, y), 12)
    model.save_model(name + ".json")
    described = json.load(open(name + ".json"))["learner"]["gradient_booster"]["model"]["trees"]
    pairs = [
        (feature, float(np.float32(threshold)))
        for tree in described
        for feature, threshold, left in zip(tree["split_indices"], tree["split_conditions"], tree["left_children"])
        if left != -1
    ]
    edges = edges_of(pairs)
    asked = xgb.DMatrix(rows(count, edges))
    first = asked.slice(list(range(EXPLAINED)))
    write(name, edges, model.predict(asked, output_margin=True), model.predict(first, pred_contribs=True))


def net(name, count):
    noise = Lcg(99)

    def tensor(label, *dims):
        values = np.array([noise.normal() for _ in range(int(np.prod(dims)))], np.float32) / np.float32(3)
        return helper.make_tensor(label, TensorProto.FLOAT, dims, values)

    weights = [tensor("w1", FEATURES, 16), tensor("b1", 16), tensor("w2", 16, 1), tensor("b2", 1)]
    nodes = [
        helper.make_node("Gemm", ["x", "w1", "b1"], ["h"]),
        helper.make_node("Tanh", ["h"], ["a"]),
        helper.make_node("Gemm", ["a", "w2", "b2"], ["y"]),
    ]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", FEATURES])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 1])
    graph = helper.make_graph(nodes, "net", [x], [y], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    onnx.save(model, name + ".onnx")
    session = ort.InferenceSession(name + ".onnx", providers=["CPUExecutionProvider"])
    noise = Lcg(12345)
    asked = np.array([noise.normal() for _ in range(count * FEATURES)], np.float32).reshape(count, FEATURES)
    write(name, session.run(None, {"x": asked})[0])


if __name__ == "__main__":
    print("lightgbm", lgb.__version__, "xgboost", xgb.__version__, "onnx", onnx.__version__, "onnxruntime", ort.__version__)
    light("binary", 1, 10_000, 20, objective="binary", sigmoid=0.8)
    light("dart", 2, 1000, 12, objective="regression", boosting="dart", zero_as_missing=True)
    light("forest", 3, 1000, 8, objective="binary", boosting="rf", bagging_freq=1, bagging_fraction=0.5)
    light("plain", 4, 1000, 12, objective="regression_l1", use_missing=False)
    boost("logistic", 5, 2000, objective="binary:logistic", max_depth=4)
    boost("squares", 6, 1000, objective="reg:squarederror", max_depth=3, base_score=0.3)
    net("net", 200)
