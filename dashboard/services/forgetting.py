"""Letting go of whatever the services keep for one session."""

from dashboard.services import inspection, inspection_scores, pacs, reading, teaching, teaching_broken, viewing
from dashboard.services.models import thumbnail_of


def forget_everything() -> None:
    """Predictions, maps, pictures and answers of this session go."""
    for service in (inspection, inspection_scores, pacs, reading, teaching, teaching_broken, viewing):
        service.forget()
    thumbnail_of.clear()
