"""LightGBM on the rows that training.rs wrote: the same trees, rows and threads, and lines of the same form.

    python lightgbm_training.py FOLDER THREADS TREES
"""
import resource
import sys
import time

import lightgbm
import numpy

folder, threads, trees = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
y = numpy.fromfile(folder + "/y.f32", numpy.float32)
x = numpy.fromfile(folder + "/x.f32", numpy.float32).reshape(len(y), -1)
cut = len(y) * 3 // 4
common = dict(num_threads=threads, max_bin=255, verbose=-1)
begin = time.time()
data = lightgbm.Dataset(x[:cut], y[:cut], params=common)
data.construct()
binned = time.time() - begin
begin = time.time()
model = lightgbm.train(
    dict(
        common,
        objective="binary",
        learning_rate=0.05,
        num_leaves=31,
        min_data_in_leaf=100,
        lambda_l2=1.0,
        deterministic=True,
        force_row_wise=True,
    ),
    data,
    trees,
)
boosted = time.time() - begin
came = y[cut:] > 0
order = numpy.argsort(model.predict(x[cut:], raw_score=True), kind="stable")
ranks = numpy.empty(len(order))
ranks[order] = numpy.arange(1, len(order) + 1)
wins = int(came.sum())
auc = (ranks[came].sum() - wins * (wins + 1) / 2) / (wins * (len(came) - wins))
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
who = f"LightGBM {lightgbm.__version__}, {threads} threads"
print(f"{who}: cutting into bins\t{binned:.1f}\ts\t")
print(f"{who}: {trees} trees of 31 leaves\t{boosted:.1f}\ts\tAUC {auc:.4f} on the last quarter")
print(f"{who}: peak memory\t{peak:.0f}\tMB\twith {x.nbytes / 2**20:.0f} MB of rows in memory")
