"""Train a small model and register it: `register.py NAME C [ALIAS]` prints its version."""

import sys

import mlflow
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

name, strength, *alias = sys.argv[1:]
features, labels = load_iris(return_X_y=True)
model = LogisticRegression(C=float(strength), max_iter=500).fit(features, labels)
mlflow.set_experiment("tests")
with mlflow.start_run():
    logged = mlflow.sklearn.log_model(model, name="model", registered_model_name=name)
version = logged.registered_model_version
if alias:
    mlflow.MlflowClient().set_registered_model_alias(name, alias[0], version)
sys.stdout.write(f"{version}\n")
