"""What can keep a template from becoming a project."""

from __future__ import annotations

from algo.errors import USAGE, AlgoError


class TemplateUnknown(AlgoError):
    """There is no template of this name."""

    code = "template_unknown"
    exit_code = USAGE
    hint = "algo init OWNER/NAME --template python/minimal"


class TemplateBroken(AlgoError):
    """A template names a variable that does not exist, or its `template.toml` is wrong."""

    code = "template_broken"
    hint = "correct the template at the place named"


class WouldOverwrite(AlgoError):
    """Files of the new project are already there; nothing was written."""

    code = "would_overwrite"
    hint = "pass --dir with another folder, or move the files away"


class ScaffoldUnwritable(AlgoError):
    """The folder cannot be written to; what had been written is removed again."""

    code = "scaffold_unwritable"
    hint = "pass --dir with a folder that you may write to"
