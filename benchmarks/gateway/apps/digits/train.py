"""Train the classifier into the folder given: model.pkl, and a picture with what is seen in it."""

import json
import pickle
import sys
from pathlib import Path

from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

digits = load_digits()
classifier = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=1000))
classifier.fit(digits.data, digits.target)
folder = Path(sys.argv[1])
(folder / "model.pkl").write_bytes(pickle.dumps(classifier))
picture = digits.data[7]
seen = int(classifier.predict([picture])[0])
(folder / "picture.json").write_text(json.dumps({"image": picture.tolist(), "digit": seen}))
