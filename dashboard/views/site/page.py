"""Page "Your site": does a model work on the scans of this hospital? The verdict first, then what it rests on."""

import streamlit as st

from dashboard.language import tr
from dashboard.services import account, site
from dashboard.services.errors import MedDefError
from dashboard.views.site.report import report_card

COMMANDS = """meddef site FOLDER --task oct --labels slice --output report.json --pdf report.pdf
meddef site FOLDER --task oct --labels slice --adjust --profile PROFILE
MEDDEF_SITE=PROFILE meddef app"""


def page() -> None:
    """A report that is uploaded, else that of the profile in use, else how to make one."""
    account.require("site")
    st.title(tr("site.your-site", "Your site"), anchor=False)
    st.markdown(
        tr(
            "site.does-model",
            "Does a model work on the scans of your hospital? A report answers it on scans of known class.",
        )
    )
    uploaded = st.file_uploader(tr("site.open-site", "Open a site report (JSON)"), type=["json"], key="site_report")
    try:
        found = site.report_in_use() if uploaded is None else site.report_of(uploaded.getvalue())
    except MedDefError as error:
        st.error(tr(str(error)), icon=":material/error:")
        found = None
    if found is not None:
        report_card(found)
    _how_to()


def _how_to() -> None:
    with st.expander(tr("site.how-make", "How to make a report"), expanded=False, icon=":material/terminal:"):
        st.markdown(
            tr(
                "site.sort-50",
                "Sort 50 to 1,000 scans into one folder for each class, with one folder for each patient inside if you "
                "can, and run these commands on your own machine. Nothing leaves it.",
            )
        )
        st.code(COMMANDS, language=None, wrap_lines=True)
        st.markdown(
            tr(
                "site.second-command",
                "The second command fits temperature, offsets and abstention limits on one half of the scans and "
                "reports on the other. The third uses what it wrote.",
            )
        )


page()
