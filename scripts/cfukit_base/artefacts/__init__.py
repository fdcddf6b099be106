"""Files and documents that cross a border, one frozen dataclass each: the only place that knows their fields.

* cfu.json, cpu.json, soc.json: hardware, from `hw/cfukit`, `hw/cfukit_cpu` and `soc/cfukit_soc`.
* plan.json: a lowered model, from `sw/cfukit_sw`.
* run.json, build.json: results, from `cfukit_tools`.
* the documents of the other verbs, and of an error.
"""

from cfukit_base.artefacts.artefact import Artefact as Artefact
from cfukit_base.artefacts.artefact import Json as Json
from cfukit_base.artefacts.artefact import OtherVersion as OtherVersion
from cfukit_base.artefacts.build import Build as Build
from cfukit_base.artefacts.cfu import CfuDescription as CfuDescription
from cfukit_base.artefacts.cpu import Cpu as Cpu
from cfukit_base.artefacts.documents import (
    Clean,
    Diff,
    Doctor,
    ErrorDocument,
    Exec,
    Fetch,
    Infer,
    Info,
    Init,
    Listing,
    Load,
    Term,
    Test,
)
from cfukit_base.artefacts.outcome import Fault as Fault
from cfukit_base.artefacts.outcome import Outcome as Outcome
from cfukit_base.artefacts.plan import Plan as Plan
from cfukit_base.artefacts.report import Report as Report
from cfukit_base.artefacts.run import Run as Run
from cfukit_base.artefacts.soc import Soc as Soc
from cfukit_base.artefacts.suggest import Suggest as Suggest

_ALL: tuple[type[Artefact], ...] = (
    ErrorDocument,
    Run,
    Exec,
    Infer,
    Test,
    Build,
    Diff,
    Init,
    Listing,
    Fetch,
    Doctor,
    Info,
    Load,
    Term,
    Clean,
    Report,
    Suggest,
    CfuDescription,
    Cpu,
    Soc,
    Plan,
)
DOCUMENTS: dict[str, type[Artefact]] = {document.schema_name(): document for document in _ALL}
