"""Hold documents against the JSON schema of CycloneDX 1.6; run in the environment of cyclonedx.txt.

python cyclonedx_validate.py FILE …   prints nothing when all are valid
"""

import sys
from pathlib import Path

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

validator = JsonStrictValidator(SchemaVersion.V1_6)
for name in sys.argv[1:]:
    problem = validator.validate_str(Path(name).read_text(encoding="utf-8"))
    if problem is not None:
        sys.exit(f"{name}: {problem}")
