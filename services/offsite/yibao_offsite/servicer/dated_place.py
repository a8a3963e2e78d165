"""Places in lists that are read by a day, then by an id."""

import datetime as dt
import uuid


def dated_place_text(day: dt.date, id: str) -> str:
    """Returns a place in lists by day, then by id, for `page_token`."""
    return f"{day.isoformat()}/{id}"


def dated_place(text: str) -> tuple[dt.date, str]:
    """Returns the day and the id of a place, for `place_after`.

    Raises ValueError where the text is not as `dated_place_text` writes it.
    """
    told, _, id = text.partition("/")
    day, read = dt.date.fromisoformat(told), str(uuid.UUID(id))
    if dated_place_text(day, read) != text:
        raise ValueError("a place is a day and an id")
    return day, read
