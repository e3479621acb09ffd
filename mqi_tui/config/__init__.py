"""config.yaml -> validated, frozen settings; every path template in one place."""

from mqi_tui.config.hpc_settings import (
    GpuReadingSettings,
    HpcSettings,
    SlurmSettings,
    SshSettings,
    StorageSettings,
)
from mqi_tui.config.loading import DEFAULT_CONFIG, Config, EffectiveSetting, config_place, load_config, parse_config
from mqi_tui.config.settings import (
    EngineSettings,
    InterpreterSettings,
    MachineSettings,
    PostprocessingSettings,
    RetrySettings,
    ScanSettings,
    Settings,
)

__all__ = [
    "DEFAULT_CONFIG",
    "Config",
    "EffectiveSetting",
    "EngineSettings",
    "GpuReadingSettings",
    "HpcSettings",
    "InterpreterSettings",
    "MachineSettings",
    "PostprocessingSettings",
    "RetrySettings",
    "ScanSettings",
    "Settings",
    "SlurmSettings",
    "SshSettings",
    "StorageSettings",
    "config_place",
    "load_config",
    "parse_config",
]
