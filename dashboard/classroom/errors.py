"""What a classroom refuses, each with the HTTP status that a browser is answered with."""

from http import HTTPStatus
from typing import ClassVar

from dashboard.services.errors import MedDefError


class ClassroomError(MedDefError):
    """A request that cannot be done as it was asked."""

    status: ClassVar[HTTPStatus] = HTTPStatus.BAD_REQUEST


class NotAllowed(ClassroomError):
    """Whoever asks may not do this."""

    status = HTTPStatus.FORBIDDEN


class NotHere(ClassroomError):
    """There is no such room, question or picture, or no longer."""

    status = HTTPStatus.NOT_FOUND


class TooLate(ClassroomError):
    """The room or the question has moved on."""

    status = HTTPStatus.CONFLICT


class TooMany(ClassroomError):
    """More than a limit allows."""

    status = HTTPStatus.TOO_MANY_REQUESTS


class NoDatabase(ClassroomError):
    """The database does not answer."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
