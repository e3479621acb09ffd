"""Which keys of `moqui_tps.in` each engine build reads; any other it ignores without a word, with exit code 0.

The lists are the keys that `tps_env` asks its parser for, in the public upstream (MGH) and in the public log-file
forks.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from mqi_tui.domain.engine_formats import EngineProfile

_COMMON = (
    "GPUID",
    "RandomSeed",
    "UseAbsolutePath",
    "TotalThreads",
    "BeamPrefix",
    "MaxHistoriesPerBatch",
    "ParentDir",
    "DicomDir",
    "SourceType",
    "SimulationType",
    "ParticlesPerHistory",
    "Scorer",
    "ScoreToCTGrid",
    "ScoringMask",
    "Mask",
    "SaveMap",
    "ScorerMapName",
    "ScorerVoxelSize",
    "ReadStructure",
    "BodyContourName",
    "OutputDir",
    "OutputFormat",
    "OverwriteResults",
    "BeamNumbers",
)
_LOGFORK_ONLY = (
    "DicomPath",
    "logFilePath",
    "GantryNum",
    "UsingPhantomGeo",
    "TwoCentimeterMode",
    *(f"Phantom{what}{axis}" for what in ("Dim", "Unit", "Position") for axis in "XYZ"),
    "SupressStd",
    # No public build reads it, but the sites' own files have it; a file is not to be refused for it.
    "Verbosity",
)
_MGH_ONLY = (
    "CTVolumeName",
    "Machine",
    "Calibration",
    "RBE",
    "NumberOfFraction",
    "RangeshifterDensity",
    "UnitWeights",
    "DensityScaling",
    "XShift",
    "YShift",
    "ZShift",
    "StoppingStatistics",
    "SaveStoppingStatistics",
    "StoppingCriteria",
    "StatROIMaskFilename",
    "StatROIStructFromRT",
    "StatROI",
    "StatThreshold",
)
_CLOSED_BUILD_ONLY = ("NormalizeTotalHistories", "EnableBeamLayerMultiGpu")

KNOWN_KEYS: Mapping[EngineProfile, tuple[str, ...]] = MappingProxyType(
    {
        EngineProfile.LOGFORK: (*_COMMON, *_LOGFORK_ONLY),
        EngineProfile.MGH: (*_COMMON, *_MGH_ONLY),
        EngineProfile.CUSTOM: (*_COMMON, *_LOGFORK_ONLY, *_MGH_ONLY, *_CLOSED_BUILD_ONLY),
    }
)
"""A custom build may read more than these: nobody but its site knows."""
