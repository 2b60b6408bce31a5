"""Write MLflow models of several flavours into a folder, by MLflow itself."""

import sys
from pathlib import Path

import mlflow.pyfunc
import mlflow.sklearn
import numpy as np
import pandas as pd
from mlflow.models import ModelSignature, infer_signature
from mlflow.types import ColSpec, ParamSchema, ParamSpec, Schema
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

# The whole of mlflow is a hundred packages; what a model needs of it is in the small one.
SMALL = [f"mlflow-skinny=={mlflow.__version__}", f"pandas=={pd.__version__}"]

TONES = '''
import mlflow.pyfunc
import pandas as pd
from mlflow.models import set_model


class Tones(mlflow.pyfunc.PythonModel):
    """Counts letters, as often as `times` says."""

    def load_context(self, context):
        self.extra = int(open(context.artifacts["extra"]).read())

    def predict(self, context, model_input, params=None):
        times = (params or {}).get("times", 1)
        return pd.DataFrame(
            {"letters": model_input["text"].str.len() * times + self.extra,
             "late": model_input["when"].dt.hour > 11}
        )


set_model(Tones())
'''


def iris(folder):
    table, classes = load_iris(return_X_y=True, as_frame=True)
    model = LogisticRegression(max_iter=2000).fit(table, classes)
    mlflow.sklearn.save_model(
        model,
        folder / "iris",
        signature=infer_signature(table, model.predict(table)),
        input_example=table[:2],
        pip_requirements=[*SMALL, "scikit-learn==1.9.1", "skops==0.16.0"],
    )


def arrays(folder):
    rows, classes = load_iris(return_X_y=True)
    model = LogisticRegression(max_iter=2000).fit(rows, classes)
    mlflow.sklearn.save_model(
        model,
        folder / "arrays",
        signature=infer_signature(rows.astype("float32"), model.predict(rows)),
        input_example=rows[:1].astype("float32"),
        serialization_format="pickle",
        pip_requirements=[*SMALL, "scikit-learn==1.9.1"],
    )


def tones(folder):
    """Model from code, with an artifact, parameters and columns of several types."""
    code, extra = folder / "tones.py", folder / "extra.txt"
    code.write_text(TONES)
    extra.write_text("100")
    columns = [
        ColSpec("string", "text"),
        ColSpec("datetime", "when"),
        ColSpec("double", "weight", required=False),
    ]
    signature = ModelSignature(
        Schema(columns),
        Schema([ColSpec("long", "letters"), ColSpec("boolean", "late")]),
        ParamSchema([ParamSpec("times", "long", 2)]),
    )
    mlflow.pyfunc.save_model(
        folder / "tones",
        python_model=str(code),
        artifacts={"extra": str(extra)},
        signature=signature,
        pip_requirements=SMALL,
    )


class Plain(mlflow.pyfunc.PythonModel):
    """Pickled with its code, as bytecode."""

    def predict(self, context, model_input, params=None):
        return model_input


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    iris(folder)
    arrays(folder)
    tones(folder)
    mlflow.pyfunc.save_model(folder / "plain", python_model=Plain(), pip_requirements=SMALL)
    mlflow.sklearn.save_model(
        LogisticRegression().fit(np.eye(2), [0, 1]),
        folder / "bare",
        pip_requirements=[*SMALL, "scikit-learn==1.9.1", "skops==0.16.0"],
    )
