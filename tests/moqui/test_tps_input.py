"""`moqui_tps.in`: what is read comes back as it was, and nothing is written that the engine would read otherwise."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mqi_tui.config import Settings
from mqi_tui.domain.engine_formats import EngineProfile
from mqi_tui.domain.errors import InputError
from mqi_tui.moqui.dose_grid import DoseGrid
from mqi_tui.moqui.tps_input import TPS_NAME, TpsInput, check_keys

SOUND = """# Water phantom
GPUID 0
ParentDir /site/a case/of two words

Scorer Dose  # Gy
BeamNumbers 1,2
gpuid 7
SCORER LETd
Scorer LETt
"""

PHANTOM = {
    "PhantomDimX": "60",
    "PhantomDimY": "50",
    "PhantomDimZ": "175",
    "PhantomUnitX": "2",
    "PhantomUnitY": "3",
    "PhantomUnitZ": "1",
    "PhantomPositionX": "-60",
    "PhantomPositionY": "-75.0",
    "PhantomPositionZ": "+20",
}

KEYS = st.from_regex(r"[A-Za-z][A-Za-z0-9_]{0,20}", fullmatch=True)
VALUES = st.text(st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="#"), min_size=1).filter(
    lambda text: bool(text.strip()) and text == text.strip(" ") and not text.startswith("=")
)


def parse(text: str) -> TpsInput:
    return TpsInput.parse(text, TPS_NAME)


def with_phantom(**changes: str) -> TpsInput:
    return parse("").with_values(PHANTOM | changes)


# Reading


def test_the_entries_of_a_file_are_read_in_their_order_and_of_duplicates_the_first() -> None:
    assert list(parse(SOUND).items()) == [
        ("GPUID", "0"),
        ("ParentDir", "/site/a case/of two words"),
        ("Scorer", "Dose"),
        ("BeamNumbers", "1,2"),
    ]


@pytest.mark.parametrize("key", ["GPUID", "gpuid", "GpuId"])
def test_a_key_is_found_in_any_case(key: str) -> None:
    assert parse(SOUND).get(key) == "0"


def test_a_key_that_is_not_there_has_no_value() -> None:
    assert parse(SOUND).get("OutputDir") is None


@pytest.mark.parametrize("text", ["", "\n", "\n\n# only a comment", SOUND, SOUND.rstrip("\n")])
def test_a_file_that_is_read_is_rendered_as_it_was(text: str) -> None:
    assert parse(text).render() == text


@given(
    st.lists(
        st.one_of(
            st.just(""),
            st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n")).map("#{}".format),
            st.builds("{} {}{}".format, KEYS, VALUES, st.sampled_from(["", "  ", " # note"])),
        )
    )
)
@settings(deadline=None)
def test_any_file_that_is_accepted_is_rendered_as_it_was(lines: list[str]) -> None:
    text = "\n".join(lines)
    assert parse(text).render() == text


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("   ", "a line of blanks aborts the engine"),
        ("\t", "a line of blanks aborts the engine"),
        (" GPUID 0", "the key stands at the start of its line"),
        ("GPUID\t0", "a TAB or control character"),
        ("GPUID 0\t", "a TAB or control character"),
        ("GPUID 0\r", "a TAB or control character"),
        ("GPUID=0", "without `=`"),
        ("GPUID = 0", "without `=`"),
        ("GPUID", "GPUID has no value"),
        ("GPUID ", "GPUID has no value"),
        ("GPUID # 0", "GPUID has no value"),
        ("GPUID# 0", "GPUID has no value"),
        ("2GPUs 0", "does not begin with a key"),
        ("\ufeffGPUID 0", "does not begin with a key"),
    ],
)
def test_a_line_that_the_engine_would_not_read_as_it_is_meant_is_refused(line: str, complaint: str) -> None:
    with pytest.raises(InputError) as caught:
        parse(f"Scorer Dose\n{line}\nOutputFormat raw\n")
    assert str(caught.value).startswith(f"{TPS_NAME}, line 2: found '")
    assert complaint in str(caught.value)


@given(st.binary(max_size=300))
@settings(deadline=None)
def test_noise_is_read_or_refused_and_never_anything_else(
    tmp_path_factory: pytest.TempPathFactory, noise: bytes
) -> None:
    path = tmp_path_factory.mktemp("noise") / TPS_NAME
    path.write_bytes(noise)
    refusal = str(path)
    try:
        TpsInput.read(path)
    except InputError as error:
        refusal = str(error)
    assert refusal.startswith(str(path))
    assert refusal.isprintable()


def test_a_file_that_was_written_under_windows_is_read(tmp_path: Path) -> None:
    path = tmp_path / TPS_NAME
    path.write_bytes(b"GPUID 0\r\nScorer Dose\r\n")
    assert TpsInput.read(path).render() == "GPUID 0\nScorer Dose\n"


def test_a_file_that_is_no_utf8_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / TPS_NAME
    path.write_bytes(b"GPUID 0\nParentDir /M\xfcnchen\n")
    with pytest.raises(InputError, match="line 2: found the byte 0xfc"):
        TpsInput.read(path)


def test_a_file_that_is_missing_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"{TPS_NAME} is missing"):
        TpsInput.read(tmp_path / TPS_NAME)


# Writing


def test_a_value_is_replaced_in_its_place_and_comments_stay() -> None:
    changed = parse(SOUND).with_values({"SCORER": "LETd", "GPUID": "3"})
    assert changed.render() == SOUND.replace("Scorer Dose  #", "Scorer LETd  #").replace("GPUID 0", "GPUID 3")


@pytest.mark.parametrize("text", ["GPUID 0\n", "GPUID 0"])
def test_a_new_key_is_written_at_the_end(text: str) -> None:
    assert parse(text).with_values({"Scorer": "Dose"}).render() == "GPUID 0\nScorer Dose\n"


def test_the_file_that_values_are_put_into_stays_as_it_was() -> None:
    tps = parse(SOUND)
    tps.with_values({"GPUID": "5"})
    assert tps.render() == SOUND


@given(before=st.dictionaries(KEYS, VALUES), values=st.dictionaries(KEYS, VALUES))
@settings(deadline=None)
def test_what_is_written_is_read_back(before: dict[str, str], values: dict[str, str]) -> None:
    tps = parse("# first\n").with_values(before).with_values(values)
    again = parse(tps.render())
    assert again == tps
    last = {key.lower(): value for key, value in values.items()}
    for key, value in last.items():
        assert again.get(key) == value


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        ("", "is empty"),
        ("  ", "is empty"),
        ("/case#1", "holds #"),
        ("a\tb", "a TAB"),
        ("a\nGPUID 3", "a line break"),
        ("a\rb", "a line break"),
        ("caf\udce9", "cannot hold"),
        (" a", "begins or ends with a blank"),
        ("a ", "begins or ends with a blank"),
        ("=3", "begins with ="),
    ],
)
def test_a_value_that_the_engine_would_read_otherwise_is_refused(value: str, complaint: str) -> None:
    with pytest.raises(InputError) as caught:
        parse("").with_values({"ParentDir": value})
    assert str(caught.value).startswith(f"{TPS_NAME}: ParentDir: the value '")
    assert complaint in str(caught.value)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("key", ["", "GPU ID", "GPUID=", "#GPUID", "1st", "Größe"])
def test_a_key_that_the_engine_would_read_otherwise_is_refused(key: str) -> None:
    with pytest.raises(InputError, match="is no key"):
        parse("").with_values({key: "0"})


# The dose grid


def test_the_grid_is_that_of_the_phantom_keys() -> None:
    grid = with_phantom().grid()
    assert grid == DoseGrid(60, 50, 175, unit_mm=(2, 3, 1), position_mm=(-60, -75, 20))
    assert grid.raw_size == 60 * 50 * 175 * 8
    assert grid.shape == (175, 50, 60)


@pytest.mark.parametrize("key", PHANTOM)
def test_a_missing_phantom_key_is_named(key: str) -> None:
    rest = {name: value for name, value in PHANTOM.items() if name != key}
    with pytest.raises(InputError, match=f"{TPS_NAME}: {key} is missing"):
        parse("").with_values(rest).grid()


@pytest.mark.parametrize("key", PHANTOM)
@pytest.mark.parametrize("value", ["two", "2.5", "1e2", "0x10", "1,2", "99999999999"])
def test_a_phantom_key_that_is_no_whole_number_is_refused(key: str, value: str) -> None:
    with pytest.raises(InputError, match=f"{TPS_NAME}: {key} is '{value}', expected a whole number"):
        with_phantom(**{key: value}).grid()


@pytest.mark.parametrize("key", [key for key in PHANTOM if "Position" not in key])
@pytest.mark.parametrize("value", ["0", "-2"])
def test_voxels_that_are_none_are_refused(key: str, value: str) -> None:
    with pytest.raises(InputError, match=f"{key} is '{value}', expected a whole number of at least 1"):
        with_phantom(**{key: value}).grid()


def test_a_phantom_that_no_disk_can_hold_is_refused() -> None:
    with pytest.raises(InputError, match="100000 x 50 x 100000 voxels"):
        with_phantom(PhantomDimX="100000", PhantomDimZ="100000").grid()


@pytest.mark.parametrize(
    ("profile", "scorers"),
    [
        (EngineProfile.LOGFORK, ["Dose", "dose"]),
        (EngineProfile.MGH, ["Dose", "DOSE"]),
        (EngineProfile.CUSTOM, ["Dose", "DoseToWater", "PhysicalDose"]),
    ],
)
def test_a_scorer_of_doses_is_taken(profile: EngineProfile, scorers: list[str]) -> None:
    for scorer in scorers:
        parse("").with_values({"SCORER": scorer}).check_scorer(profile)


@pytest.mark.parametrize("profile", EngineProfile)
@pytest.mark.parametrize("scorer", ["LETd", "TrackLength", "EnergyDeposition", "Dose,LETd", "DoseAveragedLET", "Dij"])
def test_a_scorer_whose_values_are_not_in_gray_is_refused(scorer: str, profile: EngineProfile) -> None:
    with pytest.raises(InputError, match=f"{TPS_NAME}: Scorer is '{scorer}', expected Dose: what the engine scores"):
        parse("").with_values({"scorer": scorer}).check_scorer(profile)


def test_without_a_scorer_only_an_engine_of_its_own_may_score_a_dose() -> None:
    parse("").check_scorer(EngineProfile.CUSTOM)
    for profile in (EngineProfile.LOGFORK, EngineProfile.MGH):
        with pytest.raises(InputError, match=f"{TPS_NAME}: Scorer is missing, expected Dose: what the engine scores"):
            parse("").check_scorer(profile)


# Known keys


def test_every_key_of_the_default_config_is_known() -> None:
    engine = Settings().engine
    assert check_keys([*engine.parameters, *engine.run_parameters], engine.profile) == []


def test_known_keys_are_known_in_any_case() -> None:
    assert check_keys(["gpuid", "PHANTOMDIMX"], EngineProfile.LOGFORK) == []


def test_a_misspelt_key_is_told_with_the_one_that_is_meant() -> None:
    assert check_keys(["GPUID", "PhantomDmX"], EngineProfile.LOGFORK) == ["PhantomDmX: did you mean PhantomDimX?"]


def test_a_key_of_another_build_is_told_with_that_build() -> None:
    assert check_keys(["PhantomDimX"], EngineProfile.MGH) == [
        "PhantomDimX: only engine.profile logfork or custom knows it"
    ]
    assert check_keys(["RBE"], EngineProfile.LOGFORK) == ["RBE: only engine.profile mgh or custom knows it"]


def test_a_key_like_no_other_is_told() -> None:
    assert check_keys(["Zzz\x1b[2J"], EngineProfile.MGH) == ["Zzz�[2J: no key is like it"]


def test_a_custom_engine_may_read_any_key() -> None:
    assert check_keys(["NoSuchKey", "RBE", "PhantomDimX"], EngineProfile.CUSTOM) == []
