"""Reads forest.txt with LightGBM and writes what it says of rows.csv: raw scores, one a line."""

import pathlib

import lightgbm
import numpy

here = pathlib.Path(__file__).parent
rows = numpy.genfromtxt(here / "rows.csv", delimiter=",", missing_values="NaN")
booster = lightgbm.Booster(model_file=str(here / "forest.txt"))
scores = booster.predict(rows, raw_score=True)
(here / "lightgbm.csv").write_text("".join(f"{score!r}\n" for score in scores.tolist()))
