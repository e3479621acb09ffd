"""What of the config only the engine's formats can judge: the keys and values of `moqui_tps.in`."""

from __future__ import annotations

from mqi_tui.config import Config
from mqi_tui.domain.errors import InputError
from mqi_tui.moqui.tps_input import EXPECTED_SCORER, TPS_NAME, TpsInput, check_keys, scores_dose


def check_engine_parameters(config: Config) -> None:
    """Raises ConfigError for a key that the engine profile does not know, and for a value that cannot be used.

    That is one which `moqui_tps.in` cannot hold, and a Scorer of anything but a dose.
    """
    engine = config.settings.engine
    for section, values in (("parameters", engine.parameters), ("run_parameters", engine.run_parameters)):
        for key, value in values.items():
            place = ("engine", section, key)
            unknown = check_keys([key], engine.profile)
            if unknown:
                raise config.error(
                    place,
                    key,
                    f"a key that engine.profile {engine.profile.value} knows ({unknown[0]}); "
                    "another one would be ignored",
                )
            if key.lower() == "scorer" and not scores_dose(value, engine.profile):
                raise config.error(place, value, EXPECTED_SCORER)
            try:
                TpsInput.parse("", TPS_NAME).with_values({key: value})
            except InputError as error:
                raise config.error(
                    place, value, f"a value that {TPS_NAME} can hold: {str(error).rstrip('.')}"
                ) from None
