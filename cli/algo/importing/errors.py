"""What can keep a model from becoming a project."""

from __future__ import annotations

from algo.errors import NOT_ALLOWED, USAGE, AlgoError


class SourceInvalid(AlgoError):
    """What should be imported is not there, or is something else."""

    code = "import_source_invalid"
    exit_code = USAGE
    hint = "algo import --help"


class SourceUnsupported(AlgoError):
    """It is what it should be, and holds something that cannot be taken over."""

    code = "import_unsupported"


class TargetTaken(AlgoError):
    """The folder for the new project is not empty."""

    code = "import_target_taken"
    exit_code = USAGE
    hint = "name another folder behind the path"


class ModelUnusable(AlgoError):
    """The model could not be loaded in its locked environment."""

    code = "import_model_unusable"


class ExampleRefused(AlgoError):
    """The model answered none of its examples."""

    code = "import_example_refused"


class ExampleInvalid(AlgoError):
    """A file given with `--example` is no JSON."""

    code = "import_example_invalid"
    exit_code = USAGE
    hint = "give a file with one input of the model as JSON"


class PickleDangerous(AlgoError):
    """To read the pickle would call what no model needs."""

    code = "import_pickle_dangerous"
    exit_code = NOT_ALLOWED
    hint = "do not load it anywhere; ask who made it for a model without these calls"


class PinsUnmet(AlgoError):
    """The versions that the model was made with cannot be had for the Python of the image."""

    code = "import_pins_unmet"


class PickleOnHost(AlgoError):
    """There is no container to read a pickle in, and nobody said that this machine may."""

    code = "import_pickle_on_host"
    exit_code = NOT_ALLOWED
    hint = "start Docker, or add --engine virtualenv to read it in a process of this machine"
