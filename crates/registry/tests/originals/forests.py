"""Trains forests and writes them with what their own libraries answer, into the folder that is named: the layout of data/make.py.

    python forests.py OUT
"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "data"))
import make  # noqa: E402

make.EXPLAINED = 200
os.chdir(sys.argv[1])
make.light("binary", 101, 10_000, 40, objective="binary", sigmoid=1.3, learning_rate=0.07)
make.light("zero", 102, 10_000, 20, objective="regression", zero_as_missing=True, boosting="dart")
make.light("never", 103, 10_000, 20, objective="regression_l1", use_missing=False)
make.boost("logistic", 104, 10_000, objective="binary:logistic", max_depth=6)
make.boost("squares", 105, 10_000, objective="reg:squarederror", max_depth=4, base_score=0.3)
