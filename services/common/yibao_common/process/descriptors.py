"""How many files and connections a process may hold open."""

import resource

# More than any process of ours needs; some systems know no limit at all.
_MOST = 65_536


def raise_limit() -> None:
    """Raises what the process may open to what the system lets it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _MOST if hard == resource.RLIM_INFINITY else min(_MOST, hard)
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def most_connections() -> int:
    """Returns how many connections a server takes: a quarter of all is left for its files."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return (_MOST if soft == resource.RLIM_INFINITY else min(_MOST, soft)) * 3 // 4
