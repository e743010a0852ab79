"""Choosing a scan: the task, a strip of samples, a file, or the PACS."""

import streamlit as st

from dashboard.components.words import class_code
from dashboard.language import tr
from dashboard.services import shared as services
from dashboard.services.scans import MAX_VOLUME_BYTES, SYNTHETIC, Sample
from dashboard.session import state, uploads
from dashboard.views.diagnose.pacs_picker import pacs_picker
from dashboard.views.diagnose.strip_hint import strip_hint

TILE = 124
"""Width of a thumbnail in the strip, in pixels."""

STRIP = "sample_strip"
"""Key of the strip, which `strip_hint` looks into."""

UPLOAD_BOX = "upload_box"
"""Key of the box around the uploader, which `upload_watch` looks into."""


def task_picker() -> None:
    """The kind of scan; the choice is kept by `state` and serves every page."""
    tasks = services.tasks()
    st.segmented_control(
        tr("batch.kind-scan", "Kind of scan"),
        list(tasks),
        format_func=lambda key: tr(tasks[key].title),
        default=next(iter(tasks)),
        required=True,
        key="task",
        label_visibility="collapsed",
        persist_state="session",
        on_change=state.change_task,
    )


def sample_card() -> None:
    """What can be chosen without a file: samples, and the studies of the PACS."""
    sample_strip(state.task())
    pacs_picker()


def sample_strip(task: str) -> None:
    """One row of thumbnails that scrolls sideways; each says where it is from."""
    offered = services.samples(task)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"**{tr('diagnose.samples', 'Samples')}** ({len(offered)})", width="content")
        strip_hint(STRIP, tr("diagnose.scroll-sideways", "Scroll sideways to see all."))
    with st.container(horizontal=True, wrap=False, gap="small", key=STRIP):
        for sample in offered:
            with st.container(width=TILE, gap="xsmall"):
                _tile(sample)


def _tile(sample: Sample) -> None:
    chosen = state.chosen()
    selected = chosen is not None and chosen.sample == sample.key
    title, origin = tr(sample.title), tr(sample.origin)
    alt = tr("diagnose.sample-title", "Sample: {title}, {origin}", title=title, origin=origin)
    st.image(services.thumbnail(sample.task, sample.key), width=TILE, alt=alt)
    st.button(
        tr("diagnose.chosen", "Chosen") if selected else tr("diagnose.choose", "Choose"),
        key=f"sample_{sample.key}",
        type="primary" if selected else "secondary",
        icon=":material/check:" if selected else None,
        on_click=state.choose_sample,
        args=(sample,),
        width="stretch",
        help=tr("diagnose.title-origin", "{title}. Origin: {origin}.", title=title, origin=origin),
    )
    st.caption(_label(sample))


def _label(sample: Sample) -> str:
    truth = (
        class_code(services.tasks()[sample.task], sample.truth)
        if sample.truth
        else tr("diagnose.class-not", "class not known")
    )
    if sample.origin == SYNTHETIC:
        return f"**{tr('diagnose.synthetic-2', 'Synthetic')}**, {truth}"
    return tr("diagnose.real-scan", "Real scan, {truth}", truth=truth)


def upload_box() -> None:
    """A file is read in memory and its name is dropped. A refused one clears what was shown before."""
    with st.container(key=UPLOAD_BOX):
        st.file_uploader(
            f"**{tr('diagnose.read-scan', 'Read a scan')}**",
            accept_multiple_files=True,
            max_upload_size=MAX_VOLUME_BYTES // 1024**2,
            key=uploads.uploader_key(),
            on_change=uploads.receive_upload,
            help=tr(
                "diagnose.your-own",
                "Your own scan or volume: DICOM, PNG, JPEG or TIFF; a volume as one file, as several, or as a ZIP. "
                "Files are read in memory only. Their names and, for DICOM, what could identify a person are dropped.",
            ),
        )
