"""What can go wrong while watching files."""

from __future__ import annotations

from algo.errors import AlgoError


class WatchImpossible(AlgoError):
    """The system refuses to watch the project's folder."""

    code = "watch_impossible"
    hint = "sysctl fs.inotify.max_user_watches=524288, or pass --no-reload"
