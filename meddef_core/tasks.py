"""The two diagnostic tasks: their classes, geometry, licence and where the scans come from."""

from dataclasses import dataclass

from meddef_core.errors import DataError
from meddef_core.scans.age import AGE_GROUPS
from meddef_core.scans.preprocess import Preprocessing
from meddef_core.text import Text

KERMANY = (
    "Kermany, Zhang, Goldbaum: Large Dataset of Labeled Optical Coherence Tomography (OCT) and Chest X-Ray Images, "
    "Mendeley Data, doi:10.17632/rscbjbr9sj"
)


@dataclass(frozen=True, kw_only=True)
class Population:
    """The scans and patients a task's models were trained on: on anything else they must abstain or say so.

    `modalities`, `body_parts` and `views` are terms of the DICOM standard that a header may give for such a scan;
    `age_groups` are names of `AGE_GROUPS`. `sentence` stands beside every output.
    """

    modalities: tuple[str, ...]
    body_parts: tuple[str, ...]
    views: tuple[str, ...]
    age_groups: tuple[str, ...]
    sentence: str


@dataclass(frozen=True, kw_only=True)
class Task:
    """One diagnostic question.

    `mean` and `std` normalise pixels in [0, 1] inside the models (paper, section on preprocessing).
    `folder` and `test_folders` say where its scans lie below the data folder.
    """

    key: str
    title: str
    modality: str
    classes: tuple[str, ...]
    words: dict[str, str]
    preprocessing: Preprocessing
    mean: float
    std: float
    folder: str
    population: Population
    licence: str = "CC BY 4.0"
    source: str = KERMANY

    def index(self, name: str) -> int:
        """Class number of a class name; raises DataError for a name this task does not know."""
        if name not in self.classes:
            raise DataError(
                Text(
                    "task.name-no",
                    "{name} is no class of {key}; it has {known}.",
                    name=repr(name),
                    key=self.key,
                    known=", ".join(self.classes),
                )
            )
        return self.classes.index(name)


TASKS: dict[str, Task] = {
    "oct": Task(
        key="oct",
        title=Text("task.retinal-oct", "Retinal OCT"),
        modality=Text("task.oct-b", "OCT B-scan"),
        classes=("CNV", "DME", "DRUSEN", "NORMAL"),
        words={
            "CNV": Text("task.choroidal-neovascularisation", "choroidal neovascularisation"),
            "DME": Text("task.diabetic-macular", "diabetic macular oedema"),
            "DRUSEN": Text("task.drusen", "drusen"),
            "NORMAL": Text("task.no-finding", "no finding"),
        },
        preprocessing=Preprocessing(crop="centre", fill_border=True),
        mean=0.1934,
        std=0.1934,
        folder="oct",
        population=Population(
            modalities=("OPT", "OCT", "OP"),
            body_parts=("EYE", "RETINA"),
            views=(),
            age_groups=AGE_GROUPS[3:],
            sentence=Text(
                "task.trained-macular",
                "Trained on macular B-scans of adults from one device type (Heidelberg Spectralis), most of them "
                "through the fovea.",
            ),
        ),
    ),
    "chest": Task(
        key="chest",
        title=Text("task.chest-x", "Chest X-ray"),
        modality=Text("task.chest-radiograph", "chest radiograph"),
        classes=("NORMAL", "PNEUMONIA"),
        words={"NORMAL": Text("task.no-finding", "no finding"), "PNEUMONIA": Text("task.pneumonia", "pneumonia")},
        preprocessing=Preprocessing(),
        mean=0.4823,
        std=0.2216,
        folder="chest_xray",
        population=Population(
            modalities=("CR", "DX", "DR", "RG"),
            body_parts=("CHEST", "THORAX", "LUNG"),
            views=("AP", "PA"),
            age_groups=AGE_GROUPS[1:2],
            sentence=Text(
                "task.trained-frontal",
                "Trained on frontal chest films of children aged 1 to 5 from one hospital (Guangzhou).",
            ),
        ),
    ),
}


def get_task(key: str) -> Task:
    """The task of that key; raises DataError naming the ones there are."""
    if key not in TASKS:
        raise DataError(
            Text(
                "task.there-no", "There is no task {key}; choose one of {known}.", key=repr(key), known=", ".join(TASKS)
            )
        )
    return TASKS[key]
