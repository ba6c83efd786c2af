"""Splits of purgedcv and skfolio, for crates/learn/src/split.rs. Run: python splits.py > splits.json"""
import json, sys
import numpy as np, pandas as pd
from purgedcv import PurgedKFold, CombinatorialPurgedCV as P
from skfolio.model_selection import CombinatorialPurgedCV as S
x = 12345
def u():
    global x
    x = (6364136223846793005 * x + 1442695040888963407) % 2**64
    return (x >> 11) / 2**53
def lives(n):
    t, out = 0, []
    for _ in range(n):
        t += 1 + 2 * int(40 * u())            # starts odd + even steps: never equal to an end
        out.append((2 * t, 2 * (t + int(120 * u())) + 1))
    return out
def times(l):
    s = pd.Series(pd.to_datetime([a for a, _ in l], unit="ns")); e = pd.Series(pd.to_datetime([b for _, b in l], unit="ns"))
    return s, e
out = []
for n, groups, tests, embargo in [(53, 6, 2, 0), (60, 6, 2, 90), (70, 5, 1, 200), (64, 8, 3, 50)]:
    l = lives(n); s, e = times(l)
    kw = dict(prediction_times=s, evaluation_times=e, embargo=pd.Timedelta(embargo, unit="ns"))
    cv = PurgedKFold(n_splits=groups, **kw) if tests == 1 else P(n_splits=groups, n_test_groups=tests, **kw)
    sp = [[[int(i) for i in a], [int(i) for i in b]] for a, b in cv.split(np.zeros((n, 1)))]
    case = dict(by="purgedcv", lives=l, groups=groups, tests=tests, embargo=embargo, splits=sp)
    if tests > 1:
        f = [np.full(len(b), float(i)) for i, (_, b) in enumerate(sp)]
        edges = [i * (n // groups) + min(i, n % groups) for i in range(groups)]
        case["paths"] = [[int(row[k]) for k in edges] for row in cv.reconstruct_paths(f)]
    out.append(case)
for n, groups, tests, purge, embargo in [(60, 6, 2, 2, 3), (100, 10, 8, 1, 2), (80, 8, 3, 3, 0)]:
    cv = S(n_folds=groups, n_test_folds=tests, purged_size=purge, embargo_size=embargo)
    sp = [[[int(i) for i in a], sorted(int(i) for t in b for i in t)] for a, b in cv.split(np.zeros((n, 1)))]
    l = [(i, i + purge) for i in range(n)]
    out.append(dict(by="skfolio", lives=l, groups=groups, tests=tests, embargo=embargo, splits=sp,
                    paths=[[int(v) for v in row] for row in cv.recombined_paths.T]))
json.dump(out, sys.stdout, separators=(",", ":")); print()
