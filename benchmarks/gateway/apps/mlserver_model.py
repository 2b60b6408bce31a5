"""MLServer: a custom runtime over the Open Inference Protocol."""

from mlserver import MLModel
from mlserver.types import InferenceRequest, InferenceResponse, ResponseOutput


class Noop(MLModel):
    """Returns x + 1."""

    async def load(self) -> bool:
        """Nothing is loaded."""
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        """Return x + 1."""
        value = payload.inputs[0].data[0] + 1
        output = ResponseOutput(name="y", shape=[1], datatype="INT64", data=[value])
        return InferenceResponse(model_name=self.name, outputs=[output])
