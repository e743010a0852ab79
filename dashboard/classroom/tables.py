"""Tables of the classroom. Times are seconds of the epoch; nothing here says who somebody is.

Rows of a room go with it: the database itself deletes them. `migrations/` makes these tables, and a test compares.
"""

from typing import Any

from sqlalchemy import JSON, Float, ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

HASH = 64
"""Characters of a SHA-256 in hexadecimal."""

NICKNAME = 24
PROMPT = 500


class Base(DeclarativeBase):
    """All tables of the classroom."""


class Pin(Base):
    """The teacher's PIN, as its salted hash; one row."""

    __tablename__ = "pins"

    id: Mapped[int] = mapped_column(primary_key=True)
    hashed: Mapped[str] = mapped_column(String(256))


class Teacher(Base):
    """A browser that gave the PIN. The token itself is in its cookie only."""

    __tablename__ = "teachers"

    token_hash: Mapped[str] = mapped_column(String(HASH), primary_key=True)
    expires_at: Mapped[float] = mapped_column(Float)


class Try(Base):
    """A wrong PIN or code, so that both can be limited in every process."""

    __tablename__ = "tries"
    __table_args__ = (Index("tries_by_kind", "kind", "at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(8))
    who: Mapped[str] = mapped_column(String(64))
    at: Mapped[float] = mapped_column(Float)


class Room(Base):
    """A class. `code` is what students type until `expires_at`; `deleted_at` is when the rows go."""

    __tablename__ = "rooms"

    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(String(8), unique=True)
    language: Mapped[str] = mapped_column(String(8))
    created_at: Mapped[float] = mapped_column(Float)
    expires_at: Mapped[float] = mapped_column(Float)
    deleted_at: Mapped[float] = mapped_column(Float, index=True)
    locked: Mapped[bool] = mapped_column(default=False)
    showing: Mapped[str] = mapped_column(String(16), default="joining")
    """What the projector and the phones show: joining, lesson, question or challenge."""
    lesson: Mapped[str | None] = mapped_column(String(128), default=None)
    step: Mapped[int] = mapped_column(default=0)
    revealed: Mapped[bool] = mapped_column(default=False)
    """Whether the answer of the lesson's step is shown."""
    question_id: Mapped[int | None] = mapped_column(default=None)
    challenge_id: Mapped[int | None] = mapped_column(default=None)
    timer_ends_at: Mapped[float | None] = mapped_column(Float, default=None)


class Seat(Base):
    """One student's browser."""

    __tablename__ = "seats"

    id: Mapped[int] = mapped_column(primary_key=True)
    room_id: Mapped[int] = mapped_column(ForeignKey("rooms.id", ondelete="CASCADE"), index=True)
    token_hash: Mapped[str] = mapped_column(String(HASH), unique=True)
    nickname: Mapped[str | None] = mapped_column(String(NICKNAME), default=None)
    joined_at: Mapped[float] = mapped_column(Float)
    removed: Mapped[bool] = mapped_column(default=False)


class Question(Base):
    """One question; `kind` is in `questions.KINDS`. A number has no options, and any other kind has no number."""

    __tablename__ = "questions"

    id: Mapped[int] = mapped_column(primary_key=True)
    room_id: Mapped[int] = mapped_column(ForeignKey("rooms.id", ondelete="CASCADE"), index=True)
    kind: Mapped[str] = mapped_column(String(16))
    prompt: Mapped[str] = mapped_column(String(PROMPT))
    options: Mapped[list[str]] = mapped_column(JSON)
    answer: Mapped[int | None] = mapped_column(default=None)
    """The right option, counted from 0; None where there is none."""
    number: Mapped[float | None] = mapped_column(Float, default=None)
    tolerance: Mapped[float] = mapped_column(Float, default=0.0)
    explanation: Mapped[str] = mapped_column(Text, default="")
    facts: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    """How its pictures were made: sample, model, epsilon, seed."""
    asked_at: Mapped[float] = mapped_column(Float)
    closed_at: Mapped[float | None] = mapped_column(Float, default=None)
    revealed: Mapped[bool] = mapped_column(default=False)


class Image(Base):
    """A picture of a question, as PNG. `before` gives nothing away; `after` is shown with the answer."""

    __tablename__ = "images"
    __table_args__ = (UniqueConstraint("question_id", "place"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    question_id: Mapped[int] = mapped_column(ForeignKey("questions.id", ondelete="CASCADE"))
    place: Mapped[int] = mapped_column()
    png: Mapped[bytes] = mapped_column(LargeBinary)
    before: Mapped[str] = mapped_column(String(PROMPT))
    after: Mapped[str] = mapped_column(String(PROMPT), default="")


class Vote(Base):
    """One seat's answer to one question: there is room for one only, and the first stands."""

    __tablename__ = "votes"
    __table_args__ = (UniqueConstraint("question_id", "seat_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    question_id: Mapped[int] = mapped_column(ForeignKey("questions.id", ondelete="CASCADE"))
    seat_id: Mapped[int] = mapped_column(ForeignKey("seats.id", ondelete="CASCADE"), index=True)
    choice: Mapped[int | None] = mapped_column(default=None)
    number: Mapped[float | None] = mapped_column(Float, default=None)
    at: Mapped[float] = mapped_column(Float)


class Challenge(Base):
    """A contest on one scan and model; `kind` is in `challenge.KINDS`."""

    __tablename__ = "challenges"

    id: Mapped[int] = mapped_column(primary_key=True)
    room_id: Mapped[int] = mapped_column(ForeignKey("rooms.id", ondelete="CASCADE"), index=True)
    kind: Mapped[str] = mapped_column(String(16))
    model: Mapped[str] = mapped_column(String(128))
    sample: Mapped[str] = mapped_column(String(128))
    asked_at: Mapped[float] = mapped_column(Float)
    closed_at: Mapped[float | None] = mapped_column(Float, default=None)
    revealed: Mapped[bool] = mapped_column(default=False)
    """Whether the adaptive attack is shown."""


class Attempt(Base):
    """One student's try at a challenge, which some process takes, computes and measures."""

    __tablename__ = "attempts"

    id: Mapped[int] = mapped_column(primary_key=True)
    challenge_id: Mapped[int] = mapped_column(ForeignKey("challenges.id", ondelete="CASCADE"), index=True)
    seat_id: Mapped[int] = mapped_column(ForeignKey("seats.id", ondelete="CASCADE"), index=True)
    chosen: Mapped[dict[str, Any]] = mapped_column(JSON)
    state: Mapped[str] = mapped_column(String(8), index=True, default="waiting")
    """waiting, running, done or failed."""
    asked_at: Mapped[float] = mapped_column(Float)
    taken_at: Mapped[float | None] = mapped_column(Float, default=None)
    found: Mapped[dict[str, Any] | None] = mapped_column(JSON, default=None)
    """What was measured on the scan that came out; None until then."""
