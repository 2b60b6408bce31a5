"""Write pickled estimators of many forms into a folder."""

import os
import pickle
import sys
from pathlib import Path

import cloudpickle
import joblib
import numpy as np
import pandas as pd
import sklearn.base
from sklearn.cluster import KMeans
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_iris, load_linnerud
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import MultinomialNB
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler


class Evil:
    """Makes a file when it is read."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


def churn():
    """A frame of texts and numbers, some of its columns with names that are no identifiers."""
    table = pd.DataFrame(
        {
            "plan": ["basic", "gold", "gold", "basic"],
            "Monthly bill ($)": [10.0, 30.0, 35.0, 12.0],
            "since": [1.0, 2.0, 7.0, 3.0],
        }
    )
    prepare = make_column_transformer(
        (OneHotEncoder(), ["plan"]), (StandardScaler(), ["Monthly bill ($)", "since"])
    )
    return make_pipeline(prepare, LogisticRegression()).fit(table, ["stays", "goes"] * 2)


def spam():
    words = ["buy now", "see you at noon", "cheap pills now", "lunch at noon"]
    return make_pipeline(TfidfVectorizer(), MultinomialNB()).fit(words, [1, 0, 1, 0])


def own(folder):
    """A step that is a function of a module that is in no package."""
    (folder / "features.py").write_text("def halved(rows):\n    return rows / 2\n")
    sys.path.insert(0, str(folder))
    import features

    rows = np.arange(12.0).reshape(4, 3)
    return make_pipeline(FunctionTransformer(features.halved), KMeans(2, random_state=0)).fit(rows)


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    x, y = load_iris(return_X_y=True)
    forest = RandomForestClassifier(10, random_state=0).fit(x, y)
    search = GridSearchCV(LogisticRegression(max_iter=2000), {"C": [0.1, 1.0]}, cv=2).fit(x, y)
    pickled = {
        "iris": forest,
        "search": search,
        "reduced": PCA(2).fit(x),
        "churn": churn(),
        "spam": spam(),
        "own": own(folder),
        "several": KNeighborsRegressor(2).fit(*load_linnerud(return_X_y=True)),
        "dictionary": {"model": forest, "threshold": 0.5},
        "evil": make_pipeline(forest, Evil(folder / "touched")),
        "numbers": [1, 2, 3],
    }
    for name, value in pickled.items():
        (folder / f"{name}.pkl").write_bytes(pickle.dumps(value))
    for protocol in range(6):
        (folder / f"protocol{protocol}.pkl").write_bytes(pickle.dumps(forest, protocol))
    for name, how in {"plain": 0, "zlib": 3, "gzip": ("gzip", 3), "xz": ("xz", 1)}.items():
        joblib.dump(forest, folder / f"{name}.joblib", compress=how)
    joblib.dump(churn(), folder / "objects.joblib")
    code = make_pipeline(FunctionTransformer(lambda rows: rows + 1), PCA(1)).fit(x)
    (folder / "code.pkl").write_bytes(cloudpickle.dumps(code))
    sklearn.base.__version__ = "1.2.2"
    (folder / "old.pkl").write_bytes(pickle.dumps(forest))
