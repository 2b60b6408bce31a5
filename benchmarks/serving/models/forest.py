"""About 500 MB in the trees of a scikit-learn forest, loaded from a pickle."""

import pickle
from pathlib import Path

import numpy
from sklearn.ensemble import ExtraTreesRegressor

FILE = Path(__file__).resolve().parent.parent / "forest.pkl"


def make():
    """Grow the forest and write it: done once, before anything is measured."""
    random = numpy.random.default_rng(1)
    forest = ExtraTreesRegressor(n_estimators=12, max_features=1, random_state=1)
    forest.fit(random.random((300_000, 8)), random.random(300_000))
    FILE.write_bytes(pickle.dumps(forest, protocol=5))


def load():
    """Read the forest."""
    return pickle.loads(FILE.read_bytes())


def apply(value, state):
    """Ask it about 20,000 points, which leads through most of its nodes."""
    points = numpy.random.default_rng(value).random((20_000, 8))
    return float(state.predict(points).mean())


if __name__ == "__main__":
    make()
